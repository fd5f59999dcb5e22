//===- Prune.cpp - neuroplast prune ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Prune.h"
#include "Commands.h"
#include "Progress.h"
#include "StructureCommand.h"

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

static int runPrune(const Arguments &arguments) {
  StructureCommand command(arguments, "prune");
  PruneOptions options;
  StringRef criterion = arguments.get("--criterion", "l2");
  std::optional<Criterion> parsed = parseCriterion(criterion);
  if (!parsed)
    return reportError("criterion '" + criterion +
                       "' is none of l1, l2 and random");
  options.criterion = *parsed;
  if (!readAllocation(arguments, options.allocation) ||
      !command.read(options, "--only"))
    return 1;
  if (!command.load())
    return 1;
  FailureOr<PruneReport> report = [&] {
    Progress progress("pruning " + arguments.getPositional(0));
    return prune(command.getModule(), options, command.isDryRun());
  }();
  if (failed(report) ||
      !command.finish(report->before, report->after, options.seed))
    return 1;
  if (arguments.has("--json")) {
    command.printJson(llvm::outs(), report->toJson());
    return 0;
  }
  bool isVerbose = arguments.has("--verbose");
  command.printSummary(llvm::outs(), report->before, report->after);
  report->printLayers(llvm::outs(), isVerbose);
  if (isVerbose)
    report->printSets(llvm::outs());
  report->printWarnings(llvm::outs());
  if (isVerbose)
    command.printOutputs(llvm::outs());
  return 0;
}

Command neuroplast::driver::getPruneCommand() {
  std::vector<OptionSpec> options = {
      {"--ratio", "R", "share of the units to remove (0.5)"},
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
      {"--criterion", "NAME", "l1, l2 or random (l2)"},
      {"--round-to", "K",
       "round the counts that remain up to multiples of K (1); auto takes the "
       "width of vector registers where that pays"},
      {"--min-units", "N", "leave at least N units of a set (1)"},
      {"--seed", "N", "seed of the criterion random (0)"},
      {"--inner", "", "cut inner units, as features of heads, too"},
      {"--only", "PATTERN",
       "cut only units of tensors whose name matches (text, or with * and ?)"},
      {"--freeze", "PATTERN", "leave units of tensors whose name matches"},
      {"--keep-removed", "",
       "keep what is removed in the file, so that 'undo' can put it back"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"prune",
           "remove the units of a model that matter least",
           {"MODEL"},
           std::move(options)},
          runPrune};
}
