//===- NGramsToLinalg.cpp - Counting n-grams in loops --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// Looks for every n-gram of the pool at every place of every row.
struct TfIdfVectorizerLowering : OpConversionPattern<TfIdfVectorizerOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(TfIdfVectorizerOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    auto type = cast<RankedTensorType>(op.getType());
    SmallVector<OpFoldResult> rows = getDims(b, loc, input), sizes;
    rows.pop_back();
    sizes = rows;
    sizes.push_back(b.getIndexAttr(type.getShape().back()));
    Value zero =
        arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
    Value counts = createFilled(b, loc, sizes, zero);
    ArrayRef<int64_t> starts = op.getNgramCounts();
    int64_t first = 0;
    for (size_t i = 0; i < starts.size(); ++i) {
      int64_t length = i + 1, end = i + 1 < starts.size()
                                        ? starts[i + 1]
                                        : op.getPoolInt64s().size();
      int64_t grams = (end - starts[i]) / length;
      if (length >= static_cast<int64_t>(op.getMinGramLength()) &&
          length <= static_cast<int64_t>(op.getMaxGramLength()) && grams > 0)
        counts = countGrams(b, op, input, rows, counts, length,
                            op.getPoolInt64s().slice(starts[i], length * grams),
                            op.getNgramIndexes().slice(first, grams));
      first += grams;
    }
    b.replaceOp(op, weight(b, op, castTo(b, loc, counts, type)));
    return success();
  }

private:
  /// Adds the occurrences of the n-grams of one length.
  static Value countGrams(OpBuilder &b, TfIdfVectorizerOp op, Value input,
                          ArrayRef<OpFoldResult> rows, Value counts,
                          int64_t length, ArrayRef<int64_t> pool,
                          ArrayRef<int64_t> places) {
    Location loc = op.getLoc();
    auto list = [&](ArrayRef<int64_t> numbers) -> Value {
      auto type = RankedTensorType::get(numbers.size(), b.getI64Type());
      return arith::ConstantOp::create(b, loc,
                                       DenseElementsAttr::get(type, numbers));
    };
    Value items = list(pool), where = list(places);
    auto index = [&](OpBuilder &at, int64_t value) -> Value {
      return arith::ConstantIndexOp::create(at, loc, value);
    };
    // A single item has no gaps to skip.
    int64_t skips = length == 1 ? 0 : op.getMaxSkipCount();
    SmallVector<OpFoldResult> loops(rows);
    loops.push_back(b.getIndexAttr(places.size()));
    loops.push_back(b.getIndexAttr(skips + 1));
    Value size = toIndex(
        b, loc, getDim(b, loc, input, static_cast<int64_t>(rows.size())));
    return createLoops(
        b, loc, loops, counts,
        [&](OpBuilder &n, Location, ValueRange at, Value now) -> Value {
          ValueRange row = at.drop_back(2);
          Value gram = at[row.size()];
          Value step = arith::AddIOp::create(n, loc, at.back(), index(n, 1));
          Value reach =
              arith::MulIOp::create(n, loc, step, index(n, length - 1));
          Value candidates = arith::MaxSIOp::create(
              n, loc, arith::SubIOp::create(n, loc, size, reach), index(n, 0));
          auto found = scf::ForOp::create(
              n, loc, index(n, 0), candidates, index(n, 1), index(n, 0),
              [&](OpBuilder &m, Location, Value start, ValueRange sum) {
                Value isEqual = arith::ConstantIntOp::create(m, loc, 1, 1);
                for (int64_t i = 0; i < length; ++i) {
                  SmallVector<Value> place(row);
                  place.push_back(arith::AddIOp::create(
                      m, loc, start,
                      arith::MulIOp::create(m, loc, step, index(m, i))));
                  Value item = tensor::ExtractOp::create(m, loc, input, place);
                  if (!item.getType().isInteger(64))
                    item = arith::ExtSIOp::create(m, loc, m.getI64Type(), item);
                  Value wanted = tensor::ExtractOp::create(
                      m, loc, items,
                      arith::AddIOp::create(
                          m, loc,
                          arith::MulIOp::create(m, loc, gram, index(m, length)),
                          index(m, i))
                          .getResult());
                  isEqual = arith::AndIOp::create(
                      m, loc, isEqual,
                      arith::CmpIOp::create(m, loc, arith::CmpIPredicate::eq,
                                            item, wanted));
                }
                Value one = arith::AddIOp::create(m, loc, sum[0], index(m, 1));
                scf::YieldOp::create(
                    m, loc,
                    arith::SelectOp::create(m, loc, isEqual, one, sum[0])
                        .getResult());
              });
          SmallVector<Value> target(row);
          target.push_back(arith::IndexCastOp::create(
              n, loc, n.getIndexType(),
              tensor::ExtractOp::create(n, loc, where, gram)));
          ScalarEmitter e(n, loc, n.getF32Type());
          Value number = arith::IndexCastOp::create(n, loc, n.getI64Type(),
                                                    found.getResult(0));
          Value sum = e.add(tensor::ExtractOp::create(n, loc, now, target),
                            e.convert(number, n.getI64Type(), n.getF32Type()));
          return tensor::InsertOp::create(n, loc, sum, now, target);
        });
  }

  /// Counts as the mode asks for them. A weight belongs to an n-gram, and with
  /// it to its place.
  static Value weight(OpBuilder &b, TfIdfVectorizerOp op, Value counts) {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getType());
    if (op.getMode() == "TF")
      return counts;
    int64_t places = type.getShape().back();
    SmallVector<float> weights(places, 1.0f);
    if (op.getWeights())
      for (auto [place, weight] :
           llvm::zip_equal(op.getNgramIndexes(), *op.getWeights()))
        weights[place] = weight;
    auto listType = RankedTensorType::get(places, b.getF32Type());
    Value table = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(listType, ArrayRef(weights)));
    bool countsAll = op.getMode() == "TFIDF";
    return createBroadcastMap(
        b, loc, {counts, table}, getDims(b, loc, counts), b.getF32Type(),
        [&](OpBuilder &n, Location l, ValueRange x) -> Value {
          ScalarEmitter e(n, l, n.getF32Type());
          if (countsAll)
            return e.mul(x[0], x[1]);
          Value isThere =
              e.compare(ScalarEmitter::Compare::Greater, x[0], e.constant(0));
          return e.select(isThere, x[1], e.constant(0));
        });
  }
};

} // namespace

void neuroplast::populateNGramsToLinalgPatterns(TypeConverter &converter,
                                                RewritePatternSet &patterns) {
  patterns.add<TfIdfVectorizerLowering>(converter, patterns.getContext());
}
