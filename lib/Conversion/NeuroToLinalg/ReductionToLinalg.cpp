//===- ReductionToLinalg.cpp - Reductions, softmax and scans to linalg ----===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::normalizeAxis;

namespace {

using Cmp = ScalarEmitter::Compare;

/// One reduction: where it starts, what an element contributes, how two values
/// combine, and what becomes of the combined value of `count` elements.
template <typename Op> struct Reducer {
  Value (*init)(ScalarEmitter &e);
  Value (*map)(ScalarEmitter &e, Value x);
  Value (*combine)(ScalarEmitter &e, Value sum, Value x);
  Value (*finish)(ScalarEmitter &e, Value sum, Value count);
};

/// The number of elements along `axes`, as an index.
Value countElements(OpBuilder &b, Location loc, Value input,
                    ArrayRef<int64_t> axes) {
  OpFoldResult count = b.getIndexAttr(1);
  for (int64_t axis : axes)
    count = mulSizes(b, loc, count, getDim(b, loc, input, axis));
  return toIndex(b, loc, count);
}

/// An index as a value of the emitter's type.
Value indexToScalar(ScalarEmitter &e, Value index) {
  OpBuilder &b = e.getBuilder();
  Type i64 = b.getI64Type();
  Value integer = arith::IndexCastOp::create(b, e.getLoc(), i64, index);
  return ScalarEmitter(b, e.getLoc(), i64).convert(integer, i64, e.getType());
}

/// Sizes of `input` without `axes`.
SmallVector<OpFoldResult> getKeptSizes(OpBuilder &b, Location loc, Value input,
                                       ArrayRef<int64_t> axes) {
  SmallVector<OpFoldResult> sizes;
  for (auto [axis, size] : llvm::enumerate(getDims(b, loc, input)))
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      sizes.push_back(size);
  return sizes;
}

/// `body` applied to each element of `input`, in storage type `type`.
Value mapElements(OpBuilder &b, Location loc, Value input, Type type,
                  function_ref<Value(OpBuilder &, Location, Value)> body) {
  return createBroadcastMap(b, loc, input, getDims(b, loc, input), type,
                            [&](OpBuilder &nested, Location l, ValueRange x) {
                              return body(nested, l, x[0]);
                            });
}

template <typename Op> struct ReductionLowering : OpConversionPattern<Op> {
  ReductionLowering(const TypeConverter &converter, MLIRContext *context,
                    Reducer<Op> reducer)
      : OpConversionPattern<Op>(converter, context), reducer(reducer) {}

  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    if (!element.isIntOrFloat())
      return rewriter.notifyMatchFailure(op, "element type is not a number");
    Value input = adaptor.getInput();
    ScalarEmitter outer(rewriter, loc, element);
    Value init = createFilled(rewriter, loc,
                              getKeptSizes(rewriter, loc, input, op.getAxes()),
                              reducer.init(outer));
    Value sum = createReduction(
        rewriter, loc, input, op.getAxes(), init,
        [&](OpBuilder &b, Location l, Value x, Value acc) {
          ScalarEmitter e(b, l, element);
          return reducer.combine(e, acc, reducer.map(e, e.load(x, element)));
        });
    Value count = countElements(rewriter, loc, input, op.getAxes());
    Type storage = ScalarEmitter::getStorageType(element);
    Value result = mapElements(
        rewriter, loc, sum, storage, [&](OpBuilder &b, Location l, Value x) {
          ScalarEmitter e(b, l, element);
          return e.store(reducer.finish(e, x, count), element);
        });
    if (op.getKeepdims())
      result = expandAxes(rewriter, loc, result, op.getAxes());
    rewriter.replaceOp(
        op, castTo(rewriter, loc, result,
                   this->getTypeConverter()->convertType(op.getType())));
    return success();
  }

  Reducer<Op> reducer;
};

/// max_x and sum of e^(x - max) over axes, kept as size-1 axes.
struct StableSum {
  Value maximum, sum;
};

