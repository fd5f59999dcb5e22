//===- Learn.cpp - neuroplast train --learn -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Learn.h"

#include "Modules.h"
#include "RecentBatches.h"
#include "RunnableModel.h"
#include "TrainOptions.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Learning/ExampleStream.h"
#include "neuroplast/Learning/ReplayBuffer.h"
#include "neuroplast/Structure/Units/Inspect.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/StringSaver.h"

#include <chrono>

using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::learning;
using structure::countParameters;

namespace {

/// An edit that comes again after so many steps.
struct Event {
  int64_t every;
  EditCommand edit;

  /// Reads "STEPS: COMMAND OPTIONS"; none after a message.
  static std::optional<Event> parse(llvm::StringRef text);
};

/// A network that learns from a stream, and changes while it does.
class Learning {
public:
  explicit Learning(const Arguments &arguments) : arguments(arguments) {}

  /// False after a message.
  bool start();
  bool run();

private:
  bool readEvents();
  bool readNetwork();
  bool openStream();
  bool openLog();

  bool perform(const Event &event);
  /// Edits the network, unless it would become too large.
  llvm::LogicalResult edit(const Event &event, mlir::ModuleOp network,
                           bool &fits);
  /// Adds as many examples to a batch as it has.
  void addReplayed(NamedTensors &batch);
  void count(const Score &score);
  void report();
  void log(llvm::json::Object line);
  bool write();

  const Arguments &arguments;
  Learner::Options options;
  int64_t reportEvery = 100, writeEvery = 0, mostParameters = 0,
          mostReplayed = 0;
  std::vector<Event> events;
  std::unique_ptr<mlir::MLIRContext> context;
  std::unique_ptr<Learner> learner;
  std::vector<std::string> inputs; ///< of the network
  std::unique_ptr<StreamBatches> stream;
  std::optional<llvm::raw_fd_ostream> logFile;
  RecentBatches seen;
  std::optional<ReplayBuffer> replay; ///< if there is one
  int64_t firstStep = 0;
  Score sum; ///< of the batches since the last report
  int64_t counted = 0;
};

} // namespace

std::optional<Event> Event::parse(llvm::StringRef text) {
  auto [steps, command] = text.split(':');
  int64_t every;
  if (steps.trim().getAsInteger(10, every) || every < 1)
    return reportError("'--event' is of the form 'STEPS: COMMAND OPTIONS', "
                       "not '" +
                       text + "'"),
           std::nullopt;
  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver saver(allocator);
  llvm::SmallVector<const char *> tokens;
  llvm::cl::TokenizeGNUCommandLine(command, saver, tokens);
  auto edit = EditCommand::parse(
      std::vector<std::string>(tokens.begin(), tokens.end()));
  if (!edit)
    return std::nullopt;
  return Event{every, std::move(*edit)};
}

bool Learning::readEvents() {
  for (const std::string &text : arguments.getAll("--event")) {
    auto event = Event::parse(text);
    if (!event)
      return false;
    events.push_back(std::move(*event));
  }
  return true;
}

/// Reads a count that is at least so much; false after a message.
static bool readCount(const Arguments &arguments, llvm::StringRef option,
                      int64_t least, int64_t &count) {
  auto read = arguments.getInteger(option, count);
  if (!read)
    return false;
  if (arguments.has(option) && *read < least)
    return reportError("'" + option + "' must be " + llvm::Twine(least) +
                       " or more"),
           false;
  count = *read;
  return true;
}

