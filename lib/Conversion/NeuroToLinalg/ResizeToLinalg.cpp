//===- ResizeToLinalg.cpp - Interpolation, crops, antialiasing ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpolation.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// Finds the places of one axis that an element of the result is made from, as
/// the specification of ONNX Resize has it.
class Resampler {
public:
  Resampler(ScalarEmitter &e, ResizeOp op, int64_t axis)
      : e(e), op(op), axis(axis) {}

  /// The source coordinate of `place`.
  Value getCoordinate(Value place, Value inputSize, Value outputSize,
                      Value scale) {
    StringRef mode = op.getCoordinateTransformationMode();
    Value x = indexToReal(e, place), half = e.constant(0.5);
    if (mode == "asymmetric")
      return e.div(x, scale);
    if (mode == "tf_crop_and_resize") {
      Value start = e.constant(getRoi(0)), end = e.constant(getRoi(1));
      Value last = e.sub(indexToReal(e, inputSize), e.constant(1));
      Value span = e.sub(indexToReal(e, outputSize), e.constant(1));
      Value step = e.div(e.mul(e.sub(end, start), last), span);
      Value centre = e.mul(e.mul(e.add(start, end), half), last);
      Value single =
          e.compare(ScalarEmitter::Compare::Equal, span, e.constant(0));
      return e.select(single, centre,
                      e.add(e.mul(start, last), e.mul(x, step)));
    }
    if (mode == "align_corners") {
      // A given scale makes the result's corner one that need not be whole.
      Value size = op.getScales().empty()
                       ? indexToReal(e, outputSize)
                       : e.mul(indexToReal(e, inputSize), scale);
      Value span = e.sub(size, e.constant(1));
      Value ratio =
          e.div(e.sub(indexToReal(e, inputSize), e.constant(1)), span);
      Value single =
          e.compare(ScalarEmitter::Compare::Equal, span, e.constant(0));
      return e.select(single, e.constant(0), e.mul(x, ratio));
    }
    Value centred = e.sub(e.div(e.add(x, half), scale), half);
    if (mode == "pytorch_half_pixel") {
      Value single = arith::CmpIOp::create(
          e.getBuilder(), e.getLoc(), arith::CmpIPredicate::eq, outputSize,
          arith::ConstantIndexOp::create(e.getBuilder(), e.getLoc(), 1));
      return e.select(single, e.constant(0), centred);
    }
    if (mode == "half_pixel_symmetric") {
      // The centre of the input stays the centre where sizes were rounded.
      Value exact = e.mul(indexToReal(e, inputSize), scale);
      Value adjustment = e.div(indexToReal(e, outputSize), exact);
      Value centre = e.mul(indexToReal(e, inputSize), half);
      Value offset = e.mul(centre, e.sub(e.constant(1), adjustment));
      return e.add(offset, centred);
    }
    return centred;
  }

  /// The start (`which` 0) or end (1) of the cropped part, in [0, 1].
  double getRoi(int64_t which) {
    ArrayRef<float> roi = op.getRoi();
    return roi.empty() ? which : roi[which * (roi.size() / 2) + axis];
  }

  /// True if `coordinate` is outside of the input, where cropping extrapolates.
  Value isOutside(Value coordinate, Value inputSize) {
    Value last = e.sub(indexToReal(e, inputSize), e.constant(1));
    Value zero = e.constant(0);
    return arith::OrIOp::create(
        e.getBuilder(), e.getLoc(),
        e.compare(ScalarEmitter::Compare::Less, coordinate, zero),
        e.compare(ScalarEmitter::Compare::Greater, coordinate, last));
  }

  SmallVector<Tap> getTaps(Value coordinate, Value inputSize) {
    StringRef mode = op.getMode();
    if (mode == "nearest")
      return {
          {clampIndex(e, realToIndex(e, roundNearest(coordinate)), inputSize),
           Value()}};
    Value base = e.unary<math::FloorOp>(coordinate);
    Value fraction = e.sub(coordinate, base);
    Value first = realToIndex(e, base);
    if (mode == "linear") {
      // At the border both taps are the same element.
      return {{clampIndex(e, first, inputSize), e.sub(e.constant(1), fraction)},
              {clampIndex(e, offsetIndex(e, first, 1), inputSize), fraction}};
    }
    SmallVector<Tap> taps;
    for (int64_t i = -1; i <= 2; ++i) {
      Value distance = e.abs(e.sub(fraction, e.constant(i)));
      taps.push_back(
          {offsetIndex(e, first, i), cubic(distance, i == 0 || i == 1)});
    }
    return finish(taps, inputSize);
  }

