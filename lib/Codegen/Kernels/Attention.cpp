//===- Attention.cpp - Attention by some rows of scores at a time ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Scores of some queries stay in the cache from the products that they are to
// those that they become part of: Rabe and Staats, "Self-attention does not
// need O(n^2) memory" (arXiv 2112.05682). Rows of scores are whole, as there is
// room for them; their softmax is then the same as without blocks.

#include "Emitters.h"
#include "SharedLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace neuroplast;

namespace {

class AttentionEmitter {
public:
  AttentionEmitter(kernel::AttentionOp op)
      : op(op), loc(op.getLoc()), maps(op.getMaps()),
        sizes(op.getStaticLoopRanges()), keys(op.getKeyLoop()),
        rows(op.getRowLoop()) {
    auto scores = cast<MemRefType>(op.getScores().getType());
    block = scores.getDimSize(1);
    for (unsigned loop : op.getScoreLoops())
      if (loop != rows)
        outer.push_back(loop);
  }

  AttentionSteps emit(int64_t threads) {
    OpBuilder b(op);
    LoopNest loops(op);
    bounds = LoopBounds(b, loc, loops);
    indices = bounds.begins;
    SmallVector<SharableLoop> sharable;
    for (unsigned loop : outer)
      sharable.push_back({loop, sizes[loop], 1});
    sharable.push_back({rows, sizes[rows], block});
    auto scores = cast<MemRefType>(op.getScores().getType());
    shareLoops(b, loc, sharable, countWork(op),
               std::min(threads, scores.getDimSize(0)), loops, bounds,
               [&](OpBuilder &inner, Value thread) {
                 worker = thread;
                 emitLoops(inner, 0);
               });
    return steps;
  }

private:
  Value constant(OpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  void emitLoops(OpBuilder &b, size_t depth) {
    bool isInnermost = depth == outer.size();
    unsigned loop = isInnermost ? rows : outer[depth];
    auto op = scf::ForOp::create(b, loc, bounds.begins[loop], bounds.ends[loop],
                                 constant(b, isInnermost ? block : 1));
    OpBuilder inner = OpBuilder::atBlockTerminator(op.getBody());
    indices[loop] = op.getInductionVar();
    if (isInnermost)
      emitBlock(inner);
    else
      emitLoops(inner, depth + 1);
  }

  /// The part of an operand that a block of rows meets, without the axes that
  /// loops around it go along, and the map to its places from the loops left.
  std::pair<Value, AffineMap> getPart(OpBuilder &b, Value operand,
                                      AffineMap map, OpFoldResult count) {
    SmallVector<OpFoldResult> from, extents;
    SmallVector<int64_t> shape;
    SmallVector<AffineExpr> exprs;
    SmallVector<OpFoldResult> whole = memref::getMixedSizes(b, loc, operand);
    for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      unsigned loop = dim ? dim.getPosition() : op.getNumLoops();
      bool isOuter = llvm::is_contained(outer, loop);
      from.push_back(isOuter || loop == rows ? OpFoldResult(indices[loop])
                                             : b.getIndexAttr(0));
      extents.push_back(isOuter        ? b.getIndexAttr(1)
                        : loop == rows ? count
                                       : whole[axis]);
      if (isOuter)
        continue;
      shape.push_back(
          getConstantIntValue(extents.back()).value_or(ShapedType::kDynamic));
      exprs.push_back(expr);
    }
    SmallVector<OpFoldResult> ones(from.size(), b.getIndexAttr(1));
    MemRefType type = memref::SubViewOp::inferRankReducedResultType(
        shape, cast<MemRefType>(operand.getType()), from, extents, ones);
    Value part =
        memref::SubViewOp::create(b, loc, type, operand, from, extents, ones);
    return {part, AffineMap::get(map.getNumDims(), 0, exprs, b.getContext())};
  }

