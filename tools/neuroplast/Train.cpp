//===- Train.cpp - neuroplast train ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Checkpoint.h"
#include "Commands.h"
#include "Derive.h"
#include "Learn.h"
#include "Modules.h"
#include "Progress.h"
#include "RunnableModel.h"
#include "TrainOptions.h"

#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Learning/LearningTask.h"
#include "neuroplast/Learning/ParamTensors.h"
#include "neuroplast/Runtime/Npz.h"
#include "neuroplast/Structure/Units/Inspect.h"
#include "neuroplast/Structure/Units/VanishingUnits.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <chrono>
#include <cmath>
#include <sstream>

using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::learning;

/// Says what an epoch brought, to people and to a log that may be none; of
/// several processes, one does.
class EpochReport {
public:
  explicit EpochReport(bool speaks) : speaks(speaks) {}

  /// False after a message.
  bool open(llvm::StringRef path, bool isContinued) {
    if (path.empty() || !speaks)
      return true;
    std::error_code error;
    log.emplace(path, error,
                isContinued ? llvm::sys::fs::OF_Append
                            : llvm::sys::fs::OF_None);
    if (error)
      reportError(path, llvm::errorCodeToError(error));
    return !error;
  }

  void write(int64_t epoch, const Score &training,
             const std::optional<Score> &validation, double seconds) {
    if (!speaks)
      return;
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

  bool speaks;
  std::optional<llvm::raw_fd_ostream> log;
};

/// A training from epoch to epoch, with its checkpoints.
class Training {
public:
  Training(std::unique_ptr<TrainingRun> run, const TrainingOptions &options,
           const Examples &data, const Examples *validation)
      : run(std::move(run)), options(options), data(data),
        validation(validation),
        schedule(
            options.scheduleFor(data.getCount() / options.getUpdateBatch())),
        random(options.seed) {
    state.recipe =
        options.describe() + "; examples " + std::to_string(data.getCount());
  }

  /// Goes on where a checkpoint stands.
  llvm::Error resume(llvm::StringRef path) {
    auto read = Checkpoint::read(path);
    if (!read)
      return read.takeError();
    if (read->recipe != state.recipe)
      return llvm::createStringError(
          "is of a training that was asked for something else: " +
          read->recipe + ", not " + state.recipe);
    if (llvm::Error error =
            run->setState(read->params, read->step, read->averaged))
      return error;
    state = std::move(*read);
    std::istringstream(state.random) >> random;
    return llvm::Error::success();
  }

  /// Trains to the end.
  llvm::Error train(EpochReport &report, llvm::StringRef checkpoint) {
    while (state.epoch < options.epochs && !hasEnded()) {
      if (options.averagingDecay && state.epoch >= options.averagingStart)
        run->averageFromHere(*options.averagingDecay);
      auto start = std::chrono::steady_clock::now();
      auto score = run->train(data, options.batch, schedule,
                              options.augmentation, random);
      if (!score)
        return score.takeError();
      std::chrono::duration<double> elapsed =
          std::chrono::steady_clock::now() - start;
      std::optional<Score> other;
      if (validation) {
        auto scored = run->evaluate(*validation, options.batch);
        if (!scored)
          return scored.takeError();
        other = *scored;
        judge(other->loss);
      }
      ++state.epoch;
      report.write(state.epoch, *score, other, elapsed.count());
      if (checkpoint.empty())
        continue;
      state.step = run->getNumSteps();
      state.averaged = run->getNumAveraged();
      state.params = run->getState();
      std::ostringstream text;
      text << random;
      state.random = text.str();
      if (llvm::Error error = state.write(checkpoint))
        return error;
    }
    return llvm::Error::success();
  }

  int64_t getNumSteps() const { return run->getNumSteps(); }
  /// The parameters at the end: the best ones, if it looked for these.
  NamedTensors getParameters() const {
    return state.best.empty() ? run->getParameters() : state.best;
  }

private:
  bool hasEnded() const {
    return options.patience > 0 && state.waited >= options.patience;
  }

  void judge(double loss) {
    if (options.patience == 0)
      return;
    ++state.waited;
    if (state.bestLoss && loss >= *state.bestLoss)
      return;
    state.bestLoss = loss;
    state.waited = 0;
    state.best = run->getParameters();
  }

