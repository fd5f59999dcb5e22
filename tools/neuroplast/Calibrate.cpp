//===- Calibrate.cpp - neuroplast calibrate -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/Calibrate.h"
#include "CalibrationData.h"
#include "Commands.h"
#include "GradientSums.h"
#include "Modules.h"
#include "Progress.h"
#include "RunnableModel.h"
#include "TrainOptions.h"

#include "mlir/IR/MLIRContext.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;

/// What a loss on labelled examples says of parameters.
static int collectGradients(const Arguments &arguments) {
  StringRef data = arguments.get("--data");
  auto options = readTrainingOptions(arguments, /*hasTeacher=*/false);
  if (!options)
    return 1;
  auto examples = readExamples(arguments, data, *options, options->batch);
  if (!examples)
    return 1;
  Progress progress("calibrating " + arguments.getPositional(0));
  learning::LearningTask task =
      makeTask(arguments.getPositional(0), {}, *options);
  auto gradients =
      learning::measureGradients(task, *options, *examples, CompileOptions());
  if (!gradients)
    return reportError(arguments.getPositional(0), gradients.takeError());
  if (llvm::Error error = writeGradients(arguments.get("-o"), *gradients))
    return reportError(llvm::toString(std::move(error)));
  llvm::outs() << "gradients of " << gradients->size() << " parameters\n";
  return 0;
}

static int runCalibrate(const Arguments &arguments) {
  StringRef input = arguments.getPositional(0), output = arguments.get("-o");
  if (output.empty() || !arguments.has("--data"))
    return reportError(
        "'calibrate' needs '--data FILE.npz' and '-o STATS.npz'");
  for (StringRef read : {input, arguments.get("--data")})
    if (isSameFile(read, output))
      return reportError("'calibrate' does not overwrite its input '" + read +
                         "'");
  if (arguments.has("--gradients"))
    return collectGradients(arguments);
  std::unique_ptr<MLIRContext> context;
  auto module = loadOpenOrFixed(arguments, context);
  if (!module)
    return 1;
  auto batches = readBatches(arguments, *module);
  if (!batches)
    return 1;
  auto fixed = loadFixed(arguments, *module, *batches);
  if (!fixed)
    return 1;
  calibration::CalibrateOptions options;
  options.products = arguments.has("--products");
  Progress progress("calibrating " + input);
  options.progress = [&](StringRef node) { progress.setPart(node); };
  auto statistics = calibration::collectStatistics(*fixed ? **fixed : *module,
                                                   *batches, options);
  if (!statistics)
    return reportError(input, statistics.takeError());
  if (llvm::Error error = calibration::writeStatistics(output, *statistics))
    return reportError(llvm::toString(std::move(error)));
  llvm::outs() << "statistics of what " << statistics->size()
               << " weights see\n";
  return 0;
}

Command neuroplast::driver::getCalibrateCommand() {
  std::vector<OptionSpec> options = {
      {"--data", "FILE.npz|FOLDER",
       "inputs by name, the first axis of which counts examples"},
      {"-o", "FILE.npz", "where to write the statistics"},
      {"--products", "",
       "products of elements, too, which the criterion obs needs"},
      {"--gradients", "",
       "gradients of a loss instead, which the criteria taylor and "
       "fisher need, and their squares; means over batches"},
      getBatchOption(),
      {"--shape", "NAME=AxB...",
       "shape of an input, for a model that cannot be read without"}};
  llvm::append_range(options, getTrainCommand().spec.select(
                                  {"--loss", "--labels", "--label-smoothing",
                                   "--delta", "--blank", "--freeze"}));
  return {{"calibrate",
           "collect statistics of data for criteria that regard them",
           {"MODEL"},
           std::move(options)},
          runCalibrate};
}
