//===- ModuleMetadata.cpp - Histories, masks, states ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ModuleMetadata.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

static llvm::StringMap<ParamOp> listByUserName(ModuleOp module) {
  llvm::StringMap<ParamOp> params;
  for (auto param : module.getOps<ParamOp>())
    params[getUserName(param)] = param;
  return params;
}

static void setProperty(::onnx::ModelProto &model, StringRef key,
                        llvm::json::Value value) {
  auto *property = model.add_metadata_props();
  property->set_key(key.str());
  property->set_value(llvm::formatv("{0}", std::move(value)));
}

/// The initializer with what an edit removed from a parameter.
static std::string getRemovedName(int64_t edit, StringRef param) {
  return llvm::formatv("neuroplast.removed.{0}.{1}", edit, param);
}

LogicalResult neuroplast::onnx_frontend::writeHistory(
    ModuleOp module, const llvm::StringMap<std::string> &names,
    ::onnx::ModelProto &model, GraphWriter &writer) {
  HistoryOp history = findHistory(module);
  if (!history)
    return success();
  auto getName = [&](FlatSymbolRefAttr symbol) {
    auto it = names.find(symbol.getValue());
    return it == names.end() ? symbol.getValue().str() : it->second;
  };
  setProperty(model, kHistoryKey, toJson(history, getName));
  for (auto [number, edit] :
       llvm::enumerate(history.getBody().getOps<EditOp>()))
    for (auto removed : edit.getBody().getOps<RemovedOp>())
      if (failed(writer.addInitializer(
              getRemovedName(number, getName(removed.getParamAttr())),
              removed.getValue(), removed.getLoc())))
        return failure();
  return success();
}

void neuroplast::onnx_frontend::readHistory(
    ModuleOp module, StringRef text,
    llvm::function_ref<ElementsAttr(StringRef)> getTensor) {
  llvm::StringMap<ParamOp> params = listByUserName(module);
  auto getSymbol = [&](StringRef name) {
    ParamOp param = params.lookup(name);
    return param ? param.getSymNameAttr() : StringAttr();
  };
  auto value = llvm::json::parse(text);
  llvm::json::Array *edits = value ? value->getAsArray() : nullptr;
  if (!value)
    llvm::consumeError(value.takeError());
  HistoryOp history = edits ? getOrCreateHistory(module) : HistoryOp();
  if (!edits || !fromJson(*edits, history, getSymbol)) {
    if (history)
      history.erase();
    module.emitWarning("the metadata entry '")
        << kHistoryKey << "' is no history, and is left out";
    return;
  }
  for (auto [number, edit] :
       llvm::enumerate(history.getBody().getOps<EditOp>())) {
    OpBuilder builder = OpBuilder::atBlockEnd(&edit.getBody().front());
    for (auto &entry : params)
      if (ElementsAttr removed =
              getTensor(getRemovedName(number, entry.getKey())))
        RemovedOp::create(
            builder, edit.getLoc(),
            FlatSymbolRefAttr::get(entry.getValue().getSymNameAttr()), removed);
  }
}

void neuroplast::onnx_frontend::writeMasks(
    ModuleOp module, const llvm::StringMap<std::string> &names,
    ::onnx::ModelProto &model) {
  llvm::json::Array list;
  llvm::StringMap<ParamOp> masks = listMasks(module);
  for (auto param : module.getOps<ParamOp>())
    if (auto it = names.find(param.getSymName());
        it != names.end() && masks.contains(param.getSymName()))
      list.push_back(it->second);
  if (list.empty())
    return;
  setProperty(model, kMasksKey, std::move(list));
}

void neuroplast::onnx_frontend::readMasks(ModuleOp module, StringRef text) {
  llvm::StringMap<ParamOp> params = listByUserName(module);
  auto value = llvm::json::parse(text);
  llvm::json::Array *names = value ? value->getAsArray() : nullptr;
  if (!value)
    llvm::consumeError(value.takeError());
  auto getParam = [&](const llvm::json::Value &name) {
    auto string = name.getAsString();
    return string ? params.lookup(StringRef(string->data(), string->size()))
                  : ParamOp();
  };
  auto isFloat = [&](const llvm::json::Value &name) {
    ParamOp param = getParam(name);
    return param && isa<FloatType>(param.getType().getElementType());
  };
  if (!names || !llvm::all_of(*names, isFloat)) {
    module.emitWarning("the metadata entry '")
        << kMasksKey << "' is no list of weights, and is left out";
    return;
  }
  for (const llvm::json::Value &name : *names)
    maskZeros(getParam(name));
}

LogicalResult neuroplast::onnx_frontend::writePlasticity(
    ModuleOp module, const llvm::StringMap<std::string> &names,
    ::onnx::ModelProto &model, GraphWriter &writer) {
  llvm::json::Array list;
  llvm::StringMap<ParamOp> masks = listPlasticity(module),
                           tasks = listTasks(module);
  for (auto param : module.getOps<ParamOp>()) {
    ParamOp mask = masks.lookup(param.getSymName());
    auto it = names.find(param.getSymName());
    if (!mask || it == names.end())
      continue;
    llvm::json::Object entry{{"of", it->second}};
    auto write = [&](ParamOp shadow, StringRef key, StringRef suffix) {
      std::string name = writer.makeName((it->second + suffix).str());
      entry[key] = name;
      return writer.addInitializer(name, shadow.getValue(), shadow.getLoc());
    };
    if (!isFrozenWhole(mask) &&
        failed(write(mask, "initializer", ".plasticity")))
      return failure();
    if (ParamOp shared = tasks.lookup(param.getSymName());
        shared && failed(write(shared, "tasks", ".tasks")))
      return failure();
    list.push_back(std::move(entry));
  }
  if (list.empty())
    return success();
  setProperty(model, kPlasticityKey, std::move(list));
  return success();
}