bool Learning::start() {
  llvm::StringRef model = arguments.getPositional(0),
                  output = arguments.get("-o");
  if (output.empty())
    return reportError("training needs '-o FILE'"), false;
  for (llvm::StringRef other :
       {"--data", "--val", "--epochs", "--patience", "--average",
        "--checkpoint", "--resume", "--augment", "--ewc"})
    if (arguments.has(other))
      return reportError("'" + other +
                         "' does not go with '--learn': a stream "
                         "is seen once"),
             false;
  auto read = readTrainingOptions(arguments, /*hasTeacher=*/false);
  std::optional<unsigned> threads = arguments.getThreads();
  if (!read || !threads ||
      !readCount(arguments, "--report-every", 1, reportEvery) ||
      !readCount(arguments, "--write-every", 1, writeEvery) ||
      !readCount(arguments, "--most-parameters", 1, mostParameters) ||
      !readCount(arguments, "--replay", 1, mostReplayed) || !readEvents())
    return false;
  static_cast<TrainingOptions &>(options) = std::move(*read);
  using Kind = training::Schedule::Kind;
  if (options.schedule.kind != Kind::Constant)
    return reportError("the schedule of a stream, which has no end, is "
                       "constant"),
           false;
  if (isSameFile(model, output))
    return reportError("training does not overwrite its input '" + model + "'"),
           false;
  options.compile.threads = *threads;
  if (mostReplayed > 0)
    replay.emplace(mostReplayed, options.seed);
  return readNetwork() && openStream() && openLog();
}

bool Learning::readNetwork() {
  context = std::make_unique<mlir::MLIRContext>(
      makeRegistry(), mlir::MLIRContext::Threading::DISABLED);
  auto network = loadModule(arguments.getPositional(0), *context);
  if (!network)
    return false;
  auto main = network->lookupSymbol<mlir::func::FuncOp>("main");
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (auto name = main.getArgAttrOfType<mlir::StringAttr>(i, "neuro.name")) {
      inputs.push_back(name.str());
      if (replay && mlir::isa<neuro::StringType>(
                        mlir::getElementTypeOrSelf(main.getArgumentTypes()[i])))
        return reportError(arguments.getPositional(0),
                           llvm::createStringError(
                               "'--replay' does not keep texts, as input '" +
                               name.str() + "' has")),
               false;
    }
  options.watch = reportDiagnostics;
  learner = std::make_unique<Learner>(
      std::move(network), options,
      makeTask(arguments.getPositional(0), {}, options));
  firstStep = learner->getNumSteps();
  return true;
}

bool Learning::openStream() {
  llvm::StringRef source = arguments.get("--learn"),
                  labels = arguments.get("--labels", "labels");
  std::unique_ptr<ExampleStream> examples;
  if (source == "-") {
    std::vector<std::string> names = inputs;
    names.emplace_back("labels");
    examples = readPipe(stdin, std::move(names));
  } else if (llvm::sys::fs::is_directory(source)) {
    auto patience = arguments.getNumber("--wait", 10);
    if (!patience)
      return false;
    examples =
        readFolder(source, labels, options.lossNetwork.empty(), *patience);
  } else {
    return reportError("'--learn' takes a folder, or '-' for standard input, "
                       "not '" +
                       source + "'"),
           false;
  }
  stream = std::make_unique<StreamBatches>(std::move(examples), options.batch);
  return true;
}

bool Learning::openLog() {
  llvm::StringRef path = arguments.get("--log");
  if (path.empty())
    return true;
  std::error_code error;
  logFile.emplace(path, error);
  if (error)
    reportError(path, llvm::errorCodeToError(error));
  return !error;
}

bool Learning::run() {
  llvm::StringRef source = arguments.get("--learn");
  while (true) {
    auto batch = stream->read();
    if (!batch)
      return reportError(source == "-" ? "standard input" : source,
                         batch.takeError()),
             false;
    if (!*batch)
      break;
    if (replay)
      addReplayed(**batch);
    int64_t before = learner->getNumSteps();
    auto score = learner->learn(**batch);
    if (!score)
      return reportError(arguments.getPositional(0), score.takeError()), false;
    count(*score);
    if (!events.empty())
      seen.add(std::move(**batch));
    // An update may have several batches.
    if (learner->getNumSteps() == before)
      continue;
    int64_t steps = learner->getNumSteps() - firstStep;
    for (const Event &event : events)
      if (steps % event.every == 0 && !perform(event))
        return false;
    if (steps % reportEvery == 0)
      report();
    if (writeEvery && steps % writeEvery == 0 && !write())
      return false;
  }
  if (counted > 0)
    report();
  return write();
}

llvm::LogicalResult Learning::edit(const Event &event, mlir::ModuleOp network,
                                   bool &fits) {
  mlir::OwningOpRef<mlir::ModuleOp> before;
  if (mostParameters)
    before = network.clone();
  if (mlir::failed(seen.edit(*learner, network, event.edit)))
    return llvm::failure();
  if (mostParameters && countParameters(network) > mostParameters) {
    fits = false;
    network->setAttrs((*before)->getAttrDictionary());
    network.getBodyRegion().takeBody(before->getBodyRegion());
  }
  return llvm::success();
}

