//===- ResizeToLinalg.cpp - Interpolation, crops, antialiasing ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpolation.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

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

  /// `shrink` is the scale if it is below 1 and antialiasing is wanted, which
  /// widens the kernel; else 1.
  SmallVector<Tap> getTaps(Value coordinate, Value inputSize, double shrink) {
    StringRef mode = op.getMode();
    if (mode == "nearest")
      return {
          {clampIndex(e, realToIndex(e, roundNearest(coordinate)), inputSize),
           Value()}};
    Value base = e.unary<math::FloorOp>(coordinate);
    Value fraction = e.sub(coordinate, base);
    Value first = realToIndex(e, base);
    if (shrink < 1)
      return getWideTaps(first, fraction, inputSize, shrink);
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
    return finish(taps, inputSize, /*normalise=*/false);
  }

private:
  /// The taps of a kernel that is stretched by 1 / `shrink`.
  SmallVector<Tap> getWideTaps(Value first, Value fraction, Value inputSize,
                               double shrink) {
    bool isLinear = op.getMode() == "linear";
    double radius = isLinear ? 1 : 2;
    auto start = static_cast<int64_t>(std::floor(-radius / shrink)) + 1;
    SmallVector<Tap> taps;
    for (int64_t i = start; i <= 1 - start; ++i) {
      Value distance =
          e.mul(e.abs(e.sub(fraction, e.constant(i))), e.constant(shrink));
      Value zero = e.constant(0), one = e.constant(1);
      Value weight;
      if (isLinear) {
        weight = e.sub(one, distance);
        weight = e.select(e.compare(ScalarEmitter::Compare::Less, weight, zero),
                          zero, weight);
      } else {
        weight =
            e.select(e.compare(ScalarEmitter::Compare::Less, distance, one),
                     cubic(distance, true),
                     e.select(e.compare(ScalarEmitter::Compare::Less, distance,
                                        e.constant(2)),
                              cubic(distance, false), zero));
      }
      taps.push_back({offsetIndex(e, first, i), weight});
    }
    return finish(taps, inputSize, /*normalise=*/true);
  }

  /// Moves taps into the input; those that were outside count for nothing where
  /// the op says so. The weights then sum up to 1.
  SmallVector<Tap> finish(SmallVector<Tap> taps, Value inputSize,
                          bool normalise) {
    for (Tap &tap : taps) {
      Value index = clampIndex(e, tap.index, inputSize);
      if (op.getExcludeOutside()) {
        Value inside =
            arith::CmpIOp::create(e.getBuilder(), e.getLoc(),
                                  arith::CmpIPredicate::eq, tap.index, index);
        tap.weight = e.select(inside, tap.weight, e.constant(0));
      }
      tap.index = index;
    }
    if (!normalise && !op.getExcludeOutside())
      return taps;
    Value sum = taps[0].weight;
    for (const Tap &tap : ArrayRef(taps).drop_front())
      sum = e.add(sum, tap.weight);
    for (Tap &tap : taps)
      tap.weight = e.div(tap.weight, sum);
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

struct ResizeLowering : OpConversionPattern<ResizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ResizeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    if (op.getDynamicScales())
      return b.notifyMatchFailure(op, "scales are known at run time only");
    Value input = adaptor.getInput();
    SmallVector<OpFoldResult> in = getDims(b, loc, input);
    SmallVector<OpFoldResult> out =
        getMixedValues(op.getSizes(), adaptor.getDynamicSizes(), b);
    SmallVector<float> scales(op.getScales());
    // A widened kernel has as many taps as the scale asks for.
    SmallVector<double> shrinks(in.size(), 1.0);
    bool crops = op.getCoordinateTransformationMode() == "tf_crop_and_resize";
    for (size_t axis = 0; axis < in.size() && op.getAntialias(); ++axis) {
      auto inSize = getConstantIntValue(in[axis]);
      auto outSize = getConstantIntValue(out[axis]);
      if (!scales.empty())
        shrinks[axis] = scales[axis];
      else if (inSize && outSize && *inSize > 0)
        shrinks[axis] = static_cast<double>(*outSize) / *inSize;
      else if (in[axis] != out[axis])
        return b.notifyMatchFailure(
            op, "antialiasing by a scale that is known at run time only");
    }
    Type real = b.getF32Type();
    Value result = createMap(
        b, loc, out, ScalarEmitter::getStorageType(element),
        [&](OpBuilder &n, Location l, ValueRange place) -> Value {
          ScalarEmitter e(n, l, real);
          SmallVector<SmallVector<Tap>> taps;
          Value outside;
          for (size_t axis = 0; axis < in.size(); ++axis) {
            Resampler resampler(e, op, axis);
            bool isCropped =
                crops && (resampler.getRoi(0) != 0 || resampler.getRoi(1) != 1);
            bool isScaled =
                isCropped || (!scales.empty() && scales[axis] != 1.0f);
            if (!isScaled && in[axis] == out[axis]) {
              taps.push_back({{place[axis], Value()}});
              continue;
            }
            Value inSize = toIndex(n, l, in[axis]);
            Value outSize = toIndex(n, l, out[axis]);
            Value scale = scales.empty() ? e.div(indexToReal(e, outSize),
                                                 indexToReal(e, inSize))
                                         : e.constant(scales[axis]);
            Value x =
                resampler.getCoordinate(place[axis], inSize, outSize, scale);
            taps.push_back(resampler.getTaps(x, inSize, shrinks[axis]));
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
          if (copies && !outside) {
            SmallVector<Value> at;
            for (const SmallVector<Tap> &axis : taps)
              at.push_back(axis[0].index);
            return tensor::ExtractOp::create(n, l, input, at);
          }
          Value sum = interpolate(e, input, element, {}, taps);
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
