//===- ScalarEmitter.cpp - Arithmetic on one element ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ScalarEmitter.h"

#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace neuroplast;

ScalarEmitter::ScalarEmitter(OpBuilder &builder, Location location,
                             Type elementType)
    : builder(builder), location(location),
      computeType(getComputeType(elementType)),
      floating(isa<FloatType>(elementType)),
      unsignedInteger(elementType.isUnsignedInteger() ||
                      elementType.isInteger(1)) {}

static bool isFloat8(Type type) {
  return isa<FloatType>(type) && type.getIntOrFloatBitWidth() == 8;
}

Type ScalarEmitter::getStorageType(Type elementType) {
  if (isFloat8(elementType))
    return IntegerType::get(elementType.getContext(), 8);
  if (auto integer = dyn_cast<IntegerType>(elementType))
    return IntegerType::get(integer.getContext(), integer.getWidth());
  if (isa<neuro::StringType>(elementType))
    return IntegerType::get(elementType.getContext(), 64);
  return elementType;
}

Type ScalarEmitter::getComputeType(Type elementType) {
  if (auto type = dyn_cast<FloatType>(elementType))
    return type.getWidth() < 32 ? Float32Type::get(type.getContext()) : type;
  return getStorageType(elementType);
}

Value ScalarEmitter::power(Value a, double exponent) {
  if (exponent == 1)
    return a;
  if (exponent == 2)
    return mul(a, a);
  if (exponent == 0.5)
    return sqrt(a);
  if (exponent == 0.75) {
    Value root = sqrt(a);
    return mul(root, sqrt(root));
  }
  return math::PowFOp::create(builder, location, a, constant(exponent));
}

Value ScalarEmitter::constant(double value) {
  if (floating)
    return arith::ConstantOp::create(builder, location,
                                     builder.getFloatAttr(computeType, value));
  return arith::ConstantOp::create(
      builder, location,
      builder.getIntegerAttr(computeType, static_cast<int64_t>(value)));
}

Value ScalarEmitter::lowest() {
  if (floating)
    return constant(-std::numeric_limits<double>::infinity());
  unsigned width = computeType.getIntOrFloatBitWidth();
  APInt value =
      unsignedInteger ? APInt::getZero(width) : APInt::getSignedMinValue(width);
  return arith::ConstantOp::create(builder, location,
                                   builder.getIntegerAttr(computeType, value));
}

Value ScalarEmitter::highest() {
  if (floating)
    return constant(std::numeric_limits<double>::infinity());
  unsigned width = computeType.getIntOrFloatBitWidth();
  APInt value = unsignedInteger ? APInt::getMaxValue(width)
                                : APInt::getSignedMaxValue(width);
  return arith::ConstantOp::create(builder, location,
                                   builder.getIntegerAttr(computeType, value));
}

Value ScalarEmitter::add(Value a, Value b) {
  if (floating)
    return arith::AddFOp::create(builder, location, a, b);
  return arith::AddIOp::create(builder, location, a, b);
}

Value ScalarEmitter::sub(Value a, Value b) {
  if (floating)
    return arith::SubFOp::create(builder, location, a, b);
  return arith::SubIOp::create(builder, location, a, b);
}

Value ScalarEmitter::mul(Value a, Value b) {
  if (floating)
    return arith::MulFOp::create(builder, location, a, b);
  return arith::MulIOp::create(builder, location, a, b);
}

Value ScalarEmitter::div(Value a, Value b) {
  if (floating)
    return arith::DivFOp::create(builder, location, a, b);
  if (unsignedInteger)
    return arith::DivUIOp::create(builder, location, a, b);
  return arith::DivSIOp::create(builder, location, a, b);
}

Value ScalarEmitter::max(Value a, Value b) {
  if (floating)
    return arith::MaximumFOp::create(builder, location, a, b);
  if (unsignedInteger)
    return arith::MaxUIOp::create(builder, location, a, b);
  return arith::MaxSIOp::create(builder, location, a, b);
}

Value ScalarEmitter::min(Value a, Value b) {
  if (floating)
    return arith::MinimumFOp::create(builder, location, a, b);
  if (unsignedInteger)
    return arith::MinUIOp::create(builder, location, a, b);
  return arith::MinSIOp::create(builder, location, a, b);
}

Value ScalarEmitter::neg(Value a) {
  if (floating)
    return arith::NegFOp::create(builder, location, a);
  return sub(constant(0), a);
}

Value ScalarEmitter::abs(Value a) {
  if (floating)
    return math::AbsFOp::create(builder, location, a);
  if (unsignedInteger)
    return a;
  return math::AbsIOp::create(builder, location, a);
}

Value ScalarEmitter::sigmoid(Value a) {
  return div(constant(1), add(constant(1), exp(neg(a))));
}

