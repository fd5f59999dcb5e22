//===- ScanToLinalg.cpp - Running sums, hardmax and top-k to loops --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// What depends on the order of the elements along an axis.

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::normalizeAxis;

namespace {

using Cmp = ScalarEmitter::Compare;

Value constantIndex(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

/// `others` with `place` inserted at `axis`.
SmallVector<Value> insertAt(ValueRange others, int64_t axis, Value place) {
  SmallVector<Value> result(others);
  result.insert(result.begin() + axis, place);
  return result;
}

/// The sizes of all axes but one.
SmallVector<OpFoldResult> dropSize(ArrayRef<OpFoldResult> sizes, int64_t axis) {
  SmallVector<OpFoldResult> result(sizes);
  result.erase(result.begin() + axis);
  return result;
}

/// Running sums or products: one pass along the axis per row.
template <typename Op, bool isProduct>
struct RunningLowering : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;

  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    int64_t axis = normalizeAxis(op.getAxis(), input);
    SmallVector<OpFoldResult> sizes = getDims(b, loc, input);
    Value length = toIndex(b, loc, sizes[axis]);
    Value empty =
        createEmpty(b, loc, sizes, ScalarEmitter::getStorageType(element));
    Value result = createLoops(
        b, loc, dropSize(sizes, axis), empty,
        [&](OpBuilder &row, Location l, ValueRange at, Value tensor) -> Value {
          Value zero = constantIndex(row, l, 0), one = constantIndex(row, l, 1);
          Value start = ScalarEmitter(row, l, element).constant(isProduct);
          auto loop = scf::ForOp::create(
              row, l, zero, length, one, ValueRange{tensor, start},
              [&](OpBuilder &inner, Location, Value step, ValueRange args) {
                ScalarEmitter e(inner, l, element);
                Value place = step;
                if (op.getReverse()) {
                  Value last = arith::SubIOp::create(inner, l, length, one);
                  place = arith::SubIOp::create(inner, l, last, step);
                }
                SmallVector<Value> here = insertAt(at, axis, place);
                Value x = e.load(
                    tensor::ExtractOp::create(inner, l, input, here), element);
                Value next = isProduct ? e.mul(args[1], x) : e.add(args[1], x);
                Value written = op.getExclusive() ? args[1] : next;
                Value stored = tensor::InsertOp::create(
                    inner, l, e.store(written, element), args[0], here);
                scf::YieldOp::create(inner, l, ValueRange{stored, next});
              });
          return loop.getResult(0);
        });
    b.replaceOp(op,
                castTo(b, loc, result,
                       this->getTypeConverter()->convertType(op.getType())));
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

/// Each element is inserted into the sorted list of the best ones so far, which
/// is built in the result. Equal elements stay in their order.
struct TopKLowering : OpConversionPattern<TopKOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(TopKOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Type storage = ScalarEmitter::getStorageType(element);
    int64_t axis = normalizeAxis(op.getAxis(), input);
    OpFoldResult k = op.getDynamicK() ? OpFoldResult(adaptor.getDynamicK())
                                      : b.getIndexAttr(op.getK());
    SmallVector<OpFoldResult> sizes = getDims(b, loc, input), kept(sizes);
    kept[axis] = k;
    Value count = toIndex(b, loc, k);
    Value zero = constantIndex(b, loc, 0), one = constantIndex(b, loc, 1);
    // Nothing is looked at if nothing is asked for.
    Value isEmpty =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, count, zero);
    Value length = arith::SelectOp::create(b, loc, isEmpty, zero,
                                           toIndex(b, loc, sizes[axis]));
    Value last = arith::SubIOp::create(b, loc, count, one);
    // Two tensors are carried: the values, and their places.
    Value values = createEmpty(b, loc, kept, storage);
    Value places = createEmpty(b, loc, kept, b.getI64Type());
    Row row{op, input, element, axis, length, last, zero, one};
    SmallVector<Value> results =
        row.forEach(b, loc, dropSize(sizes, axis), {}, {values, places});
    for (auto [result, old] : llvm::zip_equal(results, op->getResults()))
      result = castTo(b, loc, result,
                      getTypeConverter()->convertType(old.getType()));
    b.replaceOp(op, results);
    return success();
  }

private:
  struct Row {
    TopKOp op;
    Value input;
    Type element;
    int64_t axis;
    Value length, last, zero, one;

