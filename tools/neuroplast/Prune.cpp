//===- Prune.cpp - neuroplast prune ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "EvaluatedPrune.h"
#include "Modules.h"
#include "PruneModel.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

/// False after a message.
static bool readAllocation(const Arguments &arguments,
                           AllocationOptions &options) {
  StringRef name = arguments.get("--scope", "local");
  std::optional<Scope> scope = parseScope(name);
  if (!scope) {
    reportError("scope '" + name + "' is none of local, isomorphic and global");
    return false;
  }
  // A layer that is ranked against others may come out as useless as a whole.
  double mostOfSet = *scope == Scope::Local ? 1 : 0.9;
  std::optional<double> ratio = arguments.getNumber("--ratio", options.ratio);
  std::optional<double> maxRatio =
      arguments.getNumber("--max-ratio", mostOfSet);
  std::optional<int64_t> minUnits = arguments.getInteger("--min-units", 1);
  if (!ratio || !maxRatio || !minUnits)
    return false;
  options.scope = *scope;
  options.ratio = *ratio;
  options.maxRatio = *maxRatio;
  options.minUnits = *minUnits;
  using Measure = Target::Measure;
  for (auto [option, measure] :
       {std::pair("--target-flops", Measure::Operations),
        std::pair("--target-params", Measure::Parameters),
        std::pair("--target-bytes", Measure::Bytes),
        std::pair("--target-ms", Measure::Milliseconds)}) {
    if (!arguments.has(option))
      continue;
    if (options.target || arguments.has("--ratio")) {
      reportError("'prune' takes one of a ratio and the targets");
      return false;
    }
    options.target = Target::parse(measure, arguments.get(option));
    if (!options.target) {
      reportError("'" + StringRef(option) +
                  "' needs a share such as 0.5x or a "
                  "number, not '" +
                  arguments.get(option) + "'");
      return false;
    }
  }
  return true;
}

/// Reads the plan that was given, if any; false after a message.
static bool readPlan(const Arguments &arguments, PruneOptions &options) {
  StringRef path = arguments.get("--plan");
  if (path.empty())
    return true;
  auto text = llvm::MemoryBuffer::getFile(path);
  if (!text) {
    reportError("cannot read '" + path + "': " + text.getError().message());
    return false;
  }
  auto plan = Plan::parse((*text)->getBuffer());
  if (!plan) {
    reportError(path + ": " + llvm::toString(plan.takeError()));
    return false;
  }
  llvm::append_range(options.selection.freeze, plan->freeze);
  options.plan = std::move(*plan);
  return true;
}

/// Writes the plan of what was done; false after a message.
static bool writePlan(StringRef path, const PruneReport &report) {
  if (path.empty())
    return true;
  llvm::json::Object nothing{{"version", 1}, {"rules", llvm::json::Array()}};
  llvm::json::Value plan = report.plan.value_or(std::move(nothing));
  return writeFile(path, [&](llvm::raw_ostream &os) {
    os << llvm::formatv("{0:2}\n", plan);
  });
}

/// How much nearer the fitted layers came to what they gave before.
static void printLayers(llvm::raw_ostream &os,
                        ArrayRef<calibration::RefittedLayer> layers,
                        bool isVerbose) {
  size_t fitted = 0, means = 0;
  for (const calibration::RefittedLayer &layer : layers) {
    fitted += layer.obstacle.empty() && !layer.isMeanOnly;
    means += layer.obstacle.empty() && layer.isMeanOnly;
    if (!isVerbose)
      continue;
    os << "fit of " << layer.node << ": ";
    if (layer.obstacle.empty())
      os << llvm::format("error %.4f -> %.4f, on %lld samples%s\n",
                         layer.before, layer.after,
                         static_cast<long long>(layer.samples),
                         layer.isMeanOnly ? ", the means only" : "");
    else
      os << "none: " << layer.obstacle << '\n';
  }
  os << "fitted " << fitted << " of " << layers.size()
     << " layers to their former results\n";
  if (means > 0)
    os << "warning: " << means
       << " layers have too few samples to fit more than their means\n";
  for (const calibration::RefittedLayer &layer : layers)
    if (!layer.obstacle.empty() && !isVerbose)
      os << "warning: " << layer.node << " was not fitted: " << layer.obstacle
         << '\n';
}

