//===- SizeArithmetic.cpp - Sums and products of sizes -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"

using namespace mlir;
using namespace neuroplast;

using Size = OpFoldResult;

Value SizeArithmetic::toValue(Size size) {
  return getValueOrCreateConstantIndexOp(b, location, size);
}

static Size fold(OpBuilder &b, Value value) {
  if (auto constant = getConstantIntValue(value))
    return b.getIndexAttr(*constant);
  return value;
}

/// Whether a size is certainly not below zero. `known` holds what was found on
/// the way: sizes share what they are made of.
static bool isNonNegative(Size size, llvm::DenseMap<Operation *, bool> &known) {
  // What is made of more is not worth the search.
  constexpr unsigned kMostOps = 1024;
  if (auto constant = getConstantIntValue(size))
    return *constant >= 0;
  Operation *op = cast<Value>(size).getDefiningOp();
  if (!op || isa<tensor::DimOp, arith::IndexCastUIOp>(op))
    return op;
  if (known.size() > kMostOps)
    return false;
  auto [entry, isNew] = known.try_emplace(op, false);
  if (!isNew)
    return entry->second;
  auto isOperandNonNegative = [&](Value operand) {
    return isNonNegative(operand, known);
  };
  bool result = false;
  if (isa<arith::MaxSIOp>(op))
    result = llvm::any_of(op->getOperands(), isOperandNonNegative);
  else if (isa<arith::AddIOp, arith::MulIOp, arith::DivSIOp, arith::RemSIOp,
               arith::MinSIOp>(op))
    result = llvm::all_of(op->getOperands(), isOperandNonNegative);
  known[op] = result;
  return result;
}

static bool isNonNegative(Size size) {
  llvm::DenseMap<Operation *, bool> known;
  return isNonNegative(size, known);
}

/// Whether `low` is at most zero, and `high` at least.
static bool areOrdered(Size low, Size high) {
  auto constant = getConstantIntValue(low);
  return constant && *constant <= 0 && isNonNegative(high);
}

/// Whether a size is the lesser of something and a constant up to `bound`.
static bool isAtMost(Size size, Size bound) {
  auto limit = getConstantIntValue(bound);
  auto value = dyn_cast<Value>(size);
  auto lesser = value ? value.getDefiningOp<arith::MinSIOp>() : nullptr;
  return limit && lesser && llvm::any_of(lesser->getOperands(), [&](Value x) {
           auto constant = getConstantIntValue(x);
           return constant && *constant <= *limit;
         });
}

/// Whether one size is a negative number, and the other is none.
static bool differBySign(Size lhs, Size rhs) {
  auto isNegative = [](Size size) {
    return getConstantIntValue(size).value_or(0) < 0;
  };
  return (isNegative(lhs) && isNonNegative(rhs)) ||
         (isNegative(rhs) && isNonNegative(lhs));
}

template <typename Op> Size SizeArithmetic::combine(Size lhs, Size rhs) {
  return fold(b, b.createOrFold<Op>(location, toValue(lhs), toValue(rhs)));
}
Size SizeArithmetic::add(Size lhs, Size rhs) {
  return combine<arith::AddIOp>(lhs, rhs);
}
Size SizeArithmetic::sub(Size lhs, Size rhs) {
  return combine<arith::SubIOp>(lhs, rhs);
}
Size SizeArithmetic::mul(Size lhs, Size rhs) {
  return combine<arith::MulIOp>(lhs, rhs);
}
Size SizeArithmetic::div(Size lhs, Size rhs) {
  return combine<arith::DivSIOp>(lhs, rhs);
}
Size SizeArithmetic::rem(Size lhs, Size rhs) {
  return combine<arith::RemSIOp>(lhs, rhs);
}
OpFoldResult SizeArithmetic::scale(Size size, float factor) {
  if (auto known = getConstantIntValue(size))
    return constant(static_cast<int64_t>(static_cast<float>(*known) * factor));
  Type i64 = b.getI64Type(), f32 = b.getF32Type();
  Value integer =
      arith::IndexCastOp::create(b, location, i64, cast<Value>(size));
  Value real = arith::SIToFPOp::create(b, location, f32, integer);
  Value by = arith::ConstantOp::create(b, location, b.getF32FloatAttr(factor));
  Value product = arith::MulFOp::create(b, location, real, by);
  Value whole = arith::FPToSIOp::create(b, location, i64, product);
  return arith::IndexCastOp::create(b, location, b.getIndexType(), whole)
      .getResult();
}

