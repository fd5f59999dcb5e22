//===- ResidualBlocks.cpp - Depth that can go -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Units/ResidualBlocks.h"
#include "LinearLayers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

/// What lies between the input of a block and its sum.
class Branch {
public:
  Branch(Operation *sum, Value input, Value result) : sum(sum), input(input) {
    collect(result);
    findDependent();
  }

  /// Whether the result is computed of the input.
  bool isBlock() const { return dependsOnInput; }

  /// An op whose results are used outside, though they are computed of the
  /// input; null if there is none.
  Operation *findLeak() const {
    for (Operation *op : dependent)
      for (Operation *user : op->getUsers())
        if (Operation *own = getOwn(user);
            own != sum && !dependent.contains(own))
          return op;
    return nullptr;
  }

  int64_t countParameters() const {
    int64_t count = 0;
    for (Operation *op : ops)
      if (auto read = dyn_cast<neuro::GetParamOp>(op))
        if (llvm::all_of(read->getUsers(), [&](Operation *user) {
              return dependent.contains(getOwn(user));
            }))
          count += cast<RankedTensorType>(read.getType()).getNumElements();
    return count;
  }

private:
  /// The op of the block of the sum that an op is in; null if there is none.
  Operation *getOwn(Operation *op) const {
    return sum->getBlock()->findAncestorOpInBlock(*op);
  }

  /// The ops of the same block that a value is computed of, as far as those
  /// that the input is computed of.
  void collect(Value result) {
    SmallVector<Value> pending{result};
    auto push = [&](Value value) {
      if (value == input)
        dependsOnInput = true;
      else
        pending.push_back(value);
    };
    if (result == input)
      return;
    Operation *start = input.getDefiningOp();
    while (!pending.empty()) {
      Operation *op = pending.pop_back_val().getDefiningOp();
      if (!op || op->getBlock() != sum->getBlock() || ops.contains(op))
        continue;
      if (start && op->isBeforeInBlock(start) && !isa<neuro::GetParamOp>(op))
        continue;
      ops.insert(op);
      op->walk([&](Operation *inner) {
        llvm::for_each(inner->getOperands(), push);
      });
    }
  }

  void findDependent() {
    SmallVector<Operation *> pending;
    auto push = [&](Value value) {
      for (Operation *user : value.getUsers())
        if (Operation *own = getOwn(user);
            ops.contains(own) && dependent.insert(own))
          pending.push_back(own);
    };
    push(input);
    while (!pending.empty())
      for (Value result : pending.pop_back_val()->getResults())
        push(result);
  }

  Operation *sum;
  Value input;
  bool dependsOnInput = false;
  llvm::SetVector<Operation *> ops, dependent;
};

} // namespace

/// Whether an op adds two tensors of the type of its result.
static bool isSum(Operation *op) {
  auto rule = dyn_cast<neuro::AxisRuleOpInterface>(op);
  return rule && op->getNumOperands() == 2 && op->getNumResults() == 1 &&
         op->hasTrait<OpTrait::IsCommutative>() &&
         rule.isAffineIn(
             neuro::OperandSet(llvm::SmallBitVector(2, /*t=*/true))) &&
         llvm::all_equal({op->getOperand(0).getType(),
                          op->getOperand(1).getType(),
                          op->getResult(0).getType()});
}

std::vector<ResidualBlock>
neuroplast::structure::listResidualBlocks(ModuleOp module) {
  std::vector<ResidualBlock> blocks;
  module.walk([&](Operation *op) {
    if (!isSum(op))
      return;
    for (unsigned skip : {0, 1}) {
      Branch branch(op, op->getOperand(skip), op->getOperand(1 - skip));
      if (!branch.isBlock())
        continue;
      ResidualBlock block{op, skip, getNodeName(op->getLoc()).str(),
                          branch.countParameters(), ""};
      if (Operation *leak = branch.findLeak())
        block.obstacle = "what " + describe(leak) + " gives is used outside";
      blocks.push_back(std::move(block));
      return;
    }
  });
  return blocks;
}

void neuroplast::structure::removeBlocks(ModuleOp module,
                                         ArrayRef<ResidualBlock> blocks,
                                         StringRef command) {
  if (blocks.empty())
    return;
  llvm::StringMap<bool> isRead;
  auto markReads = [&] {
    llvm::StringMap<bool> reads;
    module.walk([&](neuro::GetParamOp read) { reads[read.getName()] = true; });
    return reads;
  };
  isRead = markReads();
  llvm::json::Array nodes;
  // Nothing is erased before all of them are bypassed: one may hold another.
  for (const ResidualBlock &block : blocks) {
    nodes.push_back(block.node);
    block.sum->getResult(0).replaceAllUsesWith(block.getInput());
  }
  IRRewriter rewriter(module.getContext());
  (void)runRegionDCE(rewriter, module->getRegions());
  llvm::StringMap<bool> isStillRead = markReads();
  for (auto param :
       llvm::make_early_inc_range(module.getOps<neuro::ParamOp>())) {
    StringRef name = param.getShadowOf().value_or(param.getSymName());
    if (isRead.contains(name) && !isStillRead.contains(name))
      param.erase();
  }
  llvm::json::Object options{{"blocks", std::move(nodes)}};
  if (!command.empty())
    options["command"] = command;
  recordCommand(module, "shorten", options);
}
