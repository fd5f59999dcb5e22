//===- OptimizerStates.cpp - What optimizers remember ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"

using namespace mlir;
using namespace neuroplast::neuro;

static constexpr llvm::StringLiteral kSteps = "neuro.training_steps";

bool neuroplast::neuro::isOptimizerState(ParamOp param) {
  return param.getShadowOf() &&
         isa<FloatType>(param.getType().getElementType()) &&
         param.getSymName().starts_with((*param.getShadowOf() + ".").str());
}

StringRef neuroplast::neuro::getStateKind(ParamOp state) {
  return state.getSymName().drop_front(state.getShadowOf()->size() + 1);
}

bool neuroplast::neuro::sumsGradients(ParamOp state) {
  StringRef kind = getStateKind(state);
  return kind.starts_with("moment") || kind == "seen";
}

ParamOp neuroplast::neuro::getOrCreateState(SymbolTable &symbols, ParamOp param,
                                            StringRef kind,
                                            ElementsAttr value) {
  std::string name = (param.getSymName() + "." + kind).str();
  auto known = symbols.lookup<ParamOp>(name);
  if (known && isOptimizerState(known) &&
      known.getShadowOf() == param.getSymName())
    return known;
  RankedTensorType type = param.getType();
  OpBuilder behind(param->getContext());
  behind.setInsertionPointAfter(param);
  if (!value)
    value = DenseElementsAttr::get(
        type, behind.getFloatAttr(type.getElementType(), 0));
  auto state = ParamOp::create(
      behind, param.getLoc(), name, value,
      /*trainable=*/false, FlatSymbolRefAttr::get(param.getSymNameAttr()),
      behind.getStringAttr((getUserName(param) + "." + kind).str()),
      StringAttr());
  symbols.insert(state);
  return state;
}

void neuroplast::neuro::removeStates(ModuleOp module) {
  for (auto param : llvm::make_early_inc_range(module.getOps<ParamOp>()))
    if (isOptimizerState(param))
      param.erase();
  module->removeAttr(kSteps);
}

int64_t neuroplast::neuro::getTrainingSteps(ModuleOp module) {
  auto steps = module->getAttrOfType<IntegerAttr>(kSteps);
  return steps ? steps.getInt() : 0;
}

void neuroplast::neuro::setTrainingSteps(ModuleOp module, int64_t steps) {
  module->setAttr(kSteps,
                  Builder(module.getContext()).getI64IntegerAttr(steps));
}
