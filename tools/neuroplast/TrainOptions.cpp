//===- TrainOptions.cpp - The options of a training -----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TrainOptions.h"

#include "GradientSums.h"
#include "RunnableModel.h"

#include "neuroplast/Frontend/ONNX/Import.h"
#include "neuroplast/Structure/Units/UnitSelection.h"

using namespace neuroplast;
using namespace neuroplast::driver;
using learning::Augmentation;
using learning::TrainingOptions;

/// Reads a number that must not be negative; false after a message.
static bool readNumber(const Arguments &arguments, llvm::StringRef name,
                       double &number) {
  auto read = arguments.getNumber(name, number);
  if (read && *read < 0)
    return reportError("'" + name + "' must not be negative"), false;
  if (read)
    number = *read;
  return read.has_value();
}

static bool readInteger(const Arguments &arguments, llvm::StringRef name,
                        int64_t &number, int64_t least = 0) {
  auto read = arguments.getInteger(name, number);
  if (read && *read < least)
    return reportError("'" + name + "' must be " + llvm::Twine(least) +
                       " or more"),
           false;
  if (read)
    number = *read;
  return read.has_value();
}

/// Reads one of several names; false after a message.
template <typename Kind>
static bool readKind(const Arguments &arguments, llvm::StringRef what,
                     llvm::StringRef otherwise,
                     std::optional<Kind> (*parse)(llvm::StringRef),
                     llvm::StringRef all, Kind &kind) {
  llvm::StringRef name = arguments.get(("--" + what).str(), otherwise);
  std::optional<Kind> parsed = parse(name);
  if (!parsed)
    return reportError(what + " '" + name + "' is none of " + all), false;
  kind = *parsed;
  return true;
}

/// Reads how parameters are held near where they are; false after a message.
static bool readHold(const Arguments &arguments,
                     training::StepOptions &options) {
  if (!readNumber(arguments, "--ewc", options.holdStrength))
    return false;
  if (options.holdStrength == 0)
    return true;
  if (!arguments.has("--stats"))
    return reportError("'--ewc' needs '--stats FILE.npz', what 'calibrate "
                       "--gradients' wrote of the data before"),
           false;
  auto gradients = readGradients(arguments.getAll("--stats"));
  if (!gradients)
    return false;
  auto known = std::make_shared<structure::Gradients>(std::move(*gradients));
  options.importance = [known](llvm::StringRef name) -> llvm::ArrayRef<float> {
    auto it = known->find(name);
    if (it == known->end())
      return {};
    return it->second.square;
  };
  return true;
}

