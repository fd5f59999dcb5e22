//===- CarryInPlace.cpp - Loops that write over what they carry -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

namespace neuroplast {
#define GEN_PASS_DEF_CARRYINPLACE
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;

namespace {

/// Whether nothing reads a value, or a view of it, from an op of its block on.
bool isReadBefore(Value value, Operation *op) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    Operation *ancestor = op->getBlock()->findAncestorOpInBlock(*user);
    if (!ancestor || !ancestor->isBeforeInBlock(op))
      return false;
    return !isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
                tensor::ExtractSliceOp, tensor::CastOp>(user) ||
           isReadBefore(user->getResult(0), op);
  });
}

/// Lets what makes a state of the next step write where that of this step is,
/// if it is not needed any more.
void carryInPlace(scf::ForOp loop) {
  for (auto [state, next] :
       llvm::zip_equal(loop.getRegionIterArgs(), loop.getYieldedValues())) {
    auto type = dyn_cast<RankedTensorType>(state.getType());
    auto writer = next.getDefiningOp<DestinationStyleOpInterface>();
    if (!type || !type.hasStaticShape() || !writer ||
        writer->getBlock() != loop.getBody())
      continue;
    OpOperand *destination = writer.getTiedOpOperand(cast<OpResult>(next));
    if (destination->get().getDefiningOp<tensor::EmptyOp>() &&
        isReadBefore(state, writer))
      destination->set(state);
  }
}

struct CarryInPlacePass : neuroplast::impl::CarryInPlaceBase<CarryInPlacePass> {
  void runOnOperation() override {
    getOperation().walk([](scf::ForOp loop) { carryInPlace(loop); });
  }
};

} // namespace
