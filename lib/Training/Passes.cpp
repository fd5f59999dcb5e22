//===- Passes.cpp - Passes for training -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Training/Differentiate.h"
#include "neuroplast/Training/TrainStep.h"

namespace neuroplast::training {
#define GEN_PASS_DEF_NEURODIFFERENTIATE
#define GEN_PASS_DEF_NEURODRAWSAMPLES
#define GEN_PASS_DEF_NEURODROPOUT
#define GEN_PASS_DEF_NEUROPRINTGRADIENT
#define GEN_PASS_DEF_NEUROTRAINSTEP
#include "neuroplast/Training/Passes.h.inc"
} // namespace neuroplast::training

using namespace mlir;
using namespace neuroplast;

namespace {

bool isFloat(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

struct Differentiate : training::impl::NeuroDifferentiateBase<Differentiate> {
  using NeuroDifferentiateBase::NeuroDifferentiateBase;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || !main.getBody().hasOneBlock()) {
      getOperation().emitError("has no function 'main' of one block");
      return signalPassFailure();
    }
    if (of != "params" && of != "inputs" && of != "all") {
      getOperation().emitError("'")
          << of << "' is none of params, inputs and all";
      return signalPassFailure();
    }
    if (failed(differentiate(main)))
      return signalPassFailure();
  }

private:
  static NamedAttrList nameGradient(Builder &b, StringRef name) {
    NamedAttrList attributes;
    attributes.append("neuro.name", b.getStringAttr("grad:" + name));
    return attributes;
  }

  LogicalResult differentiate(func::FuncOp main) {
    OpBuilder b(main.getContext());
    SymbolTable symbols(getOperation());
    SmallVector<Value> values;
    SmallVector<std::string> names;
    auto add = [&](Value value, StringRef name) {
      values.push_back(value);
      names.push_back(name.str());
    };
    if (of != "params")
      for (BlockArgument argument : main.getArguments())
        if (auto name = main.getArgAttrOfType<StringAttr>(
                argument.getArgNumber(), "neuro.name");
            isFloat(argument.getType()))
          add(argument,
              name ? name.strref()
                   : StringRef("input" +
                               std::to_string(argument.getArgNumber())));
    if (of != "inputs")
      collectParams(main, symbols, add);
    Operation *end = main.front().getTerminator();
    SmallVector<Value> results, seeds;
    for (auto [index, result] : llvm::enumerate(end->getOperands())) {
      if (!isFloat(result.getType()))
        continue;
      auto name = main.getResultAttrOfType<StringAttr>(index, "neuro.name");
      unsigned place = main.getNumArguments();
      if (failed(main.insertArgument(
              place, result.getType(),
              nameGradient(b, name ? name.strref()
                                   : "output" + std::to_string(index))
                  .getDictionary(b.getContext()),
              result.getLoc())))
        return failure();
      results.push_back(result);
      seeds.push_back(main.getArgument(place));
    }
    auto gradients =
        training::buildGradients(b, main.front(), results, seeds, values);
    if (failed(gradients))
      return failure();
    for (auto [gradient, name] : llvm::zip_equal(*gradients, names)) {
      unsigned place = main.getNumResults();
      if (failed(main.insertResult(
              place, gradient.getType(),
              nameGradient(b, name).getDictionary(b.getContext()))))
        return failure();
      end->insertOperands(place, gradient);
    }
    return success();
  }

  /// The trainable parameters that are read, as one value each.
  template <typename Add>
  static void collectParams(func::FuncOp main, SymbolTable &symbols, Add add) {
    llvm::StringMap<Value> seen;
    SmallVector<neuro::GetParamOp> reads;
    main.walk([&](neuro::GetParamOp read) { reads.push_back(read); });
    for (neuro::GetParamOp read : reads) {
      auto param = symbols.lookup<neuro::ParamOp>(read.getName());
      if (!param.getTrainable() || !isFloat(read.getType()))
        continue;
      auto [entry, isNew] = seen.try_emplace(read.getName(), read);
      if (!isNew) {
        read.getResult().replaceAllUsesWith(entry->second);
        continue;
      }
      // One that a loop or a branch reads is read before it.
      if (read->getBlock() != &main.front())
        read->moveBefore(&main.front(), main.front().begin());
      add(read, neuro::getUserName(param));
    }
  }
};

