//===- TrainStep.cpp - A step of training as one function -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/TrainStep.h"
#include "InlineNetwork.h"
#include "Plasticity.h"
#include "UpdateBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Training/Differentiate.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::training;
using neuro::Term;

namespace {

/// A parameter that is a mean over batches.
struct Statistic {
  Value remembered;
  Value plasticity; ///< zero where it stays as it is; null if nowhere
  Term updated;     ///< null if nothing of a batch was seen
};

constexpr StringRef kLabels = "labels";

class StepBuilder {
public:
  /// `units` are those that are drawn to zero.
  StepBuilder(ModuleOp module, func::FuncOp main, const StepOptions &options,
              ArrayRef<structure::MadeUnits> units = {})
      : options(options), units(units), module(module), symbols(module),
        main(main), b(main.getContext()),
        at{b, main.getLoc(), options.processes},
        masks(neuro::listMasks(module)), plasticity(module, options) {}

  LogicalResult buildStep() {
    if (options.teacher && !options.hints.empty()) {
      auto matched = matchChannels(module, options.teacher, options.hints);
      if (failed(matched))
        return failure();
      channels = std::move(*matched);
    }
    if (failed(start()))
      return failure();
    auto scalar = RankedTensorType::get({}, b.getF32Type());
    Value rate = addArgument(scalar, "learning_rate"),
          step = addArgument(scalar, "step");
    if (options.parts > 1)
      part = addArgument(scalar, "part");
    if (options.processes > 1)
      process = addArgument(scalar, "process");
    collectParameters(/*hasStates=*/true);
    if (learners.empty())
      return main.emitError("has no parameter that could learn");
    if (options.holdStrength > 0 && failed(addHold()))
      return failure();
    useBatchStatistics();
    if (failed(drawSamples(step)))
      return failure();
    Term loss = buildLossOfOutput();
    if (!loss)
      return failure();
    Term minimized = loss;
    for (Value penalty : penalties)
      minimized =
          minimized + Term(at, penalty).cast(loss.getType().getElementType());
    Term seed = loss.number(1);
    SmallVector<Value> parameters;
    for (const Learner &learner : learners)
      parameters.push_back(learner.parameter);
    auto gradients = buildGradients(b, main.front(), minimized.get(),
                                    seed.get(), parameters);
    if (failed(gradients))
      return failure();
    SmallVector<Value> updated = UpdateBuilder(at, options, {rate, step, part})
                                     .build(learners, units, *gradients);
    for (const auto &[name, statistic] : statistics)
      updated.push_back(statistic.updated ? statistic.updated.get()
                                          : statistic.remembered);
    if (failed(addResult(0, loss.get(), "loss")))
      return failure();
    for (auto [value, name] : llvm::zip_equal(updated, names))
      if (failed(addResult(main.getNumResults(), value, name)))
        return failure();
    return success();
  }

  LogicalResult buildEvaluation() {
    if (failed(start()))
      return failure();
    collectParameters(/*hasStates=*/false);
    Term loss = buildLossOfOutput();
    return loss ? addResult(0, loss.get(), "loss") : failure();
  }

  LogicalResult buildAnswer() {
    collectParameters(/*hasStates=*/false);
    return success();
  }

