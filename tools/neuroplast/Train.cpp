//===- Train.cpp - neuroplast train ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Modules.h"
#include "Progress.h"
#include "RunnableModel.h"
#include "TrainingRun.h"

#include "neuroplast/Runtime/Npz.h"
#include "neuroplast/Structure/UnitSelection.h"
#include "neuroplast/Training/TrainStep.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

#include <chrono>

using namespace neuroplast;
using namespace neuroplast::driver;

/// What a user asked for.
struct TrainOptions {
  training::StepOptions step;
  int64_t batch = 32, epochs = 1, seed = 0;
  double rate = 0.01;
};

/// None after a message.
static std::optional<TrainOptions> readOptions(const Arguments &arguments) {
  TrainOptions options;
  llvm::StringRef loss = arguments.get("--loss", "cross-entropy"),
                  optimizer = arguments.get("--optimizer", "sgd");
  auto parsedLoss = training::parseLoss(loss);
  if (!parsedLoss)
    return reportError("loss '" + loss +
                       "' is none of cross-entropy, mse and mae"),
           std::nullopt;
  auto kind = training::Optimizer::parseKind(optimizer);
  if (!kind)
    return reportError("optimizer '" + optimizer +
                       "' is none of sgd, adam, adamw and rmsprop"),
           std::nullopt;
  options.step.loss = *parsedLoss;
  options.step.optimizer.kind = *kind;
  auto rate = arguments.getNumber("--lr", options.rate),
       momentum = arguments.getNumber("--momentum", 0),
       decay = arguments.getNumber("--weight-decay", 0);
  auto batch = arguments.getInteger("--batch", options.batch),
       epochs = arguments.getInteger("--epochs", options.epochs),
       seed = arguments.getInteger("--seed", options.seed);
  if (!rate || !momentum || !decay || !batch || !epochs || !seed)
    return std::nullopt;
  if (*batch < 1 || *epochs < 0)
    return reportError("'--batch' and '--epochs' must be positive"),
           std::nullopt;
  options.rate = *rate;
  options.step.optimizer.momentum = *momentum;
  options.step.optimizer.weightDecay = *decay;
  options.batch = *batch;
  options.epochs = *epochs;
  options.seed = *seed;
  if (arguments.has("--freeze")) {
    std::vector<std::string> patterns = arguments.getAll("--freeze").vec();
    options.step.isFrozen = [patterns](llvm::StringRef name) {
      return structure::matchesAny(name, patterns);
    };
  }
  return options;
}

/// Says what an epoch brought, to people and to a log that may be none.
class EpochReport {
public:
  /// False after a message.
  bool open(llvm::StringRef path) {
    if (path.empty())
      return true;
    std::error_code error;
    log.emplace(path, error);
    if (error)
      reportError(path, llvm::errorCodeToError(error));
    return !error;
  }

  void write(int64_t epoch, const Score &training,
             const std::optional<Score> &validation, double seconds) {
    llvm::outs() << "epoch " << epoch << ": ";
    print("", training);
    if (validation)
      print("; validation ", *validation);
    llvm::outs() << ", " << llvm::format("%.1f", seconds) << " s\n";
    if (!log)
      return;
    llvm::json::Object line{{"epoch", epoch}, {"seconds", seconds}};
    add(line, "", training);
    if (validation)
      add(line, "validation_", *validation);
    *log << llvm::json::Value(std::move(line)) << '\n';
    log->flush();
  }

private:
  static void print(llvm::StringRef what, const Score &score) {
    llvm::outs() << what << "loss " << llvm::format("%.4f", score.loss);
    if (score.accuracy)
      llvm::outs() << ", accuracy "
                   << llvm::format("%.1f", 100 * *score.accuracy) << " %";
  }

  static void add(llvm::json::Object &line, llvm::StringRef prefix,
                  const Score &score) {
    line[(prefix + "loss").str()] = score.loss;
    if (score.accuracy)
      line[(prefix + "accuracy").str()] = *score.accuracy;
  }

  std::optional<llvm::raw_fd_ostream> log;
};

using Build = mlir::LogicalResult (*)(mlir::ModuleOp,
                                      const training::StepOptions &);

/// Compiles what `build` makes of a model for batches of these examples; null
/// after a message.
static std::unique_ptr<Model> compileFor(llvm::StringRef path, Build build,
                                         const TrainOptions &options,
                                         const Examples &examples,
                                         const CompileOptions &compile) {
  auto context = std::make_unique<mlir::MLIRContext>(
      makeRegistry(), mlir::MLIRContext::Threading::DISABLED);
  auto module =
      loadModule(path, *context, examples.describeShapes(options.batch));
  if (!module || mlir::failed(build(*module, options.step)))
    return nullptr;
  auto compiled = compileModule(*module, compile);
  if (!compiled) {
    reportError(path, compiled.takeError());
    return nullptr;
  }
  module = nullptr;
  auto model = loadInMemory(std::move(*compiled), std::move(context));
  if (!model) {
    reportError(path, model.takeError());
    return nullptr;
  }
  return std::move(*model);
}