void neuroplast::onnx_frontend::readPlasticity(
    ModuleOp module, StringRef text,
    llvm::function_ref<ElementsAttr(StringRef)> getTensor) {
  llvm::StringMap<ParamOp> params = listByUserName(module);
  auto value = llvm::json::parse(text);
  llvm::json::Array *list = value ? value->getAsArray() : nullptr;
  if (!value)
    llvm::consumeError(value.takeError());
  struct Entry {
    ParamOp param;
    std::optional<TensorElements> learns, tasks;
  };
  SmallVector<Entry> found;
  bool isGood = list;
  for (size_t i = 0; isGood && i < list->size(); ++i) {
    const llvm::json::Object *object = (*list)[i].getAsObject();
    auto of = object ? object->getString("of") : std::nullopt;
    ParamOp param = of ? params.lookup(*of) : ParamOp();
    isGood = param && isa<FloatType>(param.getType().getElementType());
    auto read = [&](StringRef key) -> std::optional<TensorElements> {
      auto name = isGood ? object->getString(key) : std::nullopt;
      if (!name)
        return std::nullopt;
      ElementsAttr tensor = getTensor(*name);
      auto elements = tensor ? TensorElements::read(tensor) : std::nullopt;
      isGood = elements && elements->getType().getElementType().isInteger(8) &&
               elements->getType().getShape() == param.getType().getShape();
      return elements;
    };
    Entry entry{param, read("initializer"), read("tasks")};
    found.push_back(std::move(entry));
  }
  if (!isGood) {
    module.emitWarning("the metadata entry '")
        << kPlasticityKey << "' is no list of parameters, and is left out";
    return;
  }
  for (const Entry &entry : found) {
    ParamOp mask = freezeWhole(entry.param);
    if (entry.learns)
      setPlasticity(mask,
                    [&](int64_t i) { return entry.learns->getInteger(i); });
    if (entry.tasks)
      setTasks(entry.param,
               [&](int64_t i) { return entry.tasks->getInteger(i); });
  }
}

LogicalResult neuroplast::onnx_frontend::writeStates(
    ModuleOp module, const llvm::StringMap<std::string> &names,
    ::onnx::ModelProto &model, GraphWriter &writer) {
  llvm::json::Array list;
  for (auto state : module.getOps<ParamOp>()) {
    if (!isOptimizerState(state))
      continue;
    auto it = names.find(*state.getShadowOf());
    if (it == names.end())
      continue;
    std::string kind = getStateKind(state).str(),
                name = writer.makeName(it->second + "." + kind);
    if (failed(writer.addInitializer(name, state.getValue(), state.getLoc())))
      return failure();
    list.push_back(llvm::json::Object{
        {"of", it->second}, {"kind", kind}, {"initializer", name}});
  }
  if (list.empty())
    return success();
  setProperty(model, kStatesKey,
              llvm::json::Object{{"steps", getTrainingSteps(module)},
                                 {"states", std::move(list)}});
  return success();
}

void neuroplast::onnx_frontend::readStates(
    ModuleOp module, StringRef text,
    llvm::function_ref<ElementsAttr(StringRef)> getTensor) {
  llvm::StringMap<ParamOp> params = listByUserName(module);
  SymbolTable symbols(module);
  auto value = llvm::json::parse(text);
  llvm::json::Object *entry = value ? value->getAsObject() : nullptr;
  if (!value)
    llvm::consumeError(value.takeError());
  llvm::json::Array *states = entry ? entry->getArray("states") : nullptr;
  std::optional<int64_t> steps =
      entry ? entry->getInteger("steps") : std::nullopt;
  struct State {
    ParamOp param;
    std::string kind;
    ElementsAttr value;
  };
  SmallVector<State> found;
  bool isGood = states && steps && *steps >= 0;
  if (!isGood)
    states = nullptr;
  for (size_t i = 0; states && i < states->size(); ++i) {
    const llvm::json::Object *state = (*states)[i].getAsObject();
    auto of = state ? state->getString("of") : std::nullopt,
         kind = state ? state->getString("kind") : std::nullopt,
         name = state ? state->getString("initializer") : std::nullopt;
    isGood = of && kind && name && !kind->empty();
    ParamOp param = isGood ? params.lookup(*of) : ParamOp();
    ElementsAttr tensor = isGood ? getTensor(*name) : ElementsAttr();
    isGood = param && tensor && tensor.getShapedType() == param.getType() &&
             isa<FloatType>(param.getType().getElementType());
    if (!isGood)
      break;
    found.push_back({param, kind->str(), tensor});
  }
  if (!isGood) {
    module.emitWarning("the metadata entry '")
        << kStatesKey << "' is no list of states, and is left out";
    return;
  }
  for (const State &state : found)
    getOrCreateState(symbols, state.param, state.kind)
        .setValueAttr(state.value);
  setTrainingSteps(module, *steps);
}