bool Learning::perform(const Event &event) {
  auto start = std::chrono::steady_clock::now();
  int64_t before = 0, after = 0, compiledBefore = getNumCompiledTasks();
  bool fits = true;
  if (llvm::Error error = learner->edit([&](mlir::ModuleOp network) {
        before = countParameters(network);
        llvm::LogicalResult done = edit(event, network, fits);
        after = countParameters(network);
        return done;
      }))
    return reportError(arguments.getPositional(0), std::move(error)), false;
  std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - start;
  llvm::outs() << "step " << learner->getNumSteps() << ": "
               << event.edit.getName() << ", " << before << " -> " << after
               << " parameters"
               << (fits ? "" : ": there would be more than may be") << '\n';
  log(llvm::json::Object{{"event", event.edit.getName()},
                         {"step", learner->getNumSteps()},
                         {"parameters", after},
                         {"fits", fits},
                         {"milliseconds", elapsed.count()},
                         {"compiled", getNumCompiledTasks() - compiledBefore}});
  return true;
}

void Learning::addReplayed(NamedTensors &batch) {
  NamedTensors fresh = batch;
  // The first batch has nothing before it but itself.
  bool isFirst = replay->getCount() == 0;
  if (isFirst)
    replay->add(fresh);
  replay->extend(batch, options.batch);
  if (!isFirst)
    replay->add(fresh);
}

void Learning::count(const Score &score) {
  ++counted;
  sum.loss += score.loss;
  if (score.accuracy)
    sum.accuracy = sum.accuracy.value_or(0) + *score.accuracy;
}

void Learning::report() {
  double loss = sum.loss / static_cast<double>(counted);
  llvm::json::Object line{{"step", learner->getNumSteps()}, {"loss", loss}};
  llvm::outs() << "step " << learner->getNumSteps() << ": "
               << llvm::formatv("loss {0:f4}", loss);
  if (sum.accuracy) {
    double accuracy = *sum.accuracy / static_cast<double>(counted);
    llvm::outs() << llvm::formatv(", accuracy {0:f1} %", 100 * accuracy);
    line["accuracy"] = accuracy;
  }
  llvm::outs() << '\n';
  log(std::move(line));
  sum = {};
  counted = 0;
}

void Learning::log(llvm::json::Object line) {
  if (!logFile)
    return;
  *logFile << llvm::json::Value(std::move(line)) << '\n';
  logFile->flush();
}

bool Learning::write() {
  mlir::ModuleOp network = learner->getNetwork();
  mlir::OwningOpRef<mlir::ModuleOp> written;
  if (!arguments.has("--keep-state")) {
    written = network.clone();
    neuro::removeStates(*written);
    network = *written;
  }
  return mlir::succeeded(saveModule(network, arguments.get("-o")));
}

std::vector<OptionSpec> neuroplast::driver::getLearnSpecs() {
  return {{"--learn", "FOLDER|-",
           "learn from a stream instead of '--data', a step from each batch, "
           "and say how well the network did before it: from the .npz files "
           "that a folder has or gets, or from arrays on standard input as "
           "numpy saves them, one behind the other: the inputs in their order, "
           "the labels, and so on"},
          {"--wait", "SECONDS",
           "end when a folder has got nothing for so long (10)"},
          {"--event", "'STEPS: EDIT'...",
           "after so many steps, and so on, change the structure of what "
           "learns by a command such as 'dropin --at fc1 --units 4'"},
          {"--replay", "N",
           "keep so many of the examples of the stream, all with the same "
           "probability, and learn from as many of them as are new in each "
           "step"},
          {"--most-parameters", "N", "leave out edits that lead to more"},
          {"--report-every", "N", "steps that a line sums up (100)"},
          {"--write-every", "N", "write the model after so many steps, too"}};
}

int neuroplast::driver::learnFromStream(const Arguments &arguments) {
  Learning learning(arguments);
  return learning.start() && learning.run() ? 0 : 1;
}