StableSum createStableSum(OpBuilder &b, Location loc, Value input,
                          ArrayRef<int64_t> axes, Type element) {
  ScalarEmitter outer(b, loc, element);
  SmallVector<OpFoldResult> kept = getKeptSizes(b, loc, input, axes);
  Value maximum = createReduction(
      b, loc, input, axes, createFilled(b, loc, kept, outer.lowest()),
      [&](OpBuilder &nested, Location l, Value x, Value acc) {
        ScalarEmitter e(nested, l, element);
        return e.max(acc, e.load(x, element));
      });
  Value keptMaximum = expandAxes(b, loc, maximum, axes);
  Value exponentials = createBroadcastMap(
      b, loc, {input, keptMaximum}, getDims(b, loc, input), outer.getType(),
      [&](OpBuilder &nested, Location l, ValueRange x) {
        ScalarEmitter e(nested, l, element);
        return e.exp(e.sub(e.load(x[0], element), x[1]));
      });
  Value sum = createReduction(
      b, loc, exponentials, axes, createFilled(b, loc, kept, outer.constant(0)),
      [&](OpBuilder &nested, Location l, Value x, Value acc) {
        return ScalarEmitter(nested, l, element).add(acc, x);
      });
  return {keptMaximum, expandAxes(b, loc, sum, axes)};
}

} // namespace

Value neuroplast::createRowSoftmax(OpBuilder &b, Location loc, Value input,
                                   bool masked) {
  Value empty = createEmpty(b, loc, getDims(b, loc, input), b.getF32Type());
  return kernel::SoftmaxOp::create(b, loc, input, empty, masked).getResult(0);
}

namespace {

template <typename Op> struct SoftmaxLowering : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    int64_t axis = normalizeAxis(op.getAxis(), input);
    if (std::is_same_v<Op, SoftmaxOp> && element.isF32() &&
        axis + 1 == cast<RankedTensorType>(input.getType()).getRank()) {
      rewriter.replaceOp(op, castTo(rewriter, loc,
                                    createRowSoftmax(rewriter, loc, input),
                                    op.getType()));
      return success();
    }
    StableSum stable = createStableSum(rewriter, loc, input, axis, element);
    Value result = createBroadcastMap(
        rewriter, loc, {input, stable.maximum, stable.sum},
        getDims(rewriter, loc, input), element,
        [&](OpBuilder &b, Location l, ValueRange x) {
          ScalarEmitter e(b, l, element);
          Value shifted = e.sub(e.load(x[0], element), x[1]);
          if constexpr (std::is_same_v<Op, LogSoftmaxOp>)
            return e.store(e.sub(shifted, e.log(x[2])), element);
          return e.store(e.div(e.exp(shifted), x[2]), element);
        });
    rewriter.replaceOp(op, castTo(rewriter, loc, result, op.getType()));
    return success();
  }
};