  /// The scale of the axis, given or that of its sizes.
  Value getScale(Value inputSize, Value outputSize) {
    ArrayRef<float> scales = op.getScales();
    return scales.empty()
               ? e.div(indexToReal(e, outputSize), indexToReal(e, inputSize))
               : e.constant(scales[axis]);
  }

  /// Places on either side of a coordinate that the kernel reaches.
  double getRadius() { return op.getMode() == "linear" ? 1 : 2; }

  /// The kernel at any distance from the coordinate.
  Value getWeight(Value distance) {
    Value zero = e.constant(0), one = e.constant(1);
    auto isBelow = [&](Value x, Value limit) {
      return e.compare(ScalarEmitter::Compare::Less, x, limit);
    };
    if (op.getMode() == "linear")
      return e.max(e.sub(one, distance), zero);
    Value far = e.select(isBelow(distance, e.constant(2)),
                         cubic(distance, false), zero);
    return e.select(isBelow(distance, one), cubic(distance, true), far);
  }

private:
  /// Moves taps into the input; those that were outside count for nothing where
  /// the op says so. The weights then sum up to 1.
  SmallVector<Tap> finish(SmallVector<Tap> taps, Value inputSize) {
    Value sum;
    for (Tap &tap : taps) {
      Value index = clampIndex(e, tap.index, inputSize);
      if (op.getExcludeOutside()) {
        Value inside =
            arith::CmpIOp::create(e.getBuilder(), e.getLoc(),
                                  arith::CmpIPredicate::eq, tap.index, index);
        tap.weight = e.select(inside, tap.weight, e.constant(0));
        sum = sum ? e.add(sum, tap.weight) : tap.weight;
      }
      tap.index = index;
    }
    for (Tap &tap : taps)
      tap.weight = sum ? e.div(tap.weight, sum) : tap.weight;
    return taps;
  }

  Value roundNearest(Value x) {
    StringRef mode = op.getNearestMode();
    if (mode == "floor")
      return e.unary<math::FloorOp>(x);
    if (mode == "ceil")
      return e.unary<math::CeilOp>(x);
    Value half = e.constant(0.5);
    if (mode == "round_prefer_ceil")
      return e.unary<math::FloorOp>(e.add(x, half));
    return e.unary<math::CeilOp>(e.sub(x, half));
  }
  Value cubic(Value distance, bool near) {
    return emitCubicKernel(e, distance, op.getCubicCoeffA().convertToDouble(),
                           near);
  }

  ScalarEmitter &e;
  ResizeOp op;
  int64_t axis;
};

