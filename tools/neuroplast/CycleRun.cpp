//===- CycleRun.cpp - A plan carried out ----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CycleRun.h"

#include "Commands.h"
#include "Modules.h"
#include "RunnableModel.h"
#include "TrainOptions.h"

#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Plasticity/Rewind.h"
#include "neuroplast/Runtime/Npz.h"
#include "neuroplast/Structure/Cuts/Criteria.h"
#include "neuroplast/Structure/Growth/Dropin.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <cmath>
#include <numeric>

using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::learning;
using plasticity::CyclePlan;
using plasticity::Phase;

/// How many examples cuts are fitted to.
static constexpr int64_t kFitted = 512;

static bool isTraining(llvm::StringRef command) {
  return command == "train" || command == "distill";
}

std::vector<llvm::StringRef> neuroplast::driver::getPhaseCommands() {
  std::vector<llvm::StringRef> commands = getEditCommands().vec();
  commands.insert(commands.end(), {"train", "distill"});
  return commands;
}

bool Cycle::start() {
  auto read = [&](llvm::StringRef option, std::optional<Examples> &examples) {
    if (!arguments.has(option))
      return true;
    auto found = Examples::read(
        arguments.get(option), arguments.get("--labels", "labels"),
        needsLabels() ? Examples::Need::Labels : Examples::Need::None);
    if (!found)
      return reportError(arguments.get(option), found.takeError()), false;
    examples.emplace(std::move(*found));
    return true;
  };
  if (!read("--data", data) || !read("--val", validation))
    return false;
  if (plan.comparesNetworks() && !validation)
    return reportError("a plan that goes by how well a network does needs "
                       "'--val FILE.npz'"),
           false;
  if (arguments.has("--log")) {
    // Trainings write to it, too.
    std::error_code error;
    llvm::raw_fd_ostream emptied(arguments.get("--log"), error);
    if (error)
      return reportError(arguments.get("--log"), llvm::errorCodeToError(error)),
             false;
  }
  now.path = arguments.getPositional(0).str();
  // What is seen on validation data may be what the model itself says.
  marks["start"] = now;
  if (!writeInputs() || !judge(now))
    return false;
  marks["start"] = now;
  startFlops = size.flops;
  return log("start", "", 0);
}

bool Cycle::perform(llvm::ArrayRef<Phase> phases) {
  return llvm::all_of(phases,
                      [&](const Phase &phase) { return perform(phase); });
}

bool Cycle::needsLabels() const {
  return !plan.getDefaults("train").empty() || usesCommand(plan.phases);
}

bool Cycle::usesCommand(llvm::ArrayRef<Phase> phases) {
  return llvm::any_of(phases, [](const Phase &phase) {
    return (phase.kind == Phase::Kind::Command && phase.name == "train") ||
           llvm::any_of(phase.parts, [](const std::vector<Phase> &part) {
             return usesCommand(part);
           });
  });
}

bool Cycle::perform(const Phase &phase) {
  switch (phase.kind) {
  case Phase::Kind::Command:
    return call(phase.name, phase.options, phase.place);
  case Phase::Kind::Repeat:
    return repeat(phase);
  case Phase::Kind::Choose:
    return choose(phase);
  case Phase::Kind::When:
    return decide(phase);
  case Phase::Kind::Mark:
    marks[phase.name] = now;
    return true;
  case Phase::Kind::Rewind:
    return rewind(phase);
  case Phase::Kind::Perturb:
    return perturb(phase);
  }
  llvm_unreachable("all kinds are covered");
}

bool Cycle::repeat(const Phase &phase) {
  for (int64_t i = 0; i < phase.times; ++i) {
    Stage before = now;
    llvm::StringMap<Stage> known = marks;
    if (!perform(phase.parts.front()))
      return false;
    if (!phase.endsWhenNoBetter ||
        getCost(now, phase.price) < getCost(before, phase.price))
      continue;
    now = before;
    marks = known;
    llvm::outs() << phase.place << ": no better, after " << i + 1 << " times\n";
    return judge(now) &&
           log("end", phase.place, 0, llvm::json::Object{{"repetitions", i}});
  }
  return true;
}

double Cycle::getCost(const Stage &stage, double price) {
  return stage.score->loss +
         price * std::log2(static_cast<double>(stage.parameters));
}

