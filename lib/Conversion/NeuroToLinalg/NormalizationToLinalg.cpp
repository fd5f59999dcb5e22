//===- NormalizationToLinalg.cpp - Normalisations -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Patterns.h"

#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// A vector of one entry per channel, shaped to broadcast along axis 1.
Value asChannels(OpBuilder &b, Location loc, Value vector, int64_t rank) {
  auto trailing = llvm::to_vector(llvm::seq<int64_t>(1, rank - 1));
  return expandAxes(b, loc, vector, trailing);
}

struct BatchNormLowering : OpConversionPattern<BatchNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BatchNormOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    int64_t rank = cast<RankedTensorType>(op.getType()).getRank();
    if (rank < 2)
      return b.notifyMatchFailure(op, "the input has no channels");
    // Roots and quotients are those of channels, not of all elements.
    SmallVector<Type> types(op->getOperandTypes());
    for (Type &type : types)
      type = getElementTypeOrSelf(type);
    Value factor = createBroadcastMap(
        b, loc, {adaptor.getScale(), adaptor.getVariance()},
        getDims(b, loc, adaptor.getScale()),
        ScalarEmitter::getComputeType(element),
        [&](OpBuilder &n, Location l, ValueRange x) {
          ScalarEmitter e(n, l, element);
          auto read = [&](Value stored, Type type) {
            return e.convert(e.load(stored, type), type, element);
          };
          Value epsilon = e.constant(op.getEpsilon().convertToDouble());
          Value variance = read(x[1], types[4]);
          return e.div(read(x[0], types[1]), e.sqrt(e.add(variance, epsilon)));
        });
    SmallVector<Value> inputs{adaptor.getInput(),
                              asChannels(b, loc, factor, rank),
                              asChannels(b, loc, adaptor.getMean(), rank),
                              asChannels(b, loc, adaptor.getBias(), rank)};
    Value result = createBroadcastMap(
        b, loc, inputs, getDims(b, loc, adaptor.getInput()), element,
        [&](OpBuilder &n, Location l, ValueRange x) {
          ScalarEmitter e(n, l, element);
          auto read = [&](Value stored, Type type) {
            return e.convert(e.load(stored, type), type, element);
          };
          Value centred = e.sub(e.load(x[0], element), read(x[2], types[3]));
          Value scaled = e.mul(x[1], centred);
          return e.store(e.add(scaled, read(x[3], types[2])), element);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

/// Mean, and mean square of what is left without it, over axes, in the compute
/// type; `isCentred` false leaves the mean out.
struct Statistics {
  Value mean, variance;
};

Statistics computeStatistics(OpBuilder &b, Location loc, Value input,
                             Type element, ArrayRef<int64_t> axes,
                             bool isCentred) {
  ScalarEmitter outer(b, loc, element);
  SmallVector<OpFoldResult> kept;
  OpFoldResult count = b.getIndexAttr(1);
  for (auto [axis, size] : llvm::enumerate(getDims(b, loc, input))) {
    if (llvm::is_contained(axes, static_cast<int64_t>(axis)))
      count = mulSizes(b, loc, count, size);
    else
      kept.push_back(size);
  }
  Value countIndex = toIndex(b, loc, count);
  auto divideByCount = [&](Value sum) {
    return createBroadcastMap(
        b, loc, sum, getDims(b, loc, sum), outer.getType(),
        [&](OpBuilder &n, Location l, ValueRange x) {
          ScalarEmitter e(n, l, element);
          Type i64 = n.getI64Type();
          Value divisor =
              e.convert(arith::IndexCastOp::create(n, l, i64, countIndex), i64,
                        e.getType());
          return e.div(x[0], divisor);
        });
  };
  Value zeros = createFilled(b, loc, kept, outer.constant(0));
  Statistics statistics;
  Value squares = input;
  if (isCentred) {
    Value sum =
        createReduction(b, loc, input, axes, zeros,
                        [&](OpBuilder &n, Location l, Value x, Value acc) {
                          ScalarEmitter e(n, l, element);
                          return e.add(acc, e.load(x, element));
                        });
    statistics.mean = divideByCount(sum);
    squares = createBroadcastMap(
        b, loc, {input, expandAxes(b, loc, statistics.mean, axes)},
        getDims(b, loc, input), outer.getType(),
        [&](OpBuilder &n, Location l, ValueRange x) {
          ScalarEmitter e(n, l, element);
          return e.sub(e.load(x[0], element), x[1]);
        });
  }
  Type squareType = getElementTypeOrSelf(squares.getType());
  Value sum =
      createReduction(b, loc, squares, axes, zeros,
                      [&](OpBuilder &n, Location l, Value x, Value acc) {
                        ScalarEmitter e(n, l, element);
                        Value value =
                            squareType == e.getType() ? x : e.load(x, element);
                        return e.add(acc, e.mul(value, value));
                      });
  statistics.variance = divideByCount(sum);
  return statistics;
}

/// Mean and inverse standard deviation over axes, kept with size 1, in the
/// compute type.
struct Moments {
  Value mean, inverse;
};

/// `isCentred` false leaves the mean out (root mean square).
Moments computeMoments(OpBuilder &b, Location loc, Value input, Type element,
                       ArrayRef<int64_t> axes, double epsilon, bool isCentred) {
  Statistics statistics =
      computeStatistics(b, loc, input, element, axes, isCentred);
  Value inverse = createBroadcastMap(
      b, loc, statistics.variance, getDims(b, loc, statistics.variance),
      ScalarEmitter::getComputeType(element),
      [&](OpBuilder &n, Location l, ValueRange x) {
        ScalarEmitter e(n, l, element);
        return e.div(e.constant(1), e.sqrt(e.add(x[0], e.constant(epsilon))));
      });
  Moments moments;
  if (isCentred)
    moments.mean = expandAxes(b, loc, statistics.mean, axes);
  moments.inverse = expandAxes(b, loc, inverse, axes);
  return moments;
}

/// (x - mean) * inverse * scale + bias; `mean` and `bias` may be absent.
Value applyMoments(OpBuilder &b, Location loc, Value input, Type element,
                   const Moments &moments, Value scale, Value bias) {
  SmallVector<Value> inputs{input, moments.inverse, scale};
  size_t meanAt = inputs.size();
  if (moments.mean)
    inputs.push_back(moments.mean);
  size_t biasAt = inputs.size();
  if (bias)
    inputs.push_back(bias);
  return createBroadcastMap(
      b, loc, inputs, getDims(b, loc, input), element,
      [&](OpBuilder &n, Location l, ValueRange x) {
        ScalarEmitter e(n, l, element);
        Value value = e.load(x[0], element);
        if (moments.mean)
          value = e.sub(value, x[meanAt]);
        value = e.mul(e.mul(value, x[1]), e.load(x[2], element));
        if (bias)
          value = e.add(value, e.load(x[biasAt], element));
        return e.store(value, element);
      });
}

SmallVector<int64_t> getAxesFrom(int64_t axis, int64_t rank) {
  return llvm::to_vector(
      llvm::seq<int64_t>(axis < 0 ? axis + rank : axis, rank));
}

struct BatchStatisticsLowering : OpConversionPattern<BatchStatisticsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BatchStatisticsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    auto axes = llvm::to_vector(
        llvm::seq<int64_t>(0, op.getInput().getType().getRank()));
    axes.erase(axes.begin() + 1);
    Statistics statistics =
        computeStatistics(b, loc, adaptor.getInput(), element, axes, true);
    SmallVector<Value> results{statistics.mean, statistics.variance};
    for (auto [value, type] : llvm::zip_equal(results, op->getResultTypes()))
      value = castTo(b, loc, finishAccumulator(b, loc, value, element), type);
    b.replaceOp(op, results);
    return success();
  }
};

