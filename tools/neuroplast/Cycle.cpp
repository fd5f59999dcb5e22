//===- Cycle.cpp - neuroplast cycle ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Modules.h"
#include "RunnableModel.h"
#include "TrainingTask.h"

#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Plasticity/CyclePlan.h"
#include "neuroplast/Plasticity/Rewind.h"
#include "neuroplast/Runtime/Npz.h"
#include "neuroplast/Structure/Inspect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <cmath>
#include <numeric>

using namespace neuroplast;
using namespace neuroplast::driver;
using plasticity::CyclePlan;
using plasticity::Phase;

/// What phases call, beside what they say themselves.
static constexpr llvm::StringRef kTraining[] = {"train", "distill"},
                                 kEdits[] = {"prune",   "dropin",   "factorize",
                                             "shorten", "sparsify", "undo"};

/// How many examples cuts are fitted to.
static constexpr int64_t kFitted = 512;

static bool isTraining(llvm::StringRef command) {
  return llvm::is_contained(kTraining, command);
}

namespace {

/// A model file in the course of a cycle, and how well it does.
struct Stage {
  std::string path;
  std::optional<Score> score; ///< if there are data to see it on
  int64_t parameters = 0;
  int64_t steps = 0; ///< of training, so far
};

/// A plan carried out. Each phase goes from a file of the folder to the next
/// one, which appears only once it is complete: what is there already is not
/// done again, so that a cycle that was ended goes on.
class Cycle {
public:
  Cycle(const Arguments &arguments, const CyclePlan &plan, std::string folder)
      : arguments(arguments), plan(plan), folder(std::move(folder)) {}

  /// Reads the data and the model; false after a message.
  bool start() {
    auto read = [&](llvm::StringRef option, std::optional<Examples> &examples) {
      if (!arguments.has(option))
        return true;
      auto found =
          Examples::read(arguments.get(option),
                         arguments.get("--labels", "labels"), needsLabels());
      if (!found)
        return reportError(arguments.get(option), found.takeError()), false;
      examples.emplace(std::move(*found));
      return true;
    };
    if (!read("--data", data) || !read("--val", validation))
      return false;
    if (plan.has(Phase::Kind::Choose) && !validation)
      return reportError("a plan that chooses needs '--val FILE.npz'"), false;
    if (arguments.has("--log")) {
      // Trainings write to it, too.
      std::error_code error;
      llvm::raw_fd_ostream emptied(arguments.get("--log"), error);
      if (error)
        return reportError(arguments.get("--log"),
                           llvm::errorCodeToError(error)),
               false;
    }
    now.path = arguments.getPositional(0).str();
    marks["start"] = now.path;
    if (!writeInputs() || !judge(now))
      return false;
    startFlops = size.flops;
    return log("start", "", 0);
  }

  bool perform(llvm::ArrayRef<Phase> phases) {
    return llvm::all_of(phases,
                        [&](const Phase &phase) { return perform(phase); });
  }

  const Stage &getStage() const { return now; }

private:
  bool needsLabels() const {
    return !plan.getDefaults("train").empty() || usesCommand(plan.phases);
  }
  static bool usesCommand(llvm::ArrayRef<Phase> phases) {
    return llvm::any_of(phases, [](const Phase &phase) {
      return phase.name == "train" ||
             llvm::any_of(phase.parts, [](const std::vector<Phase> &part) {
               return usesCommand(part);
             });
    });
  }

  bool perform(const Phase &phase) {
    switch (phase.kind) {
    case Phase::Kind::Command:
      return call(phase.name, phase.options, phase.place);
    case Phase::Kind::Repeat:
      for (int64_t i = 0; i < phase.times; ++i)
        if (!perform(phase.parts.front()))
          return false;
      return true;
    case Phase::Kind::Choose:
      return choose(phase);
    case Phase::Kind::Mark:
      marks[phase.name] = now.path;
      return true;
    case Phase::Kind::Rewind:
      return rewind(phase);
    }
    llvm_unreachable("all kinds are covered");
  }

  /// Goes by the best of several ways on.
  bool choose(const Phase &phase) {
    Stage before = now;
    llvm::StringMap<std::string> known = marks;
    std::optional<Stage> best;
    double least = 0;
    size_t chosen = 0;
    for (auto [index, part] : llvm::enumerate(phase.parts)) {
      now = before;
      marks = known;
      if (!perform(part))
        return false;
      double cost =
          now.score->loss +
          phase.price * std::log2(static_cast<double>(now.parameters));
      if (best && cost >= least)
        continue;
      best = now;
      least = cost;
      chosen = index;
    }
    now = *best;
    marks = known;
    llvm::outs() << phase.place << ": chose " << chosen << "\n\n";
    return log("choose", phase.place, 0,
               llvm::json::Object{{"chosen", static_cast<int64_t>(chosen)}});
  }