/// Compiles a step for these examples, and the evaluation of others if there
/// are any; null after a message.
static std::unique_ptr<TrainingRun> prepare(llvm::StringRef path,
                                            const TrainOptions &options,
                                            const Examples &examples,
                                            const Examples *validation,
                                            const CompileOptions &compile) {
  Progress progress("compiling a step of training");
  auto step =
      compileFor(path, training::buildTrainStep, options, examples, compile);
  if (!step)
    return nullptr;
  std::unique_ptr<Model> evaluation;
  if (validation) {
    evaluation = compileFor(path, training::buildEvaluation, options,
                            *validation, compile);
    if (!evaluation)
      return nullptr;
  }
  return std::make_unique<TrainingRun>(std::move(step), std::move(evaluation),
                                       options.step.loss ==
                                           training::Loss::CrossEntropy);
}

static int runTrain(const Arguments &arguments) {
  llvm::StringRef input = arguments.getPositional(0),
                  output = arguments.get("-o");
  if (output.empty() || !arguments.has("--data"))
    return reportError("'train' needs '--data FILE.npz' and '-o FILE'");
  for (llvm::StringRef read :
       {input, arguments.get("--data"), arguments.get("--val")})
    if (isSameFile(read, output))
      return reportError("'train' does not overwrite its input '" + read + "'");
  auto options = readOptions(arguments);
  std::optional<unsigned> threads = arguments.getThreads();
  if (!options || !threads)
    return 1;
  llvm::StringRef key = arguments.get("--labels", "labels");
  auto read = [&](llvm::StringRef path) {
    auto examples = Examples::read(path, key);
    if (!examples)
      reportError(path, examples.takeError());
    return examples ? std::optional(std::move(*examples)) : std::nullopt;
  };
  std::optional<Examples> data = read(arguments.get("--data")), validation;
  if (data && arguments.has("--val"))
    validation = read(arguments.get("--val"));
  if (!data || (arguments.has("--val") && !validation))
    return 1;
  for (const auto *examples : {&*data, validation ? &*validation : &*data})
    if (examples->getCount() < options->batch)
      return reportError("the data have " + llvm::Twine(examples->getCount()) +
                         " examples, and a batch has " +
                         llvm::Twine(options->batch));
  CompileOptions compile;
  compile.threads = *threads;
  std::unique_ptr<TrainingRun> run = prepare(
      input, *options, *data, validation ? &*validation : nullptr, compile);
  if (!run)
    return 1;
  // What is written has its sizes as open as it was read.
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  auto module = loadModule(input, context);
  if (!module)
    return 1;
  EpochReport report;
  if (!report.open(arguments.get("--log")))
    return 1;
  std::mt19937_64 random(options->seed);
  for (int64_t epoch = 1; epoch <= options->epochs; ++epoch) {
    auto start = std::chrono::steady_clock::now();
    auto score = run->train(*data, options->batch, options->rate, random);
    if (!score)
      return reportError(input, score.takeError());
    std::chrono::duration<double> elapsed =
        std::chrono::steady_clock::now() - start;
    std::optional<Score> other;
    if (validation) {
      auto scored = run->evaluate(*validation, options->batch);
      if (!scored)
        return reportError(input, scored.takeError());
      other = *scored;
    }
    report.write(epoch, *score, other, elapsed.count());
  }
  run->writeParameters(*module);
  return mlir::succeeded(saveModule(*module, output)) ? 0 : 1;
}

Command neuroplast::driver::getTrainCommand() {
  return {{"train",
           "train a model on labelled examples",
           {"MODEL"},
           {{"--data", "FILE.npz",
             "inputs by name, and labels; the first axis counts examples"},
            {"--val", "FILE.npz", "the same, to be looked at only"},
            {"-o", "FILE", "where to write the trained model"},
            {"--labels", "NAME", "the array with the labels (labels)"},
            {"--loss", "NAME",
             "of the first output: cross-entropy of logits, or of their "
             "softmax, mse or mae (cross-entropy)"},
            {"--optimizer", "NAME", "sgd, adam, adamw or rmsprop (sgd)"},
            {"--lr", "X", "learning rate (0.01)"},
            {"--momentum", "X", "of sgd (0)"},
            {"--weight-decay", "X", "weight decay (0)"},
            {"--epochs", "N", "how often to go through the data (1)"},
            {"--batch", "N", "examples in a step (32)"},
            {"--seed", "N", "seed of the order of the examples (0)"},
            {"--log", "FILE",
             "write a line of JSON for each epoch, whose seconds are those of "
             "training"},
            {"--freeze", "PATTERN", "leave parameters whose name matches"},
            {"--threads", "N", "threads that a step uses (1)"}}},
          runTrain};
}