Size SizeArithmetic::min(Size lhs, Size rhs) {
  if (areOrdered(lhs, rhs))
    return lhs;
  if (areOrdered(rhs, lhs))
    return rhs;
  // No less than a bound that the other has already.
  if (isAtMost(lhs, rhs))
    return lhs;
  return combine<arith::MinSIOp>(lhs, rhs);
}
Size SizeArithmetic::max(Size lhs, Size rhs) {
  if (areOrdered(lhs, rhs))
    return rhs;
  if (areOrdered(rhs, lhs))
    return lhs;
  return combine<arith::MaxSIOp>(lhs, rhs);
}
Size SizeArithmetic::compare(arith::CmpIPredicate predicate, Size lhs,
                             Size rhs) {
  Value flag = b.createOrFold<arith::CmpIOp>(location, predicate, toValue(lhs),
                                             toValue(rhs));
  if (auto constant = getConstantIntValue(flag))
    return b.getIndexAttr(*constant != 0);
  return fold(b, b.createOrFold<arith::IndexCastUIOp>(location,
                                                      b.getIndexType(), flag));
}
Size SizeArithmetic::equal(Size lhs, Size rhs) {
  if (differBySign(lhs, rhs))
    return constant(0);
  return compare(arith::CmpIPredicate::eq, lhs, rhs);
}
/// The flag that a size of 1 or 0 stands for; null if it is something else.
static Value getFlag(Size size) {
  auto value = dyn_cast<Value>(size);
  auto wide = value ? value.getDefiningOp<arith::IndexCastUIOp>() : nullptr;
  return wide && wide.getIn().getType().isInteger(1) ? wide.getIn() : nullptr;
}

Size SizeArithmetic::notEqual(Size lhs, Size rhs) {
  if (getFlag(lhs) && isConstantIntValue(rhs, 0))
    return lhs;
  if (differBySign(lhs, rhs))
    return constant(1);
  return compare(arith::CmpIPredicate::ne, lhs, rhs);
}
Size SizeArithmetic::less(Size lhs, Size rhs) {
  if (areOrdered(rhs, lhs))
    return constant(0);
  return compare(arith::CmpIPredicate::slt, lhs, rhs);
}
Size SizeArithmetic::select(Size condition, Size lhs, Size rhs) {
  if (auto constant = getConstantIntValue(condition))
    return *constant ? lhs : rhs;
  Value flag = getFlag(condition);
  if (!flag)
    flag = arith::CmpIOp::create(b, location, arith::CmpIPredicate::ne,
                                 toValue(condition), toValue(constant(0)));
  return fold(b, b.createOrFold<arith::SelectOp>(location, flag, toValue(lhs),
                                                 toValue(rhs)));
}

Size SizeArithmetic::getDim(Value tensor, int64_t axis) {
  return tensor::getMixedSize(b, location, tensor, axis);
}

Size SizeArithmetic::divideProducts(ArrayRef<Size> numerator,
                                    ArrayRef<Size> denominator) {
  int64_t above = 1, below = 1;
  SmallVector<Size> open;
  for (Size factor : numerator) {
    if (auto constant = getConstantIntValue(factor))
      above = neuro::mulSizes(above, *constant);
    else
      open.push_back(factor);
  }
  SmallVector<Size> divisors;
  for (Size factor : denominator) {
    if (auto constant = getConstantIntValue(factor)) {
      below = neuro::mulSizes(below, *constant);
      continue;
    }
    auto *same = llvm::find_if(
        open, [&](Size other) { return neuro::areSameSizes(factor, other); });
    if (same != open.end())
      open.erase(same);
    else
      divisors.push_back(factor);
  }
  // What shares nothing with others of which one is empty is empty too, or the
  // sizes do not fit.
  if (below == 0)
    return constant(0);
  if (above % below == 0) {
    above /= below;
    below = 1;
  }
  Size result = constant(above);
  for (Size factor : open)
    result = mul(result, factor);
  if (below != 1)
    result = div(result, constant(below));
  for (Size factor : divisors)
    result = div(result, factor);
  return result;
}
