//===- Dropin.cpp - neuroplast dropin -------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/Dropin.h"
#include "Commands.h"
#include "Modules.h"
#include "Progress.h"
#include "RunnableModel.h"
#include "StructureCommand.h"
#include "TrainOptions.h"
#include "neuroplast/Learning/GrowthByLoss.h"
#include "neuroplast/Structure/Growth/InsertLayers.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

/// Reads "12" or "+25%" into the options; false after a message.
static bool parseUnits(StringRef text, DropinOptions &options) {
  StringRef number = text;
  number.consume_front("+");
  if (std::optional<Amount> amount = Amount::parse(number)) {
    options.units = amount->count;
    options.share = amount->share;
    return true;
  }
  reportError("'--units' needs a number of units, or a share as '+25%', not '" +
              text + "'");
  return false;
}

/// Layers that join, instead of units.
static int runInsert(const Arguments &arguments) {
  StructureCommand command(arguments, "dropin");
  InsertOptions options;
  options.after = arguments.getAll("--insert-after").vec();
  options.beside = arguments.getAll("--branch-at").vec();
  std::optional<int64_t> hidden = arguments.getInteger("--hidden", 0);
  std::optional<int64_t> seed = arguments.getInteger("--seed", 0);
  if (!hidden || !seed)
    return 1;
  if (arguments.has("--hidden"))
    options.hidden = *hidden;
  options.seed = *seed;
  options.command = arguments.getCommandLine().str();
  for (StringRef other : {"--units", "--at", "--round-to", "--inner",
                          "--transplant", "--freeze", "--keep-removed"})
    if (arguments.has(other))
      return reportError("'" + other +
                         "' is for units that join, and goes not "
                         "with layers that do");
  options.isRandom = arguments.get("--init") == "random";
  if (arguments.has("--init") && (!options.isRandom || options.after.empty()))
    return reportError("layers that join have no '--init' but 'random', and "
                       "that after nodes");
  if (!command.load())
    return 1;
  FailureOr<InsertReport> report = insertLayers(command.getModule(), options);
  if (failed(report))
    return 1;
  return command.conclude(
      report->before, report->after, options.seed,
      [&] { return report->toJson(); },
      [&](llvm::raw_ostream &os) { report->print(os); });
}

/// Lets units join that a loss on labelled examples has use for; fails after a
/// message.
static FailureOr<DropinReport> growByLoss(ModuleOp module,
                                          const Arguments &arguments,
                                          const DropinOptions &growth) {
  StringRef input = arguments.getPositional(0),
            data = arguments.get("--examples");
  auto options = readTrainingOptions(arguments, /*hasTeacher=*/false);
  std::optional<int64_t> steps =
      arguments.getInteger("--power-steps", growth.init == Init::GradMax ? 1
                                            : growth.init == Init::Split ? 16
                                                                         : 4);
  if (!options || !steps)
    return failure();
  std::string init = ("'--init " + getName(growth.init) + "'").str();
  if (arguments.getNetwork())
    return reportError(init + " is for a network in a file"), failure();
  if (data.empty())
    return reportError(init + " goes by '--examples FILE.npz'"), failure();
  // What may not grow learns all the same.
  options->frozen.clear();
  auto examples = readExamples(arguments, data, *options, options->batch);
  if (!examples)
    return failure();
  auto report =
      learning::growByLoss(module, growth, makeTask(input, {}, *options),
                           *options, *examples, *steps);
  if (!report)
    return reportError(input, report.takeError()), failure();
  return std::move(*report);
}

static int runDropin(const Arguments &arguments) {
  if (arguments.has("--insert-after") || arguments.has("--branch-at"))
    return runInsert(arguments);
  if (arguments.has("--hidden"))
    return reportError(
        "'--hidden' goes with '--insert-after' or '--branch-at'");
  StructureCommand command(arguments, "dropin");
  DropinOptions options;
  StringRef init = arguments.get("--init", "zero-out");
  std::optional<Init> parsed = parseInit(init);
  if (!parsed)
    return reportError(
        "init '" + init +
        "' is none of zero-out, pair, net2wider, split, gradmax, tiny and "
        "random");
  options.init = *parsed;
  bool goesByLoss = needsGradients(options.init);
  for (StringRef other : {"--examples", "--power-steps", "--loss", "--labels"})
    if (!goesByLoss && arguments.has(other))
      return reportError("'" + other +
                         "' goes with '--init gradmax', 'split' and 'tiny'");
  options.transplant = arguments.has("--transplant");
  if (!command.read(options, "--at") ||
      !parseUnits(arguments.get("--units", "+25%"), options))
    return 1;
  if (!command.load())
    return 1;
  FailureOr<DropinReport> report = [&] {
    Progress progress("growing " + arguments.getPositional(0));
    return goesByLoss ? growByLoss(command.getModule(), arguments, options)
                      : dropin(command.getModule(), options);
  }();
  if (failed(report))
    return 1;
  return command.conclude(
      report->before, report->after, options.seed,
      [&] { return report->toJson(); },
      [&](llvm::raw_ostream &os) {
        report->printSets(os, arguments.has("--verbose"));
      });
}

Command neuroplast::driver::getDropinCommand() {
  std::vector<OptionSpec> options = {
      {"--units", "N|+P%",
       "how many units join each free set, or which share of it (+25%)"},
      {"--at", "PATTERN...",
       "grow only units of tensors whose name matches (text, or with * and ?)"},
      {"--init", "NAME",
       "weights of new units: zero-out, pair, net2wider or gradmax, which "
       "change nothing of what is computed, split or tiny, which lessen a "
       "loss, "
       "or random (zero-out)"},
      {"--examples", "FILE.npz|FOLDER",
       "inputs with labels: for gradmax, whose units read what makes the "
       "gradients of their outgoing weights largest, for split, where those "
       "units become two that help most by that, and for tiny, whose units do "
       "most of what the layers beside them cannot"},
      {"--power-steps", "N",
       "how often to look for that (1, 16 for split, 4 for tiny)"},
      {"--transplant", "",
       "let what an optimizer remembers begin, of new units, as the mean over "
       "the others, and not at zero"},
      {"--insert-after", "PATTERN...",
       "add a layer after nodes whose name matches, instead of units: the "
       "identity, one that adds nothing yet, or, with '--init random', one of "
       "random weights"},
      {"--branch-at", "PATTERN...",
       "add a branch beside linear layers whose name matches"},
      {"--hidden", "N",
       "results in between of such a layer or branch (as many as the layer "
       "has, "
       "or a quarter)"},
      {"--round-to", "K", "round new counts up to multiples of K (1)"},
      {"--seed", "N", "seed of random weights (0)"},
      {"--inner", "", "grow inner units, as features of heads, too"},
      {"--freeze", "PATTERN...", "leave units of tensors whose name matches"},
      {"--keep-removed", "",
       "keep changed weights in the file, so that 'undo' can put them back"}};
  llvm::append_range(options, StructureCommand::getOptions());
  llvm::append_range(options, getTrainCommand().spec.select(
                                  {"--loss", "--labels", "--label-smoothing",
                                   "--delta", "--blank"}));
  return {{"dropin",
           "add units or layers to a model that compute nothing yet",
           {"MODEL"},
           std::move(options)},
          runDropin};
}

Command neuroplast::driver::getGrowCommand() {
  Command command = getDropinCommand();
  command.spec.name = "grow";
  command.spec.summary = "the same as dropin";
  return command;
}