static int runPrune(const Arguments &arguments) {
  StructureCommand command(arguments, "prune");
  PruneOptions options;
  // What optimal brain surgeon assumes, the fit to the data then does.
  bool hasData = arguments.has("--data") && !arguments.has("--dead");
  StringRef criterion = arguments.get("--criterion", hasData ? "obs" : "l2");
  std::optional<Criterion> parsed = parseCriterion(criterion);
  if (!parsed)
    return reportError("criterion '" + criterion + "' is none of " +
                       listCriteria());
  options.criterion = *parsed;
  options.onlyDead = arguments.has("--dead");
  if (options.onlyDead)
    for (const char *other : {"--ratio", "--target-flops", "--target-params",
                              "--target-bytes", "--target-ms", "--criterion",
                              "--scope", "--max-ratio", "--plan", "--eval"})
      if (arguments.has(other))
        return reportError("'--dead' says what goes, and so does '" +
                           StringRef(other) + "'");
  if (!readAllocation(arguments, options.allocation) ||
      !command.read(options, "--only") || !readPlan(arguments, options))
    return 1;
  if (arguments.has("--max-drop") && !arguments.has("--eval"))
    return reportError("'--max-drop' is about what '--eval' says");
  if (arguments.has("--eval") && (command.isDryRun() || options.plan.edit))
    return reportError("'--eval' tries cuts, which neither a dry run nor the "
                       "edit of a plan does");
  if (!command.load())
    return 1;
  PruneOutcome outcome;
  if (arguments.has("--eval")) {
    if (int code = pruneAsEvaluated(command, arguments, options, outcome))
      return code;
  } else {
    Progress progress("pruning " + arguments.getPositional(0));
    FailureOr<PruneOutcome> done =
        pruneModel(command, arguments, options, progress);
    if (failed(done))
      return 1;
    outcome = std::move(*done);
  }
  PruneReport &report = outcome.report;
  if (!command.finish(report.before, report.after, options.seed) ||
      !writePlan(arguments.get("--write-plan"), report))
    return 1;
  if (arguments.getNetwork())
    return 0;
  if (arguments.has("--json")) {
    llvm::json::Object json = report.toJson();
    if (outcome.layers) {
      llvm::json::Array list;
      for (const calibration::RefittedLayer &layer : *outcome.layers)
        list.push_back(layer.toJson());
      json["reconstruction"] = std::move(list);
    }
    command.printJson(llvm::outs(), std::move(json));
    return 0;
  }
  bool isVerbose = arguments.has("--verbose");
  command.printSummary(llvm::outs(), report.before, report.after);
  report.printLayers(llvm::outs(), isVerbose);
  if (isVerbose)
    report.printSets(llvm::outs());
  report.printWarnings(llvm::outs());
  if (outcome.layers)
    printLayers(llvm::outs(), *outcome.layers, isVerbose);
  if (isVerbose)
    command.printOutputs(llvm::outs());
  return 0;
}

Command neuroplast::driver::getPruneCommand() {
  std::vector<OptionSpec> options = {
      {"--ratio", "R", "share of the units to remove (0.5)"},
      {"--dead", "",
       "remove exactly the units that change nothing, as those that 'train "
       "--group-lasso' has made zero"},
      {"--target-flops", "T",
       "cut until T operations are left: 0.5x of what there are, or 1.5G"},
      {"--target-params", "T", "the same for parameters"},
      {"--target-bytes", "T", "the same for the bytes of the parameters"},
      {"--target-ms", "T",
       "the same for the time of a run on this machine, in milliseconds"},
      {"--scope", "NAME",
       "which units are ranked together: those of a set (local, the default), "
       "of sets of the same shapes (isomorphic), or all (global)"},
      {"--max-ratio", "R",
       "share of a set that may go at most (1, or 0.9 if sets compete)"},
      {"--criterion", "NAME",
       "what ranks the units: l1, l2, lamp, bn-scale, fpgm, random, and by "
       "data "
       "activation, wanda and obs, or, by a loss and '--stats', taylor and "
       "fisher, or, by what 'train --movement' wrote, movement (l2, or obs "
       "with "
       "data)"},
      {"--stats", "FILE.npz", "what 'calibrate' wrote, instead of '--data'"},
      {"--round-to", "K",
       "round the counts that remain up to multiples of K (1); auto takes the "
       "width of vector registers where that pays"},
      {"--min-units", "N",
       "leave at least N units of a set (1); without --keep-removed, few among "
       "shuffled channels may go entirely"},
      {"--seed", "N", "seed of the criterion random (0)"},
      {"--inner", "", "cut inner units, as features of heads, too"},
      {"--only", "PATTERN...",
       "cut only units of tensors whose name matches (text, or with * and ?)"},
      {"--freeze", "PATTERN...", "leave units of tensors whose name matches"},
      {"--eval", "COMMAND",
       "a shell command that takes the path of a model and prints a number in "
       "the end, more of which is better"},
      {"--max-drop", "D",
       "cut less where that number falls by more; if no cut is allowed, end "
       "with exit code 2"},
      {"--plan", "FILE.json",
       "cut as a plan says: the one that '--write-plan' wrote, or rules for "
       "single layers"},
      {"--write-plan", "FILE.json",
       "write down what was cut, or with '--dry-run' would be"},
      {"--no-reconstruct", "",
       "do not fit what is left to what the layers gave before, on the data"},
      {"--keep-removed", "",
       "keep what is removed in the file, so that 'undo' can put it back"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"prune",
           "remove the units of a model that matter least",
           {"MODEL"},
           std::move(options)},
          runPrune};
}
