//===- Transfer.cpp - neuroplast transfer ---------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/Transfer.h"
#include "Commands.h"
#include "StructureCommand.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

/// Reads "10" or "NAME=10"; false after a message.
static bool parseHead(StringRef text, TransferOptions &options) {
  auto [name, number] = text.rsplit('=');
  if (number.empty())
    std::swap(name, number);
  if (number.getAsInteger(10, options.outputs) || options.outputs < 1) {
    reportError("'--new-head' needs the number of its results, as '10' or "
                "'NAME=10', not '" +
                text + "'");
    return false;
  }
  if (text.contains('='))
    options.outputName = name.str();
  return true;
}

static int runTransfer(const Arguments &arguments) {
  StructureCommand command(arguments, "transfer");
  TransferOptions options;
  std::optional<int64_t> seed = arguments.getInteger("--seed", 0);
  if (!seed)
    return 1;
  options.seed = *seed;
  options.command = arguments.getCommandLine().str();
  if (!arguments.has("--new-head"))
    return reportError("'transfer' needs '--new-head N'");
  if (!parseHead(arguments.get("--new-head"), options))
    return 1;
  for (StringRef text : arguments.getAll("--grow"))
    if (std::optional<DropinOptions> growth = parseGrowth(text, options.seed))
      options.growth.push_back(*growth);
    else
      return reportError("'--grow' needs units and how many, as 'fc*=16' or "
                         "'conv3=25%', not '" +
                         text + "'");
  StringRef freeze = arguments.get("--freeze", "units");
  std::optional<Freeze> parsed = parseFreeze(freeze);
  if (!parsed)
    return reportError("'" + freeze +
                       "' is none of units, weights, kept and nothing");
  options.freeze = *parsed;
  if (!command.load())
    return 1;
  FailureOr<TransferReport> report = transfer(command.getModule(), options);
  if (failed(report))
    return 1;
  return command.conclude(
      report->before, report->after, options.seed,
      [&] { return report->toJson(); },
      [&](llvm::raw_ostream &os) { report->print(os); });
}

Command neuroplast::driver::getTransferCommand() {
  std::vector<OptionSpec> options = {
      {"--new-head", "[NAME=]N",
       "the results of a second head, which becomes the first output"},
      {"--grow", "PATTERN=N|P%...",
       "let units join sets with such a name first, so many or such a share"},
      {"--freeze", "NAME",
       "what stays as it is when the new head learns: old units, which read "
       "nothing of new ones; old weights; what 'sparsify' kept, so that masked "
       "weights come into use; or nothing (units)"},
      {"--seed", "N", "seed of random weights (0)"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"transfer",
           "make a model ready for a second task that leaves the first alone",
           {"MODEL"},
           std::move(options)},
          runTransfer};
}
