//===- UniqueToLinalg.cpp - Distinct elements or slices -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Sorting.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// The indices of the element at a row-major position.
SmallVector<Value> splitIndex(OpBuilder &b, Location loc, Value linear,
                              ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> indices(sizes.size());
  for (size_t axis = sizes.size(); axis-- > 0;) {
    if (axis == 0) {
      indices[axis] = linear;
      break;
    }
    Value size = toIndex(b, loc, sizes[axis]);
    indices[axis] = arith::RemUIOp::create(b, loc, linear, size);
    linear = arith::DivUIOp::create(b, loc, linear, size);
  }
  return indices;
}

/// Sequential loops over `sizes` that carry values.
SmallVector<Value>
createLoops(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes,
            ValueRange init,
            function_ref<SmallVector<Value>(OpBuilder &, Location, ValueRange,
                                            ValueRange)>
                body) {
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  SmallVector<Value> lower(sizes.size(), zero), steps(sizes.size(), one), upper;
  for (OpFoldResult size : sizes)
    upper.push_back(toIndex(b, loc, size));
  scf::LoopNest nest = scf::buildLoopNest(
      b, loc, lower, upper, steps, init,
      [&](OpBuilder &n, Location l, ValueRange indices, ValueRange carried) {
        return body(n, l, indices, carried);
      });
  return SmallVector<Value>(nest.results);
}

OpFoldResult countElements(OpBuilder &b, Location loc, Value tensor) {
  OpFoldResult count = b.getIndexAttr(1);
  for (OpFoldResult size : getDims(b, loc, tensor))
    count = mulSizes(b, loc, count, size);
  return count;
}