Value ScalarEmitter::softplus(Value a) {
  // max(a, 0) + log1p(e^-|a|) does not overflow.
  return add(max(a, constant(0)), unary<math::Log1pOp>(exp(neg(abs(a)))));
}

Value ScalarEmitter::softsign(Value a) {
  return div(a, add(constant(1), abs(a)));
}

Value ScalarEmitter::scaledExpm1(Value a, double alpha) {
  return mul(constant(alpha), unary<math::ExpM1Op>(a));
}

Value ScalarEmitter::elu(Value a, double alpha) {
  return select(compare(Compare::Greater, a, constant(0)), a,
                scaledExpm1(a, alpha));
}

Value ScalarEmitter::leakyRelu(Value a, double alpha) {
  return select(compare(Compare::Less, a, constant(0)), mul(a, constant(alpha)),
                a);
}

Value ScalarEmitter::thresholdedRelu(Value a, double alpha) {
  return select(compare(Compare::Greater, a, constant(alpha)), a, constant(0));
}

Value ScalarEmitter::hardSigmoid(Value a, double alpha, double beta) {
  Value line = add(mul(a, constant(alpha)), constant(beta));
  return max(constant(0), min(constant(1), line));
}

Value ScalarEmitter::compare(Compare kind, Value a, Value b) {
  if (floating) {
    static constexpr arith::CmpFPredicate predicates[] = {
        arith::CmpFPredicate::OEQ, arith::CmpFPredicate::OLT,
        arith::CmpFPredicate::OLE, arith::CmpFPredicate::OGT,
        arith::CmpFPredicate::OGE};
    return arith::CmpFOp::create(builder, location,
                                 predicates[static_cast<int>(kind)], a, b);
  }
  static constexpr arith::CmpIPredicate isSigned[] = {
      arith::CmpIPredicate::eq, arith::CmpIPredicate::slt,
      arith::CmpIPredicate::sle, arith::CmpIPredicate::sgt,
      arith::CmpIPredicate::sge};
  static constexpr arith::CmpIPredicate isUnsigned[] = {
      arith::CmpIPredicate::eq, arith::CmpIPredicate::ult,
      arith::CmpIPredicate::ule, arith::CmpIPredicate::ugt,
      arith::CmpIPredicate::uge};
  return arith::CmpIOp::create(
      builder, location,
      (unsignedInteger ? isUnsigned : isSigned)[static_cast<int>(kind)], a, b);
}

Value ScalarEmitter::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, location, condition, a, b);
}

Value ScalarEmitter::isNaN(Value a) {
  return arith::CmpFOp::create(builder, location, arith::CmpFPredicate::UNO, a,
                               a);
}

/// The number that eight bits are, for all of them.
static DenseElementsAttr makeFloat8Table(FloatType type) {
  SmallVector<float> numbers;
  for (unsigned bits = 0; bits < 256; ++bits) {
    APFloat number(type.getFloatSemantics(), APInt(8, bits));
    bool isInexact = false;
    number.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                   &isInexact);
    numbers.push_back(number.convertToFloat());
  }
  auto table = RankedTensorType::get(256, Float32Type::get(type.getContext()));
  return DenseElementsAttr::get(table, ArrayRef<float>(numbers));
}

Value ScalarEmitter::decodeFloat8(Value bits, FloatType type) {
  Value table =
      arith::ConstantOp::create(builder, location, makeFloat8Table(type));
  Value index = arith::IndexCastUIOp::create(builder, location,
                                             builder.getIndexType(), bits);
  return tensor::ExtractOp::create(builder, location, table, index);
}