bool Cycle::choose(const Phase &phase) {
  Stage before = now;
  llvm::StringMap<Stage> known = marks;
  std::optional<Stage> best;
  size_t chosen = 0;
  for (auto [index, part] : llvm::enumerate(phase.parts)) {
    now = before;
    marks = known;
    if (!perform(part))
      return false;
    if (best && getCost(now, phase.price) >= getCost(*best, phase.price))
      continue;
    best = now;
    chosen = index;
  }
  now = *best;
  marks = known;
  llvm::outs() << phase.place << ": chose " << chosen << '\n';
  return judge(now) &&
         log("choose", phase.place, 0,
             llvm::json::Object{{"chosen", static_cast<int64_t>(chosen)}});
}

bool Cycle::rewind(const Phase &phase) {
  return advance("rewind", phase.place, {}, [&](const Files &files) {
    mlir::MLIRContext context(makeRegistry(),
                              mlir::MLIRContext::Threading::DISABLED);
    auto current = loadModule(now.path, context),
         former = loadModule(marks[phase.name].path, context);
    return current && former &&
           (!phase.redraws || mlir::succeeded(plasticity::redraw(
                                  *former, getSeed(files.index)))) &&
           mlir::succeeded(plasticity::rewind(*former, *current)) &&
           mlir::succeeded(saveModule(*former, files.part));
  });
}

bool Cycle::perturb(const Phase &phase) {
  return advance("perturb", phase.place, {}, [&](const Files &files) {
    mlir::MLIRContext context(makeRegistry(),
                              mlir::MLIRContext::Threading::DISABLED);
    auto module = loadModule(now.path, context);
    return module &&
           mlir::succeeded(plasticity::perturb(*module, phase.keep, phase.noise,
                                               getSeed(files.index))) &&
           mlir::succeeded(saveModule(*module, files.part));
  });
}

bool Cycle::call(llvm::StringRef command, llvm::ArrayRef<std::string> options,
                 llvm::StringRef place) {
  return advance(command, place, options, [&](const Files &files) {
    std::vector<std::string> words{command.str()};
    if (command == "distill")
      words.push_back(marks["start"].path);
    words.insert(words.end(), {now.path, "-o", files.part});
    llvm::append_range(words, options);
    addCommonOptions(command, files, words);
    return addGradients(files, words) && runCommand(words) == 0;
  });
}

/// What follows an option; empty if it is not there.
static llvm::StringRef findValue(llvm::ArrayRef<std::string> words,
                                 llvm::StringRef option) {
  for (size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i] == option)
      return words[i + 1];
  return {};
}

bool Cycle::addGradients(const Files &files, std::vector<std::string> &words) {
  auto init = structure::parseInit(findValue(words, "--init"));
  if (init && structure::needsGradients(*init) &&
      findValue(words, "--examples").empty()) {
    if (labelled.empty())
      return reportError("gradients need labels"), false;
    words.insert(words.end(), {"--examples", labelled});
    addLoss(words);
    return true;
  }
  auto criterion = structure::parseCriterion(findValue(words, "--criterion"));
  bool goesBy = criterion && structure::needsGradients(*criterion);
  // Of connections there is no other criterion; without, they join anywhere.
  if (words.front() == "rewire" && !llvm::is_contained(words, "--anywhere"))
    goesBy = true;
  if (!goesBy || !findValue(words, "--stats").empty())
    return true;
  std::string target = files.part + ".gradients.npz";
  words.insert(words.end(), {"--stats", target});
  return writeGradients(target);
}

bool Cycle::writeGradients(llvm::StringRef target) {
  if (labelled.empty())
    return reportError("gradients need labels"), false;
  std::vector<std::string> calibrate{"calibrate", now.path, "--gradients",
                                     "--data",    labelled, "-o",
                                     target.str()};
  addLoss(calibrate);
  return runCommand(calibrate) == 0;
}

void Cycle::addLoss(std::vector<std::string> &words) const {
  llvm::ArrayRef<std::string> defaults = plan.getDefaults("train");
  for (llvm::StringRef option :
       {"--loss", "--label-smoothing", "--delta", "--blank", "--batch"})
    if (llvm::StringRef value = findValue(defaults, option); !value.empty())
      words.insert(words.end(), {option.str(), value.str()});
}