/// One axis resampled with weights that are computed once for each place, and a
/// loop over the taps; the result is f32. Antialiasing stretches the kernel
/// over all elements of the input that one of the result stands for (1 /
/// scale).
Value resampleAxis(OpBuilder &b, Location loc, ResizeOp op, Value input,
                   Type element, int64_t axis, OpFoldResult outSize) {
  Type real = b.getF32Type(), i64 = b.getI64Type();
  ScalarEmitter outer(b, loc, real);
  Value inputSize = toIndex(b, loc, getDim(b, loc, input, axis));
  Value outputSize = toIndex(b, loc, outSize);
  Resampler resampler(outer, op, axis);
  Value scale = resampler.getScale(inputSize, outputSize);
  Value shrink = outer.constant(1);
  if (op.getAntialias()) {
    // At most all of the input is under the kernel if there is a result at all.
    Value least =
        outer.div(shrink, indexToReal(outer, offsetIndex(outer, inputSize, 1)));
    shrink = outer.max(outer.min(scale, shrink), least);
  }
  Value reach = outer.div(outer.constant(resampler.getRadius()), shrink);
  // Taps are at first - before, ..., first + before + 1.
  Value before = offsetIndex(
      outer, realToIndex(outer, outer.unary<math::CeilOp>(reach)), -1);
  Value count =
      arith::AddIOp::create(b, loc, before, offsetIndex(outer, before, 2));
  auto getCoordinate = [&](ScalarEmitter &e, Value place) {
    return Resampler(e, op, axis)
        .getCoordinate(place, inputSize, outputSize, scale);
  };
  auto getFirst = [&](ScalarEmitter &e, Value coordinate) {
    Value index = realToIndex(e, e.unary<math::FloorOp>(coordinate));
    return Value(
        arith::SubIOp::create(e.getBuilder(), e.getLoc(), index, before));
  };
  Value firsts =
      createMap(b, loc, {outSize}, i64,
                [&](OpBuilder &n, Location l, ValueRange place) -> Value {
                  ScalarEmitter e(n, l, real);
                  Value first = getFirst(e, getCoordinate(e, place[0]));
                  return arith::IndexCastOp::create(n, l, i64, first);
                });
  Value weights = createMap(
      b, loc, {outSize, count}, real,
      [&](OpBuilder &n, Location l, ValueRange place) -> Value {
        ScalarEmitter e(n, l, real);
        Value x = getCoordinate(e, place[0]);
        Value tap = arith::AddIOp::create(n, l, getFirst(e, x), place[1]);
        Value distance = e.abs(e.sub(x, indexToReal(e, tap)));
        Value weight =
            Resampler(e, op, axis).getWeight(e.mul(distance, shrink));
        if (!op.getExcludeOutside())
          return weight;
        Value isInside = arith::CmpIOp::create(
            n, l, arith::CmpIPredicate::eq, tap, clampIndex(e, tap, inputSize));
        return e.select(isInside, weight, e.constant(0));
      });
  Value sums = createReduction(
      b, loc, weights, {1}, createFilled(b, loc, {outSize}, outer.constant(0)),
      [](OpBuilder &n, Location l, Value weight, Value sum) -> Value {
        return arith::AddFOp::create(n, l, sum, weight);
      });
  SmallVector<OpFoldResult> sizes = getDims(b, loc, input);
  sizes[axis] = outSize;
  return createMap(
      b, loc, sizes, real,
      [&](OpBuilder &n, Location l, ValueRange place) -> Value {
        ScalarEmitter e(n, l, real);
        Value first = arith::IndexCastOp::create(
            n, l, n.getIndexType(),
            tensor::ExtractOp::create(n, l, firsts, place[axis]));
        auto loop = scf::ForOp::create(
            n, l, constantIndex(n, l, 0), count, constantIndex(n, l, 1),
            e.constant(0),
            [&](OpBuilder &inner, Location il, Value tap, ValueRange sum) {
              ScalarEmitter e(inner, il, real), source(inner, il, element);
              SmallVector<Value> at(place);
              at[axis] = clampIndex(
                  e, arith::AddIOp::create(inner, il, first, tap), inputSize);
              Value x = tensor::ExtractOp::create(inner, il, input, at);
              x = e.convert(source.load(x, element), element, real);
              Value weight = tensor::ExtractOp::create(
                  inner, il, weights, ValueRange{place[axis], tap});
              scf::YieldOp::create(inner, il, e.add(sum[0], e.mul(x, weight)));
            });
        return e.div(loop.getResult(0),
                     tensor::ExtractOp::create(n, l, sums, place[axis]));
      });
}

/// Repeats places without any index that must be computed.
Value repeatPlaces(OpBuilder &b, Location loc, Value input,
                   ArrayRef<int64_t> repeats) {
  SmallVector<OpFoldResult> sizes;
  SmallVector<AffineExpr> from;
  SmallVector<ReassociationIndices> groups;
  for (auto [axis, repeat] : llvm::enumerate(repeats)) {
    groups.push_back({static_cast<int64_t>(sizes.size())});
    from.push_back(b.getAffineDimExpr(sizes.size()));
    sizes.push_back(getDim(b, loc, input, axis));
    if (repeat == 1)
      continue;
    groups.back().push_back(sizes.size());
    sizes.push_back(b.getIndexAttr(repeat));
  }
  int64_t rank = sizes.size();
  Value empty =
      createEmpty(b, loc, sizes, getElementTypeOrSelf(input.getType()));
  Value repeated =
      linalg::GenericOp::create(
          b, loc, empty.getType(), input, empty,
          {AffineMap::get(rank, 0, from, b.getContext()),
           b.getMultiDimIdentityMap(rank)},
          SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
          [](OpBuilder &n, Location l, ValueRange x) {
            linalg::YieldOp::create(n, l, x[0]);
          })
          .getResult(0);
  return tensor::CollapseShapeOp::create(b, loc, repeated, groups);
}

