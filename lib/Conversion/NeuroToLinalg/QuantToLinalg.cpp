//===- QuantToLinalg.cpp - Linear quantisation to linalg ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// Where the scale (or zero point) of an element is: there is one for the
/// tensor, one for each place of an axis, or one for each block of an axis.
class ScaleReader {
public:
  ScaleReader(OpBuilder &b, Location loc, Value table, int64_t axis,
              int64_t blockSize)
      : table(table), axis(axis), blockSize(blockSize),
        rank(cast<RankedTensorType>(table.getType()).getRank()),
        isSingle(rank == 0 || (rank == 1 && isConstantIntValue(
                                                getDim(b, loc, table, 0), 1))) {
  }

  Value read(OpBuilder &b, Location loc, ValueRange at) const {
    SmallVector<Value> indices;
    if (isSingle) {
      indices.assign(rank, arith::ConstantIndexOp::create(b, loc, 0));
    } else if (blockSize > 0) {
      indices.assign(at.begin(), at.end());
      indices[axis] = arith::DivUIOp::create(
          b, loc, at[axis], arith::ConstantIndexOp::create(b, loc, blockSize));
    } else {
      indices.push_back(at[axis]);
    }
    return tensor::ExtractOp::create(b, loc, table, indices);
  }

private:
  Value table;
  int64_t axis, blockSize, rank;
  bool isSingle;
};

/// The axis that scales vary along, or failure if the shapes do not fit.
FailureOr<int64_t> getScaleAxis(Value input, Value scale, int64_t axis,
                                int64_t blockSize) {
  int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
  int64_t scaleRank = cast<RankedTensorType>(scale.getType()).getRank();
  axis = neuro::detail::normalizeAxis(axis, rank);
  if (scaleRank == 0)
    return 0;
  bool isOne = scaleRank == 1 &&
               cast<RankedTensorType>(scale.getType()).getDimSize(0) == 1;
  if (isOne)
    return 0;
  if (axis < 0 || axis >= rank ||
      scaleRank != (blockSize > 0 ? rank : int64_t(1)))
    return failure();
  return axis;
}

bool isPlainInteger(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  return integer && integer.getWidth() <= 32 && integer.getWidth() > 1;
}

bool isPlainFloat(Type type) {
  return isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(type);
}

bool isFloat8(Type type) {
  return isa<FloatType>(type) && type.getIntOrFloatBitWidth() == 8;
}

