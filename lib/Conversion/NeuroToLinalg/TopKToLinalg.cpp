//===- TopKToLinalg.cpp - The best of each row to loops ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Sorting.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::normalizeAxis;

namespace {

using Cmp = ScalarEmitter::Compare;

/// A list that holds more is not built by insertion.
constexpr int64_t kMostInserted = 16;

/// The best of each row, equal elements in their order. Few are inserted into
/// the sorted list of the best ones so far, which is built in the result; more,
/// or an unknown number, are kept in a heap.
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
    bool usesHeap = !known || *known > kMostInserted;
    Row row{op, input, element, axis, length, last, zero, one, count, usesHeap};
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
    bool usesHeap;

    SmallVector<Value> forEach(OpBuilder &b, Location loc,
                               ArrayRef<OpFoldResult> sizes,
                               SmallVector<Value> outer, ValueRange carried) {
      if (sizes.empty())
        return usesHeap ? selectByHeap(b, loc, outer, carried)
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

    /// Whether item `x` of a row comes behind `other`: of equal ones the later.
    Value isBehind(OpBuilder &b, Location loc, ValueRange at, Value x,
                   Value other) {
      ScalarEmitter e(b, loc, element);
      Value mine = read(e, input, at, x), theirs = read(e, input, at, other);
      Value yes = arith::ConstantIntOp::create(b, loc, 1, 1);
      Value isNotBetter =
          arith::XOrIOp::create(b, loc, isBetter(e, mine, theirs), yes);
      Value isLater =
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, x, other);
      return arith::OrIOp::create(
          b, loc, isBetter(e, theirs, mine),
          arith::AndIOp::create(b, loc, isNotBetter, isLater));
    }

    /// Keeps the best items so far as a heap with the last of them on top,
    /// which a better one replaces, and sorts what is left.
    SmallVector<Value> selectByHeap(OpBuilder &b, Location loc, ValueRange at,
                                    ValueRange carried) {
      // Put in order from the last to the first, items are a heap.
      Value heap = createOrder(b, loc, count,
                               [&](OpBuilder &n, Location l, Value x, Value y) {
                                 return isBehind(n, l, at, x, y);
                               });
      auto scan = scf::ForOp::create(
          b, loc, count, length, one, heap,
          [&](OpBuilder &n, Location l, Value item, ValueRange now) {
            Value top = tensor::ExtractOp::create(n, l, now[0], zero);
            auto branch = scf::IfOp::create(
                n, l, isBehind(n, l, at, top, item),
                [&](OpBuilder &m, Location) {
                  scf::YieldOp::create(m, l, sink(m, l, at, now[0], item));
                },
                [&](OpBuilder &m, Location) {
                  scf::YieldOp::create(m, l, now[0]);
                });
            scf::YieldOp::create(n, l, branch.getResults());
          });
      heap = scan.getResult(0);
      auto getItem = [&](OpBuilder &n, Location l, Value place) -> Value {
        return tensor::ExtractOp::create(n, l, heap, place);
      };
      Value order = createOrder(
          b, loc, count, [&](OpBuilder &n, Location l, Value x, Value y) {
            return isBehind(n, l, at, getItem(n, l, y), getItem(n, l, x));
          });
      auto loop = scf::ForOp::create(
          b, loc, zero, count, one, carried,
          [&](OpBuilder &n, Location l, Value place, ValueRange args) {
            Value item =
                getItem(n, l, tensor::ExtractOp::create(n, l, order, place));
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

    /// Puts an item in the place of the top of the heap, below what is behind
    /// it.
    Value sink(OpBuilder &b, Location loc, ValueRange at, Value heap,
               Value item) {
      SmallVector<Value> state{zero, heap};
      SmallVector<Type> forwarded{b.getIndexType(), heap.getType(),
                                  b.getIndexType()};
      auto loop = scf::WhileOp::create(
          b, loc, forwarded, state,
          [&](OpBuilder &n, Location l, ValueRange now) {
            auto add = [&](Value x, Value y) -> Value {
              return arith::AddIOp::create(n, l, x, y);
            };
            auto isInside = [&](Value place) -> Value {
              return arith::CmpIOp::create(n, l, arith::CmpIPredicate::slt,
                                           place, count);
            };
            auto look = [&](Value place) -> Value {
              return tensor::ExtractOp::create(n, l, now[1], place);
            };
            Value left = add(add(now[0], now[0]), one), right = add(left, one);
            Value hasLeft = isInside(left), hasRight = isInside(right);
            // Where there is none, the top stands for it.
            Value first = arith::SelectOp::create(n, l, hasLeft, left, zero);
            Value second = arith::SelectOp::create(n, l, hasRight, right, zero);
            Value takesSecond = arith::AndIOp::create(
                n, l, hasRight, isBehind(n, l, at, look(second), look(first)));
            Value child =
                arith::SelectOp::create(n, l, takesSecond, second, first);
            Value goesOn = arith::AndIOp::create(
                n, l, hasLeft, isBehind(n, l, at, look(child), item));
            scf::ConditionOp::create(n, l, goesOn,
                                     ValueRange{now[0], now[1], child});
          },
          [&](OpBuilder &n, Location l, ValueRange now) {
            Value child = tensor::ExtractOp::create(n, l, now[1], now[2]);
            Value next = tensor::InsertOp::create(n, l, child, now[1], now[0]);
            scf::YieldOp::create(n, l, ValueRange{now[2], next});
          });
      return tensor::InsertOp::create(b, loc, item, loop.getResult(1),
                                      loop.getResult(0));
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