  LogicalResult buildGradientStep() {
    if (failed(start()))
      return failure();
    collectParameters(/*hasStates=*/false);
    Term loss = buildLossOfOutput();
    if (!loss)
      return failure();
    SmallVector<Value> parameters;
    for (const Learner &learner : learners)
      parameters.push_back(learner.parameter);
    Term seed = loss.number(1);
    auto gradients =
        buildGradients(b, main.front(), loss.get(), seed.get(), parameters);
    if (failed(gradients) || failed(addResult(0, loss.get(), "loss")))
      return failure();
    // Those that learn were named before the statistics.
    for (auto [gradient, name] : llvm::zip(*gradients, names))
      if (failed(addResult(main.getNumResults(), gradient, name)))
        return failure();
    return success();
  }

private:
  /// Adds the labels, of which the first output has to have a loss.
  LogicalResult start() {
    if (options.processes > 1 && comparesExamples())
      return main.emitError("compares the examples of a batch with one another "
                            "in its loss, and each process has others");
    Operation *end = main.front().getTerminator();
    if (end->getNumOperands() == 0)
      return main.emitError("returns nothing that could be trained");
    if (options.lossNetwork)
      return addLabelsOfNetwork();
    auto type = dyn_cast<RankedTensorType>(end->getOperand(0).getType());
    std::string reason = "the first output is no tensor of floats";
    RankedTensorType labelsType;
    if (type && isa<FloatType>(type.getElementType()))
      labelsType =
          options.loss.getLabelsType(Term(at, end->getOperand(0)), reason);
    if (!labelsType)
      return main.emitError(reason);
    if (!options.teacher)
      labels = addArgument(labelsType, kLabels);
    return success();
  }

  bool comparesExamples() const {
    return (!options.lossNetwork &&
            options.loss.kind == Loss::Kind::Contrastive) ||
           llvm::any_of(options.hints, [](const Hint &hint) {
             return hint.kind == Hint::Kind::Relations;
           });
  }

  /// Adds labels if the network that is the loss takes them.
  LogicalResult addLabelsOfNetwork() {
    ModuleOp network = options.lossNetwork;
    auto loss = network.lookupSymbol<func::FuncOp>("main");
    if (!loss)
      return network.emitError("has no function 'main'");
    for (BlockArgument argument : loss.getArguments())
      if (auto type = dyn_cast<RankedTensorType>(argument.getType());
          type && getArgumentName(loss, argument) == kLabels &&
          !options.teacher)
        labels = addArgument(type, kLabels);
    return success();
  }

  LogicalResult drawSamples(Value step) {
    at.builder.setInsertionPointToStart(&main.front());
    Type i64 = at.builder.getI64Type();
    Term counter = Term(at, step).cast(i64);
    if (part)
      counter = counter * static_cast<double>(options.parts) +
                Term(at, part).cast(i64);
    neuro::BatchPart own;
    if (process)
      own = {Term(at, process).cast(i64).get(), options.processes};
    return training::drawSamples(main, counter.get(), options.seed, own,
                                 &penalties);
  }

  /// Null after an error.
  Term buildLossOfOutput() {
    Operation *end = main.front().getTerminator();
    at.builder.setInsertionPoint(end);
    b.setInsertionPoint(end);
    Term output(at, end->getOperand(0));
    Block &block = main.front();
    Block::iterator behindOwn = std::prev(block.without_terminator().end());
    if (options.teacher) {
      labels = askTeacher();
      if (!labels)
        return {};
      if (labels.getType() != output.getType()) {
        main.emitError() << "has an output of type " << output.getType()
                         << ", and its teacher one of type "
                         << labels.getType();
        return {};
      }
    }
    NodeValues own, taught;
    if (!options.hints.empty()) {
      own = listNodeValues({block.begin(), std::next(behindOwn)});
      taught = listNodeValues({std::next(behindOwn), Block::iterator(end)});
    }
    Term loss = buildLossOfLabels(output);
    for (const Hint &hint : options.hints) {
      auto distance = hint.build(main, at, own, taught, channels);
      if (!loss || !distance)
        return {};
      if (*distance)
        loss = loss + *distance;
    }
    return loss;
  }

  /// Null after an error.
  Term buildLossOfLabels(const Term &output) {
    if (options.lossNetwork)
      return askLossNetwork();
    Term told(at, labels);
    return options.loss.build(
        output, options.teacher ? options.loss.buildLabels(told) : told);
  }

  /// The first result of the teacher; null after an error.
  Value askTeacher() {
    return inlineNetwork(at.builder, main, symbols, options.teacher,
                         {"teacher.", " that its student does not have"},
                         listInputs());
  }

