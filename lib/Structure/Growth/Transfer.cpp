//===- Transfer.cpp - A second task beside the first ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/Transfer.h"
#include "../Units/LinearLayers.h"
#include "NewHead.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/Units/LayerUnits.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

std::optional<Freeze> neuroplast::structure::parseFreeze(StringRef name) {
  return llvm::StringSwitch<std::optional<Freeze>>(name)
      .Case("units", Freeze::Units)
      .Case("weights", Freeze::Weights)
      .Case("kept", Freeze::Kept)
      .Case("nothing", Freeze::Nothing)
      .Default(std::nullopt);
}

StringRef neuroplast::structure::getName(Freeze freeze) {
  switch (freeze) {
  case Freeze::Units:
    return "units";
  case Freeze::Weights:
    return "weights";
  case Freeze::Kept:
    return "kept";
  case Freeze::Nothing:
    return "nothing";
  }
  llvm_unreachable("no such form");
}

std::optional<DropinOptions> neuroplast::structure::parseGrowth(StringRef text,
                                                                uint64_t seed) {
  auto [pattern, number] = text.rsplit('=');
  DropinOptions options;
  options.selection.only = {pattern.str()};
  options.seed = seed;
  int64_t units = 0;
  double percent = 0;
  if (!number.getAsInteger(10, units) && units > 0)
    options.units = units;
  else if (number.consume_back("%") && !number.getAsDouble(percent) &&
           percent > 0)
    options.share = percent / 100;
  else
    return std::nullopt;
  if (pattern.empty())
    return std::nullopt;
  return options;
}

llvm::json::Object TransferOptions::toJson() const {
  llvm::json::Array grown;
  for (const DropinOptions &each : growth)
    grown.push_back(each.toJson());
  llvm::json::Object result{{"outputs", outputs},
                            {"growth", std::move(grown)},
                            {"freeze", getName(freeze)},
                            {"seed", static_cast<int64_t>(seed)}};
  if (!outputName.empty())
    result["output"] = outputName;
  if (!command.empty())
    result["command"] = command;
  return result;
}

llvm::json::Object TransferReport::toJson() const {
  llvm::json::Object result = options.toJson();
  llvm::json::Array grown;
  for (const DropinReport &each : growth)
    grown.push_back(each.toJson());
  result["growth"] = std::move(grown);
  result["output"] = outputName;
  result[isOnTop ? "on" : "like"] = layer;
  result["learning"] = learning;
  result["before"] = before.toJson();
  result["after"] = after.toJson();
  return result;
}

void TransferReport::print(llvm::raw_ostream &os) const {
  for (const DropinReport &each : growth)
    each.printSets(os, /*all=*/false);
  os << "head: '" << outputName << "' of " << options.outputs
     << (isOnTop ? ", on '" : ", beside that of ") << layer
     << (isOnTop ? "'\n" : "\n") << "learns: " << learning << " of "
     << after.parameters << " parameters\n";
}

/// The parameters that a training could change.
static SmallVector<neuro::ParamOp> listParams(ModuleOp module) {
  SmallVector<neuro::ParamOp> params;
  for (auto param : module.getOps<neuro::ParamOp>())
    if (!param.getShadowOf() &&
        isa<FloatType>(param.getType().getElementType()))
      params.push_back(param);
  return params;
}

