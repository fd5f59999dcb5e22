//===- ParameterRoles.cpp - What parameters are to their readers ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace neuroplast::neuro;

bool neuroplast::neuro::detail::isVector(Value tensor) {
  ArrayRef<int64_t> shape = getTensorType(tensor).getShape();
  return llvm::count_if(shape, [](int64_t size) { return size != 1; }) == 1;
}

/// Whether an op makes its results of this tensor, beside what does not change
/// from run to run, as a scale that the tensor is rounded by.
static bool makesResultsOf(OpOperand &operand) {
  return llvm::all_of(operand.getOwner()->getOpOperands(), [&](OpOperand &o) {
    return &o == &operand || !isa<RankedTensorType>(o.get().getType()) ||
           (o.getOperandNumber() > operand.getOperandNumber() &&
            isa_and_nonnull<GetParamOp, ConstantOp>(o.get().getDefiningOp()));
  });
}

/// Whether a weight or a bias is made of what a value holds.
static bool isReadInTraining(Value value) {
  llvm::SetVector<Value> pending;
  pending.insert(value);
  for (size_t i = 0; i < pending.size(); ++i)
    for (OpOperand &use : pending[i].getUses()) {
      auto op = dyn_cast<AxisRuleOpInterface>(use.getOwner());
      if (!op)
        continue;
      OperandRole role = op.getOperandRole(use.getOperandNumber());
      if (role == OperandRole::Weight || role == OperandRole::Bias)
        return true;
      if (makesResultsOf(use))
        pending.insert(op->result_begin(), op->result_end());
    }
  return false;
}

void neuroplast::neuro::markTrainable(ModuleOp module) {
  llvm::StringSet<> trained;
  module.walk([&](GetParamOp read) {
    if (isa<FloatType>(read.getType().getElementType()) &&
        isReadInTraining(read))
      trained.insert(read.getName());
  });
  for (auto param : module.getOps<ParamOp>())
    param.setTrainable(trained.contains(param.getSymName()));
}
