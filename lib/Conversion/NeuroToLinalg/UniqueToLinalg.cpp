//===- UniqueToLinalg.cpp - Distinct elements or slices -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

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

/// Distinct items in quadratic time: the first item equal to each; the rank of
/// each first item among first items; then everything is scattered by rank.
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
      return createLoops(
          n, l, inner, {no, yes},
          [&](OpBuilder &m, Location k, ValueRange at,
              ValueRange carried) -> SmallVector<Value> {
            ScalarEmitter e(m, k, element);
            Value x = read(m, k, a, at), y = read(m, k, c, at);
            Value less = e.compare(ScalarEmitter::Compare::Less, x, y);
            Value equal = e.compare(ScalarEmitter::Compare::Equal, x, y);
            Value decided = arith::AndIOp::create(m, k, carried[1], less);
            return {arith::OrIOp::create(m, k, carried[0], decided),
                    arith::AndIOp::create(m, k, carried[1], equal)};
          });
    };
    Type index = b.getIndexType(), i64 = b.getI64Type();
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    auto isEqual = [](OpBuilder &n, Location l, Value x, Value y) -> Value {
      return arith::CmpIOp::create(n, l, arith::CmpIPredicate::eq, x, y);
    };
    auto isLess = [](OpBuilder &n, Location l, Value x, Value y) -> Value {
      return arith::CmpIOp::create(n, l, arith::CmpIPredicate::slt, x, y);
    };

    Value first = createLoops(
        b, loc, items, createEmpty(b, loc, items, index),
        [&](OpBuilder &n, Location l, ValueRange at,
            ValueRange carried) -> SmallVector<Value> {
          Value found = createLoops(
              n, l, OpFoldResult(at[0]), at[0],
              [&](OpBuilder &m, Location k, ValueRange other,
                  ValueRange best) -> SmallVector<Value> {
                Value equal = compare(m, k, other[0], at[0])[1];
                Value earlier = isLess(m, k, other[0], best[0]);
                Value take = arith::AndIOp::create(m, k, equal, earlier);
                return {arith::SelectOp::create(m, k, take, other[0], best[0])};
              })[0];
          return {tensor::InsertOp::create(n, l, found, carried[0], at[0])};
        })[0];

    auto isFirst = [&](OpBuilder &n, Location l, Value item) -> Value {
      return isEqual(n, l, item, tensor::ExtractOp::create(n, l, first, item));
    };
    Value rank = createLoops(
        b, loc, items, createEmpty(b, loc, items, index),
        [&](OpBuilder &n, Location l, ValueRange at,
            ValueRange carried) -> SmallVector<Value> {
          Value own = tensor::ExtractOp::create(n, l, first, at[0]);
          Value count = createLoops(
              n, l, items, zero,
              [&](OpBuilder &m, Location k, ValueRange other,
                  ValueRange sum) -> SmallVector<Value> {
                Value before = op.getSorted() ? compare(m, k, other[0], own)[0]
                                              : isLess(m, k, other[0], own);
                before = arith::AndIOp::create(m, k, before,
                                               isFirst(m, k, other[0]));
                Value step = arith::IndexCastUIOp::create(m, k, index, before);
                return {arith::AddIOp::create(m, k, sum[0], step)};
              })[0];
          return {tensor::InsertOp::create(n, l, count, carried[0], at[0])};
        })[0];

    Value count =
        createLoops(b, loc, items, zero,
                    [&](OpBuilder &n, Location l, ValueRange at,
                        ValueRange sum) -> SmallVector<Value> {
                      Value step = arith::IndexCastUIOp::create(
                          n, l, index, isFirst(n, l, at[0]));
                      return {arith::AddIOp::create(n, l, sum[0], step)};
                    })[0];

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