/// Freezes the units of which an element is frozen, all of them in all: what
/// newborns give to others that were there before stays zero.
static LogicalResult freezeUnits(ModuleOp module) {
  llvm::StringMap<neuro::ParamOp> masks = neuro::listPlasticity(module);
  auto result = module.walk([&](neuro::GetParamOp read) {
    neuro::ParamOp mask = masks.lookup(read.getName());
    std::optional<TensorElements> old =
        mask ? TensorElements::read(mask.getValue()) : std::nullopt;
    if (!old || neuro::isFrozenWhole(mask))
      return WalkResult::advance();
    for (OpOperand &use : read->getUses()) {
      auto op = dyn_cast<neuro::AxisRuleOpInterface>(use.getOwner());
      if (!op ||
          op.getOperandRole(use.getOperandNumber()) == neuro::OperandRole::Data)
        continue;
      std::optional<int64_t> axis = findUnitAxis(use);
      if (!axis)
        continue;
      RankedTensorType type = mask.getType();
      int64_t beneath = 1, units = type.getDimSize(*axis);
      for (int64_t extent : type.getShape().drop_front(*axis + 1))
        beneath *= extent;
      auto getUnit = [&](int64_t element) { return element / beneath % units; };
      SmallVector<bool> isOld(units);
      for (int64_t i = 0; i < type.getNumElements(); ++i)
        isOld[getUnit(i)] |= old->getInteger(i) == 0;
      neuro::setPlasticity(mask, [&](int64_t i) {
        return old->getInteger(i) != 0 && !isOld[getUnit(i)];
      });
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

SmallVector<std::string>
neuroplast::structure::listAddedOutputs(ModuleOp module) {
  SmallVector<std::string> outputs;
  neuro::HistoryOp history = neuro::findHistory(module);
  if (!history)
    return outputs;
  for (auto edit : history.getBody().getOps<neuro::EditOp>()) {
    if (edit.getKind() != "transfer")
      continue;
    auto options = llvm::json::parse(edit.getOptions());
    if (!options) {
      llvm::consumeError(options.takeError());
      continue;
    }
    if (const llvm::json::Object *object = options->getAsObject())
      outputs.push_back(object->getString("output").value_or("").str());
  }
  return outputs;
}

/// The number of the task that was added last. Fails, after an error, if there
/// are too many.
static FailureOr<int64_t> countTasks(ModuleOp module) {
  int64_t task =
      kFirstTask + static_cast<int64_t>(listAddedOutputs(module).size());
  if (task > neuro::kMostTasks)
    return module.emitError("has ") << neuro::kMostTasks << " tasks already";
  return task;
}

/// Lets masked weights come into use for the task that was added last.
static LogicalResult shareMasked(ModuleOp module, int64_t task) {
  llvm::StringMap<neuro::ParamOp> masks = neuro::listMasks(module);
  if (masks.empty())
    return module.emitError("has no masked weights that could learn, as "
                            "'sparsify' makes them");
  for (neuro::ParamOp param : listParams(module))
    if (masks.contains(param.getSymName()) &&
        !neuro::shareWithTask(param, task))
      return param.emitError("cannot be read");
  return success();
}

/// Says of what learns that it came into use for a task: of newborns that old
/// units listen to, so that the tasks before it can be had without them.
static LogicalResult markNewborns(ModuleOp module, int64_t task) {
  llvm::StringMap<neuro::ParamOp> tasks = neuro::listTasks(module);
  SymbolTable symbols(module);
  for (auto &[name, mask] : neuro::listPlasticity(module)) {
    if (neuro::isFrozenWhole(mask))
      continue;
    auto param = symbols.lookup<neuro::ParamOp>(name);
    neuro::ParamOp shared = tasks.lookup(name);
    std::optional<TensorElements> learns =
                                      TensorElements::read(mask.getValue()),
                                  known;
    if (shared)
      known = TensorElements::read(shared.getValue());
    if (!learns || (shared && !known))
      return param.emitError("cannot be read");
    neuro::setTasks(param, [&](int64_t i) {
      return learns->getInteger(i) != 0 ? task
             : known                    ? known->getInteger(i)
                                        : kFirstTask;
    });
  }
  return success();
}

FailureOr<TransferReport>
neuroplast::structure::transfer(ModuleOp module,
                                const TransferOptions &options) {
  if (options.outputs < 1)
    return module.emitError("a head has at least one result"), failure();
  if (options.freeze == Freeze::Kept && !options.growth.empty())
    return module.emitError("what is masked comes into use, or units join, not "
                            "both"),
           failure();
  TransferReport report;
  report.options = options;
  if (auto main = module.lookupSymbol<func::FuncOp>("main");
      options.outputName.empty() && main && main.getNumResults() > 0)
    report.options.outputName = (getResultName(main, 0) + ".new").str();
  report.before = measure(UnitAnalysis(module));
  // The edits by which units join come behind, so that they can be taken back.
  recordCommand(module, "transfer", report.options.toJson());
  if (options.freeze != Freeze::Nothing)
    for (neuro::ParamOp param : listParams(module))
      neuro::freezeWhole(param);
  FailureOr<int64_t> task = countTasks(module);
  if (failed(task) ||
      (options.freeze == Freeze::Kept && failed(shareMasked(module, *task))))
    return failure();
  for (const DropinOptions &growth : options.growth) {
    FailureOr<DropinReport> grown = dropin(module, growth);
    if (failed(grown))
      return failure();
    if (llvm::none_of(grown->sets,
                      [](const GrownSet &set) { return set.added > 0; })) {
      InFlightDiagnostic error = module.emitError("no unit can join at '")
                                 << llvm::join(growth.selection.only, "', '")
                                 << "'";
      for (const GrownSet &set : grown->sets)
        if (set.reason != "not named")
          error.attachNote()
              << "'" << set.summary.members.front() << "': " << set.reason;
      return failure();
    }
    report.growth.push_back(std::move(*grown));
  }
  if ((options.freeze == Freeze::Units && failed(freezeUnits(module))) ||
      (options.freeze == Freeze::Weights &&
       failed(markNewborns(module, *task))))
    return failure();
  llvm::StringMap<neuro::ParamOp> masks = neuro::listPlasticity(module);
  int64_t learning = 0;
  for (neuro::ParamOp param : listParams(module))
    if (param.getTrainable())
      learning += neuro::countPlastic(param, masks);
  FailureOr<AddedHead> head = addHead(
      module, {report.options.outputName, options.outputs, options.seed});
  if (failed(head))
    return failure();
  report.outputName = report.options.outputName;
  report.layer = head->layer;
  report.isOnTop = head->isOnTop;
  report.learning = learning + head->parameters;
  report.after = measure(UnitAnalysis(module));
  return report;
}
