//===- RegionPoolingToLinalg.cpp - Pooling of regions to loops -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpolation.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Cmp = ScalarEmitter::Compare;

Value getIndex(ScalarEmitter &e, int64_t value) {
  return arith::ConstantIndexOp::create(e.getBuilder(), e.getLoc(), value);
}

/// One entry of a region, as a number of the emitter's type.
Value readEntry(ScalarEmitter &e, Value rois, Type element, Value region,
                int64_t column) {
  Value stored =
      tensor::ExtractOp::create(e.getBuilder(), e.getLoc(), rois,
                                ValueRange{region, getIndex(e, column)});
  return e.convert(e.load(stored, element), element, e.getType());
}

/// A real number moved into [low, high] and rounded towards zero; what is no
/// number counts as low.
Value toBoundedIndex(ScalarEmitter &e, Value real, Value low, Value high) {
  Value number = e.select(e.isNaN(real), low, real);
  return realToIndex(e, e.min(e.max(number, low), high));
}

//===----------------------------------------------------------------------===//
// RoiAlign
//===----------------------------------------------------------------------===//

/// A bin of more pixels than this along an axis is sampled as if it had so
/// many: no data may keep a run from ending.
constexpr int64_t kMostSamples = 2048;

/// The samples of a region along one axis, as in Mask R-CNN (He et al., 2017):
/// each bin has a number of them, evenly spread.
class SampledAxis {
public:
  /// `first` and `last` are the columns of the region's borders.
  SampledAxis(ScalarEmitter &e, RoiAlignOp op, Value rois, Value region,
              int64_t first, int64_t last, int64_t bins, Value size)
      : size(size) {
    Type element = getElementTypeOrSelf(op.getRois().getType());
    bool isHalf = op.getCoordinateTransformationMode() == "half_pixel";
    Value scale = e.constant(op.getSpatialScale().convertToFloat());
    Value offset = e.constant(isHalf ? 0.5 : 0.0);
    auto border = [&](int64_t column) {
      return e.sub(e.mul(readEntry(e, rois, element, region, column), scale),
                   offset);
    };
    start = border(first);
    Value extent = e.sub(border(last), start);
    // Without the shift a region has at least one pixel.
    if (!isHalf)
      extent = e.max(extent, e.constant(1));
    binSize = e.div(extent, e.constant(bins));
    auto ratio = static_cast<int64_t>(op.getSamplingRatio());
    count = ratio > 0 ? getIndex(e, ratio)
                      : toBoundedIndex(e, e.unary<math::CeilOp>(binSize),
                                       e.constant(0), e.constant(kMostSamples));
  }

  /// The two taps of a sample; nothing beyond one pixel outside.
  SmallVector<Tap> getTaps(ScalarEmitter &e, Value bin, Value sample) const {
    Value part = e.div(e.add(indexToReal(e, sample), e.constant(0.5)),
                       indexToReal(e, count));
    Value x = e.add(start, e.mul(e.add(indexToReal(e, bin), part), binSize));
    Value extent = indexToReal(e, size);
    Value inside =
        arith::AndIOp::create(e.getBuilder(), e.getLoc(),
                              e.compare(Cmp::GreaterOrEqual, x, e.constant(-1)),
                              e.compare(Cmp::LessOrEqual, x, extent));
    Value last = e.sub(extent, e.constant(1));
    Value bounded = e.min(e.max(x, e.constant(0)), last);
    Value base = e.unary<math::FloorOp>(bounded);
    Value fraction = e.sub(bounded, base);
    Value low =
        clampIndex(e, toBoundedIndex(e, base, e.constant(0), last), size);
    Value high = clampIndex(e, offsetIndex(e, low, 1), size);
    return {{low, e.sub(e.constant(1), fraction), inside},
            {high, fraction, inside}};
  }

  Value count;

private:
  Value size, start, binSize;
};

