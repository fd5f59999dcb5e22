//===- Contraction.cpp - Recognise contractions ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "VectorBody.h"

using namespace mlir;
using namespace neuroplast;

static bool isContiguousInLastAxis(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  return type.getRank() > 0 && type.isLastDimUnitStride();
}

bool Contraction::isContiguousAlong(Value operand, AffineMap map,
                                    int64_t loop) {
  return kernel::getInnermostStep(map, loop) == 1 &&
         isContiguousInLastAxis(operand);
}

bool Contraction::assign() {
  ArrayRef<int64_t> sizes = loops.sizes;
  if (llvm::is_contained(sizes, 0))
    return false;
  resultMap = loops.maps.back();
  result = loops.operands.back();
  if (resultMap.getNumResults() == 0)
    return false;
  auto last = dyn_cast<AffineDimExpr>(resultMap.getResults().back());
  if (!last)
    return false;
  lane = last.getPosition();
  // Vectors that are mostly empty are no gain.
  if (!ShapedType::isDynamic(sizes[lane]) && sizes[lane] < 4)
    return false;
  if (combination == Combination::MultiplyAdd) {
    bool firstMoves = loops.maps[0].isFunctionOfDim(lane);
    scalarMoves = firstMoves && loops.maps[1].isFunctionOfDim(lane);
    // The data of a convolution whose channels have a kernel each.
    unsigned moving = firstMoves && !scalarMoves ? 0 : 1;
    vector = loops.operands[moving];
    vectorMap = loops.maps[moving];
    scalar = loops.operands[1 - moving];
    scalarMap = loops.maps[1 - moving];
  } else {
    vector = loops.operands[0];
    vectorMap = loops.maps[0];
    scalarMap = AffineMap::get(sizes.size(), 0, vectorMap.getContext());
  }
  if (!vectorMap.isFunctionOfDim(lane) ||
      (scalarMoves && !isContiguousAlong(scalar, scalarMap, lane)))
    return false;
  std::optional<int64_t> stride = kernel::getInnermostStep(vectorMap, lane);
  if (!stride || (*stride != 1 && *stride != 2) ||
      !isContiguousInLastAxis(vector) ||
      !isContiguousAlong(result, resultMap, lane))
    return false;
  laneStride = *stride;
  for (int64_t loop = 0, e = sizes.size(); loop < e; ++loop) {
    bool inScalar = scalarMap.isFunctionOfDim(loop),
         inVector = vectorMap.isFunctionOfDim(loop),
         inResult = resultMap.isFunctionOfDim(loop);
    if (loop == lane)
      kinds.push_back(LoopKind::Lane);
    else if (!inResult)
      kinds.push_back(LoopKind::Reduced);
    else if (inScalar && inVector)
      kinds.push_back(LoopKind::Batch);
    else if (inScalar)
      kinds.push_back(LoopKind::Row);
    else
      kinds.push_back(LoopKind::Place);
  }
  return true;
}

/// Half of a cache of the second level, and so many steps that to load and
/// store the sums is next to nothing.
static constexpr int64_t kCachedBytes = 1 << 19, kManySteps = 64;

/// Zero if only a run knows.
static int64_t countBytes(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  return type.hasStaticShape() ? type.getNumElements() * 4 : 0;
}

void Contraction::splitLongSum(kernel::ContractOp op, OpBuilder &builder,
                               LoopNest &loops) {
  if (op.getPaddedBlocks() || op.getPaddedSums())
    return;
  std::optional<int64_t> sum;
  for (auto [loop, iterator] : llvm::enumerate(loops.iterators))
    if (iterator == utils::IteratorType::reduction) {
      if (sum)
        return;
      sum = loop;
    }
  if (!sum || ShapedType::isDynamic(loops.sizes[*sum]))
    return;
  // How many places of the result an element of each operand is read for.
  constexpr int64_t kOften = 16;
  int64_t bytes = 0;
  for (unsigned index : {0, 1}) {
    int64_t times = 1;
    for (auto [loop, size] : llvm::enumerate(loops.sizes))
      if (!loops.maps[index].isFunctionOfDim(loop) &&
          loop != static_cast<size_t>(*sum))
        times *= ShapedType::isDynamic(size) ? 1 : size;
    if (times < kOften)
      return;
    bytes += countBytes(loops.operands[index]);
  }
  int64_t size = loops.sizes[*sum];
  if (bytes <= kCachedBytes || countBytes(loops.operands.back()) > kCachedBytes)
    return;
  int64_t most = std::max(size * kCachedBytes / bytes, kManySteps);
  for (int64_t part = std::min(most, size / 2); part >= kManySteps; --part)
    if (size % part == 0) {
      loops.splitLoop(builder, op.getLoc(), *sum, part);
      return;
    }
}

