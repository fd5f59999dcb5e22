//===- TrainingTask.cpp - What is trained on what -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TrainingTask.h"

#include "GivenParams.h"
#include "Modules.h"
#include "Progress.h"
#include "RunnableModel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Structure/OpenParams.h"

#include <deque>
#include <map>
#include <numeric>

using namespace neuroplast;
using namespace neuroplast::driver;

using Build = mlir::LogicalResult (*)(mlir::ModuleOp,
                                      const training::StepOptions &);

namespace {

/// A compiled step or evaluation, its parameters, and which of these are what
/// an optimizer remembers.
struct CompiledTask {
  std::shared_ptr<Model> model;
  NamedTensors params;
  llvm::StringSet<> states;
};

/// What was compiled, by what the code is made of: parameters are arguments, so
/// that it serves again for others, and for other sizes of those that are open.
class CompiledTasks {
public:
  static CompiledTasks &get() {
    static CompiledTasks tasks;
    return tasks;
  }

  std::shared_ptr<Model> find(llvm::StringRef key) const {
    auto it = llvm::find_if(
        entries, [&](const Entry &entry) { return entry.key == key; });
    return it == entries.end() ? nullptr : it->model;
  }

  void add(llvm::StringRef key, std::shared_ptr<Model> model) {
    entries.push_back({key.str(), std::move(model)});
    ++count;
    if (entries.size() > kMost)
      entries.pop_front();
  }

  int64_t getCount() const { return count; }

private:
  struct Entry {
    std::string key;
    std::shared_ptr<Model> model;
  };
  /// Each keeps the parameters that it was compiled with.
  static constexpr size_t kMost = 4;
  std::deque<Entry> entries; ///< the oldest one first
  int64_t count = 0;
};

} // namespace

/// The network that is the loss, with the sizes that those of a network and of
/// labels give it; null after a message.
static mlir::OwningOpRef<mlir::ModuleOp> loadLoss(const TrainOptions &options,
                                                  const Examples &examples,
                                                  mlir::ModuleOp network) {
  mlir::MLIRContext &context = *network.getContext();
  auto main = network.lookupSymbol<mlir::func::FuncOp>("main");
  llvm::StringMap<std::vector<int64_t>> known;
  auto note = [&](llvm::StringRef name, mlir::Type type) {
    if (auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type))
      known[name] = tensor.getShape().vec();
  };
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (auto name = main.getArgAttrOfType<mlir::StringAttr>(i, "neuro.name"))
      note(name, main.getArgumentTypes()[i]);
  for (unsigned i = main.getNumResults(); i-- > 0;) {
    if (auto name = main.getResultAttrOfType<mlir::StringAttr>(i, "neuro.name"))
      note(name, main.getResultTypes()[i]);
    if (i == 0)
      note("output", main.getResultTypes()[i]);
  }
  auto shape = examples.getLabelsShape(options.batch);
  known["labels"] = shape ? *shape : known["output"];
  auto open = loadModule(options.lossNetwork, context);
  if (!open)
    return nullptr;
  auto loss = open->lookupSymbol<mlir::func::FuncOp>("main");
  std::vector<std::string> shapes;
  for (unsigned i = 0; i < loss.getNumArguments(); ++i) {
    auto name = loss.getArgAttrOfType<mlir::StringAttr>(i, "neuro.name");
    auto it = known.find(name ? name.getValue() : llvm::StringRef());
    if (it == known.end() ||
        llvm::is_contained(it->second, mlir::ShapedType::kDynamic))
      continue;
    std::string text = name.str() + "=";
    for (auto [axis, size] : llvm::enumerate(it->second))
      text += (axis ? "x" : "") + std::to_string(size);
    shapes.push_back(std::move(text));
  }
  return loadModule(options.lossNetwork, context, shapes);
}

/// Compiles what `build` makes of a model for batches of these examples; no
/// model after a message.
static CompiledTask compileFor(const TrainingTask &task, Build build,
                               const TrainOptions &options,
                               const Examples &examples,
                               const CompileOptions &compile) {
  auto context = std::make_unique<mlir::MLIRContext>(
      makeRegistry(), mlir::MLIRContext::Threading::DISABLED);
  std::vector<std::string> shapes = examples.describeShapes(options.batch);
  training::StepOptions step = options.step;
  step.loss.mostLabels = examples.getMostLabels();
  mlir::OwningOpRef<mlir::ModuleOp> module, teacher, loss;
  module = loadModule(task.model, *context, shapes);
  if (module && !task.teacher.empty()) {
    teacher = loadModule(task.teacher, *context, shapes);
    step.teacher = *teacher;
  }
  if (!module || (!task.teacher.empty() && !teacher))
    return {};
  if (!options.lossNetwork.empty()) {
    loss = loadLoss(options, examples, *module);
    if (!loss)
      return {};
    step.lossNetwork = *loss;
  }
  if (!options.growable.empty()) {
    structure::UnitSelection selection;
    selection.only = options.growable;
    if (mlir::failed(structure::openParams(*module, selection)))
      return {};
  }
  if (mlir::failed(build(*module, step)))
    return {};
  CompiledTask result;
  result.params = readParamArguments(*module);
  for (auto param : module->getOps<neuro::ParamOp>())
    if (neuro::isOptimizerState(param))
      result.states.insert(neuro::getUserName(param));
  std::string key =
      computeFingerprint(*module) + "/" + std::to_string(compile.threads);
  result.model = CompiledTasks::get().find(key);
  if (result.model)
    return result;
  auto compiled = compileModule(*module, compile);
  if (!compiled) {
    reportError(task.model, compiled.takeError());
    return {};
  }
  module = nullptr;
  teacher = nullptr;
  loss = nullptr;
  auto model = loadInMemory(std::move(*compiled), std::move(context));
  if (!model) {
    reportError(task.model, model.takeError());
    return {};
  }
  result.model = std::move(*model);
  CompiledTasks::get().add(key, result.model);
  return result;
}

