//===- GridSampleToLinalg.cpp - Sampling at the points of a grid ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpolation.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Cmp = ScalarEmitter::Compare;

/// Finds the places of one spatial axis that a sample is made from, as the
/// specification of ONNX GridSample has it.
class GridAxis {
public:
  GridAxis(ScalarEmitter &e, GridSampleOp op, Value size)
      : e(e), op(op), size(size) {
    Value last = e.sub(indexToReal(e, size), e.constant(1));
    // What is mirrored: the centres of the corner elements, or their edges.
    low = e.constant(op.getAlignCorners() ? 0 : -0.5);
    high = op.getAlignCorners() ? last : e.add(last, e.constant(0.5));
    farthest = last;
  }

  /// The taps of a coordinate of the grid, which runs from -1 to 1.
  SmallVector<Tap> getTaps(Value normalised) {
    Value x = denormalise(normalised);
    if (op.getMode() == "nearest")
      return {access(e.unary<math::RoundEvenOp>(x), Value())};
    // A cubic interpolation beside the border goes on from what it reads, which
    // is the border, and does not stop there.
    if (op.getMode() == "linear" || op.getPaddingMode() != "border")
      x = pad(x);
    Value base = e.unary<math::FloorOp>(x), fraction = e.sub(x, base);
    if (op.getMode() == "linear")
      return {access(base, e.sub(e.constant(1), fraction)),
              access(e.add(base, e.constant(1)), fraction)};
    SmallVector<Tap> taps;
    for (int64_t i = -1; i <= 2; ++i) {
      Value distance = e.abs(e.sub(fraction, e.constant(i)));
      taps.push_back(
          access(e.add(base, e.constant(i)),
                 emitCubicKernel(e, distance, -0.75, i == 0 || i == 1)));
    }
    return taps;
  }

private:
  Value denormalise(Value x) {
    Value centred = e.add(x, e.constant(1));
    Value half = e.constant(0.5);
    if (op.getAlignCorners())
      return e.mul(e.mul(centred, half), farthest);
    Value scaled = e.mul(centred, indexToReal(e, size));
    return e.mul(e.sub(scaled, e.constant(1)), half);
  }

  /// Mirrors x at the borders until it is between them.
  Value reflect(Value x) {
    Value span = e.sub(high, low), zero = e.constant(0);
    Value below = e.compare(Cmp::Less, x, low);
    Value distance = e.select(below, e.sub(low, x), e.sub(x, high));
    Value turns = e.unary<math::FloorOp>(e.div(distance, span));
    Value rest = e.sub(distance, e.mul(turns, span));
    Value halves = e.mul(turns, e.constant(0.5));
    Value isEven =
        e.compare(Cmp::Equal, halves, e.unary<math::FloorOp>(halves));
    Value fromLow = e.add(low, rest), fromHigh = e.sub(high, rest);
    Value mirrored = e.select(below, e.select(isEven, fromLow, fromHigh),
                              e.select(isEven, fromHigh, fromLow));
    // An axis of one element has nothing between its borders.
    mirrored = e.select(e.compare(Cmp::Equal, span, zero), low, mirrored);
    return e.select(isBetween(x, low, high), x, mirrored);
  }

  Value isBetween(Value x, Value from, Value to) {
    return arith::AndIOp::create(e.getBuilder(), e.getLoc(),
                                 e.compare(Cmp::GreaterOrEqual, x, from),
                                 e.compare(Cmp::LessOrEqual, x, to));
  }

  /// A place outside moved to where its value comes from.
  Value pad(Value x) {
    if (op.getPaddingMode() == "border")
      return e.min(e.max(x, e.constant(0)), farthest);
    if (op.getPaddingMode() == "reflection")
      return reflect(x);
    return x;
  }

  /// The tap at a whole coordinate.
  Tap access(Value x, Value weight) {
    Tap tap{Value(), weight};
    if (op.getPaddingMode() == "zeros")
      tap.inside = isBetween(x, e.constant(0), farthest);
    // Also keeps what is no number, and conversions of it, inside.
    Value padded = e.min(e.max(pad(x), e.constant(0)), farthest);
    Value number = e.select(e.isNaN(padded), e.constant(0), padded);
    tap.index = clampIndex(e, realToIndex(e, number), size);
    return tap;
  }

  ScalarEmitter &e;
  GridSampleOp op;
  Value size, low, high, farthest;
};

struct GridSampleLowering : OpConversionPattern<GridSampleOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(GridSampleOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Type gridElement = getElementTypeOrSelf(op.getGrid().getType());
    bool copies = op.getMode() == "nearest";
    if (!isa<FloatType>(element) && !copies)
      return b.notifyMatchFailure(op, "interpolates integers");
    Value input = adaptor.getInput(), grid = adaptor.getGrid();
    SmallVector<OpFoldResult> in = getDims(b, loc, input), out;
    SmallVector<OpFoldResult> points = getDims(b, loc, grid);
    out.append(in.begin(), in.begin() + 2);
    out.append(points.begin() + 1, points.end() - 1);
    int64_t spatial = in.size() - 2;
    Value result = createMap(
        b, loc, out, ScalarEmitter::getStorageType(element),
        [&](OpBuilder &n, Location l, ValueRange place) -> Value {
          ScalarEmitter coordinates(n, l, gridElement), e(n, l, element);
          SmallVector<Value> point{place[0]};
          llvm::append_range(point, place.drop_front(2));
          SmallVector<SmallVector<Tap>> taps;
          for (int64_t axis = 0; axis < spatial; ++axis) {
            // The last axis of the input comes first in a point.
            point.push_back(
                arith::ConstantIndexOp::create(n, l, spatial - 1 - axis));
            Value at = tensor::ExtractOp::create(n, l, grid, point);
            point.pop_back();
            GridAxis sampler(coordinates, op, toIndex(n, l, in[axis + 2]));
            taps.push_back(sampler.getTaps(coordinates.load(at, gridElement)));
            for (Tap &tap : taps.back())
              if (tap.weight)
                tap.weight =
                    coordinates.convert(tap.weight, gridElement, element);
          }
          return e.store(
              interpolate(e, input, element, place.take_front(2), taps),
              element);
        });
    b.replaceOp(op, castTo(b, loc, result,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

} // namespace

void neuroplast::populateGridSampleToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<GridSampleLowering>(converter, patterns.getContext());
}