    SmallVector<Value> forEach(OpBuilder &b, Location loc,
                               ArrayRef<OpFoldResult> sizes,
                               SmallVector<Value> outer, ValueRange carried) {
      if (sizes.empty())
        return select(b, loc, outer, carried);
      auto loop = scf::ForOp::create(
          b, loc, zero, toIndex(b, loc, sizes.front()), one, carried,
          [&](OpBuilder &inner, Location l, Value index, ValueRange args) {
            SmallVector<Value> at(outer);
            at.push_back(index);
            scf::YieldOp::create(
                inner, l, forEach(inner, l, sizes.drop_front(), at, args));
          });
      return SmallVector<Value>(loop.getResults());
    }

    Value isBetter(ScalarEmitter &e, Value x, Value other) {
      return e.compare(op.getLargest() ? Cmp::Greater : Cmp::Less, x, other);
    }
    Value read(ScalarEmitter &e, Value tensor, ValueRange at, Value place) {
      return e.load(tensor::ExtractOp::create(e.getBuilder(), e.getLoc(),
                                              tensor,
                                              insertAt(at, axis, place)),
                    element);
    }

    SmallVector<Value> select(OpBuilder &b, Location loc, ValueRange at,
                              ValueRange carried) {
      auto loop = scf::ForOp::create(
          b, loc, zero, length, one, carried,
          [&](OpBuilder &inner, Location l, Value place, ValueRange args) {
            ScalarEmitter e(inner, l, element);
            Value x = read(e, input, at, place);
            Value hasRoom = arith::CmpIOp::create(
                inner, l, arith::CmpIPredicate::sle, place, last);
            Value end = arith::SelectOp::create(inner, l, hasRoom, place, last);
            Value fits = arith::OrIOp::create(
                inner, l, hasRoom, isBetter(e, x, read(e, args[0], at, last)));
            auto branch = scf::IfOp::create(
                inner, l, fits,
                [&](OpBuilder &then, Location) {
                  scf::YieldOp::create(
                      then, l, insert(then, l, at, args, end, x, place));
                },
                [&](OpBuilder &otherwise, Location) {
                  scf::YieldOp::create(otherwise, l, args);
                });
            scf::YieldOp::create(inner, l, branch.getResults());
          });
      return SmallVector<Value>(loop.getResults());
    }

    /// Moves worse elements one place down, from `end`, and puts `x` there.
    SmallVector<Value> insert(OpBuilder &b, Location loc, ValueRange at,
                              ValueRange carried, Value end, Value x,
                              Value place) {
      SmallVector<Value> init{end};
      llvm::append_range(init, carried);
      SmallVector<Location> locations(init.size(), loc);
      auto loop = scf::WhileOp::create(
          b, loc, TypeRange(ValueRange(init)), init,
          [&](OpBuilder &before, Location, ValueRange args) {
            ScalarEmitter e(before, loc, element);
            Value isInside = arith::CmpIOp::create(
                before, loc, arith::CmpIPredicate::sgt, args[0], zero);
            Value above = arith::SubIOp::create(before, loc, args[0], one);
            above = arith::MaxSIOp::create(before, loc, above, zero);
            Value worse = isBetter(e, x, read(e, args[1], at, above));
            Value goOn = arith::AndIOp::create(before, loc, isInside, worse);
            scf::ConditionOp::create(before, loc, goOn, args);
          },
          [&](OpBuilder &after, Location, ValueRange args) {
            Value above = arith::SubIOp::create(after, loc, args[0], one);
            SmallVector<Value> next{above};
            for (Value tensor : args.drop_front()) {
              Value moved = tensor::ExtractOp::create(
                  after, loc, tensor, insertAt(at, axis, above));
              next.push_back(tensor::InsertOp::create(
                  after, loc, moved, tensor, insertAt(at, axis, args[0])));
            }
            scf::YieldOp::create(after, loc, next);
          });
      ScalarEmitter e(b, loc, element);
      SmallVector<Value> here = insertAt(at, axis, loop.getResult(0));
      Value integer = arith::IndexCastOp::create(b, loc, b.getI64Type(), place);
      return {
          tensor::InsertOp::create(b, loc, e.store(x, element),
                                   loop.getResult(1), here),
          tensor::InsertOp::create(b, loc, integer, loop.getResult(2), here)};
    }
  };
};

} // namespace

void neuroplast::populateScanToLinalgPatterns(TypeConverter &converter,
                                              RewritePatternSet &patterns) {
  patterns.add<RunningLowering<CumSumOp, false>,
               RunningLowering<CumProdOp, true>, HardmaxLowering, TopKLowering>(
      converter, patterns.getContext());
}
