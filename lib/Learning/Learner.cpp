//===- Learner.cpp - A network that lives in memory -----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/Learner.h"

#include "CompiledTask.h"
#include "GradientMeans.h"

#include "neuroplast/Dialect/Neuro/IR/Masks.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Frontend/ONNX/Specialize.h"
#include "neuroplast/Learning/ParamTensors.h"
#include "neuroplast/Structure/Edits/OpenParams.h"

using namespace neuroplast;
using namespace neuroplast::learning;

static BatchForm getForm(const NamedTensors &batch) {
  BatchForm form;
  for (const auto &[name, tensor] : batch) {
    if (name != "labels") {
      form.inputs[name] =
          llvm::to_vector(llvm::ArrayRef<int64_t>(tensor.shape));
      continue;
    }
    form.mostLabels = tensor.shape.size() == 2 ? tensor.shape[1] : 0;
    form.labels = tensor.shape;
  }
  return form;
}

/// The same text for the same form.
static std::string describe(const BatchForm &form) {
  std::map<llvm::StringRef, llvm::ArrayRef<int64_t>> shapes;
  for (const auto &entry : form.inputs)
    shapes[entry.getKey()] = entry.getValue();
  if (form.labels)
    shapes["labels"] = *form.labels;
  std::string text;
  for (const auto &[name, shape] : shapes) {
    text += name.str() + '=';
    for (int64_t size : shape)
      text += std::to_string(size) + 'x';
    text += ' ';
  }
  return text;
}

/// All of a network that its step, or what else is made of it, is compiled
/// from, but for what a step changes, and edits of growable units; empty after
/// a diagnostic.
static std::string describeStructure(mlir::ModuleOp network,
                                     const TrainingOptions &options) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = network.clone();
  if (!options.growable.empty()) {
    structure::UnitSelection selection;
    selection.only = options.growable;
    if (mlir::failed(structure::openParams(*copy, selection)))
      return "";
  }
  llvm::StringSet<> changing =
      training::listChangingParams(*copy, options.step);
  // What is masked is compiled in, unless its size is open.
  for (auto param : copy->getOps<neuro::ParamOp>())
    if (neuro::isMask(param))
      param.removeShadowOfAttr();
  return computeFingerprint(*copy, [&](neuro::ParamOp param) {
    return changing.contains(param.getSymName());
  });
}

/// Reads the parameters that a compiled model takes from a network; none if
/// they are not such as it takes.
static std::optional<CompiledTask> bind(std::shared_ptr<Model> model,
                                        mlir::ModuleOp network) {
  llvm::StringMap<neuro::ParamOp> known;
  for (auto param : network.getOps<neuro::ParamOp>())
    known[neuro::getUserName(param)] = param;
  CompiledTask task;
  const NeuroplastModelInfo &info = model->getInfo();
  for (const NeuroplastTensorInfo &taken :
       llvm::ArrayRef(info.params, info.num_params)) {
    neuro::ParamOp param = known.lookup(taken.name);
    if (!param)
      return std::nullopt;
    HostTensor &tensor = task.params[taken.name];
    tensor = readParameter(param);
    if (!findMisfit(taken, tensor).empty())
      return std::nullopt;
    if (neuro::isOptimizerState(param))
      task.states.insert(taken.name);
  }
  task.model = std::move(model);
  return task;
}

Learner::Learner(mlir::OwningOpRef<mlir::ModuleOp> network, Options options,
                 LearningTask others)
    : options(std::move(options)), task(std::move(others)),
      network(std::move(network)),
      formerSteps(neuro::getTrainingSteps(*this->network)),
      numSteps(formerSteps) {
  task.network = [this](mlir::MLIRContext &context, const InputShapes &shapes) {
    return specialize(context, shapes);
  };
}

mlir::OwningOpRef<mlir::ModuleOp>
Learner::specialize(mlir::MLIRContext &context, const InputShapes &shapes) {
  if (options.watch)
    options.watch(context);
  return neuroplast::specialize(*network, shapes, &context);
}