  /// The weights of a mark in the structure of now.
  bool rewind(const Phase &phase) {
    return advance("rewind", phase.place, {}, [&](const Files &files) {
      mlir::MLIRContext context(makeRegistry(),
                                mlir::MLIRContext::Threading::DISABLED);
      auto current = loadModule(now.path, context),
           former = loadModule(marks[phase.name], context);
      uint64_t seed = *arguments.getInteger("--seed", 0) + files.index;
      return current && former &&
             (!phase.redraws ||
              mlir::succeeded(plasticity::redraw(*former, seed))) &&
             mlir::succeeded(plasticity::rewind(*former, *current)) &&
             mlir::succeeded(saveModule(*former, files.part));
    });
  }

  /// Calls a command on the model of now.
  bool call(llvm::StringRef command, llvm::ArrayRef<std::string> options,
            llvm::StringRef place) {
    return advance(command, place, options, [&](const Files &files) {
      std::vector<std::string> words{command.str()};
      if (command == "distill")
        words.push_back(marks["start"]);
      words.insert(words.end(), {now.path, "-o", files.part});
      llvm::append_range(words, options);
      addCommonOptions(command, files, words);
      std::vector<const char *> pointers;
      for (const std::string &word : words)
        pointers.push_back(word.c_str());
      return runCommand(pointers) == 0;
    });
  }

  /// What a phase writes.
  struct Files {
    int64_t index; ///< of the phase, as they are done
    std::string target, part, checkpoint;
  };

  Files nameFiles() {
    Files files{next++, {}, {}, {}};
    auto name = [&](llvm::StringRef ending) {
      llvm::SmallString<128> path(folder);
      llvm::sys::path::append(path,
                              llvm::formatv("{0,0+4}{1}", files.index, ending));
      return path.str().str();
    };
    files.target = name(".onnx");
    files.part = name(".part.onnx");
    files.checkpoint = name(".npz");
    return files;
  }

  /// Makes the next file of the one of now, unless it is there already.
  bool advance(llvm::StringRef what, llvm::StringRef place,
               llvm::ArrayRef<std::string> options,
               llvm::function_ref<bool(const Files &)> make) {
    Files files = nameFiles();
    llvm::outs() << place << ": " << what << " ("
                 << llvm::sys::path::filename(files.target) << ")\n";
    auto start = std::chrono::steady_clock::now();
    if (!llvm::sys::fs::exists(files.target)) {
      if (!make(files))
        return reportError(place + " (" + what + ") failed"), false;
      if (std::error_code error =
              llvm::sys::fs::rename(files.part, files.target))
        return reportError(files.target, llvm::errorCodeToError(error)), false;
      llvm::sys::fs::remove(files.checkpoint);
    }
    std::chrono::duration<double> elapsed =
        std::chrono::steady_clock::now() - start;
    now.path = files.target;
    int64_t former = now.steps;
    if (!judge(now))
      return false;
    if (isTraining(what))
      countTraining(options, now.steps - former, what == "distill");
    return log(what, place, elapsed.count());
  }

  /// Adds up what trainings cost, ways that were not gone on among them: a step
  /// takes about three times the operations of an answer, and a teacher
  /// answers.
  void countTraining(llvm::ArrayRef<std::string> options, int64_t steps,
                     bool hasTeacher) {
    int64_t batch = TrainOptions().batch;
    for (size_t i = 0; i + 1 < options.size(); ++i)
      if (options[i] == "--batch")
        llvm::StringRef(options[i + 1]).getAsInteger(10, batch);
    trainingFlops +=
        static_cast<double>(steps * batch) *
        static_cast<double>(3 * size.flops + (hasTeacher ? startFlops : 0));
  }

  void addCommonOptions(llvm::StringRef command, const Files &files,
                        std::vector<std::string> &words) const {
    auto add = [&](llvm::StringRef option, llvm::StringRef value) {
      // What the plan says goes first.
      if (llvm::is_contained(words, option))
        return;
      words.push_back(option.str());
      if (!value.empty())
        words.push_back(value.str());
    };
    auto passOn = [&](llvm::StringRef option) {
      if (arguments.has(option))
        add(option, arguments.get(option));
    };
    if (isTraining(command)) {
      for (llvm::StringRef option :
           {"--data", "--val", "--labels", "--log", "--threads"})
        passOn(option);
      int64_t seed = *arguments.getInteger("--seed", 0);
      add("--seed", std::to_string(seed + files.index));
      add("--keep-state", "");
      add("--checkpoint", files.checkpoint);
      add("--resume", "");
    } else if (llvm::is_contained(kEdits, command)) {
      add("--no-compare", "");
      for (const std::string &shape : data->describeShapes(1)) {
        words.emplace_back("--shape");
        words.push_back(shape);
      }
      if (command == "prune")
        add("--data", inputs);
    }
  }