/// Items are put in order, where equal ones are neighbours; each is given the
/// rank of its group, among values or, unsorted, among first items; then
/// everything is scattered by rank.
struct UniqueLowering : OpConversionPattern<UniqueOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(UniqueOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    SmallVector<OpFoldResult> sizes = getDims(b, loc, input);
    bool hasAxis = op.getAxis().has_value();
    int64_t axis =
        neuro::detail::normalizeAxis(op.getAxis().value_or(0), sizes.size());
    OpFoldResult items = hasAxis ? sizes[axis] : countElements(b, loc, input);
    // An item is an element, or a slice whose elements `inner` counts.
    SmallVector<OpFoldResult> inner;
    if (hasAxis) {
      inner = sizes;
      inner.erase(inner.begin() + axis);
    }
    auto read = [&](OpBuilder &n, Location l, Value item, ValueRange at) {
      SmallVector<Value> source(at);
      if (hasAxis)
        source.insert(source.begin() + axis, item);
      else
        source = splitIndex(n, l, item, sizes);
      return ScalarEmitter(n, l, element)
          .load(tensor::ExtractOp::create(n, l, input, source), element);
    };
    /// Whether an item is before another in lexical order, and equal to it.
    auto compare = [&](OpBuilder &n, Location l, Value a, Value c) {
      Value no = arith::ConstantIntOp::create(n, l, 0, 1);
      Value yes = arith::ConstantIntOp::create(n, l, 1, 1);
      // Up to the first difference, and by it.
      return createLoops(
          n, l, inner, {no, yes, yes},
          [&](OpBuilder &m, Location k, ValueRange at,
              ValueRange carried) -> SmallVector<Value> {
            ScalarEmitter e(m, k, element);
            Value x = read(m, k, a, at), y = read(m, k, c, at);
            Value less = isLessWithNaN(e, x, y);
            Value differs =
                arith::OrIOp::create(m, k, less, isLessWithNaN(e, y, x));
            Value same = arith::XOrIOp::create(m, k, differs, yes);
            Value equal = e.compare(ScalarEmitter::Compare::Equal, x, y);
            Value decided = arith::AndIOp::create(m, k, carried[1], less);
            return {arith::OrIOp::create(m, k, carried[0], decided),
                    arith::AndIOp::create(m, k, carried[1], same),
                    arith::AndIOp::create(m, k, carried[2], equal)};
          });
    };
    Type index = b.getIndexType(), i64 = b.getI64Type();
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    auto isEqual = [](OpBuilder &n, Location l, Value x, Value y) -> Value {
      return arith::CmpIOp::create(n, l, arith::CmpIPredicate::eq, x, y);
    };
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    Value number = toIndex(b, loc, items);
    Value order = createOrder(b, loc, number,
                              [&](OpBuilder &n, Location l, Value x, Value y) {
                                return compare(n, l, x, y)[0];
                              });
    // Along the order: the first item of each group, and the group's number.
    SmallVector<Value> groups = createLoops(
        b, loc, items,
        {createEmpty(b, loc, items, index), createEmpty(b, loc, items, index),
         zero, zero},
        [&](OpBuilder &n, Location l, ValueRange at,
            ValueRange now) -> SmallVector<Value> {
          Value item = tensor::ExtractOp::create(n, l, order, at[0]);
          Value isStart = isEqual(n, l, at[0], zero);
          Value before = arith::MaxSIOp::create(
              n, l, arith::SubIOp::create(n, l, at[0], one), zero);
          Value last = tensor::ExtractOp::create(n, l, order, before);
          Value equal = compare(n, l, last, item)[2];
          Value yes = arith::ConstantIntOp::create(n, l, 1, 1);
          Value isNew = arith::OrIOp::create(
              n, l, isStart, arith::XOrIOp::create(n, l, equal, yes));
          Value first = arith::SelectOp::create(n, l, isNew, item, now[2]);
          Value count = arith::AddIOp::create(
              n, l, now[3], arith::IndexCastUIOp::create(n, l, index, isNew));
          Value group = arith::SubIOp::create(n, l, count, one);
          return {tensor::InsertOp::create(n, l, first, now[0], item),
                  tensor::InsertOp::create(n, l, group, now[1], item), first,
                  count};
        });
    Value first = groups[0], rank = groups[1], count = groups[3];
    if (!op.getSorted()) {
      // The groups in the order of their first items, which come before the
      // others of theirs.
      rank = createLoops(
          b, loc, items, {createEmpty(b, loc, items, index), zero},
          [&](OpBuilder &n, Location l, ValueRange at,
              ValueRange now) -> SmallVector<Value> {
            Value own = tensor::ExtractOp::create(n, l, first, at[0]);
            Value isFirst = isEqual(n, l, own, at[0]);
            Value known = tensor::ExtractOp::create(n, l, now[0], own);
            Value place = arith::SelectOp::create(n, l, isFirst, now[1], known);
            Value step = arith::IndexCastUIOp::create(n, l, index, isFirst);
            return {tensor::InsertOp::create(n, l, place, now[0], at[0]),
                    arith::AddIOp::create(n, l, now[1], step)};
          })[0];
    }

    // The item of each rank, and how many items share it.
    Value noCounts = createFilled(b, loc, OpFoldResult(count),
                                  arith::ConstantIntOp::create(b, loc, 0, 64));
    SmallVector<Value> byRank = createLoops(
        b, loc, items,
        {createEmpty(b, loc, OpFoldResult(count), index), noCounts},
        [&](OpBuilder &n, Location l, ValueRange at,
            ValueRange carried) -> SmallVector<Value> {
          Value place = tensor::ExtractOp::create(n, l, rank, at[0]);
          Value item = tensor::ExtractOp::create(n, l, first, at[0]);
          Value sum = tensor::ExtractOp::create(n, l, carried[1], place);
          sum = arith::AddIOp::create(
              n, l, sum, arith::ConstantIntOp::create(n, l, 1, 64));
          return {tensor::InsertOp::create(n, l, item, carried[0], place),
                  tensor::InsertOp::create(n, l, sum, carried[1], place)};
        });

    SmallVector<OpFoldResult> resultSizes{count};
    if (hasAxis) {
      resultSizes = sizes;
      resultSizes[axis] = count;
    }
    Value result =
        createMap(b, loc, resultSizes, getElementTypeOrSelf(input.getType()),
                  [&](OpBuilder &n, Location l, ValueRange at) -> Value {
                    SmallVector<Value> source(at);
                    source[axis] =
                        tensor::ExtractOp::create(n, l, byRank[0], at[axis]);
                    if (!hasAxis)
                      source = splitIndex(n, l, source[0], sizes);
                    return tensor::ExtractOp::create(n, l, input, source);
                  });
    auto asI64 = [&](Value list, OpFoldResult size) {
      return createMap(b, loc, size, i64,
                       [&](OpBuilder &n, Location l, ValueRange at) -> Value {
                         Value value =
                             tensor::ExtractOp::create(n, l, list, at);
                         return arith::IndexCastOp::create(n, l, i64, value);
                       });
    };
    SmallVector<Value> results{result, asI64(byRank[0], count),
                               asI64(rank, items), byRank[1]};
    for (auto [value, old] : llvm::zip_equal(results, op->getResults()))
      value =
          castTo(b, loc, value, getTypeConverter()->convertType(old.getType()));
    b.replaceOp(op, results);
    return success();
  }
};

} // namespace

void neuroplast::populateUniqueToLinalgPatterns(TypeConverter &converter,
                                                RewritePatternSet &patterns) {
  patterns.add<UniqueLowering>(converter, patterns.getContext());
}
