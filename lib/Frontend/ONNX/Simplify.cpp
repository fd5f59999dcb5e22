//===- Simplify.cpp - Undo what upgrading a model writes -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Simplify.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// Whether size `index` of a reshape is that of an axis of a value.
bool isSizeOf(ReshapeOp reshape, size_t index, Value value, int64_t axis) {
  int64_t known = cast<RankedTensorType>(value.getType()).getDimSize(axis);
  int64_t size = reshape.getSizes()[index];
  if (!ShapedType::isDynamic(size) || !ShapedType::isDynamic(known))
    return size == known;
  size_t position = llvm::count_if(reshape.getSizes().take_front(index),
                                   ShapedType::isDynamic);
  auto dim = reshape.getDynamicSizes()[position].getDefiningOp<tensor::DimOp>();
  return dim && dim.getSource() == value && dim.getConstantIndex() == axis;
}

template <typename Op> void removeFlattening(Op op) {
  auto flatten = op.getInput().template getDefiningOp<ReshapeOp>();
  auto matrix = cast<RankedTensorType>(op.getType());
  int64_t rank = matrix.getRank();
  auto axis = static_cast<int64_t>(op.getAxis());
  if (axis < 0)
    axis += rank;
  if (!flatten || rank != 2 || axis != 1)
    return;
  Value source = flatten.getInput();
  auto type = cast<RankedTensorType>(source.getType());
  int64_t last = type.getRank() - 1;
  if (last < 1 || !isSizeOf(flatten, 1, source, last))
    return;
  ReshapeOp restore;
  for (Operation *user : op->getUsers()) {
    // The sizes of the matrix may be asked for, but by nothing that matters.
    if (isa<tensor::DimOp>(user) && user->use_empty())
      continue;
    auto reshape = dyn_cast<ReshapeOp>(user);
    if (!reshape || restore)
      return;
    restore = reshape;
  }
  if (!restore || static_cast<int64_t>(restore.getSizes().size()) != last + 1)
    return;
  for (int64_t i = 0; i <= last; ++i)
    if (!isSizeOf(restore, i, source, i))
      return;
  OpBuilder builder(op);
  // The last axis, as an upgrade without flattening says it.
  auto direct = Op::create(builder, op.getLoc(), source, -1);
  restore.getResult().replaceAllUsesWith(direct.getResult());
  restore.erase();
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    user->erase();
  op.erase();
  if (flatten->use_empty())
    flatten.erase();
}

template <typename Op> void removeAll(ModuleOp module) {
  SmallVector<Op> ops;
  module.walk([&](Op op) { ops.push_back(op); });
  for (Op op : ops)
    removeFlattening(op);
}

/// Whether an op computes sizes from sizes, or asks for one.
bool isSizeComputation(Operation *op) {
  return isa<tensor::DimOp, tensor::ExtractOp>(op) ||
         (isa_and_present<arith::ArithDialect>(op->getDialect()) &&
          !isa<arith::ConstantOp>(op));
}

/// Ops are the same key if they compute the same.
struct SameComputation : llvm::DenseMapInfo<Operation *> {
  static unsigned getHashValue(Operation *op) {
    return OperationEquivalence::computeHash(
        op, OperationEquivalence::directHashValue,
        OperationEquivalence::ignoreHashValue,
        OperationEquivalence::IgnoreLocations);
  }
  static bool isEqual(Operation *lhs, Operation *rhs) {
    if (lhs == rhs)
      return true;
    bool isKey = lhs != getEmptyKey() && lhs != getTombstoneKey() &&
                 rhs != getEmptyKey() && rhs != getTombstoneKey();
    return isKey && OperationEquivalence::isEquivalentTo(
                        lhs, rhs, OperationEquivalence::IgnoreLocations);
  }
};

/// The same size is computed once in a block, and made a tensor once.
void shareSizes(Block &block) {
  llvm::DenseSet<Operation *, SameComputation> known;
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (!isSizeComputation(&op) && !isa<tensor::FromElementsOp>(op))
      continue;
    auto [same, isNew] = known.insert(&op);
    if (isNew)
      continue;
    op.replaceAllUsesWith(*same);
    op.erase();
  }
}

/// What of a block an op or its regions use, in their order.
template <typename Callable>
void forEachSource(Operation *op, Block &block, Callable visit) {
  op->walk<WalkOrder::PreOrder>([&](Operation *nested) {
    for (Value operand : nested->getOperands())
      if (Operation *source = operand.getDefiningOp();
          source && source->getBlock() == &block)
        visit(source);
  });
}

/// Puts sizes before what needs them first, and constants and parameters in
/// front, both in the order of their use, which does not depend on where the
/// nodes of the file stood.
void orderBlock(Block &block) {
  SmallVector<Operation *> ops;
  for (Operation &op : block)
    if (!isSizeComputation(&op))
      ops.push_back(&op);
  llvm::DenseSet<Operation *> placed;
  auto place = [&](Operation *size, Operation *before, auto &recurse) -> void {
    if (!isSizeComputation(size) || !placed.insert(size).second)
      return;
    forEachSource(size, block,
                  [&](Operation *source) { recurse(source, before, recurse); });
    size->moveBefore(before);
  };
  for (Operation *op : ops)
    forEachSource(op, block,
                  [&](Operation *source) { place(source, op, place); });
  SetVector<Operation *> constants;
  for (Operation &op : block)
    forEachSource(&op, block, [&](Operation *source) {
      if (isa<ConstantOp, GetParamOp, arith::ConstantOp>(source))
        constants.insert(source);
    });
  for (Operation *op : llvm::reverse(constants))
    op->moveBefore(&block, block.begin());
}

} // namespace

LogicalResult neuroplast::simplifyImported(ModuleOp module) {
  removeAll<SoftmaxOp>(module);
  removeAll<LogSoftmaxOp>(module);
  removeAll<HardmaxOp>(module);
  RewritePatternSet patterns(module.getContext());
  neuro::detail::populateChannelShufflePatterns(patterns);
  if (failed(applyPatternsGreedily(module, std::move(patterns))))
    return failure();
  // A list of sizes that folded is a constant like any other.
  module.walk([](arith::ConstantOp op) {
    auto value = dyn_cast<ElementsAttr>(op.getValue());
    if (!value)
      return;
    OpBuilder builder(op);
    op.replaceAllUsesWith(
        ConstantOp::create(builder, op.getLoc(), op.getType(), value)
            .getResult());
    op.erase();
  });
  // Equal constants are one, whatever they come from.
  if (failed(applyPatternsGreedily(module, {})))
    return failure();
  module.walk([](Block *block) {
    shareSizes(*block);
    orderBlock(*block);
  });
  return success();
}
