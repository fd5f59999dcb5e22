//===- Transfer.cpp - A second task beside the first ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/Transfer.h"
#include "LayerBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Structure/Draw.h"
#include "neuroplast/Structure/Units/LayerUnits.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/xxhash.h"

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

/// The name of a result; empty if it has none.
static StringRef getResultName(func::FuncOp main, unsigned index) {
  auto name = main.getResultAttrOfType<StringAttr>(index, "neuro.name");
  return name ? name.getValue() : StringRef();
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

namespace {

/// A layer whose results are an output, and what is made of them there.
struct Head {
  LinearLayer layer;
  /// From the layer to the output.
  SmallVector<Operation *> behind;
};

} // namespace

/// None if the first output is that of no layer.
static std::optional<Head> findHead(ModuleOp module, func::FuncOp main) {
  llvm::DenseMap<Operation *, LinearLayer> layers;
  for (LinearLayer &layer : listLinearLayers(module, {}, {}))
    layers.try_emplace(layer.op.getOperation(), std::move(layer));
  Head head;
  Value value = main.front().getTerminator()->getOperand(0);
  while (Operation *op = value.getDefiningOp()) {
    auto it = layers.find(op);
    if (it != layers.end()) {
      head.layer = it->second;
      std::reverse(head.behind.begin(), head.behind.end());
      return head;
    }
    if (!isa<neuro::AxisRuleOpInterface>(op) || op->getNumResults() != 1 ||
        op->getNumOperands() == 0 ||
        op->getOperand(0).getType() != value.getType())
      break;
    head.behind.push_back(op);
    value = op->getOperand(0);
  }
  return std::nullopt;
}

/// Random weights of a head, a row for each result, which keep the size of what
/// they weigh.
static Matrix drawHead(const TransferOptions &options, int64_t inputs) {
  Matrix weights(options.outputs, inputs);
  uint64_t seed = options.seed ^ llvm::xxh3_64bits(options.outputName);
  double scale = 1 / std::sqrt(static_cast<double>(inputs));
  for (int64_t i = 0; i < weights.size(); ++i)
    weights.data()[i] = scale * drawNormal(seed, i);
  return weights;
}

/// Builds a layer like that of a head, with as many results as asked for, and
/// what is behind it: shifts begin at zero. Null after an error.
static Value buildHead(const Head &head, const TransferOptions &options,
                       int64_t &parameters) {
  const LinearLayer &layer = head.layer;
  neuro::LayerOpInterface op = layer.op;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  LayerBuilder layers(layer, builder);
  if (layer.map.blocks > 1)
    return op->emitError("has groups, and no head is like it"), Value();
  Matrix weights = drawHead(options, layer.patchSize);
  Value value = layers.repeat(op->getOperand(layer.map.data),
                              options.outputName, weights, /*hasBias=*/true);
  Value old = op->getResult(0);
  for (Operation *behind : head.behind) {
    builder.setInsertionPointAfter(behind);
    IRMapping values;
    values.map(old, value);
    for (Value operand : llvm::drop_begin(behind->getOperands())) {
      Value shift =
          layers.addShift(operand, options.outputName, options.outputs);
      if (!shift)
        return behind->emitError("has operands that a head like this one does "
                                 "not have"),
               Value();
      values.map(operand, shift);
    }
    Operation *again = builder.clone(*behind, values);
    again->getResult(0).setType(value.getType());
    old = behind->getResult(0);
    value = again->getResult(0);
  }
  parameters = layers.countParameters();
  return value;
}

/// Builds a layer that reads the last axis of a value. Null after an error.
static Value buildHeadOn(Value features, ModuleOp module,
                         const TransferOptions &options, int64_t &parameters) {
  auto type = dyn_cast<RankedTensorType>(features.getType());
  if (!type || type.getRank() < 2 || !type.getElementType().isF32() ||
      type.isDynamicDim(type.getRank() - 1))
    return module.emitError("has a first output that is that of no layer, "
                            "beside which there could be another, and no "
                            "batch of vectors of a known size, on which there "
                            "could be one: ")
               << features.getType(),
           Value();
  Location loc =
      NameLoc::get(StringAttr::get(module.getContext(), options.outputName));
  OpBuilder top(module.getBodyRegion());
  auto builder = OpBuilder::atBlockTerminator(features.getParentBlock());
  SymbolTable symbols(module);
  auto addParam = [&](StringRef part, ArrayRef<int64_t> shape,
                      ArrayRef<float> numbers) {
    std::string name = options.outputName + "." + part.str();
    auto param = neuro::ParamOp::create(
        top, loc, name,
        makeElements(type.clone(shape), name,
                     std::string(reinterpret_cast<const char *>(numbers.data()),
                                 numbers.size() * sizeof(float))),
        /*trainable=*/true, /*shadow_of=*/FlatSymbolRefAttr(),
        /*source_name=*/StringAttr(), /*sym_visibility=*/StringAttr());
    param->remove();
    symbols.insert(param, module.getBody()->begin());
    parameters += static_cast<int64_t>(numbers.size());
    return neuro::GetParamOp::create(builder, loc, type.clone(shape),
                                     param.getSymName());
  };
  int64_t inputs = type.getShape().back(), outputs = options.outputs;
  Matrix drawn = drawHead(options, inputs);
  SmallVector<float> weights(inputs * outputs), zeros(outputs, 0);
  for (int64_t i = 0; i < inputs; ++i)
    for (int64_t out = 0; out < outputs; ++out)
      weights[i * outputs + out] = static_cast<float>(drawn(out, i));
  Value weight = addParam("weight", {inputs, outputs}, weights);
  Value bias = addParam("bias", {outputs}, zeros);
  Value product = neuro::MatMulOp::create(builder, loc, features, weight);
  return neuro::AddOp::create(builder, loc, product, bias);
}

static LogicalResult addHead(ModuleOp module, TransferReport &report) {
  const TransferOptions &options = report.options;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock() || main.getNumResults() == 0)
    return module.emitError("has no function 'main' with an output");
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (getResultName(main, i) == options.outputName)
      return main.emitError()
             << "has an output '" << options.outputName << "' already";
  std::optional<Head> head = findHead(module, main);
  report.isOnTop = !head;
  report.layer = head ? getNodeName(head->layer.op->getLoc()).str()
                      : getResultName(main, 0).str();
  Value value = head ? buildHead(*head, options, report.learning)
                     : buildHeadOn(main.front().getTerminator()->getOperand(0),
                                   module, options, report.learning);
  if (!value)
    return failure();
  NamedAttrList attributes;
  attributes.append("neuro.name",
                    StringAttr::get(module.getContext(), options.outputName));
  if (failed(main.insertResult(0, value.getType(),
                               attributes.getDictionary(module.getContext()))))
    return failure();
  main.front().getTerminator()->insertOperands(0, value);
  report.outputName = options.outputName;
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
  if (failed(addHead(module, report)))
    return failure();
  report.learning += learning;
  report.after = measure(UnitAnalysis(module));
  return report;
}