  /// What a network says that is the loss; null after an error.
  Term askLossNetwork() {
    llvm::StringMap<Value> values = listInputs();
    Operation *end = main.front().getTerminator();
    for (auto [index, result] : llvm::enumerate(end->getOperands()))
      if (auto name = main.getResultAttrOfType<StringAttr>(index, "neuro.name"))
        values[name.getValue()] = result;
    values["output"] = end->getOperand(0);
    if (labels)
      values[kLabels] = labels;
    ModuleOp network = options.lossNetwork;
    Value said = inlineNetwork(
        at.builder, main, symbols, network,
        {"loss.", " that is no input or output of the network of this type, "
                  "and not its labels"},
        values);
    if (!said)
      return {};
    auto type = dyn_cast<RankedTensorType>(said.getType());
    if (!type || !isa<FloatType>(type.getElementType()) ||
        !type.hasStaticShape() || type.getNumElements() != 1) {
      network.emitError("is to be a loss, but its first result is no single "
                        "number: ")
          << said.getType();
      return {};
    }
    return Term(at, said).reshape({});
  }

  llvm::StringMap<Value> listInputs() {
    llvm::StringMap<Value> inputs;
    for (BlockArgument argument : main.getArguments())
      if (StringRef name = getArgumentName(main, argument); !name.empty())
        inputs[name] = argument;
    return inputs;
  }

  /// Adds an input, before the parameters that are arguments already.
  Value addArgument(RankedTensorType type, StringRef name) {
    NamedAttrList attributes;
    attributes.append("neuro.name", b.getStringAttr(name));
    unsigned index = 0;
    while (index < main.getNumArguments() &&
           !neuro::getArgumentParam(main, index))
      ++index;
    if (failed(main.insertArgument(index, type,
                                   attributes.getDictionary(b.getContext()),
                                   main.getLoc())))
      llvm_unreachable("every type is one of an argument");
    return main.getArgument(index);
  }

  LogicalResult addResult(unsigned index, Value value, StringRef name) {
    NamedAttrList attributes;
    attributes.append("neuro.name", b.getStringAttr(name));
    if (failed(main.insertResult(index, value.getType(),
                                 attributes.getDictionary(b.getContext()))))
      return failure();
    main.front().getTerminator()->insertOperands(index, value);
    return success();
  }

  /// Adds what holds parameters: where they are, and what each element matters.
  LogicalResult addHold() {
    bool isAnyHeld = false;
    for (Learner &learner : learners) {
      ArrayRef<float> importance =
          options.importance(neuro::getUserName(learner.op));
      if (importance.empty())
        continue;
      RankedTensorType type = learner.op.getType();
      if (type.getNumElements() != static_cast<int64_t>(importance.size()))
        return main.emitError()
               << "has " << type.getNumElements() << " elements of '"
               << neuro::getUserName(learner.op)
               << "', and their importance is known of " << importance.size();
      SmallVector<Attribute> numbers;
      for (float number : importance)
        numbers.push_back(b.getFloatAttr(type.getElementType(), number));
      learner.anchor =
          addShadow(neuro::getOrCreateState(symbols, learner.op, "anchor",
                                            learner.op.getValueAttr()),
                    learner.parameter);
      learner.importance = addShadow(
          neuro::getOrCreateState(symbols, learner.op, "importance",
                                  DenseElementsAttr::get(type, numbers)),
          learner.parameter);
      isAnyHeld = true;
    }
    return isAnyHeld ? success()
                     : main.emitError("has no parameter that could learn whose "
                                      "importance is known");
  }