/// 1 at the place of the first largest element.
struct HardmaxLowering : OpConversionPattern<HardmaxOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(HardmaxOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(input.getType());
    int64_t axis = normalizeAxis(op.getAxis(), input);
    Value best = ArgMaxOp::create(b, loc, input, axis, /*keepdims=*/1);
    Value result = createBroadcastMap(
        b, loc, {input, best}, getDims(b, loc, input), element,
        [&](OpBuilder &inner, Location l, ValueRange x) {
          ScalarEmitter e(inner, l, element);
          Value here = arith::IndexCastOp::create(
              inner, l, inner.getI64Type(),
              linalg::IndexOp::create(inner, l, axis));
          Value isBest = arith::CmpIOp::create(
              inner, l, arith::CmpIPredicate::eq, here, x[1]);
          return e.store(e.select(isBest, e.constant(1), e.constant(0)),
                         element);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

struct ReduceLogSumExpLowering : OpConversionPattern<ReduceLogSumExpOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ReduceLogSumExpOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    if (!isa<FloatType>(element))
      return rewriter.notifyMatchFailure(op, "element type is not a float");
    Value input = adaptor.getInput();
    StableSum stable =
        createStableSum(rewriter, loc, input, op.getAxes(), element);
    Value result = createBroadcastMap(
        rewriter, loc, {stable.maximum, stable.sum},
        getDims(rewriter, loc, stable.sum), element,
        [&](OpBuilder &b, Location l, ValueRange x) {
          ScalarEmitter e(b, l, element);
          // Without elements, or with an infinite maximum, that is the result.
          Value isInfinite = e.compare(Cmp::Equal, e.abs(x[0]),
                                       ScalarEmitter(b, l, element).highest());
          Value finite = e.add(x[0], e.log(x[1]));
          return e.store(e.select(isInfinite, x[0], finite), element);
        });
    if (!op.getKeepdims()) {
      auto type = cast<RankedTensorType>(op.getType());
      SmallVector<ReassociationIndices> groups;
      auto full = cast<RankedTensorType>(result.getType());
      ReassociationIndices pending;
      for (int64_t axis = 0; axis < full.getRank(); ++axis) {
        pending.push_back(axis);
        if (!llvm::is_contained(op.getAxes(), axis)) {
          groups.push_back(pending);
          pending.clear();
        }
      }
      if (!groups.empty())
        groups.back().append(pending);
      result = tensor::CollapseShapeOp::create(
          rewriter, loc,
          RankedTensorType::get(type.getShape(), full.getElementType()), result,
          groups);
    }
    rewriter.replaceOp(op, castTo(rewriter, loc, result, op.getType()));
    return success();
  }
};

/// The index of the extreme element along an axis, one element at a time in
/// order, so that ties go to the first (or, if asked for, the last).
template <typename Op, Cmp better>
struct ArgLowering : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    int64_t axis = normalizeAxis(op.getAxis(), input);
    ScalarEmitter outer(rewriter, loc, element);
    SmallVector<OpFoldResult> kept = getKeptSizes(rewriter, loc, input, axis);
    Value extreme =
        createFilled(rewriter, loc, kept,
                     better == Cmp::Greater ? outer.lowest() : outer.highest());
    Value minusOne = arith::ConstantIntOp::create(rewriter, loc, -1, 64);
    Value index = createFilled(rewriter, loc, kept, minusOne);
    int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
    SmallVector<AffineExpr> keptExprs;
    SmallVector<utils::IteratorType> iterators;
    for (int64_t loop = 0; loop < rank; ++loop) {
      iterators.push_back(loop == axis ? utils::IteratorType::reduction
                                       : utils::IteratorType::parallel);
      if (loop != axis)
        keptExprs.push_back(rewriter.getAffineDimExpr(loop));
    }
    AffineMap keptMap =
        AffineMap::get(rank, 0, keptExprs, rewriter.getContext());
    bool last = op.getSelectLastIndex();
    auto generic = linalg::GenericOp::create(
        rewriter, loc, TypeRange{extreme.getType(), index.getType()}, input,
        ValueRange{extreme, index},
        {rewriter.getMultiDimIdentityMap(rank), keptMap, keptMap}, iterators,
        [&](OpBuilder &b, Location l, ValueRange args) {
          ScalarEmitter e(b, l, element);
          Value x = e.load(args[0], element);
          Value isBetter = e.compare(better, x, args[1]);
          if (last)
            isBetter = arith::OrIOp::create(b, l, isBetter,
                                            e.compare(Cmp::Equal, x, args[1]));
          Value isFirst =
              arith::CmpIOp::create(b, l, arith::CmpIPredicate::slt, args[2],
                                    arith::ConstantIntOp::create(b, l, 0, 64));
          isBetter = arith::OrIOp::create(b, l, isBetter, isFirst);
          Value here = arith::IndexCastOp::create(
              b, l, b.getI64Type(), linalg::IndexOp::create(b, l, axis));
          linalg::YieldOp::create(
              b, l,
              ValueRange{e.select(isBetter, x, args[1]),
                         e.select(isBetter, here, args[2])});
        });
    Value result = generic.getResult(1);
    if (op.getKeepdims())
      result = expandAxes(rewriter, loc, result, axis);
    rewriter.replaceOp(op, castTo(rewriter, loc, result, op.getType()));
    return success();
  }
};