llvm::Expected<CompiledTask> Learner::provide(TaskKind kind,
                                              const BatchForm &form) {
  if (kind == TaskKind::Step)
    training::addStates(*network, options.step, /*withSums=*/true);
  if (structure.empty() || isEditing)
    structure = describeStructure(*network, options);
  if (structure.empty())
    return llvm::make_error<ReportedError>();
  std::string key =
      std::to_string(static_cast<int>(kind)) + ' ' + describe(form) + structure;
  if (auto it = compiled.find(key); it != compiled.end())
    if (auto bound = bind(it->second, *network))
      return std::move(*bound);
  auto made = compileTask(task, kind, options, form, options.compile);
  if (!made)
    return made;
  // Structures that do not come again are not kept for long.
  if (compiled.size() == kMostCompiled)
    compiled.clear();
  compiled[key] = made->model;
  return made;
}

llvm::Error Learner::prepare(const BatchForm &form) {
  auto step = provide(TaskKind::Step, form);
  if (!step)
    return step.takeError();
  run = std::make_unique<TrainingRun>(
      std::move(step->model), std::move(step->params), std::move(step->states),
      nullptr, makeAccuracy(task, options), options.step.parts);
  run->setSteps(formerSteps, numSteps);
  runForm = form;
  return llvm::Error::success();
}

llvm::Expected<Score> Learner::learn(NamedTensors examples) {
  BatchForm form = getForm(examples);
  if (!run || describe(form) != describe(runForm)) {
    endRun();
    if (llvm::Error error = prepare(form))
      return std::move(error);
  }
  auto score = run->learn(examples, options.schedule);
  isWritten = false;
  numSteps = run->getNumSteps();
  return score;
}

llvm::Expected<NamedTensors> Learner::act(const NamedTensors &inputs) {
  BatchForm form = getForm(inputs);
  if (!acting || describe(form) != describe(actingForm)) {
    auto answer = provide(TaskKind::Answer, form);
    if (!answer)
      return answer.takeError();
    acting = std::move(answer->model);
    actingParams = std::move(answer->params);
    actingForm = form;
  }
  std::vector<NeuroplastTensor> params;
  const NeuroplastModelInfo &info = acting->getInfo();
  for (const NeuroplastTensorInfo &taken :
       llvm::ArrayRef(info.params, info.num_params)) {
    const HostTensor *learned = run ? run->findParameter(taken.name) : nullptr;
    params.push_back(
        viewTensor(learned ? *learned : actingParams.at(taken.name)));
  }
  return acting->run(inputs, params);
}

llvm::Expected<structure::Gradients>
Learner::measureGradients(llvm::ArrayRef<NamedTensors> batches) {
  if (batches.empty())
    return llvm::createStringError("there are no examples to measure on");
  writeDown();
  auto step = provide(TaskKind::Gradients, getForm(batches.front()));
  if (!step)
    return step.takeError();
  GradientMeans means(std::move(*step));
  for (const NamedTensors &batch : batches)
    if (llvm::Error error = means.add(batch))
      return std::move(error);
  return means.get();
}

void Learner::writeDown() {
  if (!isWritten)
    write(run->getState());
}

void Learner::endRun() {
  if (!isWritten)
    write(std::move(*run).takeState());
  run = nullptr;
  // What it reads beside the run is what the network was when it was made.
  acting = nullptr;
}

void Learner::write(NamedTensors state) {
  writeParameters(std::move(state), *network);
  neuro::setTrainingSteps(*network, numSteps);
  releaseUnusedElements(network->getContext(), *network);
  isWritten = true;
}

llvm::Error
Learner::edit(llvm::function_ref<llvm::LogicalResult(mlir::ModuleOp)> change) {
  bool learned = run != nullptr;
  endRun();
  isEditing = true;
  bool done = mlir::succeeded(change(*network));
  isEditing = false;
  structure.clear();
  if (!done)
    return llvm::make_error<ReportedError>();
  return learned ? prepare(runForm) : llvm::Error::success();
}

mlir::ModuleOp Learner::getNetwork() {
  writeDown();
  return *network;
}