Value ScalarEmitter::encodeFloat8(Value number, FloatType type, bool saturate) {
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  int32_t mantissa = APFloat::semanticsPrecision(semantics) - 1;
  int32_t least = APFloat::semanticsMinExponent(semantics);
  APFloat largest = APFloat::getLargest(semantics);
  auto bitsOf = [](const APFloat &value) {
    return static_cast<int64_t>(value.bitcastToAPInt().getZExtValue());
  };
  Type i32 = builder.getI32Type();
  auto integer = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(builder, location,
                                     builder.getIntegerAttr(i32, value));
  };
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddIOp::create(builder, location, a, b);
  };
  auto shift = [&](Value a, int64_t by) -> Value {
    return arith::ShRUIOp::create(builder, location, a, integer(by));
  };
  Value bits = arith::BitcastOp::create(builder, location, i32, number);
  Value magnitude =
      arith::AndIOp::create(builder, location, bits, integer(0x7fffffff));
  // Normal numbers: half of what goes, or a bit less of it to keep even ones,
  // is added before it is cut off; the exponent counts from elsewhere.
  int32_t cut = 23 - mantissa;
  Value odd = arith::AndIOp::create(builder, location, shift(magnitude, cut),
                                    integer(1));
  Value rounded = shift(
      add(add(magnitude, odd), integer((int64_t(1) << (cut - 1)) - 1)), cut);
  Value normal = add(rounded, integer(-(int64_t(least + 126) << mantissa)));
  // Numbers below them: whole multiples of the least, counted by a sum whose
  // last bit is that.
  Value magic = constant(std::ldexp(1.0, least - mantissa + 23));
  Value absolute = math::AbsFOp::create(builder, location, number);
  Value sum = arith::AddFOp::create(builder, location, absolute, magic);
  Value small = arith::SubIOp::create(
      builder, location, arith::BitcastOp::create(builder, location, i32, sum),
      arith::BitcastOp::create(builder, location, i32, magic));
  Value isSmall =
      compare(Compare::Less, absolute, constant(std::ldexp(1.0, least)));
  Value code = select(isSmall, small, normal);
  // What is beyond, infinities with it.
  Value last = integer(bitsOf(largest));
  bool hasInfinity = APFloat::semanticsHasInf(semantics);
  APFloat nan = APFloat::getNaN(semantics);
  Value nanCode = integer(bitsOf(nan));
  Value beyond = saturate      ? last
                 : hasInfinity ? integer(bitsOf(APFloat::getInf(semantics)))
                               : nanCode;
  Value isBeyond = arith::CmpIOp::create(builder, location,
                                         arith::CmpIPredicate::sgt, code, last);
  code = select(isBeyond, beyond, code);
  Value sign =
      arith::AndIOp::create(builder, location, shift(bits, 24), integer(0x80));
  // The types without a negative zero have their NaN in its place.
  Value zero = arith::CmpIOp::create(
      builder, location, arith::CmpIPredicate::eq, code, integer(0));
  if (bitsOf(nan) == 0x80)
    sign = select(zero, integer(0), sign);
  code = arith::OrIOp::create(builder, location, code, sign);
  code = select(isNaN(number), nanCode, code);
  return arith::TruncIOp::create(builder, location, builder.getI8Type(), code);
}

Value ScalarEmitter::load(Value stored, Type elementType) {
  Type compute = getComputeType(elementType);
  if (isFloat8(elementType) && stored.getType().isInteger(8))
    return decodeFloat8(stored, cast<FloatType>(elementType));
  if (stored.getType() == compute)
    return stored;
  return arith::ExtFOp::create(builder, location, compute, stored);
}

Value ScalarEmitter::store(Value computed, Type elementType, bool saturate) {
  if (isFloat8(elementType) && !computed.getType().isInteger(8)) {
    ScalarEmitter single(builder, location, builder.getF32Type());
    return single.encodeFloat8(computed, cast<FloatType>(elementType),
                               saturate);
  }
  Type storage = getStorageType(elementType);
  if (computed.getType() == storage)
    return computed;
  return arith::TruncFOp::create(builder, location, storage, computed);
}

Value ScalarEmitter::convert(Value value, Type from, Type to) {
  Type target = getComputeType(to);
  bool fromUnsigned = from.isUnsignedInteger() || from.isInteger(1);
  if (to.isInteger(1) && !from.isInteger(1)) {
    ScalarEmitter source(builder, location, from);
    Value zero = source.constant(0);
    if (source.isFloat()) // NaN is not zero
      return arith::CmpFOp::create(builder, location, arith::CmpFPredicate::UNE,
                                   value, zero);
    return arith::CmpIOp::create(builder, location, arith::CmpIPredicate::ne,
                                 value, zero);
  }
  if (value.getType() == target)
    return value;
  if (isa<FloatType>(from)) {
    if (auto floatTarget = dyn_cast<FloatType>(target)) {
      if (floatTarget.getWidth() > value.getType().getIntOrFloatBitWidth())
        return arith::ExtFOp::create(builder, location, target, value);
      return arith::TruncFOp::create(builder, location, target, value);
    }
    // Through 64 bits: a value outside a narrow type wraps as it does in numpy
    // instead of being undefined.
    Type wide = builder.getI64Type();
    Value integer =
        to.isUnsignedInteger() && target.getIntOrFloatBitWidth() == 64
            ? Value(arith::FPToUIOp::create(builder, location, wide, value))
            : Value(arith::FPToSIOp::create(builder, location, wide, value));
    if (target == wide)
      return integer;
    return arith::TruncIOp::create(builder, location, target, integer);
  }
  if (isa<FloatType>(target)) {
    if (fromUnsigned)
      return arith::UIToFPOp::create(builder, location, target, value);
    return arith::SIToFPOp::create(builder, location, target, value);
  }
  if (target.getIntOrFloatBitWidth() < value.getType().getIntOrFloatBitWidth())
    return arith::TruncIOp::create(builder, location, target, value);
  if (fromUnsigned)
    return arith::ExtUIOp::create(builder, location, target, value);
  return arith::ExtSIOp::create(builder, location, target, value);
}