LogicalResult parseDropouts(ModuleOp module, ArrayRef<std::string> texts,
                            std::vector<training::Dropout> &dropouts) {
  for (const std::string &text : texts) {
    std::string reason;
    auto parsed = training::Dropout::parse(text, reason);
    if (!parsed)
      return module.emitError("dropout ") << reason;
    dropouts.push_back(*parsed);
  }
  return success();
}

struct InsertDropout : training::impl::NeuroDropoutBase<InsertDropout> {
  using NeuroDropoutBase::NeuroDropoutBase;

  void runOnOperation() override {
    std::vector<training::Dropout> dropouts;
    if (failed(parseDropouts(getOperation(), at, dropouts)))
      return signalPassFailure();
    for (const training::Dropout &dropout : dropouts)
      if (failed(training::insertDropout(getOperation(), dropout)))
        return signalPassFailure();
  }
};

struct DrawSamples : training::impl::NeuroDrawSamplesBase<DrawSamples> {
  using NeuroDrawSamplesBase::NeuroDrawSamplesBase;

  void runOnOperation() override {
    if (failed(training::answerByDraws(getOperation())))
      signalPassFailure();
  }
};

struct TrainStep : training::impl::NeuroTrainStepBase<TrainStep> {
  using NeuroTrainStepBase::NeuroTrainStepBase;

  void runOnOperation() override {
    training::StepOptions options;
    auto lossKind = training::Loss::parseKind(loss);
    auto optimizerKind = training::Optimizer::parseKind(optimizer);
    if (!lossKind || !optimizerKind) {
      getOperation().emitError()
          << (lossKind ? "optimizer '" + optimizer : "loss '" + loss)
          << "' is none that there is";
      return signalPassFailure();
    }
    options.loss.kind = *lossKind;
    options.loss.smoothing = labelSmoothing;
    options.loss.blank = blank;
    options.loss.mostLabels = mostLabels;
    options.loss.temperature = temperature;
    OwningOpRef<ModuleOp> other;
    if (!teacher.empty()) {
      other = parseSourceFile<ModuleOp>(teacher, &getContext());
      if (!other)
        return signalPassFailure();
      options.teacher = *other;
    }
    options.optimizer.kind = *optimizerKind;
    options.optimizer.momentum = momentum;
    options.optimizer.isNesterov = nesterov;
    options.optimizer.weightDecay = weightDecay;
    options.optimizer.countsOwnSteps = ownSteps;
    options.lasso = lasso;
    options.groupLasso = groupLasso;
    options.clipNorm = clipNorm;
    options.parts = parts;
    options.processes = processes;
    options.seed = seed;
    for (const std::string &text : hint) {
      std::string reason;
      auto parsed = training::Hint::parse(text, reason);
      if (!parsed || teacher.empty())
        return getOperation().emitError("hint ")
                   << (parsed ? "needs a teacher" : reason),
               signalPassFailure();
      options.hints.push_back(*parsed);
    }
    if (failed(parseDropouts(getOperation(), dropout, options.dropouts)))
      return signalPassFailure();
    if (failed(training::buildTrainStep(getOperation(), options)))
      signalPassFailure();
  }
};

struct PrintGradient : training::impl::NeuroPrintGradientBase<PrintGradient> {
  using NeuroPrintGradientBase::NeuroPrintGradientBase;

  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      if (!isa<neuro::NeuroDialect>(op->getDialect()) ||
          llvm::none_of(op->getResultTypes(), isFloat) ||
          op->getNumOperands() == 0)
        return;
      llvm::errs() << op->getName() << ": ";
      auto differentiable = dyn_cast<neuro::DifferentiableOpInterface>(op);
      if (isa<neuro::DecomposableOpInterface>(op))
        llvm::errs() << "that of its parts\n";
      else if (!differentiable)
        llvm::errs() << "none\n";
      else if (StringRef rule = differentiable.getGradientRule(); rule.empty())
        llvm::errs() << "built\n";
      else
        llvm::errs() << rule << '\n';
    });
    markAllAnalysesPreserved();
  }
};

} // namespace
