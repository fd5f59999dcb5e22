//===- AttentionOp.cpp - Attention as one op ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

using namespace mlir;
using namespace neuroplast::kernel;

/// What the maps but for that of the second destination are of.
static SmallVector<Value> getMapped(AttentionOp op) {
  SmallVector<Value> operands(op.getInputs());
  operands.push_back(op.getInit());
  return operands;
}

SmallVector<int64_t> AttentionOp::getStaticLoopRanges() {
  return getLoopSizes(getMapped(*this), getMaps());
}

/// The loops that some operands move with, and others do not.
static SmallVector<unsigned> getLoops(ArrayRef<AffineMap> with,
                                      ArrayRef<AffineMap> without) {
  SmallVector<unsigned> loops;
  for (unsigned loop = 0, e = with.front().getNumDims(); loop < e; ++loop) {
    auto moves = [&](AffineMap map) { return map.isFunctionOfDim(loop); };
    if (llvm::all_of(with, moves) && llvm::none_of(without, moves))
      loops.push_back(loop);
  }
  return loops;
}

/// The loop over keys; not exactly one if the maps are none of an attention.
static SmallVector<unsigned> findKeyLoops(ArrayRef<AffineMap> maps) {
  return getLoops({maps[1], maps[2]}, {maps[0], maps.back()});
}

static SmallVector<unsigned> findRowLoops(ArrayRef<AffineMap> maps) {
  return getLoops({maps[0], maps.back()}, {maps[1], maps[2]});
}

unsigned AttentionOp::findKeyLoop(ArrayRef<AffineMap> maps) {
  return findKeyLoops(maps).front();
}

unsigned AttentionOp::findRowLoop(ArrayRef<AffineMap> maps,
                                  ArrayRef<int64_t> sizes) {
  constexpr int64_t kProbably = 128;
  auto getSize = [&](unsigned loop) {
    return ShapedType::isDynamic(sizes[loop]) ? kProbably : sizes[loop];
  };
  SmallVector<unsigned> loops = findRowLoops(maps);
  unsigned best = loops.front();
  for (unsigned loop : loops)
    if (getSize(loop) >= getSize(best))
      best = loop;
  return best;
}

SmallVector<unsigned> AttentionOp::getScoreLoops() {
  SmallVector<AffineMap> maps = getMaps();
  SmallVector<unsigned> loops;
  for (unsigned loop = 0; loop < getNumLoops(); ++loop)
    if (maps.back().isFunctionOfDim(loop) &&
        (maps[0].isFunctionOfDim(loop) || maps[1].isFunctionOfDim(loop)))
      loops.push_back(loop);
  return loops;
}

std::optional<StringRef> AttentionOp::findFault(ArrayRef<AffineMap> maps) {
  SmallVector<unsigned> keys = findKeyLoops(maps);
  if (keys.size() != 1)
    return "needs one loop that only keys and values move with";
  if (findRowLoops(maps).empty())
    return "has no rows that meet the same keys and values";
  AffineMap queryMap = maps[0], keyMap = maps[1], valueMap = maps[2],
            resultMap = maps.back();
  for (unsigned loop = 0, e = resultMap.getNumDims(); loop < e; ++loop) {
    bool isOfProduct =
        queryMap.isFunctionOfDim(loop) || keyMap.isFunctionOfDim(loop);
    bool isSum = queryMap.isFunctionOfDim(loop) &&
                 keyMap.isFunctionOfDim(loop) &&
                 !valueMap.isFunctionOfDim(loop);
    bool isOfResult = resultMap.isFunctionOfDim(loop), isKey = loop == keys[0];
    if (!isOfResult && !isKey && !isSum)
      return "has a loop that is neither of the result, nor of keys, nor of "
             "sums of products";
    for (AffineMap map : maps.drop_front(3).drop_back())
      if (map.isFunctionOfDim(loop) && !isKey && !(isOfResult && isOfProduct))
        return "reads an operand of its region by a loop that is none of a "
               "score";
  }
  return std::nullopt;
}

LogicalResult AttentionOp::verify() {
  SmallVector<AffineMap> maps = getMaps();
  if (getInputs().size() < 3)
    return emitOpError("needs queries, keys and values, but has ")
           << getInputs().size() << " inputs";
  if (maps.size() != getInputs().size() + 1)
    return emitOpError("has ") << maps.size() << " indexing maps for "
                               << getInputs().size() << " inputs and a result";
  for (auto [index, operand, map] : llvm::enumerate(getMapped(*this), maps)) {
    auto type = cast<ShapedType>(operand.getType());
    if (map.getNumDims() != maps.back().getNumDims() || map.getNumSymbols())
      return emitOpError("needs indexing maps from the same loops");
    if (map.getNumResults() != type.getRank() ||
        !map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return emitOpError("has an indexing map that is not of the axes of "
                         "operand ")
             << index << " of type " << type;
  }
  if (std::optional<StringRef> fault = findFault(maps))
    return emitOpError(*fault);
  auto scores = cast<ShapedType>(getScores().getType());
  int64_t count = getStaticLoopRanges()[getKeyLoop()];
  if (scores.getRank() != 3 || scores.isDynamicDim(0) ||
      scores.isDynamicDim(1) || scores.getDimSize(0) < 1 ||
      scores.getDimSize(1) < 1 || scores.getDimSize(2) != count)
    return emitOpError("needs room for scores as workers x rows x keys, but "
                       "has ")
           << scores;
  Block &block = getBody().front();
  if (block.getNumArguments() != getInputs().size() - 2 ||
      !llvm::all_of(block.getArgumentTypes(),
                    [](Type type) { return type.isF32(); }))
    return emitOpError("needs a region with ")
           << getInputs().size() - 2
           << " arguments of f32, a score and elements";
  bool isOnTensors = isa<RankedTensorType>(getInit().getType());
  for (Value operand : getOperands())
    if (isa<RankedTensorType>(operand.getType()) != isOnTensors)
      return emitOpError("mixes tensors and buffers");
  if (getNumResults() != (isOnTensors ? 2u : 0u) ||
      (isOnTensors && (getResultTypes()[0] != getInit().getType() ||
                       getResultTypes()[1] != scores)))
    return emitOpError("needs the types of its destinations as results");
  return success();
}

SmallVector<LoopWork> AttentionOp::getWork() {
  SmallVector<int64_t> sizes = getStaticLoopRanges();
  SmallVector<AffineMap> maps = getMaps();
  auto select = [&](auto isWanted) {
    SmallVector<int64_t> selected;
    for (unsigned loop = 0; loop < getNumLoops(); ++loop)
      if (isWanted(loop))
        selected.push_back(sizes[loop]);
    return selected;
  };
  auto isOfScore = [&](unsigned loop) {
    return maps[0].isFunctionOfDim(loop) || maps[1].isFunctionOfDim(loop);
  };
  auto isOfResult = [&](unsigned loop) {
    return maps.back().isFunctionOfDim(loop) || loop == getKeyLoop();
  };
  return {{select(isOfScore), 2, false},
          {select([&](unsigned loop) {
             return isOfScore(loop) && isOfResult(loop);
           }),
           kSoftmaxOperations, true},
          {select(isOfResult), 2, false}};
}