  /// Writes down what cuts are fitted to: some of the inputs.
  bool writeInputs() {
    std::vector<int64_t> some(std::min<int64_t>(data->getCount(), kFitted));
    std::iota(some.begin(), some.end(), 0);
    NamedTensors tensors;
    data->gather(some, tensors);
    tensors.erase("labels");
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, "inputs.npz");
    inputs = path.str().str();
    if (llvm::Error error = writeNpz(inputs, tensors))
      return reportError(inputs, std::move(error)), false;
    return true;
  }

  /// Sees how well a model does, and how large it is.
  bool judge(Stage &stage) {
    mlir::MLIRContext context(makeRegistry(),
                              mlir::MLIRContext::Threading::DISABLED);
    auto module = loadModule(stage.path, context, data->describeShapes(1));
    if (!module)
      return false;
    int64_t steps = neuro::getTrainingSteps(*module);
    neuro::removeStates(*module);
    size = structure::measure(structure::UnitAnalysis(*module));
    stage.parameters = size.parameters;
    stage.steps = steps;
    stage.score.reset();
    if (!validation)
      return true;
    auto options = readTrainOptions();
    if (!options)
      return false;
    CompileOptions compile;
    compile.threads = *arguments.getThreads();
    TrainingTask task{stage.path, needsLabels()
                                      ? llvm::StringRef()
                                      : llvm::StringRef(marks["start"])};
    stage.score = scoreModel(task, *options, *validation, compile);
    return stage.score.has_value();
  }

  /// What all trainings of the plan have in common: their loss, and their
  /// batch.
  std::optional<TrainOptions> readTrainOptions() const {
    bool hasTeacher = !needsLabels();
    Command command = hasTeacher ? getDistillCommand() : getTrainCommand();
    std::vector<const char *> words(command.spec.positional.size(), "-");
    for (const std::string &word : plan.getDefaults(command.spec.name))
      words.push_back(word.c_str());
    int exitCode = 0;
    auto parsed = Arguments::parse(command.spec, words, exitCode);
    return parsed ? TrainOptions::read(*parsed, hasTeacher) : std::nullopt;
  }

  /// Writes down what a phase came to, for people and for programs.
  bool log(llvm::StringRef event, llvm::StringRef place, double seconds,
           llvm::json::Object line = llvm::json::Object()) {
    llvm::outs() << "  " << size.parameters << " parameters, " << size.flops
                 << " operations";
    line["event"] = event;
    line["place"] = place;
    line["model"] = llvm::sys::path::filename(now.path);
    line["parameters"] = size.parameters;
    line["flops"] = size.flops;
    line["seconds"] = seconds;
    line["training_flops"] = trainingFlops;
    if (now.score) {
      llvm::outs() << llvm::formatv(", validation loss {0:f4}",
                                    now.score->loss);
      line["validation_loss"] = now.score->loss;
      if (now.score->accuracy) {
        llvm::outs() << llvm::formatv(", accuracy {0:f1} %",
                                      100 * *now.score->accuracy);
        line["validation_accuracy"] = *now.score->accuracy;
      }
    }
    llvm::outs() << "\n\n";
    if (!arguments.has("--log"))
      return true;
    std::error_code error;
    llvm::raw_fd_ostream os(arguments.get("--log"), error,
                            llvm::sys::fs::OF_Append);
    if (error)
      return reportError(arguments.get("--log"), llvm::errorCodeToError(error)),
             false;
    os << llvm::json::Value(std::move(line)) << '\n';
    return true;
  }

  const Arguments &arguments;
  const CyclePlan &plan;
  std::string folder, inputs;
  std::optional<Examples> data, validation;
  Stage now;
  structure::NetworkSize size; ///< of the stage of now
  int64_t startFlops = 0;
  double trainingFlops = 0; ///< so far
  llvm::StringMap<std::string> marks;
  int64_t next = 0;
};

} // namespace