std::optional<TrainingOptions>
neuroplast::driver::readTrainingOptions(const Arguments &arguments,
                                        bool hasTeacher) {
  TrainingOptions o;
  training::Loss &loss = o.step.loss;
  training::Optimizer &optimizer = o.step.optimizer;
  training::Schedule &schedule = o.schedule;
  if (llvm::StringRef name = arguments.get("--loss"); isOnnxFile(name)) {
    // What it makes of labels is its business: of classes nothing is known.
    o.lossNetwork = name.str();
    loss.kind = training::Loss::Kind::MeanSquares;
  } else if (!readKind(arguments, "loss", hasTeacher ? "kl" : "cross-entropy",
                       training::Loss::parseKind, training::Loss::getKinds(),
                       loss.kind)) {
    return std::nullopt;
  }
  if (!readKind(arguments, "optimizer", "sgd", training::Optimizer::parseKind,
                training::Optimizer::getKinds(), optimizer.kind) ||
      !readKind(
          arguments, "schedule", "constant", training::Schedule::parseKind,
          "constant, step, linear, cosine and one-cycle", schedule.kind) ||
      !readNumber(arguments, "--label-smoothing", loss.smoothing) ||
      !readNumber(arguments, "--delta", loss.delta) ||
      !readNumber(arguments, "--temperature", loss.temperature) ||
      !readInteger(arguments, "--blank", loss.blank) ||
      !readNumber(arguments, "--blank-weight", loss.blankWeight) ||
      !readNumber(arguments, "--lr", schedule.rate) ||
      !readNumber(arguments, "--lr-factor", schedule.factor) ||
      !readNumber(arguments, "--momentum", optimizer.momentum) ||
      !readNumber(arguments, "--weight-decay", optimizer.weightDecay) ||
      !readNumber(arguments, "--lasso", o.step.lasso) ||
      !readNumber(arguments, "--group-lasso", o.step.groupLasso) ||
      !readNumber(arguments, "--clip-norm", o.step.clipNorm) ||
      !readInteger(arguments, "--lr-every", schedule.every, 1) ||
      !readInteger(arguments, "--warmup", schedule.warmup) ||
      !readInteger(arguments, "--batch", o.batch, 1) ||
      !readInteger(arguments, "--accumulate", o.step.parts, 1) ||
      !readInteger(arguments, "--epochs", o.epochs) ||
      !readInteger(arguments, "--patience", o.patience) ||
      !readInteger(arguments, "--seed", o.seed) ||
      !readNumber(arguments, "--memory-share", o.memoryShare))
    return std::nullopt;
  if (loss.temperature == 0)
    return reportError("'--temperature' must not be zero"), std::nullopt;
  if (loss.blankWeight != 1 && loss.kind != training::Loss::Kind::Divergence &&
      loss.kind != training::Loss::Kind::SoftCrossEntropy)
    return reportError("'--blank-weight' is for kl and soft-cross-entropy"),
           std::nullopt;
  optimizer.isNesterov = arguments.has("--nesterov");
  if (optimizer.isNesterov && optimizer.momentum == 0)
    return reportError("'--nesterov' needs '--momentum'"), std::nullopt;
  optimizer.countsOwnSteps = arguments.has("--own-steps");
  if (optimizer.countsOwnSteps &&
      optimizer.kind != training::Optimizer::Kind::Adam &&
      optimizer.kind != training::Optimizer::Kind::AdamW)
    return reportError("'--own-steps' is for adam and adamw"), std::nullopt;
  if (o.patience > 0 && !arguments.has("--val"))
    return reportError("'--patience' needs '--val'"), std::nullopt;
  double decay = 0;
  if (!readNumber(arguments, "--average", decay) ||
      !readInteger(arguments, "--average-after", o.averagingStart))
    return std::nullopt;
  if (decay > 1)
    return reportError("'--average' must not be more than 1"), std::nullopt;
  if (arguments.has("--average"))
    o.averagingDecay = decay;
  else if (arguments.has("--average-after"))
    return reportError("'--average-after' needs '--average'"), std::nullopt;
  std::string reason;
  auto augmentation = Augmentation::parse(arguments.get("--augment"), reason);
  if (!augmentation)
    return reportError("augmentation " + reason), std::nullopt;
  o.augmentation = *augmentation;
  for (const std::string &text : arguments.getAll("--hint")) {
    auto hint = training::Hint::parse(text, reason);
    if (!hint)
      return reportError("hint " + reason), std::nullopt;
    o.step.hints.push_back(*hint);
  }
  for (const std::string &text : arguments.getAll("--dropout")) {
    auto dropout = training::Dropout::parse(text, reason);
    if (!dropout)
      return reportError("dropout " + reason), std::nullopt;
    o.step.dropouts.push_back(*dropout);
    o.dropouts.push_back(text);
  }
  if (!readHold(arguments, o.step))
    return std::nullopt;
  o.step.sumsMovement = arguments.has("--movement");
  if (o.step.sumsMovement && !arguments.has("--keep-state"))
    return reportError("'--movement' goes with '--keep-state', which writes it "
                       "down"),
           std::nullopt;
  o.step.seed = static_cast<uint32_t>(o.seed);
  auto match = [&](llvm::StringRef option, std::vector<std::string> &patterns,
                   std::function<bool(llvm::StringRef)> &matches) {
    if (!arguments.has(option))
      return;
    patterns = arguments.getAll(option).vec();
    matches = [patterns](llvm::StringRef name) {
      return structure::matchesAny(name, patterns);
    };
  };
  match("--freeze", o.frozen, o.step.isFrozen);
  match("--unfreeze", o.unfrozen, o.step.isUnfrozen);
  match("--no-decay", o.undecayed, o.step.isUndecayed);
  o.growable = arguments.getAll("--growable").vec();
  return o;
}

std::optional<learning::Examples> neuroplast::driver::readExamples(
    const Arguments &arguments, llvm::StringRef path,
    const TrainingOptions &options, int64_t least, bool hasTeacher) {
  using Need = learning::Examples::Need;
  Need need = hasTeacher                    ? Need::None
              : options.lossNetwork.empty() ? Need::Labels
                                            : Need::Any;
  auto examples =
      learning::Examples::read(path, arguments.get("--labels", "labels"), need);
  if (!examples)
    return reportError(path, examples.takeError()), std::nullopt;
  if (examples->getCount() < least)
    return reportError("the data have " + llvm::Twine(examples->getCount()) +
                       " examples, and a batch has " + llvm::Twine(least)),
           std::nullopt;
  return std::move(*examples);
}

