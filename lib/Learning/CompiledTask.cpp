//===- CompiledTask.cpp - Steps and evaluations that were compiled --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompiledTask.h"

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Learning/ParamTensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Structure/Edits/OpenParams.h"

#include <deque>

using namespace neuroplast;
using namespace neuroplast::learning;

namespace {

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

/// An error that a diagnostic has told of.
static llvm::Error makeReported() { return llvm::make_error<ReportedError>(); }

/// The shapes of what a loss may look at: inputs and results of a network, and
/// labels.
static llvm::StringMap<std::vector<int64_t>> listShapes(mlir::ModuleOp network,
                                                        const BatchForm &form) {
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
  known["labels"] = form.labels ? *form.labels : known["output"];
  return known;
}

/// The network that is the loss, with the sizes that those of a network and of
/// labels give it; null after a diagnostic.
static mlir::OwningOpRef<mlir::ModuleOp> loadLoss(const LearningTask &task,
                                                  mlir::ModuleOp network,
                                                  const BatchForm &form) {
  mlir::MLIRContext &context = *network.getContext();
  llvm::StringMap<std::vector<int64_t>> known = listShapes(network, form);
  auto open = task.loss(context, {});
  if (!open)
    return nullptr;
  auto loss = open->lookupSymbol<mlir::func::FuncOp>("main");
  InputShapes shapes;
  for (unsigned i = 0; i < loss.getNumArguments(); ++i) {
    auto name = loss.getArgAttrOfType<mlir::StringAttr>(i, "neuro.name");
    auto it = known.find(name ? name.getValue() : llvm::StringRef());
    if (it != known.end() &&
        !llvm::is_contained(it->second, mlir::ShapedType::kDynamic))
      shapes[name.getValue()] =
          llvm::to_vector(llvm::ArrayRef<int64_t>(it->second));
  }
  return task.loss(context, shapes);
}

static mlir::LogicalResult build(mlir::ModuleOp network, TaskKind kind,
                                 const training::StepOptions &options) {
  switch (kind) {
  case TaskKind::Step:
    return training::buildTrainStep(network, options);
  case TaskKind::Evaluation:
    return training::buildEvaluation(network, options);
  case TaskKind::Gradients:
    return training::buildGradientStep(network, options);
  case TaskKind::Answer:
    return training::buildAnswer(network, options);
  }
  llvm_unreachable("all kinds are covered");
}

llvm::Expected<CompiledTask>
learning::compileTask(const LearningTask &task, TaskKind kind,
                      const TrainingOptions &options, const BatchForm &form,
                      const CompileOptions &compile) {
  mlir::DialectRegistry registry;
  registerCompilerDialects(registry);
  auto context = std::make_unique<mlir::MLIRContext>(
      registry, mlir::MLIRContext::Threading::DISABLED);
  training::StepOptions step = options.step;
  step.loss.mostLabels = form.mostLabels;
  step.processes = options.getNumProcesses();
  mlir::OwningOpRef<mlir::ModuleOp> network, teacher, loss;
  network = task.network(*context, form.inputs);
  if (network && task.teacher) {
    teacher = task.teacher(*context, form.inputs);
    step.teacher = *teacher;
  }
  if (!network || (task.teacher && !teacher))
    return makeReported();
  if (task.loss) {
    loss = loadLoss(task, *network, form);
    if (!loss)
      return makeReported();
    step.lossNetwork = *loss;
  }
  if (!options.growable.empty()) {
    structure::UnitSelection selection;
    selection.only = options.growable;
    if (mlir::failed(structure::openParams(*network, selection)))
      return makeReported();
  }
  if (mlir::failed(build(*network, kind, step)))
    return makeReported();
  CompiledTask result;
  result.params = readParamArguments(*network);
  for (auto param : network->getOps<neuro::ParamOp>())
    if (neuro::isOptimizerState(param))
      result.states.insert(neuro::getUserName(param));
  CompileOptions settings = compile;
  if (kind == TaskKind::Step)
    settings.memoryShare = options.memoryShare;
  std::string key = computeFingerprint(*network) + "/" +
                    std::to_string(settings.threads) + "/" +
                    std::to_string(settings.memoryShare);
  result.model = CompiledTasks::get().find(key);
  if (result.model)
    return result;
  auto compiled = compileModule(*network, settings);
  if (!compiled)
    return compiled.takeError();
  network = nullptr;
  teacher = nullptr;
  loss = nullptr;
  auto model = loadInMemory(std::move(*compiled), std::move(context),
                            Processes::listFunctions());
  if (!model)
    return model.takeError();
  result.model = std::move(*model);
  CompiledTasks::get().add(key, result.model);
  return result;
}

int64_t learning::getNumCompiledTasks() {
  return CompiledTasks::get().getCount();
}
