//===- Sorting.cpp - Orders of items -------------------------------------===//
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

using Cmp = ScalarEmitter::Compare;

Value neuroplast::isLessWithNaN(ScalarEmitter &e, Value x, Value y) {
  Value less = e.compare(Cmp::Less, x, y);
  if (!e.isFloat())
    return less;
  OpBuilder &b = e.getBuilder();
  Value yes = arith::ConstantIntOp::create(b, e.getLoc(), 1, 1);
  Value isNumber = arith::XOrIOp::create(b, e.getLoc(), e.isNaN(x), yes);
  Value isEnd = arith::AndIOp::create(b, e.getLoc(), isNumber, e.isNaN(y));
  return arith::OrIOp::create(b, e.getLoc(), less, isEnd);
}

/// Merges two neighbouring runs of `order`, [start, middle) and [middle, end),
/// into the same places of `target`.
static Value emitMerge(OpBuilder &b, Location loc, Value order, Value target,
                       Value start, Value middle, Value end,
                       Precedes precedes) {
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  auto read = [&](OpBuilder &n, Value place) -> Value {
    return tensor::ExtractOp::create(n, loc, order, place);
  };
  auto loop = scf::ForOp::create(
      b, loc, start, end, one, ValueRange{start, middle, target},
      [&](OpBuilder &n, Location, Value place, ValueRange now) {
        Value left = now[0], right = now[1];
        auto isBelow = [&](OpBuilder &m, Value x, Value y) -> Value {
          return arith::CmpIOp::create(m, loc, arith::CmpIPredicate::slt, x, y);
        };
        Value hasLeft = isBelow(n, left, middle),
              hasRight = isBelow(n, right, end);
        Value both = arith::AndIOp::create(n, loc, hasLeft, hasRight);
        // Of equal items the left one comes first.
        auto decide = scf::IfOp::create(
            n, loc, both,
            [&](OpBuilder &m, Location) {
              Value isBefore = precedes(m, loc, read(m, right), read(m, left));
              scf::YieldOp::create(m, loc, isBefore);
            },
            [&](OpBuilder &m, Location) {
              scf::YieldOp::create(m, loc, hasRight);
            });
        Value takesRight = decide.getResult(0);
        Value from = arith::SelectOp::create(n, loc, takesRight, right, left);
        Value next =
            tensor::InsertOp::create(n, loc, read(n, from), now[2], place);
        auto move = [&](Value at, Value isTaken) -> Value {
          Value further = arith::AddIOp::create(n, loc, at, one);
          return arith::SelectOp::create(n, loc, isTaken, further, at);
        };
        Value yes = arith::ConstantIntOp::create(n, loc, 1, 1);
        Value takesLeft = arith::XOrIOp::create(n, loc, takesRight, yes);
        scf::YieldOp::create(
            n, loc,
            ValueRange{move(left, takesLeft), move(right, takesRight), next});
      });
  return loop.getResult(2);
}

Value neuroplast::createOrder(OpBuilder &b, Location loc, Value count,
                              Precedes precedes) {
  Value zero = arith::ConstantIndexOp::create(b, loc, 0),
        one = arith::ConstantIndexOp::create(b, loc, 1),
        two = arith::ConstantIndexOp::create(b, loc, 2);
  Type index = b.getIndexType();
  Value order =
      createMap(b, loc, OpFoldResult(count), index,
                [](OpBuilder &, Location, ValueRange at) { return at[0]; });
  Value target = createEmpty(b, loc, OpFoldResult(count), index);
  SmallVector<Value> state{one, order, target};
  auto loop = scf::WhileOp::create(
      b, loc, TypeRange(ValueRange(state)), state,
      [&](OpBuilder &n, Location, ValueRange now) {
        Value goesOn = arith::CmpIOp::create(n, loc, arith::CmpIPredicate::slt,
                                             now[0], count);
        scf::ConditionOp::create(n, loc, goesOn, now);
      },
      [&](OpBuilder &n, Location, ValueRange now) {
        Value width = now[0];
        Value twice = arith::MulIOp::create(n, loc, width, two);
        auto merged = scf::ForOp::create(
            n, loc, zero, count, twice, now[2],
            [&](OpBuilder &m, Location, Value start, ValueRange into) {
              auto limit = [&](Value place) -> Value {
                return arith::MinSIOp::create(m, loc, place, count);
              };
              Value middle = limit(arith::AddIOp::create(m, loc, start, width));
              Value end = limit(arith::AddIOp::create(m, loc, start, twice));
              scf::YieldOp::create(m, loc,
                                   emitMerge(m, loc, now[1], into[0], start,
                                             middle, end, precedes));
            });
        // Back into the first tensor, so that each stays one buffer.
        auto copied = scf::ForOp::create(
            n, loc, zero, count, one, now[1],
            [&](OpBuilder &m, Location, Value place, ValueRange into) {
              Value item =
                  tensor::ExtractOp::create(m, loc, merged.getResult(0), place);
              scf::YieldOp::create(
                  m, loc,
                  tensor::InsertOp::create(m, loc, item, into[0], place)
                      .getResult());
            });
        scf::YieldOp::create(
            n, loc,
            ValueRange{twice, copied.getResult(0), merged.getResult(0)});
      });
  return loop.getResult(1);
}