/// Begins where the op stands and waits before what uses it first.
struct AllReduceLowering : OpConversionPattern<AllReduceOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(AllReduceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type type = adaptor.getInput().getType();
    auto begun = kernel::StartAllReduceOp::create(b, loc, TypeRange(type),
                                                  adaptor.getInput());
    Operation *first = nullptr;
    for (Operation *user : op->getUsers()) {
      Operation *here = op->getBlock()->findAncestorOpInBlock(*user);
      if (here && (!first || here->isBeforeInBlock(first)))
        first = here;
    }
    if (first)
      b.setInsertionPoint(first);
    auto done = kernel::FinishAllReduceOp::create(b, loc, TypeRange(type),
                                                  begun.getResults());
    b.replaceOp(op, done.getResults());
    return success();
  }
};

Value zero(ScalarEmitter &e) { return e.constant(0); }
Value one(ScalarEmitter &e) { return e.constant(1); }
Value same(ScalarEmitter &, Value x) { return x; }
Value magnitude(ScalarEmitter &e, Value x) { return e.abs(x); }
Value square(ScalarEmitter &e, Value x) { return e.mul(x, x); }
Value addTo(ScalarEmitter &e, Value sum, Value x) { return e.add(sum, x); }
Value asIs(ScalarEmitter &, Value sum, Value) { return sum; }

/// Integers go through f64 where the result of a function is rounded back.
template <typename MathOp> Value throughFloat(ScalarEmitter &e, Value x) {
  if (e.isFloat())
    return e.unary<MathOp>(x);
  Type real = e.getBuilder().getF64Type();
  Value converted = e.convert(x, e.getType(), real);
  return e.convert(e.unary<MathOp>(converted), real, e.getType());
}

} // namespace

void neuroplast::populateReductionToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  auto add = [&]<typename Op>(Reducer<Op> reducer) {
    patterns.add<ReductionLowering<Op>>(converter, context, reducer);
  };
  auto sqrtOf = [](ScalarEmitter &e, Value sum, Value) {
    return throughFloat<math::SqrtOp>(e, sum);
  };
  auto logOf = [](ScalarEmitter &e, Value sum, Value) {
    return throughFloat<math::LogOp>(e, sum);
  };
  auto mean = [](ScalarEmitter &e, Value sum, Value count) {
    return e.div(sum, indexToScalar(e, count));
  };
  auto largest = [](ScalarEmitter &e, Value a, Value b) { return e.max(a, b); };
  auto smallest = [](ScalarEmitter &e, Value a, Value b) {
    return e.min(a, b);
  };
  auto lowest = [](ScalarEmitter &e) { return e.lowest(); };
  auto highest = [](ScalarEmitter &e) { return e.highest(); };
  auto times = [](ScalarEmitter &e, Value a, Value b) { return e.mul(a, b); };
  add(Reducer<ReduceSumOp>{zero, same, addTo, asIs});
  add(Reducer<ReduceMeanOp>{zero, same, addTo, mean});
  add(Reducer<ReduceMaxOp>{lowest, same, largest, asIs});
  add(Reducer<ReduceMinOp>{highest, same, smallest, asIs});
  add(Reducer<ReduceProdOp>{one, same, times, asIs});
  add(Reducer<ReduceL1Op>{zero, magnitude, addTo, asIs});
  add(Reducer<ReduceL2Op>{zero, square, addTo, sqrtOf});
  add(Reducer<ReduceSumSquareOp>{zero, square, addTo, asIs});
  add(Reducer<ReduceLogSumOp>{zero, same, addTo, logOf});
  patterns.add<AllReduceLowering, ReduceLogSumExpLowering, HardmaxLowering,
               SoftmaxLowering<SoftmaxOp>, SoftmaxLowering<LogSoftmaxOp>,
               ArgLowering<ArgMaxOp, Cmp::Greater>,
               ArgLowering<ArgMinOp, Cmp::Less>>(converter, context);
}