struct RoiAlignLowering : OpConversionPattern<RoiAlignOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(RoiAlignOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Type compute = ScalarEmitter::getComputeType(element);
    Value input = adaptor.getInput(), rois = adaptor.getRois();
    int64_t height = op.getOutputHeight(), width = op.getOutputWidth();
    bool isMax = op.getMode() == "max";
    Value result = createMap(
        b, loc,
        {getDim(b, loc, rois, 0), getDim(b, loc, input, 1),
         b.getIndexAttr(height), b.getIndexAttr(width)},
        element, [&](OpBuilder &n, Location l, ValueRange at) -> Value {
          ScalarEmitter e(n, l, compute);
          Value batch = arith::IndexCastOp::create(
              n, l, n.getIndexType(),
              tensor::ExtractOp::create(n, l, adaptor.getBatchIndices(),
                                        at[0]));
          SampledAxis rows(e, op, rois, at[0], 1, 3, height,
                           toIndex(n, l, getDim(n, l, input, 2)));
          SampledAxis columns(e, op, rois, at[0], 0, 2, width,
                              toIndex(n, l, getDim(n, l, input, 3)));
          Value zero = getIndex(e, 0), one = getIndex(e, 1);
          Value start = isMax ? e.lowest() : e.constant(0);
          auto outer = scf::ForOp::create(
              n, l, zero, rows.count, one, start,
              [&](OpBuilder &m, Location, Value row, ValueRange sum) {
                auto inner = scf::ForOp::create(
                    m, l, zero, columns.count, one, sum,
                    [&](OpBuilder &k, Location, Value column, ValueRange now) {
                      ScalarEmitter s(k, l, compute);
                      SmallVector<SmallVector<Tap>> taps{
                          rows.getTaps(s, at[2], row),
                          columns.getTaps(s, at[3], column)};
                      Value x = isMax ? findMaximum(s, input, element,
                                                    {batch, at[1]}, taps)
                                      : interpolate(s, input, element,
                                                    {batch, at[1]}, taps);
                      scf::YieldOp::create(
                          k, l, isMax ? s.max(now[0], x) : s.add(now[0], x));
                    });
                scf::YieldOp::create(m, l, inner.getResults());
              });
          Value count = arith::MulIOp::create(n, l, rows.count, columns.count);
          Value total = outer.getResult(0);
          if (!isMax) {
            Value divisor = arith::MaxSIOp::create(n, l, count, one);
            return e.store(e.div(total, indexToReal(e, divisor)), element);
          }
          Value isEmpty = arith::CmpIOp::create(n, l, arith::CmpIPredicate::eq,
                                                count, zero);
          return e.store(e.select(isEmpty, e.constant(0), total), element);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }

private:
  /// The greatest of the four weighted neighbours, which the operator means by
  /// a maximum.
  static Value findMaximum(ScalarEmitter &e, Value input, Type element,
                           ValueRange outer, ArrayRef<SmallVector<Tap>> taps) {
    Value best;
    for (const Tap &row : taps[0])
      for (const Tap &column : taps[1]) {
        SmallVector<SmallVector<Tap>> one{{row}, {column}};
        Value x = interpolate(e, input, element, outer, one);
        best = best ? e.max(best, x) : x;
      }
    return best;
  }
};

//===----------------------------------------------------------------------===//
// MaxRoiPool
//===----------------------------------------------------------------------===//

/// The bins of a region along one axis, as in Fast R-CNN (Girshick, 2015).
class BinnedAxis {
public:
  BinnedAxis(ScalarEmitter &e, MaxRoiPoolOp op, Value rois, Value region,
             int64_t first, int64_t last, int64_t bins, Value size)
      : size(size) {
    Type element = getElementTypeOrSelf(op.getRois().getType());
    Value scale = e.constant(op.getSpatialScale().convertToFloat());
    auto border = [&](int64_t column) {
      return e.unary<math::RoundOp>(
          e.mul(readEntry(e, rois, element, region, column), scale));
    };
    start = border(first);
    Value extent =
        e.max(e.add(e.sub(border(last), start), e.constant(1)), e.constant(1));
    binSize = e.div(extent, e.constant(bins));
  }

  /// The first place of a bin and the one behind its last.
  std::pair<Value, Value> getBounds(ScalarEmitter &e, Value bin) const {
    Value from = e.unary<math::FloorOp>(e.mul(indexToReal(e, bin), binSize));
    Value to = e.unary<math::CeilOp>(
        e.mul(indexToReal(e, offsetIndex(e, bin, 1)), binSize));
    Value zero = e.constant(0), extent = indexToReal(e, size);
    return {toBoundedIndex(e, e.add(from, start), zero, extent),
            toBoundedIndex(e, e.add(to, start), zero, extent)};
  }

private:
  Value size, start, binSize;
};

struct MaxRoiPoolLowering : OpConversionPattern<MaxRoiPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MaxRoiPoolOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Type compute = ScalarEmitter::getComputeType(element);
    Value input = adaptor.getInput(), rois = adaptor.getRois();
    ArrayRef<int64_t> bins = op.getPooledShape();
    Value result = createMap(
        b, loc,
        {getDim(b, loc, rois, 0), getDim(b, loc, input, 1),
         b.getIndexAttr(bins[0]), b.getIndexAttr(bins[1])},
        element, [&](OpBuilder &n, Location l, ValueRange at) -> Value {
          ScalarEmitter e(n, l, compute);
          Type roiElement = getElementTypeOrSelf(op.getRois().getType());
          Value images = toIndex(n, l, getDim(n, l, input, 0));
          Value batch = clampIndex(
              e,
              toBoundedIndex(e, readEntry(e, rois, roiElement, at[0], 0),
                             e.constant(0), indexToReal(e, images)),
              images);
          BinnedAxis rows(e, op, rois, at[0], 2, 4, bins[0],
                          toIndex(n, l, getDim(n, l, input, 2)));
          BinnedAxis columns(e, op, rois, at[0], 1, 3, bins[1],
                             toIndex(n, l, getDim(n, l, input, 3)));
          auto [top, bottom] = rows.getBounds(e, at[2]);
          auto [left, right] = columns.getBounds(e, at[3]);
          Value one = getIndex(e, 1);
          auto outer = scf::ForOp::create(
              n, l, top, bottom, one, e.lowest(),
              [&, left = left, right = right](OpBuilder &m, Location, Value row,
                                              ValueRange best) {
                auto inner = scf::ForOp::create(
                    m, l, left, right, one, best,
                    [&](OpBuilder &k, Location, Value column, ValueRange now) {
                      ScalarEmitter s(k, l, compute);
                      Value x = tensor::ExtractOp::create(
                          k, l, input, ValueRange{batch, at[1], row, column});
                      scf::YieldOp::create(k, l,
                                           s.max(now[0], s.load(x, element)));
                    });
                scf::YieldOp::create(m, l, inner.getResults());
              });
          Value isEmpty = arith::OrIOp::create(
              n, l,
              arith::CmpIOp::create(n, l, arith::CmpIPredicate::sle, bottom,
                                    top),
              arith::CmpIOp::create(n, l, arith::CmpIPredicate::sle, right,
                                    left));
          return e.store(e.select(isEmpty, e.constant(0), outer.getResult(0)),
                         element);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

} // namespace

void neuroplast::populateRegionPoolingToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<RoiAlignLowering, MaxRoiPoolLowering>(converter,
                                                     patterns.getContext());
}
