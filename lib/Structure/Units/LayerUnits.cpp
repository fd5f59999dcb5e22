//===- LayerUnits.cpp - What a layer makes its units of -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Units/LayerUnits.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

using namespace mlir;
using namespace neuroplast;

bool neuroplast::structure::hasFactor(
    const neuro::AxisExpr &axis, llvm::function_ref<bool(unsigned)> holds) {
  return llvm::any_of(axis.terms, [&](ArrayRef<unsigned> product) {
    return llvm::any_of(product, holds);
  });
}

bool neuroplast::structure::isFactorOf(unsigned factor,
                                       ArrayRef<neuro::AxisExpr> axes) {
  return llvm::any_of(axes, [&](const neuro::AxisExpr &axis) {
    return hasFactor(axis, [&](unsigned own) { return own == factor; });
  });
}

static bool isFloat(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

/// Whether a value is a parameter, or what ops make of one alone.
static bool isOfParameter(Value value) {
  Operation *op = value.getDefiningOp();
  return op &&
         (isa<neuro::GetParamOp>(op) ||
          (op->getNumOperands() == 1 && isOfParameter(op->getOperand(0))));
}

OpOperand *neuroplast::structure::findData(Operation &layer) {
  for (OpOperand &operand : layer.getOpOperands())
    if (isFloat(operand.get()) && !isOfParameter(operand.get()))
      return &operand;
  return nullptr;
}

std::optional<int64_t>
neuroplast::structure::findUnitAxis(OpOperand &parameter) {
  auto layer = cast<neuro::AxisRuleOpInterface>(parameter.getOwner());
  neuro::AxisRule rule = layer.getAxisRule();
  OpOperand *data = findData(*layer);
  auto shares = [&](const neuro::AxisExpr &axis,
                    ArrayRef<neuro::AxisExpr> others) {
    return hasFactor(axis, [&](unsigned factor) {
      return rule.factors[factor].role == neuro::FactorRole::Plain &&
             isFactorOf(factor, others);
    });
  };
  std::optional<int64_t> found;
  for (auto [index, axis] :
       llvm::enumerate(rule.operands[parameter.getOperandNumber()])) {
    if (!shares(axis, rule.results[0]))
      continue;
    if (!data || !shares(axis, rule.operands[data->getOperandNumber()]))
      return index;
    found = found.value_or(index);
  }
  return found;
}
