//===- Rewire.cpp - neuroplast rewire -------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Rewire.h"
#include "Commands.h"
#include "GradientSums.h"
#include "RunnableModel.h"
#include "StructureCommand.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

static int runRewire(const Arguments &arguments) {
  StructureCommand command(arguments, "rewire");
  std::optional<double> share = arguments.getNumber("--share", 0.3);
  std::optional<int64_t> seed = arguments.getInteger("--seed", 0);
  if (!share || !seed)
    return 1;
  RewireOptions options;
  options.share = *share;
  options.seed = *seed;
  options.only = arguments.getAll("--only").vec();
  options.freeze = arguments.getAll("--freeze").vec();
  options.command = arguments.getCommandLine().str();
  if (arguments.has("--stats") && arguments.has("--anywhere"))
    return reportError("connections join where gradients are largest, or "
                       "'--anywhere'");
  std::unique_ptr<Gradients> gradients;
  if (!arguments.has("--anywhere")) {
    auto provided = provideGradients(arguments);
    if (!provided)
      return 1;
    gradients = std::move(*provided);
    options.gradients = gradients.get();
  }
  if (!command.load())
    return 1;
  NetworkSize before = measure(UnitAnalysis(command.getModule())),
              after = before;
  FailureOr<RewireReport> report = rewire(command.getModule(), options);
  if (failed(report))
    return 1;
  return command.conclude(
      before, after, options.seed, [&] { return report->toJson(); },
      [&](llvm::raw_ostream &os) { report->print(os); });
}

Command neuroplast::driver::getRewireCommand() {
  std::vector<OptionSpec> options = {
      {"--share", "X",
       "share of the connections of each masked weight that change (0.3)"},
      {"--stats", "FILE.npz",
       "what 'calibrate --gradients' wrote: others join where gradients are "
       "largest"},
      {"--anywhere", "",
       "they join anywhere, as they do without '--stats'; for cycles, which "
       "measure gradients"},
      {"--seed", "N", "of where else they join (0)"},
      {"--only", "PATTERN...",
       "only weights whose name matches (text, or with * and ?)"},
      {"--freeze", "PATTERN...", "leave weights whose name matches"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"rewire",
           "give the weights of a sparse model other connections",
           {"MODEL"},
           std::move(options)},
          runRewire};
}