  /// Takes the parameters that change as arguments: those that learn, with
  /// their states, and statistics. Those of open size are arguments already.
  void collectParameters(bool hasStates) {
    for (unsigned i = 0, e = main.getNumArguments(); i < e; ++i)
      if (neuro::ParamOp param = neuro::findParam(symbols, main.getArgument(i));
          param && plasticity.learns(param))
        addLearner(param, main.getArgument(i), hasStates);
    llvm::StringMap<Value> known;
    SmallVector<neuro::GetParamOp> reads;
    main.walk([&](neuro::GetParamOp read) { reads.push_back(read); });
    for (neuro::GetParamOp read : reads) {
      auto param = symbols.lookup<neuro::ParamOp>(read.getName());
      if (!plasticity.learns(param))
        continue;
      Value &argument = known[read.getName()];
      if (!argument) {
        argument = neuro::addParamArgument(main, param, param.getType());
        addLearner(param, argument, hasStates);
      }
      replace(read, argument);
    }
    for (neuro::LayerOpInterface op : listRemembering(main)) {
      auto statistics = findStatistics(symbols, op, plasticity);
      if (!statistics)
        continue;
      neuro::RunningStatistics running = *op.getRunningStatistics();
      addStatistic(statistics->first, op->getOperand(running.mean));
      addStatistic(statistics->second, op->getOperand(running.variance));
      learning.push_back(op);
    }
  }

  static void replace(neuro::GetParamOp read, Value argument) {
    read.getResult().replaceAllUsesWith(argument);
    read.erase();
  }

  void addStatistic(neuro::ParamOp param, Value value) {
    Statistic &statistic = statistics[param.getSymName()];
    auto read = value.getDefiningOp<neuro::GetParamOp>();
    if (!statistic.remembered) {
      statistic.remembered =
          read ? neuro::addParamArgument(main, param, param.getType()) : value;
      names.push_back(neuro::getUserName(param).str());
      if (neuro::ParamOp mask = plasticity.getMask(param))
        statistic.plasticity = addMask(mask, statistic.remembered);
    }
    if (read)
      replace(read, statistic.remembered);
  }

  /// Lets what remembers statistics go by those of the batch, and remember
  /// them.
  void useBatchStatistics() {
    for (neuro::LayerOpInterface op : learning) {
      neuro::RunningStatistics running = *op.getRunningStatistics();
      at.builder.setInsertionPoint(op);
      auto batch = neuro::BatchStatisticsOp::create(
          at.builder, op.getLoc(), op->getOperand(running.data));
      Term own(at, batch.getMean()), mean = own.averageOverProcesses(),
                                     variance(at, batch.getVariance());
      if (options.processes > 1)
        variance =
            (variance + (own - mean) * (own - mean)).averageOverProcesses();
      for (auto [operand, value] : {std::pair(running.mean, mean),
                                    std::pair(running.variance, variance)}) {
        Value remembered = op->getOperand(operand);
        Statistic &statistic =
            llvm::find_if(statistics, [&](const auto &entry) {
              return entry.second.remembered == remembered;
            })->second;
        Term before = statistic.updated ? statistic.updated
                                        : Term(at, statistic.remembered);
        Term seen = value.cast(before.getType().getElementType());
        Term mixed = before * running.momentum + seen * (1 - running.momentum);
        statistic.updated = selectWhere(statistic.plasticity, mixed, before);
        op->setOperand(operand,
                       selectWhere(statistic.plasticity, seen, before).get());
      }
    }
  }

  /// Lets a parameter learn that is an argument.
  void addLearner(neuro::ParamOp param, Value argument, bool hasStates) {
    Learner learner;
    learner.op = param;
    StringRef name = neuro::getUserName(param);
    learner.parameter = argument;
    learner.isUndecayed = (options.isUndecayed && options.isUndecayed(name)) ||
                          name.ends_with(kRateSuffix);
    names.push_back(name.str());
    if (hasStates)
      for (StringRef suffix : options.optimizer.getStates())
        learner.states.push_back(addState(param, suffix, argument));
    if (hasStates && options.parts > 1)
      learner.sum = addState(param, kSum, argument);
    if (hasStates && options.sumsMovement)
      learner.movement = addState(param, neuro::kMovement, argument);
    if (neuro::ParamOp mask = masks.lookup(param.getSymName()))
      learner.mask = addMask(mask, argument);
    if (neuro::ParamOp mask = plasticity.getMask(param))
      learner.plasticity = addMask(mask, argument);
    learners.push_back(learner);
  }

