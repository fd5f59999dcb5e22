//===- PruneModel.cpp - Cutting a model and fitting what is left
//-------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PruneModel.h"
#include "CalibrationData.h"
#include "GradientSums.h"
#include "RunnableModel.h"
#include "neuroplast/Calibration/Calibrate.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Edits/History.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

/// Whether what is planned depends on the sizes of the inputs.
static bool needsSizes(const AllocationOptions &options) {
  return options.target &&
         (options.target->measure == Target::Measure::Operations ||
          options.target->measure == Target::Measure::Milliseconds);
}

/// How long a run of a network takes, in milliseconds; its sizes are known.
static FailureOr<double> measureTime(ModuleOp module) {
  auto fail = [&](llvm::Error error) {
    return module.emitError(llvm::toString(std::move(error))), failure();
  };
  auto compiled = compileModule(module, {});
  if (!compiled)
    return fail(compiled.takeError());
  auto model = loadInMemory(std::move(*compiled));
  if (!model)
    return fail(model.takeError());
  auto inputs = (*model)->makeRandomInputs(/*seed=*/0);
  if (!inputs)
    return fail(inputs.takeError());
  auto times = timeRuns(**model, *inputs, /*seconds=*/1);
  if (!times)
    return fail(times.takeError());
  return (*times)[times->size() / 2];
}

FailureOr<Statistics>
driver::provideStatistics(const Arguments &arguments, Criterion criterion,
                          ModuleOp fixed, ArrayRef<NamedTensors> batches,
                          uint64_t seed, Progress &progress) {
  if (!needsStatistics(criterion))
    return Statistics();
  if (arguments.has("--stats")) {
    auto read = calibration::readStatistics(arguments.get("--stats"));
    if (read)
      return std::move(*read);
    reportError(llvm::toString(read.takeError()));
    return failure();
  }
  if (batches.empty())
    return Statistics();
  calibration::CalibrateOptions options;
  options.products = needsProducts(criterion);
  options.seed = seed;
  options.progress = [&](StringRef node) {
    progress.setPart("calibrating " + node);
  };
  auto seen = collectStatistics(fixed, batches, options);
  if (seen)
    return std::move(*seen);
  reportError(arguments.getPositional(0), seen.takeError());
  return failure();
}

FailureOr<Statistics> driver::provideStatistics(const StructureCommand &command,
                                                const Arguments &arguments,
                                                Criterion criterion,
                                                Progress &progress) {
  if (command.getBatches().empty() && !arguments.has("--stats"))
    return Statistics();
  ModuleOp module = command.getModule();
  auto fixed = loadFixed(arguments, module, command.getBatches());
  if (!fixed)
    return failure();
  return provideStatistics(arguments, criterion, *fixed ? **fixed : module,
                           command.getBatches(), /*seed=*/0, progress);
}

FailureOr<PruneOutcome> driver::pruneModel(StructureCommand &command,
                                           const Arguments &arguments,
                                           PruneOptions options,
                                           Progress &progress) {
  options.allocation.time = measureTime;
  PruneOutcome outcome;
  ModuleOp module = command.getModule();
  auto batches = command.getBatches();
  bool isDryRun = command.isDryRun();
  // A network in memory learns what it lost.
  bool reconstructs = !batches.empty() && !isDryRun &&
                      !arguments.getNetwork() && !options.onlyDead &&
                      !arguments.has("--no-reconstruct");
  bool calibrates = needsStatistics(options.criterion) && !batches.empty() &&
                    !arguments.has("--stats");
  OwningOpRef<ModuleOp> fixed;
  if (reconstructs || calibrates || needsSizes(options.allocation)) {
    auto loaded = loadFixed(arguments, module, batches);
    if (!loaded)
      return failure();
    fixed = std::move(*loaded);
  }
  ModuleOp pruned = fixed ? *fixed : module;
  std::vector<UnitSetSummary> openSets;
  if (fixed) {
    openSets = summarizeSets(UnitAnalysis(module));
    options.selection.twin = &openSets;
  }
  auto fail = [&](llvm::Error error) {
    reportError(command.getInput(), std::move(error));
    return failure();
  };
  auto statistics = provideStatistics(arguments, options.criterion, pruned,
                                      batches, options.seed, progress);
  if (failed(statistics))
    return failure();
  if (!statistics->empty())
    options.evidence.statistics = &*statistics;
  std::unique_ptr<Gradients> gradients;
  if (needsGradients(options.criterion)) {
    auto provided = provideGradients(arguments);
    if (!provided)
      return failure();
    gradients = std::move(*provided);
    options.evidence.gradients = gradients.get();
  }
  OwningOpRef<ModuleOp> original;
  if (reconstructs)
    original = pruned.clone();
  FailureOr<PruneReport> report = prune(pruned, options, isDryRun);
  if (failed(report))
    return failure();
  outcome.report = std::move(*report);
  if (reconstructs) {
    calibration::ReconstructOptions fitting;
    fitting.seed = options.seed;
    fitting.progress = [&](StringRef node) {
      progress.setPart("fitting " + node);
    };
    auto layers = calibration::reconstruct(
        *original, pruned, outcome.report.edits, batches, fitting);
    if (!layers)
      return fail(layers.takeError());
    outcome.layers = std::move(*layers);
  }
  if (!fixed || isDryRun || outcome.report.edits.empty())
    return outcome;
  if (failed(replay(module, neuro::getLastEdit(pruned), options.keepRemoved)))
    return failure();
  for (auto param : module.getOps<neuro::ParamOp>())
    if (auto other = pruned.lookupSymbol<neuro::ParamOp>(param.getSymName());
        other && other.getType() == param.getType())
      param.setValueAttr(other.getValue());
  return outcome;
}