struct QuantizeLowering : OpConversionPattern<QuantizeLinearOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(QuantizeLinearOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type from = getElementTypeOrSelf(op.getInput().getType());
    Type scaleType = getElementTypeOrSelf(op.getScale().getType());
    auto to = dyn_cast<IntegerType>(op.getTo());
    if (!(isFloat8(op.getTo()) || isPlainInteger(op.getTo())) ||
        !isPlainFloat(scaleType) ||
        !(isPlainFloat(from) || isPlainInteger(from)))
      return b.notifyMatchFailure(op, "element types are not implemented");
    FailureOr<int64_t> axis = getScaleAxis(input, adaptor.getScale(),
                                           op.getAxis(), op.getBlockSize());
    if (failed(axis))
      return b.notifyMatchFailure(op, "shape of the scale does not fit");
    ScaleReader scales(b, loc, adaptor.getScale(), *axis, op.getBlockSize());
    std::optional<ScaleReader> zeros;
    if (adaptor.getZeroPoint())
      zeros.emplace(b, loc, adaptor.getZeroPoint(), *axis, op.getBlockSize());
    bool isUnsigned = to && to.isUnsigned();
    unsigned width = to ? to.getWidth() : 8;
    double low = isUnsigned ? 0 : -double(uint64_t(1) << (width - 1));
    double high = isUnsigned ? double((uint64_t(1) << width) - 1)
                             : double((uint64_t(1) << (width - 1)) - 1);
    // 32-bit integers need more digits than f32 has.
    Type real = width > 16 || isa<Float64Type>(from) ? Type(b.getF64Type())
                                                     : Type(b.getF32Type());
    Value result = createMap(
        b, loc, getDims(b, loc, input),
        ScalarEmitter::getStorageType(op.getTo()),
        [&](OpBuilder &inner, Location l, ValueRange at) -> Value {
          ScalarEmitter e(inner, l, real);
          auto convert = [&](Value stored, Type type) {
            return e.convert(e.load(stored, type), type, real);
          };
          Value x =
              convert(tensor::ExtractOp::create(inner, l, input, at), from);
          Value scale = convert(scales.read(inner, l, at), scaleType);
          Value quotient = e.div(x, scale);
          // Floats round to what they can hold.
          Value rounded = to ? e.unary<math::RoundEvenOp>(quotient) : quotient;
          if (zeros) {
            Type type = getElementTypeOrSelf(op.getZeroPoint().getType());
            Value zero = zeros->read(inner, l, at);
            rounded = e.add(rounded, convert(zero, type));
          }
          if (!to)
            return e.store(rounded, op.getTo(), op.getSaturate());
          Value bounded =
              e.max(e.min(rounded, e.constant(high)), e.constant(low));
          return e.convert(bounded, real, to);
        });
    b.replaceOp(op, castTo(b, loc, result,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

struct DequantizeLowering : OpConversionPattern<DequantizeLinearOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(DequantizeLinearOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type from = getElementTypeOrSelf(op.getInput().getType());
    Type to = getElementTypeOrSelf(op.getType());
    Type scaleType = getElementTypeOrSelf(op.getScale().getType());
    if (!(isFloat8(from) || isPlainInteger(from)) || !isPlainFloat(to) ||
        !isPlainFloat(scaleType))
      return b.notifyMatchFailure(op, "element types are not implemented");
    FailureOr<int64_t> axis = getScaleAxis(input, adaptor.getScale(),
                                           op.getAxis(), op.getBlockSize());
    if (failed(axis))
      return b.notifyMatchFailure(op, "shape of the scale does not fit");
    ScaleReader scales(b, loc, adaptor.getScale(), *axis, op.getBlockSize());
    std::optional<ScaleReader> zeros;
    if (adaptor.getZeroPoint())
      zeros.emplace(b, loc, adaptor.getZeroPoint(), *axis, op.getBlockSize());
    Type compute = ScalarEmitter::getComputeType(to);
    Value result = createMap(
        b, loc, getDims(b, loc, input), to,
        [&](OpBuilder &inner, Location l, ValueRange at) -> Value {
          ScalarEmitter e(inner, l, compute);
          Value scale = e.convert(e.load(scales.read(inner, l, at), scaleType),
                                  scaleType, compute);
          if (isFloat8(from)) {
            auto convert = [&](Value stored) {
              return e.convert(e.load(stored, from),
                               ScalarEmitter::getComputeType(from), compute);
            };
            Value x = convert(tensor::ExtractOp::create(inner, l, input, at));
            if (zeros)
              x = e.sub(x, convert(zeros->read(inner, l, at)));
            return e.store(e.mul(x, scale), to);
          }
          // The difference may leave the range of the narrow type.
          Type wide = inner.getI64Type();
          ScalarEmitter integers(inner, l, wide);
          Value x = e.convert(tensor::ExtractOp::create(inner, l, input, at),
                              from, wide);
          if (zeros)
            x = integers.sub(x,
                             e.convert(zeros->read(inner, l, at), from, wide));
          return e.store(e.mul(e.convert(x, wide, compute), scale), to);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

} // namespace

void neuroplast::populateQuantToLinalgPatterns(TypeConverter &converter,
                                               RewritePatternSet &patterns) {
  patterns.add<QuantizeLowering, DequantizeLowering>(converter,
                                                     patterns.getContext());
}
