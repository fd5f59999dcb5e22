//===- TopKToLinalg.cpp - The best of each row to loops ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Sorting.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::normalizeAxis;

namespace {

using Cmp = ScalarEmitter::Compare;

/// A list that holds more is not built by insertion.
constexpr int64_t kMostInserted = 16;

/// The best of each row, equal elements in their order. Few are inserted into
/// the sorted list of the best ones so far, which is built in the result; for
/// more, or an unknown number, the row is sorted.
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
    std::optional<int64_t> known = getConstantIntValue(k);
    bool isSorted = !known || *known > kMostInserted;
    Row row{op, input, element, axis, length, last, zero, one, count, isSorted};
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
    Value length, last, zero, one, count;
    bool isSorted;

    SmallVector<Value> forEach(OpBuilder &b, Location loc,
                               ArrayRef<OpFoldResult> sizes,
                               SmallVector<Value> outer, ValueRange carried) {
      if (sizes.empty())
        return isSorted ? sort(b, loc, outer, carried)
                        : select(b, loc, outer, carried);
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

    /// What is no number is worse than all.
    Value isBetter(ScalarEmitter &e, Value x, Value other) {
      if (!op.getLargest())
        return isLessWithNaN(e, x, other);
      Value greater = e.compare(Cmp::Greater, x, other);
      if (!e.isFloat())
        return greater;
      OpBuilder &b = e.getBuilder();
      Value yes = arith::ConstantIntOp::create(b, e.getLoc(), 1, 1);
      Value isNumber = arith::XOrIOp::create(b, e.getLoc(), e.isNaN(x), yes);
      Value isEnd =
          arith::AndIOp::create(b, e.getLoc(), isNumber, e.isNaN(other));
      return arith::OrIOp::create(b, e.getLoc(), greater, isEnd);
    }
    Value read(ScalarEmitter &e, Value tensor, ValueRange at, Value place) {
      return e.load(tensor::ExtractOp::create(e.getBuilder(), e.getLoc(),
                                              tensor,
                                              insertAt(at, axis, place)),
                    element);
    }

    /// The first places of the sorted row.
    SmallVector<Value> sort(OpBuilder &b, Location loc, ValueRange at,
                            ValueRange carried) {
      Value order = createOrder(
          b, loc, length, [&](OpBuilder &n, Location l, Value x, Value other) {
            ScalarEmitter e(n, l, element);
            return isBetter(e, read(e, input, at, x),
                            read(e, input, at, other));
          });
      auto loop = scf::ForOp::create(
          b, loc, zero, count, one, carried,
          [&](OpBuilder &n, Location l, Value place, ValueRange args) {
            ScalarEmitter e(n, l, element);
            Value item = tensor::ExtractOp::create(n, l, order, place);
            Value x = tensor::ExtractOp::create(n, l, input,
                                                insertAt(at, axis, item));
            Value number =
                arith::IndexCastOp::create(n, l, n.getI64Type(), item);
            SmallVector<Value> here = insertAt(at, axis, place);
            scf::YieldOp::create(
                n, l,
                ValueRange{
                    tensor::InsertOp::create(n, l, x, args[0], here),
                    tensor::InsertOp::create(n, l, number, args[1], here)});
          });
      return SmallVector<Value>(loop.getResults());
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

void neuroplast::populateTopKToLinalgPatterns(TypeConverter &converter,
                                              RewritePatternSet &patterns) {
  patterns.add<TopKLowering>(converter, patterns.getContext());
}
