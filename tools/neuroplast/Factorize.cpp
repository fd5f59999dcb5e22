//===- Factorize.cpp - neuroplast factorize -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Factorize.h"
#include "Commands.h"
#include "PruneModel.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

static int runFactorize(const Arguments &arguments) {
  StructureCommand command(arguments, "factorize");
  FactorizeOptions options;
  std::optional<double> energy = arguments.getNumber("--energy", 0.95);
  if (!energy)
    return 1;
  std::optional<Amount> rank = Amount::parse(arguments.get("--rank", "0"));
  if (!rank)
    return reportError("'--rank' needs a number, or a share as '50%', not '" +
                       arguments.get("--rank") + "'");
  if (arguments.has("--rank") && arguments.has("--energy"))
    return reportError("'factorize' takes one of an energy and a rank");
  StringRef form = arguments.get("--form", "svd");
  if (form != "svd" && form != "tucker")
    return reportError("form '" + form + "' is none of svd and tucker");
  options.form = form == "svd" ? FactorForm::Svd : FactorForm::Tucker;
  options.energy = *energy;
  if (arguments.has("--rank") && !rank->count &&
      !(rank->share > 0 && rank->share <= 1))
    return reportError("'--rank' needs a share above 0 and up to 100%, not '" +
                       arguments.get("--rank") + "'");
  options.rankShare = rank->share;
  if (arguments.has("--rank") && rank->count)
    options.rank = *rank->count;
  options.only = arguments.getAll("--only").vec();
  options.freeze = arguments.getAll("--freeze").vec();
  options.command = arguments.getCommandLine().str();
  if (!command.load())
    return 1;
  FailureOr<FactorizeReport> report = [&]() -> FailureOr<FactorizeReport> {
    Progress progress("factorizing " + arguments.getPositional(0));
    FailureOr<Statistics> statistics =
        provideStatistics(command, arguments, Criterion::Obs, progress);
    if (failed(statistics))
      return failure();
    if (!statistics->empty())
      options.statistics = &*statistics;
    progress.setPart("decomposing");
    return factorize(command.getModule(), options);
  }();
  if (failed(report))
    return 1;
  return command.conclude(
      report->before, report->after, /*seed=*/0,
      [&] { return report->toJson(); },
      [&](llvm::raw_ostream &os) { report->print(os); });
}

Command neuroplast::driver::getFactorizeCommand() {
  std::vector<OptionSpec> options = {
      {"--energy", "E",
       "share of the squares of the results to keep, as far as data or weights "
       "tell (0.95)"},
      {"--rank", "R|P%",
       "the rank of all layers, instead, or a share of what each could have"},
      {"--form", "NAME",
       "svd, or tucker, which projects the inputs of kernels, too (svd)"},
      {"--stats", "FILE.npz",
       "what 'calibrate --products' wrote, instead of '--data'"},
      {"--only", "PATTERN...",
       "split only layers whose weight matches (text, or with * and ?)"},
      {"--freeze", "PATTERN...", "leave layers whose weight matches"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"factorize",
           "split layers of a model into two of low rank",
           {"MODEL"},
           std::move(options)},
          runFactorize};
}
