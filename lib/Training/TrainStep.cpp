//===- TrainStep.cpp - A step of training as one function -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/TrainStep.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Training/Differentiate.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::training;
using neuro::Term;

namespace {

/// A parameter that learns, and what the optimizer remembers of it.
struct Learner {
  Value parameter;
  SmallVector<Value> states;
};

class StepBuilder {
public:
  StepBuilder(ModuleOp module, func::FuncOp main, const StepOptions &options)
      : options(options), symbols(module), main(main), b(main.getContext()) {}

  LogicalResult run() {
    Operation *end = main.front().getTerminator();
    if (end->getNumOperands() == 0)
      return main.emitError("returns nothing that could be trained");
    Value output = end->getOperand(0);
    auto type = dyn_cast<RankedTensorType>(output.getType());
    std::string reason = "the first output is no tensor of floats";
    RankedTensorType labelsType;
    if (type && isa<FloatType>(type.getElementType()))
      labelsType = getLabelsType(options.loss, type, reason);
    if (!labelsType)
      return main.emitError(reason);
    auto scalar = RankedTensorType::get({}, b.getF32Type());
    Value labels = addArgument(labelsType, "labels"),
          rate = addArgument(scalar, "learning_rate"),
          step = addArgument(scalar, "step");
    collectLearners();
    if (learners.empty())
      return main.emitError("has no parameter that could learn");

    b.setInsertionPoint(end);
    neuro::TermBuilder at{b, end->getLoc()};
    Term loss = buildLoss(options.loss, Term(at, output), Term(at, labels));
    Term seed = loss.number(1);
    SmallVector<Value> parameters;
    for (const Learner &learner : learners)
      parameters.push_back(learner.parameter);
    auto gradients =
        buildGradients(b, main.front(), loss.get(), seed.get(), parameters);
    if (failed(gradients))
      return failure();
    SmallVector<Value> updated;
    for (auto [learner, gradient] : llvm::zip_equal(learners, *gradients)) {
      SmallVector<Term> states;
      for (Value state : learner.states)
        states.emplace_back(at, state);
      Update update = buildUpdate(
          options.optimizer, Term(at, learner.parameter), Term(at, gradient),
          states, Term(at, rate), Term(at, step));
      updated.push_back(update.parameter.get());
      for (const Term &state : update.states)
        updated.push_back(state.get());
    }
    if (failed(addResult(0, loss.get(), "loss")))
      return failure();
    for (auto [value, name] : llvm::zip_equal(updated, names))
      if (failed(addResult(main.getNumResults(), value, name)))
        return failure();
    return success();
  }

private:
  Value addArgument(RankedTensorType type, StringRef name) {
    NamedAttrList attributes;
    attributes.append("neuro.name", b.getStringAttr(name));
    unsigned index = main.getNumArguments();
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

  /// Takes the parameters that learn as arguments, and adds their states.
  void collectLearners() {
    llvm::StringMap<Value> known;
    SmallVector<neuro::GetParamOp> reads;
    main.walk([&](neuro::GetParamOp read) { reads.push_back(read); });
    for (neuro::GetParamOp read : reads) {
      auto param = symbols.lookup<neuro::ParamOp>(read.getName());
      StringRef name = neuro::getUserName(param);
      if (!param.getTrainable() ||
          !isa<FloatType>(param.getType().getElementType()) ||
          (options.isFrozen && options.isFrozen(name)))
        continue;
      Value &argument = known[read.getName()];
      if (!argument)
        argument = addLearner(param, name);
      read.getResult().replaceAllUsesWith(argument);
      read.erase();
    }
  }

  Value addLearner(neuro::ParamOp param, StringRef name) {
    Learner learner;
    RankedTensorType type = param.getType();
    learner.parameter = neuro::addParamArgument(main, param, type);
    names.push_back(name.str());
    auto zero =
        DenseElementsAttr::get(type, b.getFloatAttr(type.getElementType(), 0));
    for (StringRef suffix : options.optimizer.getStates()) {
      OpBuilder behind(param->getContext());
      behind.setInsertionPointAfter(param);
      std::string title = (name + "." + suffix).str();
      auto state = neuro::ParamOp::create(
          behind, param.getLoc(), (param.getSymName() + "." + suffix).str(),
          zero, /*trainable=*/false,
          FlatSymbolRefAttr::get(param.getSymNameAttr()),
          b.getStringAttr(title), StringAttr());
      symbols.insert(state);
      learner.states.push_back(neuro::addParamArgument(main, state, type));
      names.push_back(title);
    }
    learners.push_back(learner);
    return learner.parameter;
  }

  const StepOptions &options;
  SymbolTable symbols;
  func::FuncOp main;
  OpBuilder b;
  std::vector<Learner> learners;
  std::vector<std::string> names; ///< of what is updated
};

} // namespace

LogicalResult neuroplast::training::buildTrainStep(ModuleOp module,
                                                   const StepOptions &options) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock())
    return module.emitError("has no function 'main' of one block");
  return StepBuilder(module, main, options).run();
}