Cycle::Files Cycle::nameFiles() {
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

bool Cycle::advance(llvm::StringRef what, llvm::StringRef place,
                    llvm::ArrayRef<std::string> options,
                    llvm::function_ref<bool(const Files &)> make) {
  Files files = nameFiles();
  llvm::outs() << place << ": " << what << " ("
               << llvm::sys::path::filename(files.target) << ")\n";
  auto start = std::chrono::steady_clock::now();
  if (!llvm::sys::fs::exists(files.target)) {
    if (!make(files))
      return reportError(place + " (" + what + ") failed"), false;
    if (std::error_code error = llvm::sys::fs::rename(files.part, files.target))
      return reportError(files.target, llvm::errorCodeToError(error)), false;
    llvm::sys::fs::remove(files.checkpoint);
    llvm::sys::fs::remove(files.part + ".gradients.npz");
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

void Cycle::countTraining(llvm::ArrayRef<std::string> options, int64_t steps,
                          bool hasTeacher) {
  int64_t batch = TrainingOptions().batch, parts = 1;
  findValue(options, "--batch").getAsInteger(10, batch);
  findValue(options, "--accumulate").getAsInteger(10, parts);
  trainingFlops +=
      static_cast<double>(steps * batch * parts) *
      static_cast<double>(3 * size.flops + (hasTeacher ? startFlops : 0));
}

void Cycle::addCommonOptions(llvm::StringRef command, const Files &files,
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
  std::string seed = std::to_string(getSeed(files.index));
  if (isTraining(command)) {
    for (llvm::StringRef option :
         {"--data", "--val", "--labels", "--log", "--threads"})
      passOn(option);
    add("--seed", seed);
    add("--keep-state", "");
    add("--checkpoint", files.checkpoint);
    add("--resume", "");
  } else {
    add("--no-compare", "");
    for (const auto &entry : data->getForm(1).inputs) {
      std::string sizes;
      llvm::raw_string_ostream os(sizes);
      llvm::interleave(entry.getValue(), os, "x");
      words.emplace_back("--shape");
      words.push_back(entry.getKey().str() + "=" + sizes);
    }
    if (command == "recycle" || command == "rewire")
      add("--seed", seed);
    if (command == "prune" || command == "recycle")
      add("--data", inputs);
  }
}

bool Cycle::writeInputs() {
  std::vector<int64_t> some(std::min<int64_t>(data->getCount(), kFitted));
  std::iota(some.begin(), some.end(), 0);
  NamedTensors tensors;
  data->gather(some, tensors);
  auto write = [&](llvm::StringRef name, std::string &file) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    file = path.str().str();
    if (llvm::Error error = writeNpz(file, tensors))
      return reportError(file, std::move(error)), false;
    return true;
  };
  if (tensors.count("labels") && !write("labelled.npz", labelled))
    return false;
  tensors.erase("labels");
  return write("inputs.npz", inputs);
}

bool Cycle::judge(Stage &stage) {
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  auto module = loadModule(stage.path, context, {data->getForm(1).inputs, {}});
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
  auto options = readOptions();
  if (!options)
    return false;
  CompileOptions compile;
  compile.threads = *arguments.getThreads();
  LearningTask task = makeTask(
      stage.path, needsLabels() ? llvm::StringRef() : marks["start"].path,
      *options);
  auto score = scoreNetwork(task, *options, *validation, compile);
  if (!score)
    return reportError(stage.path, score.takeError()), false;
  stage.score = *score;
  return true;
}

std::optional<TrainingOptions> Cycle::readOptions() const {
  bool hasTeacher = !needsLabels();
  Command command = hasTeacher ? getDistillCommand() : getTrainCommand();
  std::vector<const char *> words(command.spec.positional.size(), "-");
  for (const std::string &word : plan.getDefaults(command.spec.name))
    words.push_back(word.c_str());
  int exitCode = 0;
  auto parsed = Arguments::parse(command.spec, words, exitCode);
  return parsed ? readTrainingOptions(*parsed, hasTeacher) : std::nullopt;
}

bool Cycle::log(llvm::StringRef event, llvm::StringRef place, double seconds,
                llvm::json::Object line) {
  llvm::outs() << "  " << size.parameters << " parameters, " << size.flops
               << " operations";
  line["event"] = event;
  line["place"] = place;
  line["model"] = llvm::sys::path::filename(now.path);
  line["parameters"] = size.parameters;
  line["flops"] = size.flops;
  line["seconds"] = seconds;
  line["training_flops"] = trainingFlops;
  line["compiled"] = getNumCompiledTasks() - compiled;
  compiled = getNumCompiledTasks();
  if (now.score) {
    llvm::outs() << llvm::formatv(", validation loss {0:f4}", now.score->loss);
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
