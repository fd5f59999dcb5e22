//===- LoopNest.cpp - Loops around operands on buffers --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace neuroplast;

LoopNest::LoopNest(linalg::GenericOp op)
    : operands(op->getOperands()), maps(op.getIndexingMapsArray()),
      iterators(op.getIteratorTypesArray()), sizes(op.getStaticLoopRanges()) {}

LoopNest::LoopNest(kernel::ContractOp op)
    : operands(op->getOperands()), maps(op.getMaps()),
      sizes(op.getStaticLoopRanges()) {
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    iterators.push_back(op.isParallel(loop) ? utils::IteratorType::parallel
                                            : utils::IteratorType::reduction);
}

LoopNest::LoopNest(kernel::PoolOp op)
    : operands(op->getOperands()), maps({op.getInputMap(), op.getResultMap()}),
      sizes(op.getStaticLoopRanges()) {
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    iterators.push_back(op.getResultMap().isFunctionOfDim(loop)
                            ? utils::IteratorType::parallel
                            : utils::IteratorType::reduction);
}

LoopNest::LoopNest(kernel::SoftmaxOp op) : operands(op->getOperands()) {
  auto type = cast<ShapedType>(op.getInit().getType());
  maps.assign(
      2, AffineMap::getMultiDimIdentityMap(type.getRank(), op.getContext()));
  llvm::append_range(sizes, type.getShape());
  iterators.assign(sizes.size(), utils::IteratorType::parallel);
  iterators.back() = utils::IteratorType::reduction;
}

LoopNest::LoopNest(kernel::AttentionOp op)
    : operands(op.getInputs()), maps(op.getMaps()),
      sizes(op.getStaticLoopRanges()) {
  operands.push_back(op.getInit());
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    iterators.push_back(maps.back().isFunctionOfDim(loop)
                            ? utils::IteratorType::parallel
                            : utils::IteratorType::reduction);
}

Value LoopNest::createSize(OpBuilder &builder, Location location,
                           int64_t loop) const {
  if (!ShapedType::isDynamic(sizes[loop]))
    return arith::ConstantIndexOp::create(builder, location, sizes[loop]);
  // The result comes last; data may hold more than what is read of them.
  AffineExpr index = getAffineDimExpr(loop, builder.getContext());
  for (auto [operand, map] :
       llvm::zip_equal(llvm::reverse(operands), llvm::reverse(maps)))
    for (auto [axis, expr] : llvm::enumerate(map.getResults()))
      if (expr == index)
        return memref::DimOp::create(builder, location, operand, axis);
  llvm_unreachable("a loop that is no axis of any operand has no size");
}

/// The number of places of two loops that become one.
static int64_t joinSizes(int64_t first, int64_t second) {
  return ShapedType::isDynamic(first) || ShapedType::isDynamic(second)
             ? ShapedType::kDynamic
             : first * second;
}

/// Each axis by itself, but for one and the next.
static SmallVector<ReassociationIndices> getPairs(int64_t rank, int64_t axis) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i < rank; ++i)
    if (i == axis + 1)
      groups.back().push_back(i);
    else
      groups.push_back({i});
  return groups;
}

bool LoopNest::joinTwo(OpBuilder &builder, Location location, int64_t first) {
  int64_t second = first + 1;
  if (iterators[first] != iterators[second] || sizes[first] == 1)
    return false;
  MLIRContext *context = builder.getContext();
  AffineExpr x = getAffineDimExpr(first, context),
             y = getAffineDimExpr(second, context);
  SmallVector<int64_t> axes; // of the first loop in each operand, or -1
  for (auto [operand, map] : llvm::zip_equal(operands, maps)) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type)
      return false;
    int64_t axis = -1;
    for (int64_t i = 0, e = map.getNumResults(); i < e; ++i)
      if (map.getResult(i) == x)
        axis = i;
    axes.push_back(axis);
    if (axis < 0) {
      if (map.isFunctionOfDim(first) || map.isFunctionOfDim(second))
        return false;
      continue;
    }
    if (axis + 1 >= map.getNumResults() || map.getResult(axis + 1) != y ||
        type.getDimSize(axis) != sizes[first] ||
        type.getDimSize(axis + 1) != sizes[second] ||
        !memref::CollapseShapeOp::isGuaranteedCollapsible(
            type, getPairs(type.getRank(), axis)))
      return false;
    for (int64_t i = 0, e = map.getNumResults(); i < e; ++i)
      if (i != axis && i != axis + 1 &&
          (map.getResult(i).isFunctionOfDim(first) ||
           map.getResult(i).isFunctionOfDim(second)))
        return false;
  }
  if (llvm::all_of(axes, [](int64_t axis) { return axis < 0; }))
    return false;
  SmallVector<AffineExpr> renumber;
  int64_t loops = sizes.size();
  for (int64_t loop = 0; loop < loops; ++loop)
    renumber.push_back(
        getAffineDimExpr(loop <= first ? loop : loop - 1, context));
  for (auto [operand, map, axis] : llvm::zip_equal(operands, maps, axes)) {
    SmallVector<AffineExpr> exprs;
    for (int64_t i = 0, e = map.getNumResults(); i < e; ++i)
      if (axis < 0 || i != axis + 1)
        exprs.push_back(map.getResult(i).replaceDims(renumber));
    if (axis >= 0)
      operand = memref::CollapseShapeOp::create(
          builder, location, operand, getPairs(map.getNumResults(), axis));
    map = AffineMap::get(loops - 1, 0, exprs, context);
  }
  iterators.erase(iterators.begin() + second);
  sizes[first] = joinSizes(sizes[first], sizes[second]);
  sizes.erase(sizes.begin() + second);
  return true;
}

