//===- Indexing.cpp - Gradients of what is chosen by indices --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using neuroplast::neuro::detail::normalizeAxis;

LogicalResult GatherOp::buildGradient(GradientScope &scope) {
  // Rows of the gradient are added up where they were taken from: the axis
  // comes first, and each index is one of it.
  Term g = scope.getGradient(), indices = scope.getOperand(1);
  RankedTensorType type = getTensorType(getData());
  int64_t axis = normalizeAxis(getAxis(), type.getRank());
  int64_t taken = indices.getRank();
  SmallVector<int64_t> order;
  llvm::append_range(order, llvm::seq<int64_t>(axis, axis + taken));
  llvm::append_range(order, llvm::seq<int64_t>(0, axis));
  llvm::append_range(order, llvm::seq<int64_t>(axis + taken, g.getRank()));
  SmallVector<int64_t> first{axis}, back;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (i != axis)
      first.push_back(i);
  for (int64_t i = 0; i < type.getRank(); ++i)
    back.push_back(i == axis ? 0 : i < axis ? i + 1 : i);
  auto &at = scope.getBuilder();
  Term zeros = g.zerosLike(scope.getOperand(0).transpose(first).get());
  Value sums = ScatterNDOp::create(at.builder, at.location, zeros.get(),
                                   indices.expandAxes(taken).get(),
                                   g.transpose(order).get(), "add");
  scope.give(0, scope.wrap(sums).transpose(back));
  return success();
}

/// The gradient of data of which elements along an axis were taken.
static Term putBack(GradientScope &scope, Value data, Value indices,
                    int64_t axis) {
  auto &at = scope.getBuilder();
  Term g = scope.getGradient();
  return scope.wrap(ScatterElementsOp::create(at.builder, at.location,
                                              g.zerosLike(data).get(), indices,
                                              g.get(), axis, "add"));
}

LogicalResult GatherElementsOp::buildGradient(GradientScope &scope) {
  scope.give(0, putBack(scope, getData(), getIndices(), getAxis()));
  return success();
}

LogicalResult TopKOp::buildGradient(GradientScope &scope) {
  scope.give(0, putBack(scope, getInput(), getIndices(), getAxis()));
  return success();
}

/// The gradients of data into which updates were scattered: `scatter` puts
/// others into their places, and `gather` takes out what is there.
template <typename Op>
static LogicalResult buildScatterGradient(
    Op op, GradientScope &scope,
    llvm::function_ref<Value(Value data, Value updates)> scatter,
    llvm::function_ref<Value(Value data)> gather) {
  if (op.getReduction() != "none" && op.getReduction() != "add")
    return op.emitOpError("that combines by '")
           << op.getReduction() << "' has no gradient yet";
  Term g = scope.getGradient();
  // What was replaced has no influence any more.
  if (scope.isNeeded(0))
    scope.give(0, op.getReduction() == "add"
                      ? g
                      : scope.wrap(scatter(
                            g.get(), g.zerosLike(op.getUpdates()).get())));
  if (scope.isNeeded(2))
    scope.give(2, scope.wrap(gather(g.get())));
  return success();
}

LogicalResult ScatterElementsOp::buildGradient(GradientScope &scope) {
  auto &at = scope.getBuilder();
  return buildScatterGradient(
      *this, scope,
      [&](Value data, Value updates) -> Value {
        return ScatterElementsOp::create(at.builder, at.location, data,
                                         getIndices(), updates, getAxis());
      },
      [&](Value data) -> Value {
        return GatherElementsOp::create(at.builder, at.location, data,
                                        getIndices(), getAxis());
      });
}

LogicalResult GatherNDOp::buildGradient(GradientScope &scope) {
  if (getBatchDims() != 0)
    return emitOpError("with batches of its own has no gradient yet");
  auto &at = scope.getBuilder();
  Term g = scope.getGradient();
  scope.give(0, scope.wrap(ScatterNDOp::create(at.builder, at.location,
                                               g.zerosLike(getData()).get(),
                                               getIndices(), g.get(), "add")));
  return success();
}

LogicalResult ScatterNDOp::buildGradient(GradientScope &scope) {
  auto &at = scope.getBuilder();
  return buildScatterGradient(
      *this, scope,
      [&](Value data, Value updates) -> Value {
        return ScatterNDOp::create(at.builder, at.location, data, getIndices(),
                                   updates, "none");
      },
      [&](Value data) -> Value {
        return GatherNDOp::create(at.builder, at.location, data, getIndices());
      });
}
