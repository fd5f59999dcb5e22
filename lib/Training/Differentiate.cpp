//===- Differentiate.cpp - Gradients of a network -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/Differentiate.h"

#include "LoopGradient.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace neuroplast;

namespace {

bool isFloat(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

/// Reverse accumulation along one block.
class Differentiator {
public:
  Differentiator(OpBuilder &builder, Block &block)
      : builder(builder), block(block) {}

  LogicalResult run(ArrayRef<Value> results, ArrayRef<Value> seeds,
                    ArrayRef<Value> of) {
    if (failed(findActive(of)))
      return failure();
    for (auto [result, seed] : llvm::zip_equal(results, seeds))
      add(result, seed);
    SmallVector<Operation *> ops;
    for (Operation &op : block.without_terminator())
      ops.push_back(&op);
    for (Operation *op : llvm::reverse(ops))
      if (failed(visit(op)))
        return failure();
    return success();
  }

  /// Null if nothing depends on the value.
  Value getGradient(Value value) const { return gradients.lookup(value); }

private:
  /// Marks what depends on `of`, these first. Fails, after an error, where
  /// integers that stand for reals come to an op without a gradient: others end
  /// all gradients, and nobody wants that of these.
  LogicalResult findActive(ArrayRef<Value> of) {
    active.insert_range(of);
    for (Operation &op : block.without_terminator()) {
      if (!dependsOnActive(op))
        continue;
      auto differentiable = dyn_cast<neuro::DifferentiableOpInterface>(op);
      for (OpResult result : op.getResults())
        if (isFloat(result) ||
            (differentiable &&
             differentiable.standsForReals(result.getResultNumber())))
          active.insert(result);
      bool takesReals = llvm::any_of(op.getOperands(), [&](Value operand) {
        return active.contains(operand) && !isFloat(operand);
      });
      if (takesReals &&
          !(differentiable && llvm::all_of(op.getResults(), isFloat)))
        return op.emitOpError("takes numbers that were rounded, and has no "
                              "gradient");
    }
    return success();
  }

  bool dependsOnActive(Operation &op) {
    bool depends = false;
    op.walk([&](Operation *inner) {
      depends |= llvm::any_of(inner->getOperands(), [&](Value operand) {
        return active.contains(operand);
      });
    });
    return depends;
  }

  void add(Value value, Value gradient) {
    Value &sum = gradients[value];
    sum = sum ? neuro::buildSum(builder, gradient.getLoc(), sum, gradient)
              : gradient;
  }

  LogicalResult visit(Operation *op) {
    SmallVector<Value> ofResults;
    for (Value result : op->getResults())
      ofResults.push_back(active.contains(result) ? gradients.lookup(result)
                                                  : Value());
    if (llvm::none_of(ofResults, [](Value value) { return value != nullptr; }))
      return success();
    if (auto branches = dyn_cast<scf::IfOp>(op))
      return visitBranches(branches, ofResults);
    if (auto loop = dyn_cast<scf::WhileOp>(op))
      return visitLoop(loop, ofResults);
    if (auto whole = dyn_cast<neuro::DecomposableOpInterface>(op))
      return visitParts(whole, ofResults);
    auto differentiable = dyn_cast<neuro::DifferentiableOpInterface>(op);
    if (!differentiable)
      return dependsOnActive(*op) ? op->emitOpError("has no gradient")
                                  : LogicalResult(success());
    SmallVector<bool> isNeeded;
    for (Value operand : op->getOperands())
      isNeeded.push_back(active.contains(operand));
    neuro::GradientScope scope(builder, op, ofResults, isNeeded);
    if (failed(differentiable.buildGradient(scope)))
      return failure();
    for (auto [operand, gradient, needed] :
         llvm::zip_equal(op->getOperands(), scope.getGiven(), isNeeded))
      if (needed && gradient)
        add(operand, gradient);
    return success();
  }

  /// The way back goes through the parts of an op, computed again as far as it
  /// needs them.
  LogicalResult visitParts(neuro::DecomposableOpInterface op,
                           ArrayRef<Value> ofResults) {
    Block scratch;
    neuro::TermBuilder at{OpBuilder(op->getContext()), op.getLoc()};
    at.builder.setInsertionPointToEnd(&scratch);
    FailureOr<SmallVector<Value>> parts = op.buildParts(at);
    if (failed(parts))
      return failure();
    Operation *end = scf::YieldOp::create(at.builder, op.getLoc(), *parts);
    SmallVector<Value> results, seeds;
    for (auto [result, gradient] : llvm::zip_equal(*parts, ofResults))
      if (gradient) {
        results.push_back(result);
        seeds.push_back(gradient);
      }
    llvm::SetVector<Value> of;
    for (Value operand : op->getOperands())
      if (active.contains(operand))
        of.insert(operand);
    auto gradients = training::buildGradients(at.builder, scratch, results,
                                              seeds, of.getArrayRef());
    if (failed(gradients))
      return failure();
    end->erase();
    builder.getInsertionBlock()->getOperations().splice(
        builder.getInsertionPoint(), scratch.getOperations());
    for (auto [value, gradient] : llvm::zip_equal(of, *gradients))
      add(value, gradient);
    return success();
  }

  LogicalResult visitLoop(scf::WhileOp op, ArrayRef<Value> ofResults) {
    SmallVector<Value> captured = findCaptured(op);
    auto gradients =
        training::buildLoopGradient(builder, op, ofResults, captured);
    if (failed(gradients))
      return failure();
    SmallVector<Value> of(op.getInits());
    llvm::append_range(of, captured);
    for (auto [value, gradient] : llvm::zip_equal(of, *gradients))
      if (gradient && active.contains(value))
        add(value, gradient);
    return success();
  }

  /// What the regions of an op read from outside and has a gradient.
  SmallVector<Value> findCaptured(Operation *op) {
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    return llvm::filter_to_vector(
        captured, [&](Value value) { return active.contains(value); });
  }

  /// The way back goes through the branch that the way there took: it is
  /// computed again, and gone back from its end to what it reads.
  LogicalResult visitBranches(scf::IfOp op, ArrayRef<Value> ofResults) {
    if (!isMemoryEffectFree(op))
      return op.emitOpError("has branches that would not give the same again, "
                            "and no gradient");
    SmallVector<Value> of = findCaptured(op);
    if (of.empty())
      return success();
    auto back = scf::IfOp::create(builder, op.getLoc(), TypeRange(of),
                                  op.getCondition(), /*withElseRegion=*/true);
    for (auto [from, to] :
         llvm::zip_equal(op->getRegions(), back->getRegions())) {
      IRMapping values;
      to.getBlocks().clear();
      from.cloneInto(&to, values);
      Operation *end = to.front().getTerminator();
      SmallVector<Value> results, seeds;
      for (auto [result, gradient] :
           llvm::zip_equal(end->getOperands(), ofResults))
        if (gradient) {
          results.push_back(result);
          seeds.push_back(gradient);
        }
      OpBuilder inside(end);
      auto gradients =
          training::buildGradients(inside, to.front(), results, seeds, of);
      if (failed(gradients))
        return failure();
      end->setOperands(*gradients);
    }
    for (auto [value, gradient] : llvm::zip_equal(of, back.getResults()))
      add(value, gradient);
    return success();
  }

  OpBuilder &builder;
  Block &block;
  llvm::DenseSet<Value> active;
  llvm::DenseMap<Value, Value> gradients;
};

} // namespace

FailureOr<SmallVector<Value>> neuroplast::training::buildGradients(
    OpBuilder &builder, Block &block, ArrayRef<Value> results,
    ArrayRef<Value> seeds, ArrayRef<Value> of) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(block.getTerminator());
  Differentiator differentiator(builder, block);
  if (failed(differentiator.run(results, seeds, of)))
    return failure();
  SmallVector<Value> found;
  for (Value value : of) {
    found.push_back(differentiator.getGradient(value));
    if (found.back())
      continue;
    neuro::TermBuilder at{builder, value.getLoc()};
    neuro::Term like(at, value);
    found.back() = like.number(0).broadcastLike(value).get();
  }
  return found;
}
