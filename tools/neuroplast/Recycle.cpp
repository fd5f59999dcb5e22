//===- Recycle.cpp - neuroplast recycle -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/Recycle.h"
#include "Commands.h"
#include "Progress.h"
#include "PruneModel.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

static int runRecycle(const Arguments &arguments) {
  StructureCommand command(arguments, "recycle");
  RecycleOptions options;
  bool hasData = arguments.has("--data") || arguments.has("--stats") ||
                 arguments.getNetwork();
  StringRef name = arguments.get("--criterion", "activation");
  std::optional<Criterion> criterion = parseCriterion(name);
  if (!criterion)
    return reportError("criterion '" + name + "' is none of " + listCriteria());
  if (needsStatistics(*criterion) && !hasData)
    return reportError("what units do is seen on '--data FILE.npz', or on "
                       "'--stats'");
  options.criterion = *criterion;
  std::optional<double> threshold = arguments.getNumber("--threshold", 0.1),
                        share = arguments.getNumber("--share", 0);
  if (!threshold || !share || !command.read(options, "--only"))
    return 1;
  if (arguments.has("--threshold") && arguments.has("--share"))
    return reportError("'recycle' takes one of a threshold and a share");
  options.threshold = *threshold;
  if (arguments.has("--share"))
    options.share = *share;
  if (!command.load())
    return 1;
  FailureOr<RecycleReport> report = [&]() -> FailureOr<RecycleReport> {
    Progress progress("recycling " + arguments.getPositional(0));
    auto statistics =
        provideStatistics(command, arguments, *criterion, progress);
    if (failed(statistics))
      return failure();
    if (!statistics->empty())
      options.evidence.statistics = &*statistics;
    return recycle(command.getModule(), options);
  }();
  if (failed(report))
    return 1;
  NetworkSize after = report->size;
  return command.conclude(
      report->size, after, options.seed, [&] { return report->toJson(); },
      [&](llvm::raw_ostream &os) {
        report->print(os, arguments.has("--verbose"));
      });
}

Command neuroplast::driver::getRecycleCommand() {
  std::vector<OptionSpec> options = {
      {"--threshold", "X",
       "units that do at most this share of what the units of their set do on "
       "average (0.1)"},
      {"--share", "X", "or this share of each set, those that do least"},
      {"--criterion", "NAME",
       "what they do: activation, wanda (what comes of it), l2 (their weights) "
       "or random (activation)"},
      {"--stats", "FILE.npz", "what 'calibrate' wrote, instead of '--data'"},
      {"--only", "PATTERN...",
       "only units of tensors whose name matches (text, or with * and ?)"},
      {"--seed", "N", "seed of random weights (0)"},
      {"--inner", "", "inner units, as features of heads, too"},
      {"--freeze", "PATTERN...", "leave units of tensors whose name matches"},
      {"--keep-removed", "",
       "keep their weights in the file, so that 'undo' can put them back"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"recycle",
           "let units of a model that do little begin anew",
           {"MODEL"},
           std::move(options)},
          runRecycle};
}