bool LoopNest::joinLoops(OpBuilder &builder, Location location) {
  bool hasJoined = false;
  for (size_t first = 0; first + 1 < sizes.size();)
    if (joinTwo(builder, location, first))
      hasJoined = true, first = 0;
    else
      ++first;
  return hasJoined;
}

/// The sizes of a buffer with one axis as two.
static SmallVector<OpFoldResult>
getMixedSizesOfExpanded(OpBuilder &builder, Location location, Value buffer,
                        int64_t axis, ArrayRef<int64_t> shape) {
  SmallVector<OpFoldResult> sizes =
      memref::getMixedSizes(builder, location, buffer);
  sizes[axis] = builder.getIndexAttr(shape[axis]);
  sizes.insert(sizes.begin() + axis + 1, builder.getIndexAttr(shape[axis + 1]));
  return sizes;
}

bool LoopNest::splitLoop(OpBuilder &builder, Location location, int64_t loop,
                         int64_t inner) {
  SmallVector<std::optional<int64_t>> axes;
  for (AffineMap map : maps) {
    axes.push_back(kernel::findPlainAxis(map, loop));
    if (!axes.back() && map.isFunctionOfDim(loop))
      return false;
  }
  MLIRContext *context = builder.getContext();
  int64_t count = sizes.size();
  SmallVector<AffineExpr> renumber;
  for (int64_t other = 0; other < count; ++other)
    renumber.push_back(
        getAffineDimExpr(other <= loop ? other : other + 1, context));
  for (auto [operand, map, axis] : llvm::zip_equal(operands, maps, axes)) {
    SmallVector<AffineExpr> exprs;
    SmallVector<ReassociationIndices> groups;
    SmallVector<int64_t> shape;
    auto type = cast<MemRefType>(operand.getType());
    for (int64_t i = 0; i < map.getNumResults(); ++i) {
      groups.push_back({static_cast<int64_t>(shape.size())});
      exprs.push_back(map.getResult(i).replaceDims(renumber));
      shape.push_back(type.getDimSize(i));
      if (axis != i)
        continue;
      groups.back().push_back(shape.size());
      exprs.push_back(getAffineDimExpr(loop + 1, context));
      shape.back() = sizes[loop] / inner;
      shape.push_back(inner);
    }
    if (axis)
      operand = memref::ExpandShapeOp::create(
          builder, location, shape, operand, groups,
          getMixedSizesOfExpanded(builder, location, operand, *axis, shape));
    map = AffineMap::get(count + 1, 0, exprs, context);
  }
  sizes.insert(sizes.begin() + loop + 1, inner);
  sizes[loop] /= inner;
  iterators.insert(iterators.begin() + loop, iterators[loop]);
  return true;
}

bool LoopNest::dropUnitReductions() {
  if (sizes.empty())
    return false;
  MLIRContext *context = maps.front().getContext();
  SmallVector<AffineExpr> renumber;
  SmallVector<utils::IteratorType> keptIterators;
  SmallVector<int64_t> keptSizes;
  for (auto [size, iterator] : llvm::zip_equal(sizes, iterators)) {
    if (size == 1 && iterator == utils::IteratorType::reduction) {
      renumber.push_back(getAffineConstantExpr(0, context));
      continue;
    }
    renumber.push_back(getAffineDimExpr(keptSizes.size(), context));
    keptIterators.push_back(iterator);
    keptSizes.push_back(size);
  }
  if (keptSizes.size() == sizes.size() ||
      !llvm::is_contained(keptIterators, utils::IteratorType::reduction))
    return false;
  for (AffineMap &map : maps)
    map = map.replaceDimsAndSymbols(renumber, {}, keptSizes.size(), 0);
  iterators = std::move(keptIterators);
  sizes = std::move(keptSizes);
  return true;
}
