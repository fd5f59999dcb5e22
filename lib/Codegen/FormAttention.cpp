//===- FormAttention.cpp - Keep the scores of attention in the cache ------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

namespace neuroplast {
#define GEN_PASS_DEF_FORMATTENTION
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// Products that are scores, their softmax, and what weighs values with it.
struct Chain {
  kernel::ContractOp scores;
  kernel::SoftmaxOp shares;
  kernel::ContractOp sums;
  unsigned position = 0; ///< of the shares among the factors of the sums
};

/// Whether all operands are walked through axis by axis.
bool isPlain(kernel::ContractOp op) {
  return !op.getPaddedBlocks() && !op.getPaddedSums() &&
         llvm::all_of(op.getMaps(), [](AffineMap map) {
           return map.isProjectedPermutation(/*allowZeroInResults=*/true);
         });
}

/// Whether an op ends with the sums as they are.
bool hasNoEpilogue(kernel::ContractOp op) {
  Block *body = op.getBody();
  return body->getTerminator()->getOperand(0) == body->getArgument(0);
}

std::optional<Chain> findChain(kernel::SoftmaxOp shares) {
  auto scores = shares.getInput().getDefiningOp<kernel::ContractOp>();
  if (!scores || !shares.getInput().hasOneUse() || !isPlain(scores) ||
      shares.getNumResults() != 1 || !shares.getResult(0).hasOneUse())
    return std::nullopt;
  OpOperand &use = *shares.getResult(0).use_begin();
  auto sums = dyn_cast<kernel::ContractOp>(use.getOwner());
  if (!sums || use.getOperandNumber() > 1 || !isPlain(sums) ||
      !hasNoEpilogue(sums) || scores->getBlock() != shares->getBlock() ||
      sums->getBlock() != shares->getBlock())
    return std::nullopt;
  // What is summed over is the keys, and nothing else.
  AffineMap map = sums.getMaps()[use.getOperandNumber()];
  auto keys = dyn_cast<AffineDimExpr>(map.getResults().back());
  if (!keys)
    return std::nullopt;
  for (unsigned loop = 0; loop < sums.getNumLoops(); ++loop)
    if (sums.isParallel(loop) == (loop == keys.getPosition()))
      return std::nullopt;
  return Chain{scores, shares, sums, use.getOperandNumber()};
}

/// The operands of an attention, and the maps of these and of its result.
struct Operands {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
};

/// What both products read, from common loops; none if axes of the shares are
/// none of loops.
std::optional<Operands> joinOperands(Chain chain) {
  SmallVector<AffineMap> first = chain.scores.getMaps(),
                         second = chain.sums.getMaps();
  MLIRContext *context = chain.scores.getContext();
  unsigned count = chain.scores.getNumLoops();
  // The loops of the second product by those of the first, and new ones.
  SmallVector<AffineExpr> loops(chain.sums.getNumLoops());
  for (auto [ofScore, ofShare] : llvm::zip_equal(
           first.back().getResults(), second[chain.position].getResults())) {
    auto dim = dyn_cast<AffineDimExpr>(ofShare);
    if (!dim || !isa<AffineDimExpr>(ofScore))
      return std::nullopt;
    loops[dim.getPosition()] = ofScore;
  }
  for (AffineExpr &loop : loops)
    if (!loop)
      loop = getAffineDimExpr(count++, context);
  auto widen = [&](AffineMap map) {
    return AffineMap::get(count, 0, map.getResults(), context);
  };
  auto rename = [&](AffineMap map) {
    return map.replaceDimsAndSymbols(loops, {}, count, 0);
  };
  Operands operands;
  operands.inputs = llvm::to_vector_of<Value>(chain.scores.getInputs());
  for (AffineMap map : ArrayRef(first).drop_back())
    operands.maps.push_back(widen(map));
  auto keys = cast<AffineDimExpr>(first.back().getResults().back());
  if (operands.maps[0].isFunctionOfDim(keys.getPosition())) {
    std::swap(operands.inputs[0], operands.inputs[1]);
    std::swap(operands.maps[0], operands.maps[1]);
  }
  unsigned values = 1 - chain.position;
  operands.inputs.insert(operands.inputs.begin() + 2,
                         chain.sums.getInputs()[values]);
  operands.maps.insert(operands.maps.begin() + 2, rename(second[values]));
  operands.maps.push_back(rename(second.back()));
  return operands;
}

/// How many rows of scores are worked on at a time: as many as stay in a cache
/// beside keys and values, in blocks of much the same size, and as a product is
/// done for in full tiles.
int64_t chooseRows(int64_t rows, int64_t keys) {
  constexpr int64_t kCachedScores = 1 << 17, kUnknownKeys = 512, kTile = 8,
                    kMostRows = 64;
  if (ShapedType::isDynamic(keys))
    keys = kUnknownKeys;
  int64_t most = kCachedScores / std::max<int64_t>(keys, 1);
  most = std::clamp(most - most % kTile, kTile, kMostRows);
  if (ShapedType::isDynamic(rows))
    return most;
  rows = std::max<int64_t>(rows, 1);
  int64_t blocks = llvm::divideCeil(rows, most),
          even = llvm::divideCeil(rows, blocks);
  return std::min<int64_t>(llvm::alignTo(even, kTile), rows);
}

void form(kernel::SoftmaxOp shares, int64_t workers) {
  std::optional<Chain> chain = findChain(shares);
  if (!chain)
    return;
  std::optional<Operands> operands = joinOperands(*chain);
  if (!operands || kernel::AttentionOp::findFault(operands->maps))
    return;
  kernel::ContractOp scores = chain->scores, sums = chain->sums;
  OpBuilder b(sums);
  SmallVector<Value> all(operands->inputs);
  all.push_back(sums.getInit());
  SmallVector<int64_t> sizes = kernel::getLoopSizes(all, operands->maps);
  unsigned keys = kernel::AttentionOp::findKeyLoop(operands->maps),
           rows = kernel::AttentionOp::findRowLoop(operands->maps, sizes);
  OpFoldResult keyCount =
      tensor::getMixedSize(b, sums.getLoc(), operands->inputs[1],
                           *kernel::findPlainAxis(operands->maps[1], keys));
  Value room = tensor::EmptyOp::create(
      b, sums.getLoc(),
      {b.getIndexAttr(workers),
       b.getIndexAttr(chooseRows(sizes[rows], sizes[keys])), keyCount},
      b.getF32Type());
  auto attention = kernel::AttentionOp::create(
      b, b.getFusedLoc({scores.getLoc(), shares.getLoc(), sums.getLoc()}),
      TypeRange{sums.getInit().getType(), room.getType()}, operands->inputs,
      sums.getInit(), room, b.getAffineMapArrayAttr(operands->maps),
      shares.getMasked());
  attention.getBody().takeBody(scores.getEpilogue());
  sums.getResult(0).replaceAllUsesWith(attention.getResult(0));
  sums.erase();
  shares.erase();
  scores.erase();
}

struct FormAttentionPass
    : neuroplast::impl::FormAttentionBase<FormAttentionPass> {
  using FormAttentionBase::FormAttentionBase;

  void runOnOperation() override {
    SmallVector<kernel::SoftmaxOp> softmaxes;
    getOperation().walk([&](kernel::SoftmaxOp op) { softmaxes.push_back(op); });
    for (kernel::SoftmaxOp op : softmaxes)
      form(op, threads);
  }
};

} // namespace