/// The plan that was asked for; none after a message.
static std::optional<CyclePlan> readPlan(const Arguments &arguments,
                                         std::string &text) {
  if (arguments.has("--plan") == arguments.has("--preset"))
    return reportError("'cycle' needs '--plan FILE.json' or '--preset NAME'"),
           std::nullopt;
  llvm::StringRef source = arguments.get("--plan");
  if (arguments.has("--preset")) {
    source = arguments.get("--preset");
    text = plasticity::getPreset(source).str();
    if (text.empty())
      return reportError("preset '" + source + "' is none of " +
                         llvm::join(plasticity::getPresetNames(), ", ")),
             std::nullopt;
  } else {
    auto buffer = llvm::MemoryBuffer::getFile(source);
    if (!buffer)
      return reportError(source, llvm::errorCodeToError(buffer.getError())),
             std::nullopt;
    text = (*buffer)->getBuffer().str();
  }
  std::vector<llvm::StringRef> commands(std::begin(kTraining),
                                        std::end(kTraining));
  llvm::append_range(commands, kEdits);
  auto plan = CyclePlan::parse(text, commands);
  if (!plan)
    return reportError(source, plan.takeError()), std::nullopt;
  return std::move(*plan);
}

/// Makes a folder one of this cycle, or sees that it is; false after a message.
static bool claimFolder(llvm::StringRef folder, llvm::StringRef identity) {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, "cycle.txt");
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return reportError(folder, llvm::errorCodeToError(error)), false;
  if (auto known = llvm::MemoryBuffer::getFile(path)) {
    if ((*known)->getBuffer() == identity)
      return true;
    return reportError("'" + folder + "' belongs to another cycle"), false;
  }
  if (llvm::Error error =
          llvm::writeToOutput(path, [&](llvm::raw_ostream &os) -> llvm::Error {
            os << identity;
            return llvm::Error::success();
          }))
    return reportError(path, std::move(error)), false;
  return true;
}

/// Writes the model of a file without what an optimizer remembers.
static int writeResult(llvm::StringRef from, llvm::StringRef to) {
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  auto module = loadModule(from, context);
  if (!module)
    return 1;
  neuro::removeStates(*module);
  return mlir::succeeded(saveModule(*module, to)) ? 0 : 1;
}

static int runCycle(const Arguments &arguments) {
  llvm::StringRef output = arguments.get("-o"),
                  model = arguments.getPositional(0);
  std::string text;
  std::optional<CyclePlan> plan = readPlan(arguments, text);
  if (!plan)
    return 1;
  if (arguments.has("--print-plan")) {
    llvm::outs() << text;
    return 0;
  }
  if (output.empty() || !arguments.has("--data"))
    return reportError("'cycle' needs '--data FILE.npz' and '-o FILE'");
  for (llvm::StringRef read :
       {model, arguments.get("--data"), arguments.get("--val")})
    if (!read.empty() && isSameFile(read, output))
      return reportError("'cycle' does not overwrite its input '" + read + "'");
  if (!arguments.getThreads() || !arguments.getInteger("--seed", 0))
    return 1;
  std::string folder = arguments.get("--state").str();
  if (folder.empty()) {
    llvm::SmallString<128> temporary;
    if (std::error_code error =
            llvm::sys::fs::createUniqueDirectory("neuroplast-cycle", temporary))
      return reportError("cannot make a folder: " + error.message());
    folder = temporary.str().str();
  }
  std::string identity;
  llvm::raw_string_ostream os(identity);
  os << text << "\nmodel " << model << "\n";
  for (llvm::StringRef option : {"--data", "--val", "--labels", "--seed"})
    os << option << ' ' << arguments.get(option) << '\n';
  if (!claimFolder(folder, identity))
    return 1;
  Cycle cycle(arguments, *plan, folder);
  int code = cycle.start() && cycle.perform(plan->phases)
                 ? writeResult(cycle.getStage().path, output)
                 : 1;
  if (!arguments.has("--state"))
    llvm::sys::fs::remove_directories(folder);
  return code;
}

Command neuroplast::driver::getCycleCommand() {
  return {{"cycle",
           "train, grow and cut a model as a plan says",
           {"MODEL"},
           {{"--plan", "FILE.json", "phases, each a command with its options"},
            {"--preset", "NAME",
             "a plan that comes with it: neuroplasticity, lottery-ticket or "
             "compress"},
            {"--print-plan", "", "print the plan, and do nothing"},
            {"--data", "FILE.npz",
             "inputs by name; the first axis counts examples"},
            {"--val", "FILE.npz",
             "the same, to see on how well each phase does, and to choose by"},
            {"--labels", "NAME", "the array with the labels (labels)"},
            {"-o", "FILE", "where to write the model"},
            {"--state", "FOLDER",
             "keep the model of each phase there, and go on where they end"},
            {"--log", "FILE", "write a line of JSON for each event and epoch"},
            {"--seed", "N", "of all that is drawn (0)"},
            {"--threads", "N", "threads that a step uses (1)"}}},
          runCycle};
}