/// What counts labels that are classes; none if there are none.
static std::optional<Accuracy> makeAccuracy(const TrainingTask &task,
                                            const TrainOptions &options) {
  if (!task.teacher.empty() || !options.step.loss.hasClasses())
    return std::nullopt;
  return Accuracy(options.step.loss);
}

std::unique_ptr<TrainingRun> neuroplast::driver::prepareTraining(
    const TrainingTask &task, const TrainOptions &options,
    const Examples &examples, const Examples *validation,
    const CompileOptions &compile) {
  Progress progress("compiling a step of training");
  CompiledTask step =
      compileFor(task, training::buildTrainStep, options, examples, compile);
  if (!step.model)
    return nullptr;
  std::shared_ptr<Model> evaluation;
  if (validation) {
    evaluation = compileFor(task, training::buildEvaluation, options,
                            *validation, compile)
                     .model;
    if (!evaluation)
      return nullptr;
  }
  return std::make_unique<TrainingRun>(
      std::move(step.model), step.params, std::move(step.states),
      std::move(evaluation), makeAccuracy(task, options));
}

std::optional<Score> neuroplast::driver::scoreModel(
    const TrainingTask &task, const TrainOptions &options,
    const Examples &examples, const CompileOptions &compile) {
  CompiledTask evaluation =
      compileFor(task, training::buildEvaluation, options, examples, compile);
  if (!evaluation.model)
    return std::nullopt;
  TrainingRun run(std::move(evaluation.model), evaluation.params,
                  makeAccuracy(task, options));
  auto score = run.evaluate(examples, options.batch);
  if (!score)
    return reportError(task.model, score.takeError()), std::nullopt;
  return *score;
}

template <typename T>
static void addUp(const HostTensor &gradient, std::vector<double> &sums,
                  std::vector<double> &squares) {
  const T *numbers = reinterpret_cast<const T *>(gradient.bytes.data());
  sums.resize(gradient.getNumElements(), 0);
  squares.resize(gradient.getNumElements(), 0);
  for (size_t i = 0; i < sums.size(); ++i) {
    auto number = static_cast<double>(numbers[i]);
    sums[i] += number;
    squares[i] += number * number;
  }
}

std::optional<structure::Gradients> neuroplast::driver::measureGradients(
    const TrainingTask &task, const TrainOptions &options,
    const Examples &examples, const CompileOptions &compile) {
  CompiledTask step =
      compileFor(task, training::buildGradientStep, options, examples, compile);
  if (!step.model)
    return std::nullopt;
  auto fail = [&](llvm::Error error) {
    reportError(task.model, std::move(error));
    return std::nullopt;
  };
  if (llvm::Error error = step.model->setParams(step.params))
    return fail(std::move(error));
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>>
      sums;
  std::vector<int64_t> places(options.batch);
  int64_t batches = examples.getCount() / options.batch;
  NamedTensors batch;
  for (int64_t number = 0; number < batches; ++number) {
    std::iota(places.begin(), places.end(), number * options.batch);
    examples.gather(places, batch);
    auto results = step.model->run(batch);
    if (!results)
      return fail(results.takeError());
    for (const auto &[name, gradient] : *results) {
      if (!step.params.count(name))
        continue;
      auto &[mean, square] = sums[name];
      if (gradient.dtype == NEUROPLAST_FLOAT64)
        addUp<double>(gradient, mean, square);
      else if (gradient.dtype == NEUROPLAST_FLOAT32)
        addUp<float>(gradient, mean, square);
    }
  }
  structure::Gradients gradients;
  for (const auto &[name, pair] : sums) {
    structure::ParamGradients &found = gradients[name];
    for (auto [from, to] :
         {std::pair(&pair.first, &found.mean), {&pair.second, &found.square}})
      for (double sum : *from)
        to->push_back(static_cast<float>(sum / static_cast<double>(batches)));
  }
  return gradients;
}

int64_t neuroplast::driver::getNumCompiledTasks() {
  return CompiledTasks::get().getCount();
}