  std::unique_ptr<TrainingRun> run;
  const TrainingOptions &options;
  const Examples &data, *validation;
  training::Schedule schedule;
  std::mt19937_64 random;
  Checkpoint state;
};

/// Tells which rates of dropout a network has learnt.
static void printRates(const NamedTensors &params) {
  for (const auto &[name, value] : params) {
    llvm::StringRef layer = name;
    if (!layer.consume_back(training::kRateSuffix))
      continue;
    double logit = value.dtype == NEUROPLAST_FLOAT64
                       ? *reinterpret_cast<const double *>(value.bytes.data())
                       : *reinterpret_cast<const float *>(value.bytes.data());
    llvm::outs() << llvm::formatv("{0} is left out by a rate of {1:F3}\n",
                                  layer, 1 / (1 + std::exp(-logit)));
  }
}

/// Tells how many units a network would not miss.
static void printDead(mlir::ModuleOp module) {
  structure::UnitAnalysis analysis(module);
  std::vector<llvm::BitVector> isDead = structure::findDeadUnits(analysis);
  size_t dead = 0, all = 0;
  for (const structure::UnitSetSummary &set :
       structure::summarizeSets(analysis))
    if (set.pins.empty() && !set.isInner) {
      dead += isDead[set.set].count();
      all += set.units;
    }
  llvm::outs() << dead << " of " << all
               << " units change nothing: 'prune --dead' takes them out\n";
}

/// Trains a model file, to say what another one says if there is a teacher.
static int runTask(const Arguments &arguments, llvm::StringRef model,
                   llvm::StringRef teacher) {
  llvm::StringRef output = arguments.get("-o"),
                  checkpoint = arguments.get("--checkpoint");
  if (output.empty() || !arguments.has("--data"))
    return reportError("training needs '--data FILE.npz' and '-o FILE'");
  if (arguments.has("--resume") && checkpoint.empty())
    return reportError("'--resume' needs '--checkpoint FILE'");
  for (llvm::StringRef read :
       {model, teacher, arguments.get("--data"), arguments.get("--val")})
    for (llvm::StringRef written : {output, checkpoint})
      if (!written.empty() && !read.empty() && isSameFile(read, written))
        return reportError("training does not overwrite its input '" + read +
                           "'");
  auto options = readTrainingOptions(arguments, !teacher.empty());
  std::optional<unsigned> threads = arguments.getThreads();
  if (!options || !threads)
    return 1;
  auto processes = Processes::join();
  if (!processes)
    return reportError(model, processes.takeError());
  options->processes = *processes;
  bool isFirst = !*processes || (*processes)->isFirst();
  if (!teacher.empty() && options->step.loss.hasClasses())
    return reportError("a teacher knows no classes, but their probabilities: "
                       "'--loss' must be another one than cross-entropy and "
                       "ctc");
  auto read = [&](llvm::StringRef path, int64_t least) {
    return readExamples(arguments, path, *options, least, !teacher.empty());
  };
  std::optional<Examples> data = read(arguments.get("--data"),
                                      options->getUpdateBatch()),
                          validation;
  if (data && arguments.has("--val"))
    validation = read(arguments.get("--val"), options->getWholeBatch());
  if (!data || (arguments.has("--val") && !validation))
    return 1;
  const Examples *other = validation ? &*validation : nullptr;
  CompileOptions compile;
  compile.threads = *threads;
  LearningTask task = makeTask(model, teacher, *options);
  auto run = [&] {
    Progress progress("compiling a step of training");
    return prepareTraining(task, *options, *data, other, compile);
  }();
  if (!run)
    return reportError(model, run.takeError());
  // What is written has its sizes as open as it was read.
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  auto module = loadModule(model, context);
  if (!module)
    return 1;
  EpochReport report(isFirst);
  if (!report.open(arguments.get("--log"), arguments.has("--resume")))
    return 1;
  int64_t steps = neuro::getTrainingSteps(*module);
  (*run)->setSteps(steps, steps);
  Training training(std::move(*run), *options, *data, other);
  if (arguments.has("--resume") && llvm::sys::fs::exists(checkpoint))
    if (llvm::Error error = training.resume(checkpoint))
      return reportError(checkpoint, std::move(error));
  if (llvm::Error error =
          training.train(report, isFirst ? checkpoint : llvm::StringRef()))
    return reportError(model, std::move(error));
  if (arguments.has("--keep-state")) {
    training::addStates(*module, options->step);
    neuro::setTrainingSteps(*module, training.getNumSteps());
  } else {
    neuro::removeStates(*module);
  }
  NamedTensors params = training.getParameters();
  if (isFirst)
    printRates(params);
  writeParameters(std::move(params), *module);
  if (isFirst && options->step.groupLasso > 0)
    printDead(*module);
  // All have the same weights.
  if (isFirst && mlir::failed(saveModule(*module, output)))
    return 1;
  if (*processes)
    (*processes)->leave();
  return 0;
}

/// The options of commands that train.
static std::vector<OptionSpec> getSpecs() {
  std::vector<OptionSpec> options{
      {"--data", "FILE.npz|FOLDER",
       "inputs by name; the first axis counts examples. Of a folder, all "
       "archives, or an array from each .npy file"},
      {"--val", "FILE.npz|FOLDER", "the same, to be looked at only"},
      {"-o", "FILE", "where to write the trained model"},
      {"--labels", "NAME", "the array with the labels (labels)"}};
  llvm::append_range(options, getTrainingOptionSpecs());
  options.insert(
      options.end(),
      {{"--log", "FILE",
        "write a line of JSON for each epoch, whose seconds are those of "
        "training"},
       {"--checkpoint", "FILE.npz", "write where it stands after each epoch"},
       {"--keep-state", "",
        "write down what the optimizer remembers, too, so that the next "
        "training goes on with it, whatever is cut or grown in between"},
       {"--movement", "",
        "add up how weights move away from zero, too, for 'prune --criterion "
        "movement'; goes with '--keep-state'"},
       {"--resume", "", "go on where the checkpoint stands, if there is one"},
       {"--ewc", "X",
        "hold parameters near where they are, by the squares of their "
        "distances times what they matter: elastic weight consolidation (0)"},
       {"--stats", "FILE.npz...",
        "for that, what 'calibrate --gradients' wrote of former data; of "
        "several, sums"},
       {"--threads", "N", "threads that a step uses (1)"}});
  return options;
}

static int runTrain(const Arguments &arguments) {
  if (arguments.has("--learn"))
    return isAlone("'--learn'") ? learnFromStream(arguments) : 1;
  for (const OptionSpec &option : getLearnSpecs())
    if (arguments.has(option.name))
      return reportError("'" + option.name + "' goes with '--learn'");
  return runTask(arguments, arguments.getPositional(0), {});
}

Command neuroplast::driver::getTrainCommand() {
  std::vector<OptionSpec> options = getSpecs();
  llvm::append_range(options, getLearnSpecs());
  return {{"train",
           "train a model on labelled examples",
           {"MODEL"},
           std::move(options)},
          runTrain};
}

static int runDistill(const Arguments &arguments) {
  llvm::StringRef teacher = arguments.getPositional(0),
                  student = arguments.getPositional(1),
                  output = arguments.get("-o");
  bool isDerived = arguments.has("--derive");
  if (isDerived == !student.empty())
    return reportError("'distill' needs a student, or '--derive' to make one");
  if (!isDerived)
    return runTask(arguments, student, teacher);
  if (!isAlone("'--derive'"))
    return 1;
  std::optional<Derivation> derivation =
      Derivation::parse(arguments.get("--derive"));
  if (!derivation)
    return 1;
  if (output.empty() || !arguments.has("--data"))
    return reportError("training needs '--data FILE.npz' and '-o FILE'");
  llvm::SmallString<128> derived;
  if (std::error_code error = llvm::sys::fs::createUniqueFile(
          output + ".student.%%%%%%.onnx", derived))
    return reportError("cannot write '" + output + "': " + error.message());
  llvm::FileRemover remover(derived);
  int code = derivation->carryOut(teacher.str(), arguments.get("--data").str(),
                                  derived.str().str());
  return code ? code : runTask(arguments, derived, teacher);
}

Command neuroplast::driver::getDistillCommand() {
  std::vector<OptionSpec> specs = getSpecs();
  specs.push_back(
      {"--derive", "RULE",
       "make the student of the teacher: 'width=0.5 depth=0.7 rank=0.5', in "
       "which some may be missing, leaves such a share of the units, the "
       "residual blocks and the ranks of weights"});
  specs.push_back(
      {"--hint", "PATTERN=WEIGHT[:KIND]...",
       "let nodes whose name matches give what those of the teacher give, too: "
       "values, of the same shape; channels, those that edits left; layers, "
       "the same of all linear layers; attention, where in an example much is, "
       "over any number of channels; or relations, which examples are alike "
       "(values)"});
  return {{"distill",
           "train a model to say what another one says, on examples without "
           "labels",
           {"TEACHER", "[STUDENT]"},
           std::move(specs)},
          runDistill};
}