struct ResizeLowering : OpConversionPattern<ResizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ResizeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    if (op.getDynamicScales())
      return b.notifyMatchFailure(op, "scales are known at run time only");
    Value input = adaptor.getInput();
    if (std::optional<SmallVector<int64_t>> repeats = op.getRepeats()) {
      b.replaceOp(op, castTo(b, loc, repeatPlaces(b, loc, input, *repeats),
                             getTypeConverter()->convertType(op.getType())));
      return success();
    }
    SmallVector<OpFoldResult> in = getDims(b, loc, input);
    SmallVector<OpFoldResult> out =
        getMixedValues(op.getSizes(), adaptor.getDynamicSizes(), b);
    ArrayRef<float> scales = op.getScales();
    bool crops = op.getCoordinateTransformationMode() == "tf_crop_and_resize";
    Type real = b.getF32Type();
    SmallVector<int64_t> scaled;
    for (int64_t axis = 0, rank = in.size(); axis < rank; ++axis) {
      ArrayRef<float> roi = op.getRoi();
      bool isCropped =
          crops && !roi.empty() && (roi[axis] != 0 || roi[rank + axis] != 1);
      if (isCropped || (!scales.empty() && scales[axis] != 1.0f) ||
          in[axis] != out[axis])
        scaled.push_back(axis);
    }
    Value source = input;
    Type sourceElement = element;
    // Axis by axis where the taps are many: all combinations are written out
    // otherwise.
    constexpr double kMostTaps = 64;
    double taps = std::pow(op.getMode() == "linear" ? 2.0 : 4.0, scaled.size());
    bool isSeparate =
        op.getMode() != "nearest" && (op.getAntialias() || taps > kMostTaps);
    for (int64_t axis : llvm::reverse(scaled)) {
      if (!isSeparate)
        break;
      source = resampleAxis(b, loc, op, source, sourceElement, axis, out[axis]);
      sourceElement = real;
    }
    Value result = createMap(
        b, loc, out, ScalarEmitter::getStorageType(element),
        [&](OpBuilder &n, Location l, ValueRange place) -> Value {
          ScalarEmitter e(n, l, real);
          SmallVector<SmallVector<Tap>> taps;
          for (Value index : place)
            taps.push_back({{index, Value()}});
          Value outside;
          for (int64_t axis : scaled) {
            Resampler resampler(e, op, axis);
            Value inSize = toIndex(n, l, in[axis]);
            Value outSize = toIndex(n, l, out[axis]);
            Value x =
                resampler.getCoordinate(place[axis], inSize, outSize,
                                        resampler.getScale(inSize, outSize));
            if (!isSeparate)
              taps[axis] = resampler.getTaps(x, inSize);
            if (!crops)
              continue;
            Value beyond = resampler.isOutside(x, inSize);
            outside = outside
                          ? Value(arith::OrIOp::create(n, l, outside, beyond))
                          : beyond;
          }
          bool copies = llvm::all_of(taps, [](const SmallVector<Tap> &axis) {
            return axis.size() == 1 && !axis[0].weight;
          });
          if (copies && !outside && sourceElement == element) {
            SmallVector<Value> at;
            for (const SmallVector<Tap> &axis : taps)
              at.push_back(axis[0].index);
            return tensor::ExtractOp::create(n, l, source, at);
          }
          Value sum = interpolate(e, source, sourceElement, {}, taps);
          if (outside)
            sum = e.select(
                outside,
                e.constant(op.getExtrapolationValue().convertToDouble()), sum);
          ScalarEmitter target(n, l, element);
          return target.store(e.convert(sum, real, element), element);
        });
    b.replaceOp(op, castTo(b, loc, result,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

} // namespace

void neuroplast::populateResizeToLinalgPatterns(TypeConverter &converter,
                                                RewritePatternSet &patterns) {
  patterns.add<ResizeLowering>(converter, patterns.getContext());
}