  /// Maps from the loops that one of them moves with, in their order.
  static SmallVector<AffineMap> dropUnused(SmallVector<AffineMap> maps) {
    unsigned count = 0;
    SmallVector<AffineExpr> numbers;
    for (unsigned loop = 0, e = maps.front().getNumDims(); loop < e; ++loop) {
      numbers.push_back(getAffineDimExpr(count, maps.front().getContext()));
      count += llvm::any_of(
          maps, [&](AffineMap map) { return map.isFunctionOfDim(loop); });
    }
    for (AffineMap &map : maps)
      map = map.replaceDimsAndSymbols(numbers, {}, count, 0);
    return maps;
  }

  void emitBlock(OpBuilder &b) {
    OpFoldResult count = b.getIndexAttr(block);
    if (ShapedType::isDynamic(sizes[rows]) || sizes[rows] % block != 0) {
      Value left =
          arith::SubIOp::create(b, loc, bounds.ends[rows], indices[rows]);
      count = Value(arith::MinUIOp::create(b, loc, left, constant(b, block)));
    }
    OpFoldResult one = b.getIndexAttr(1), zero = b.getIndexAttr(0);
    int64_t knownCount =
        getConstantIntValue(count).value_or(ShapedType::kDynamic);
    SmallVector<OpFoldResult> from{worker, zero, zero},
        extents{one, count, memref::getMixedSize(b, loc, op.getScores(), 2)},
        ones(3, one);
    Value scores = memref::SubViewOp::create(
        b, loc,
        memref::SubViewOp::inferRankReducedResultType(
            {knownCount, sizes[keys]},
            cast<MemRefType>(op.getScores().getType()), from, extents, ones),
        op.getScores(), from, extents, ones);
    AffineMap scoreMap = AffineMap::get(
        op.getNumLoops(), 0,
        {b.getAffineDimExpr(rows), b.getAffineDimExpr(keys)}, b.getContext());

    SmallVector<Value> parts;
    SmallVector<AffineMap> partMaps;
    for (auto [input, map] :
         llvm::zip_equal(op.getInputs(), ArrayRef(maps).drop_back())) {
      auto [part, partMap] = getPart(b, input, map, count);
      parts.push_back(part);
      partMaps.push_back(partMap);
    }
    auto [result, resultMap] = getPart(b, op.getInit(), maps.back(), count);

    SmallVector<Value> factors(parts);
    factors.erase(factors.begin() + 2);
    SmallVector<AffineMap> factorMaps(partMaps);
    factorMaps.erase(factorMaps.begin() + 2);
    factorMaps.push_back(scoreMap);
    steps.scores = kernel::ContractOp::create(
        b, loc, factors, scores, dropUnused(factorMaps),
        [&](OpBuilder &nested, Location, ValueRange elements) {
          Block &body = op.getBody().front();
          IRMapping values;
          values.map(body.getArguments(), elements);
          for (Operation &inner : body.without_terminator())
            nested.clone(inner, values);
          return values.lookupOrDefault(body.getTerminator()->getOperand(0));
        });
    steps.shares =
        kernel::SoftmaxOp::create(b, loc, scores, scores, op.getMasked());
    SmallVector<Value> weighed{scores, parts[2]};
    steps.sums = kernel::ContractOp::create(
        b, loc, weighed, result,
        dropUnused({scoreMap, partMaps[2], resultMap}));
  }

  kernel::AttentionOp op;
  Location loc;
  SmallVector<AffineMap> maps;
  SmallVector<int64_t> sizes;
  unsigned keys, rows;
  int64_t block;               ///< of rows
  SmallVector<unsigned> outer; ///< loops around that over rows
  LoopBounds bounds;
  SmallVector<Value> indices; ///< of all loops
  Value worker;
  AttentionSteps steps;
};

} // namespace

AttentionSteps neuroplast::emitAttention(kernel::AttentionOp op,
                                         int64_t threads) {
  AttentionSteps steps = AttentionEmitter(op).emit(threads);
  op.erase();
  return steps;
}