struct LayerNormLowering : OpConversionPattern<LayerNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LayerNormOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Value input = adaptor.getInput();
    int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
    Moments moments =
        computeMoments(b, loc, input, element, getAxesFrom(op.getAxis(), rank),
                       op.getEpsilon().convertToDouble(), true);
    Value result = applyMoments(b, loc, input, element, moments,
                                adaptor.getScale(), adaptor.getBias());
    SmallVector<Value> results{
        castTo(b, loc, result, op.getResult().getType())};
    for (auto [value, type] :
         {std::pair(moments.mean, op.getMean().getType()),
          std::pair(moments.inverse, op.getInvStdDev().getType())}) {
      Type compute = getElementTypeOrSelf(value.getType());
      if (compute != getElementTypeOrSelf(type))
        value = createBroadcastMap(
            b, loc, value, getDims(b, loc, value), getElementTypeOrSelf(type),
            [&](OpBuilder &n, Location l, ValueRange x) {
              return ScalarEmitter(n, l, element)
                  .convert(x[0], compute, getElementTypeOrSelf(type));
            });
      results.push_back(castTo(b, loc, value, type));
    }
    b.replaceOp(op, results);
    return success();
  }
};

struct RMSNormLowering : OpConversionPattern<RMSNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(RMSNormOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Value input = adaptor.getInput();
    int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
    Moments moments =
        computeMoments(b, loc, input, element, getAxesFrom(op.getAxis(), rank),
                       op.getEpsilon().convertToDouble(), false);
    Value result = applyMoments(b, loc, input, element, moments,
                                adaptor.getScale(), Value());
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

struct InstanceNormLowering : OpConversionPattern<InstanceNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(InstanceNormOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Value input = adaptor.getInput();
    int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
    Moments moments =
        computeMoments(b, loc, input, element, getAxesFrom(2, rank),
                       op.getEpsilon().convertToDouble(), true);
    Value result = applyMoments(b, loc, input, element, moments,
                                asChannels(b, loc, adaptor.getScale(), rank),
                                asChannels(b, loc, adaptor.getBias(), rank));
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

struct GroupNormLowering : OpConversionPattern<GroupNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(GroupNormOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    auto type = cast<RankedTensorType>(op.getInput().getType());
    int64_t rank = type.getRank(), groups = op.getNumGroups();
    int64_t channels = type.getDimSize(1);
    if (rank < 2 || ShapedType::isDynamic(channels) || groups < 1 ||
        channels % groups)
      return b.notifyMatchFailure(op, "the groups do not divide the channels");
    // N x (G * C) x spatial as N x G x C x spatial.
    auto split = [&](Value value, int64_t axis) -> Value {
      SmallVector<OpFoldResult> sizes = getDims(b, loc, value);
      auto own = cast<RankedTensorType>(value.getType());
      SmallVector<int64_t> shape(own.getShape());
      SmallVector<ReassociationIndices> cut;
      for (int64_t i = 0, at = 0; i < own.getRank(); ++i) {
        if (i == axis) {
          cut.push_back({at, at + 1});
          at += 2;
        } else {
          cut.push_back({at++});
        }
      }
      sizes[axis] = b.getIndexAttr(channels / groups);
      sizes.insert(sizes.begin() + axis, b.getIndexAttr(groups));
      shape[axis] = channels / groups;
      shape.insert(shape.begin() + axis, groups);
      return tensor::ExpandShapeOp::create(
          b, loc, RankedTensorType::get(shape, own.getElementType()), value,
          cut, sizes);
    };
    Value input = split(adaptor.getInput(), 1);
    Moments moments =
        computeMoments(b, loc, input, element, getAxesFrom(2, rank + 1),
                       op.getEpsilon().convertToDouble(), true);
    auto spread = [&](Value vector) {
      auto trailing = llvm::to_vector(llvm::seq<int64_t>(2, rank));
      auto list = cast<RankedTensorType>(vector.getType())
                      .clone(ArrayRef<int64_t>(channels));
      return expandAxes(b, loc, split(castTo(b, loc, vector, list), 0),
                        trailing);
    };
    Value result =
        applyMoments(b, loc, input, element, moments,
                     spread(adaptor.getScale()), spread(adaptor.getBias()));
    SmallVector<ReassociationIndices> join{{0}, {1, 2}};
    for (int64_t axis = 3; axis <= rank; ++axis)
      join.push_back({axis});
    result = tensor::CollapseShapeOp::create(b, loc, result, join);
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

struct LpNormLowering : OpConversionPattern<LpNormOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LpNormOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Value input = adaptor.getInput();
    int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
    int64_t axis = static_cast<int64_t>(op.getAxis()) < 0
                       ? static_cast<int64_t>(op.getAxis()) + rank
                       : static_cast<int64_t>(op.getAxis());
    bool isL1 = op.getP() == 1;
    SmallVector<OpFoldResult> kept = getDims(b, loc, input);
    kept.erase(kept.begin() + axis);
    ScalarEmitter outer(b, loc, element);
    Value sum = createReduction(
        b, loc, input, axis, createFilled(b, loc, kept, outer.constant(0)),
        [&](OpBuilder &n, Location l, Value x, Value acc) {
          ScalarEmitter e(n, l, element);
          Value value = e.load(x, element);
          return e.add(acc, isL1 ? e.abs(value) : e.mul(value, value));
        });
    Value result = createBroadcastMap(
        b, loc, {input, expandAxes(b, loc, sum, axis)}, getDims(b, loc, input),
        element, [&](OpBuilder &n, Location l, ValueRange x) {
          ScalarEmitter e(n, l, element);
          Value norm = isL1 ? x[1] : e.sqrt(x[1]);
          Value isZero =
              e.compare(ScalarEmitter::Compare::Equal, norm, e.constant(0));
          Value quotient = e.div(e.load(x[0], element), norm);
          return e.store(e.select(isZero, e.constant(0), quotient), element);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

/// Sums of so many neighbours along axis 1 of a padded tensor of floats.
Value sumNeighbours(OpBuilder &b, Location loc, Value padded,
                    ArrayRef<OpFoldResult> sizes, OpFoldResult count) {
  int64_t rank = sizes.size();
  SmallVector<AffineExpr> in;
  for (int64_t axis = 0; axis < rank; ++axis)
    in.push_back(b.getAffineDimExpr(axis));
  in[1] = in[1] + b.getAffineDimExpr(rank);
  AffineMap map = AffineMap::get(rank + 1, 0, in, b.getContext());
  Type element = getElementTypeOrSelf(padded.getType());
  std::optional<int64_t> known = getConstantIntValue(count);
  if (known && element.isF32())
    return kernel::PoolOp::create(b, loc, padded,
                                  createEmpty(b, loc, sizes, element), map,
                                  *known, /*largest=*/false)
        .getResult(0);
  Value zeros = createFilled(
      b, loc, sizes, arith::ConstantOp::create(b, loc, b.getZeroAttr(element)));
  Value extent = createEmpty(b, loc, count, b.getI1Type());
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  AffineMap all = b.getMultiDimIdentityMap(rank + 1);
  return linalg::GenericOp::create(
             b, loc, zeros.getType(), ValueRange{padded, extent}, zeros,
             {map, all.getSubMap(rank), all.getMajorSubMap(rank)}, iterators,
             [](OpBuilder &n, Location l, ValueRange x) {
               Value sum = arith::AddFOp::create(n, l, x[2], x[0]);
               linalg::YieldOp::create(n, l, sum);
             })
      .getResult(0);
}

/// Each element is divided by a power of the squares of its neighbours along
/// the channels.
struct LRNLowering : OpConversionPattern<LRNOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LRNOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Value input = adaptor.getInput();
    auto type = cast<RankedTensorType>(input.getType());
    int64_t rank = type.getRank(), size = op.getSize();
    // No window reaches over more than all channels.
    constexpr int64_t kFewChannels = 16;
    auto reach = [&](int64_t neighbours) -> OpFoldResult {
      if (neighbours <= kFewChannels)
        return b.getIndexAttr(neighbours);
      return b.createOrFold<arith::MinSIOp>(
          loc, constantIndex(b, loc, neighbours),
          toIndex(b, loc, getDim(b, loc, input, 1)));
    };
    OpFoldResult before = reach((size - 1) / 2), after = reach(size / 2);
    SmallVector<OpFoldResult> low(rank, b.getIndexAttr(0)), high(low);
    low[1] = before;
    high[1] = after;
    ScalarEmitter outer(b, loc, element);
    SmallVector<OpFoldResult> dims = getDims(b, loc, input);
    Value squares =
        createBroadcastMap(b, loc, input, dims, outer.getType(),
                           [&](OpBuilder &n, Location l, ValueRange x) {
                             ScalarEmitter e(n, l, element);
                             Value value = e.load(x[0], element);
                             return e.mul(value, value);
                           });
    Value padded = tensor::PadOp::create(b, loc, Type(), squares, low, high,
                                         outer.constant(0));
    OpFoldResult window =
        addSizes(b, loc, addSizes(b, loc, before, after), b.getIndexAttr(1));
    Value sums = sumNeighbours(b, loc, padded, dims, window);
    double alpha = op.getAlpha().convertToDouble() / size;
    double beta = op.getBeta().convertToDouble();
    double bias = op.getBias().convertToDouble();
    Value result = createBroadcastMap(
        b, loc, {input, sums}, dims, element,
        [&](OpBuilder &n, Location l, ValueRange x) {
          ScalarEmitter e(n, l, element);
          Value sum = e.add(e.constant(bias), e.mul(e.constant(alpha), x[1]));
          Value quotient = e.div(e.load(x[0], element), e.power(sum, beta));
          return e.store(quotient, element);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

} // namespace

void neuroplast::populateNormalizationToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<BatchNormLowering, BatchStatisticsLowering, LayerNormLowering,
               RMSNormLowering, InstanceNormLowering, GroupNormLowering,
               LpNormLowering, LRNLowering>(converter, patterns.getContext());
}