void Contraction::assignAccumulated() {
  SmallVector<int64_t> reduced = getLoops(LoopKind::Reduced);
  if (reduced.size() < 2 || lastBlock || paddedSum)
    return;
  int64_t steps = 1;
  for (int64_t loop : reduced) {
    if (ShapedType::isDynamic(loops.sizes[loop]))
      return;
    steps *= loops.sizes[loop];
  }
  int64_t first = reduced.front(), parts = loops.sizes[first];
  if (parts > 1 && steps / parts >= kManySteps &&
      scalarMap.isFunctionOfDim(first) && vectorMap.isFunctionOfDim(first) &&
      countBytes(scalar) + countBytes(vector) > kCachedBytes &&
      countBytes(result) <= kCachedBytes)
    accumulated = first;
}

void Contraction::assignPaddedSum(AffineMap map, ArrayRef<int64_t> blocks,
                                  int64_t held) {
  ArrayRef<int64_t> sizes = loops.sizes;
  auto getSum = [&](AffineExpr expr) -> std::optional<int64_t> {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || kinds[dim.getPosition()] != LoopKind::Reduced)
      return std::nullopt;
    return dim.getPosition();
  };
  std::optional<int64_t> places = getSum(map.getResults().back()), over;
  if (!places)
    return;
  int64_t full = (blocks[1] - 1) / held;
  // Both loops may have been joined, and one of a single step dropped.
  if (sizes[*places] == (full + 1) * held) {
    paddedSum = {std::nullopt, *places, blocks[1]};
    return;
  }
  if (blocks[0] + 1 < map.getNumResults())
    over = getSum(map.getResult(blocks[0]));
  if (!over || sizes[*over] != full + 1 || sizes[*places] != held)
    return;
  paddedSum = {over, *places, blocks[1] - full * held};
}

FailureOr<Contraction> Contraction::plan(kernel::ContractOp op,
                                         LoopNest loops) {
  Contraction c(op.getLoc(), std::move(loops));
  if (!c.assign())
    return failure();
  if (std::optional<ArrayRef<int64_t>> blocks = op.getPaddedBlocks()) {
    // Loops behind may have been joined, and those before were not.
    auto loop = dyn_cast<AffineDimExpr>(c.resultMap.getResult((*blocks)[0]));
    ArrayRef<int64_t> sizes = c.getSizes();
    if (!loop || ShapedType::isDynamic(sizes[loop.getPosition()]))
      return failure();
    c.lastBlock = {loop.getPosition(),
                   (*blocks)[1] -
                       (sizes[loop.getPosition()] - 1) * sizes[c.lane]};
  }
  if (std::optional<ArrayRef<int64_t>> blocks = op.getPaddedSums()) {
    auto type = cast<ShapedType>(op.getLhs().getType());
    c.assignPaddedSum(c.loops.maps[0], *blocks,
                      type.getDimSize(type.getRank() - 1));
  }
  c.assignAccumulated();
  constexpr int64_t kSmall = 256 << 10; // half of a core's own cache
  if (std::optional<ArrayRef<int64_t>> kept = op.getKept())
    c.isVectorKept = countBytes(c.vector) <= kSmall &&
                     llvm::is_contained(*kept, c.vector == c.loops.operands[1]);
  Block *body = op.getBody();
  if (body->getTerminator()->getOperand(0) == body->getArgument(0))
    return c;
  if (!llvm::all_of(*body, isWidenable))
    return failure();
  c.epilogue = body;
  for (size_t i = 2; i + 1 < c.loops.operands.size(); ++i) {
    Value operand = c.loops.operands[i];
    AffineMap map = c.loops.maps[i];
    if (map.isFunctionOfDim(c.lane) && !isContiguousAlong(operand, map, c.lane))
      return failure();
    c.extras.push_back(operand);
    c.extraMaps.push_back(map);
  }
  return c;
}

FailureOr<Contraction> Contraction::plan(kernel::PoolOp op, LoopNest loops) {
  Contraction c(op.getLoc(), std::move(loops));
  c.combination = op.getLargest() ? Combination::Maximum : Combination::Add;
  if (!c.assign())
    return failure();
  return c;
}
