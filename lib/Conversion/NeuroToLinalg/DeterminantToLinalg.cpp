//===- DeterminantToLinalg.cpp - Determinants to loops --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Cmp = ScalarEmitter::Compare;

/// Determinants by elimination with row pivoting, one matrix after the other,
/// in a copy of the input.
struct DetLowering : OpConversionPattern<DetOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(DetOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(adaptor.getInput().getType());
    int64_t rank = type.getRank();
    Type element = type.getElementType();
    if (ScalarEmitter::getComputeType(element) != element)
      return b.notifyMatchFailure(op, "narrow floats are not implemented");
    SmallVector<OpFoldResult> sizes = getDims(b, loc, adaptor.getInput());
    OpFoldResult count = b.getIndexAttr(1);
    for (OpFoldResult size : ArrayRef(sizes).drop_back(2))
      count = mulSizes(b, loc, count, size);
    auto reshape = [&](Value value, ArrayRef<OpFoldResult> to) -> Value {
      SmallVector<int64_t> shape;
      SmallVector<Value> dynamic;
      dispatchIndexOpFoldResults(to, dynamic, shape);
      return ReshapeOp::create(b, loc, value, dynamic, shape);
    };
    Value matrices =
        reshape(adaptor.getInput(), {count, sizes[rank - 2], sizes[rank - 1]});
    Value n = toIndex(b, loc, sizes[rank - 1]);
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    Value results = createEmpty(b, loc, {count}, element);
    auto loop = scf::ForOp::create(
        b, loc, zero, toIndex(b, loc, count), one,
        ValueRange{matrices, results},
        [&](OpBuilder &inner, Location l, Value matrix, ValueRange args) {
          SmallVector<Value> state =
              eliminate(inner, l, args[0], matrix, n, zero, one, element);
          Value next = tensor::InsertOp::create(inner, l, state[1], args[1],
                                                ValueRange{matrix});
          scf::YieldOp::create(inner, l, ValueRange{state[0], next});
        });
    Value result = reshape(loop.getResult(1), ArrayRef(sizes).drop_back(2));
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }

private:
  /// Eliminates one matrix; returns the tensor of all matrices and the
  /// determinant.
  static SmallVector<Value> eliminate(OpBuilder &b, Location loc, Value all,
                                      Value matrix, Value n, Value zero,
                                      Value one, Type element) {
    ScalarEmitter scalar(b, loc, element);
    auto columns = scf::ForOp::create(
        b, loc, zero, n, one, ValueRange{all, scalar.constant(1)},
        [&](OpBuilder &inner, Location l, Value column, ValueRange args) {
          ScalarEmitter e(inner, l, element);
          Value below = arith::AddIOp::create(inner, l, column, one);
          auto read = [&](OpBuilder &at, Value from, Value row,
                          Value col) -> Value {
            return tensor::ExtractOp::create(at, l, from,
                                             ValueRange{matrix, row, col});
          };
          // The row with the largest element of this column.
          auto search = scf::ForOp::create(
              inner, l, below, n, one, ValueRange{column},
              [&](OpBuilder &deep, Location, Value row, ValueRange best) {
                ScalarEmitter d(deep, l, element);
                Value mine = d.abs(read(deep, args[0], row, column));
                Value theirs = d.abs(read(deep, args[0], best[0], column));
                Value better = d.compare(Cmp::Greater, mine, theirs);
                Value chosen = d.select(better, row, best[0]);
                scf::YieldOp::create(deep, l, chosen);
              });
          Value pivotRow = search.getResult(0);
          Value swapped = arith::CmpIOp::create(
              inner, l, arith::CmpIPredicate::ne, pivotRow, column);
          auto swap = scf::ForOp::create(
              inner, l, column, n, one, ValueRange{args[0]},
              [&](OpBuilder &deep, Location, Value col, ValueRange now) {
                Value upper = read(deep, now[0], column, col);
                Value lower = read(deep, now[0], pivotRow, col);
                Value first = tensor::InsertOp::create(
                    deep, l, lower, now[0], ValueRange{matrix, column, col});
                Value second = tensor::InsertOp::create(
                    deep, l, upper, first, ValueRange{matrix, pivotRow, col});
                scf::YieldOp::create(deep, l, second);
              });
          Value pivot = read(inner, swap.getResult(0), column, column);
          Value isZero = e.compare(Cmp::Equal, pivot, e.constant(0));
          Value divisor = e.select(isZero, e.constant(1), pivot);
          auto rows = scf::ForOp::create(
              inner, l, below, n, one, ValueRange{swap.getResult(0)},
              [&](OpBuilder &deep, Location, Value row, ValueRange now) {
                ScalarEmitter d(deep, l, element);
                Value factor = d.div(read(deep, now[0], row, column), divisor);
                auto update = scf::ForOp::create(
                    deep, l, column, n, one, now,
                    [&](OpBuilder &leaf, Location, Value col,
                        ValueRange current) {
                      ScalarEmitter s(leaf, l, element);
                      Value upper = read(leaf, current[0], column, col);
                      Value own = read(leaf, current[0], row, col);
                      Value next = s.sub(own, s.mul(factor, upper));
                      Value stored = tensor::InsertOp::create(
                          leaf, l, next, current[0],
                          ValueRange{matrix, row, col});
                      scf::YieldOp::create(leaf, l, stored);
                    });
                scf::YieldOp::create(deep, l, update.getResults());
              });
          Value sign = e.select(swapped, e.constant(-1), e.constant(1));
          Value product = e.mul(args[1], e.mul(sign, pivot));
          scf::YieldOp::create(inner, l,
                               ValueRange{rows.getResult(0), product});
        });
    return SmallVector<Value>(columns.getResults());
  }
};

} // namespace

void neuroplast::populateDeterminantToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<DetLowering>(converter, patterns.getContext());
}