  /// A state of a parameter that is an argument, as another one.
  Value addState(neuro::ParamOp param, StringRef kind, Value argument) {
    neuro::ParamOp state = neuro::getOrCreateState(symbols, param, kind);
    names.push_back(neuro::getUserName(state).str());
    return addShadow(state, argument);
  }

  /// What has the size of an argument, as another one.
  Value addShadow(neuro::ParamOp shadow, Value argument) {
    auto type = cast<RankedTensorType>(argument.getType());
    BlockArgument added = neuro::addParamArgument(
        main, shadow, type.clone(shadow.getType().getElementType()));
    ArrayRef<int64_t> numbers =
        neuro::getSizeNumbers(cast<BlockArgument>(argument));
    if (!numbers.empty())
      neuro::setSizeNumbers(main, added.getArgNumber(), numbers);
    return added;
  }

  /// The mask of an argument: another one, if its size is open.
  Value addMask(neuro::ParamOp mask, Value argument) {
    if (!cast<RankedTensorType>(argument.getType()).hasStaticShape())
      return addShadow(mask, argument);
    mask.removeShadowOfAttr(); // What it masks is an argument now.
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&main.front());
    return neuro::GetParamOp::create(b, main.getLoc(), mask.getType(),
                                     mask.getSymName());
  }

  const StepOptions &options;
  ArrayRef<structure::MadeUnits> units;
  ModuleOp module;
  SymbolTable symbols;
  func::FuncOp main;
  OpBuilder b;
  neuro::TermBuilder at;
  Value labels;
  Value part;    ///< of an update; null if there is one only
  Value process; ///< which one it is; null if there is one only
  std::vector<Learner> learners;
  llvm::StringMap<neuro::ParamOp> masks; ///< by what they mask
  Plasticity plasticity;
  llvm::MapVector<StringRef, Statistic> statistics; ///< by their symbols
  /// What goes by the statistics of the batch.
  std::vector<neuro::LayerOpInterface> learning;
  std::vector<std::string> names; ///< of what is updated
  ChannelMatches channels;        ///< of the teacher
  SmallVector<Value> penalties;   ///< of what is drawn
};

} // namespace

/// Fails, after an error, if a module has no network in one block.
static FailureOr<func::FuncOp> findMain(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock())
    return module.emitError("has no function 'main' of one block");
  return main;
}

LogicalResult neuroplast::training::buildTrainStep(ModuleOp module,
                                                   const StepOptions &options) {
  auto main = findMain(module);
  if (failed(main))
    return failure();
  std::vector<structure::MadeUnits> units;
  if (options.groupLasso > 0) {
    units = structure::listMadeUnits(structure::UnitAnalysis(module));
    llvm::StringSet<> changing = listChangingParams(module, options);
    llvm::erase_if(units, [&](const structure::MadeUnits &made) {
      return llvm::any_of(made.makers, [&](structure::Maker maker) {
        return !changing.contains(maker.param.getSymName());
      });
    });
    if (units.empty())
      return module.emitError("has no units, with parameters of sizes that "
                              "stay and all of which learn, that are gone once "
                              "these are zero");
  }
  // It may bring parameters that learn.
  for (Dropout dropout : options.dropouts) {
    dropout.parts = options.parts;
    if (failed(insertDropout(module, dropout)))
      return failure();
  }
  return StepBuilder(module, *main, options, units).buildStep();
}

LogicalResult
neuroplast::training::buildEvaluation(ModuleOp module,
                                      const StepOptions &options) {
  auto main = findMain(module);
  return failed(main) ? failure()
                      : StepBuilder(module, *main, options).buildEvaluation();
}

LogicalResult
neuroplast::training::buildGradientStep(ModuleOp module,
                                        const StepOptions &options) {
  auto main = findMain(module);
  return failed(main) ? failure()
                      : StepBuilder(module, *main, options).buildGradientStep();
}

LogicalResult neuroplast::training::buildAnswer(ModuleOp module,
                                                const StepOptions &options) {
  auto main = findMain(module);
  return failed(main) ? failure()
                      : StepBuilder(module, *main, options).buildAnswer();
}
