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

static int runPrune(const Arguments &arguments) {
  StructureCommand command(arguments, "prune");
  PruneOptions options;
  StringRef criterion = arguments.get("--criterion", "l2");
  std::optional<Criterion> parsed = parseCriterion(criterion);
  if (!parsed)
    return reportError("criterion '" + criterion +
                       "' is none of l1, l2 and random");
  options.criterion = *parsed;
  std::optional<double> ratio = arguments.getNumber("--ratio", options.ratio);
  std::optional<int64_t> minUnits = arguments.getInteger("--min-units", 1);
  if (!ratio || !minUnits || !command.read(options, "--only"))
    return 1;
  options.ratio = *ratio;
  options.minUnits = *minUnits;
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
      {"--ratio", "R", "share of the units of each free set to remove (0.5)"},
      {"--criterion", "NAME", "l1, l2 or random (l2)"},
      {"--round-to", "K",
       "round the counts that remain up to multiples of K (1)"},
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
