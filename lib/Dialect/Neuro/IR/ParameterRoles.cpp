//===- ParameterRoles.cpp - What parameters are to their readers ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace neuroplast::neuro;

bool neuroplast::neuro::detail::isVector(Value tensor) {
  ArrayRef<int64_t> shape = getTensorType(tensor).getShape();
  return llvm::count_if(shape, [](int64_t size) { return size != 1; }) == 1;
}

/// Whether an op makes its results of one tensor alone.
static bool readsOneTensor(AxisRuleOpInterface op) {
  return llvm::count_if(op->getOperandTypes(),
                        llvm::IsaPred<RankedTensorType>) == 1;
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
      if (readsOneTensor(op))
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