bool neuroplast::driver::isAlone(llvm::StringRef what) {
  if (learning::Processes::areStarted())
    reportError(what + " is for one process, and this one was started among "
                       "others");
  return !learning::Processes::areStarted();
}

std::vector<OptionSpec> neuroplast::driver::getTrainingOptionSpecs() {
  return {
      {"--loss", "NAME",
       "of the first output: cross-entropy, soft-cross-entropy, kl or bce of "
       "logits, or of what a softmax or a sigmoid made of them; mse, mae, "
       "huber or cosine; ctc, of sequences whose labels have no times; "
       "contrastive, of features that are to be alike within a class "
       "(cross-entropy; kl, with a teacher). Or a model whose first output it "
       "is, of 'output' and 'labels'"},
      {"--label-smoothing", "X",
       "share of probability that all classes get, of cross-entropy (0)"},
      {"--delta", "X", "where huber becomes linear (1)"},
      {"--blank", "N", "the class of times that say nothing, of ctc (0)"},
      {"--blank-weight", "X",
       "of kl and soft-cross-entropy: what a time counts at which the labels, "
       "or the teacher, say '--blank' (1)"},
      {"--temperature", "X", "what logits are divided by (1)"},
      {"--optimizer", "NAME",
       "sgd, adam, adamw, rmsprop, adagrad or lion (sgd)"},
      {"--own-steps", "",
       "let adam and adamw count the steps of each unit, so that those that "
       "joined later begin as the others did"},
      {"--lr", "X", "learning rate (0.01)"},
      {"--schedule", "NAME",
       "how that goes on: constant, step, linear, cosine or one-cycle "
       "(constant)"},
      {"--warmup", "N", "steps in which it rises from zero first (0)"},
      {"--lr-every", "N", "epochs until a step of the schedule (1)"},
      {"--lr-factor", "X", "what a step of the schedule multiplies by (0.1)"},
      {"--momentum", "X", "of sgd (0)"},
      {"--nesterov", "", "let sgd look ahead by its momentum"},
      {"--weight-decay", "X", "weight decay (0)"},
      {"--lasso", "X",
       "draw each weight to zero, by the learning rate times this in a step "
       "(0)"},
      {"--group-lasso", "X",
       "draw all weights together that make a unit to zero, by that times the "
       "root of their count, so that 'prune --dead' can take it out (0)"},
      {"--no-decay", "PATTERN...",
       "parameters whose name matches have no weight decay and no lasso"},
      {"--average", "X",
       "go by means of the parameters over the steps, of which the next one "
       "counts as 1 - X; 1 for a plain mean"},
      {"--average-after", "N", "epochs before that begins (0)"},
      {"--clip-norm", "X",
       "the most that all gradients together have as their norm (no bound)"},
      {"--epochs", "N", "how often to go through the data (1)"},
      {"--batch", "N", "examples in a step (32)"},
      {"--accumulate", "N",
       "steps whose gradients an update is made of the mean of (1)"},
      {"--seed", "N", "seed of the order of the examples (0)"},
      {"--augment", "LIST",
       "change examples each time: flip (images, left to right), shift:N (by "
       "up to so many places), warp:X (stretched and slanted by up to this "
       "share), contrast:X (more or less of it), noise:X (normal, "
       "deviating by up to this), with commas between"},
      {"--dropout", "PATTERN=RATE[:KIND]...",
       "leave out parts of what layers read whose weights have such a name: "
       "elements, gaussian (a normal factor), channels, squares[:SIZE], "
       "weights[:SHARE], units:SHARE (of the smallest alone), states of "
       "recurrent layers (at all times alike), or branches of "
       "residual blocks (elements); with PATTERN=STEPS:join, layers, or units "
       "that the last edit grew there, join over so many steps; with "
       "PATTERN=RATE:concrete:EXAMPLES, the rate is "
       "learnt"},
      {"--freeze", "PATTERN...", "leave parameters whose name matches"},
      {"--unfreeze", "PATTERN...",
       "let parameters whose name matches learn although nothing reads them as "
       "a weight or a bias: tables, as of positions"},
      {"--growable", "NAME...",
       "units of tensors with such a name may come and go without a step "
       "being compiled anew, which is for those that are taken again: in a "
       "cycle"},
      {"--memory-share", "X",
       "let a step take this share of its memory, as far as that is possible, "
       "by computing again what waits for the way back (1)"},
      {"--patience", "N",
       "end after so many epochs without a better validation, with the best "
       "parameters"}};
}
