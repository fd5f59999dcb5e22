//===- Plasticity.cpp - What of a network may change ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Plasticity.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::training;

/// Whether an op follows its data with a parameter.
static bool isStatistic(neuro::ParamOp param) {
  auto uses = SymbolTable::getSymbolUses(param, param->getParentOp());
  return !uses || llvm::any_of(*uses, [](const SymbolTable::SymbolUse &use) {
    auto read = dyn_cast<neuro::GetParamOp>(use.getUser());
    return read && llvm::any_of(read->getUses(), [](OpOperand &operand) {
             auto op = dyn_cast<neuro::AxisRuleOpInterface>(operand.getOwner());
             return op && op.getOperandRole(operand.getOperandNumber()) ==
                              neuro::OperandRole::Statistic;
           });
  });
}

Plasticity::Plasticity(ModuleOp module, const StepOptions &options)
    : options(options), masks(neuro::listPlasticity(module)) {}

bool Plasticity::isFrozen(neuro::ParamOp param) const {
  neuro::ParamOp mask = getMask(param);
  return (mask && neuro::isFrozenWhole(mask)) ||
         (options.isFrozen && options.isFrozen(neuro::getUserName(param)));
}

bool Plasticity::learns(neuro::ParamOp param) const {
  bool isTable =
      !param.getTrainable() && !param.getShadowOf() && options.isUnfrozen &&
      options.isUnfrozen(neuro::getUserName(param)) && !isStatistic(param);
  return (param.getTrainable() || isTable) &&
         isa<FloatType>(param.getType().getElementType()) && !isFrozen(param);
}

SmallVector<neuro::LayerOpInterface>
neuroplast::training::listRemembering(func::FuncOp main) {
  SmallVector<neuro::LayerOpInterface> ops;
  main.walk([&](neuro::LayerOpInterface op) {
    if (op.getRunningStatistics() && op->getBlock() == &main.front())
      ops.push_back(op);
  });
  return ops;
}

std::optional<std::pair<neuro::ParamOp, neuro::ParamOp>>
neuroplast::training::findStatistics(SymbolTable &symbols,
                                     neuro::LayerOpInterface op,
                                     const Plasticity &plasticity) {
  neuro::RunningStatistics running = *op.getRunningStatistics();
  auto mean = neuro::findParam(symbols, op->getOperand(running.mean)),
       variance = neuro::findParam(symbols, op->getOperand(running.variance));
  if (!mean || !variance || plasticity.isFrozen(mean) ||
      plasticity.isFrozen(variance))
    return std::nullopt;
  return std::pair(mean, variance);
}

void neuroplast::training::addStates(ModuleOp module,
                                     const StepOptions &options,
                                     bool withSums) {
  SymbolTable symbols(module);
  Plasticity plasticity(module, options);
  for (auto param :
       llvm::make_early_inc_range(module.getOps<neuro::ParamOp>())) {
    if (!plasticity.learns(param))
      continue;
    for (StringRef kind : options.optimizer.getStates())
      neuro::getOrCreateState(symbols, param, kind);
    if (withSums && options.parts > 1)
      neuro::getOrCreateState(symbols, param, kSum);
    if (options.sumsMovement)
      neuro::getOrCreateState(symbols, param, neuro::kMovement);
  }
}

llvm::StringSet<>
neuroplast::training::listChangingParams(ModuleOp module,
                                         const StepOptions &options) {
  llvm::StringSet<> names;
  Plasticity plasticity(module, options);
  for (auto param : module.getOps<neuro::ParamOp>())
    if (plasticity.learns(param))
      names.insert(param.getSymName());
  SymbolTable symbols(module);
  if (auto main = module.lookupSymbol<func::FuncOp>("main"))
    for (neuro::LayerOpInterface op : listRemembering(main))
      if (auto statistics = findStatistics(symbols, op, plasticity))
        for (neuro::ParamOp param : {statistics->first, statistics->second})
          names.insert(param.getSymName());
  return names;
}
