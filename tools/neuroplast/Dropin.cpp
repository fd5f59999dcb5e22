//===- Dropin.cpp - neuroplast dropin -------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Dropin.h"
#include "Commands.h"
#include "Progress.h"
#include "StructureCommand.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

/// Reads "12" or "+25%" into the options; false after a message.
static bool parseUnits(StringRef text, DropinOptions &options) {
  StringRef number = text;
  number.consume_front("+");
  double percent;
  int64_t units;
  if (number.consume_back("%") && !number.getAsDouble(percent) &&
      percent >= 0) {
    options.share = percent / 100;
    return true;
  }
  if (!number.getAsInteger(10, units) && units >= 0) {
    options.units = units;
    return true;
  }
  reportError("'--units' needs a number of units, or a share as '+25%', not '" +
              text + "'");
  return false;
}

static int runDropin(const Arguments &arguments) {
  StructureCommand command(arguments, "dropin");
  DropinOptions options;
  StringRef init = arguments.get("--init", "zero-out");
  std::optional<Init> parsed = parseInit(init);
  if (!parsed)
    return reportError("init '" + init +
                       "' is none of zero-out, pair, net2wider and random");
  options.init = *parsed;
  if (!command.read(options, "--at") ||
      !parseUnits(arguments.get("--units", "+25%"), options))
    return 1;
  if (!command.load())
    return 1;
  FailureOr<DropinReport> report = [&] {
    Progress progress("growing " + arguments.getPositional(0));
    return dropin(command.getModule(), options);
  }();
  if (failed(report) ||
      !command.finish(report->before, report->after, options.seed))
    return 1;
  if (arguments.has("--json")) {
    command.printJson(llvm::outs(), report->toJson());
    return 0;
  }
  command.printSummary(llvm::outs(), report->before, report->after);
  report->printSets(llvm::outs(), arguments.has("--verbose"));
  if (arguments.has("--verbose"))
    command.printOutputs(llvm::outs());
  return 0;
}

Command neuroplast::driver::getDropinCommand() {
  std::vector<OptionSpec> options = {
      {"--units", "N|+P%",
       "how many units join each free set, or which share of it (+25%)"},
      {"--at", "PATTERN",
       "grow only units of tensors whose name matches (text, or with * and ?)"},
      {"--init", "NAME",
       "weights of new units: zero-out, pair or net2wider, which change "
       "nothing "
       "of what is computed, or random (zero-out)"},
      {"--round-to", "K", "round new counts up to multiples of K (1)"},
      {"--seed", "N", "seed of random weights (0)"},
      {"--inner", "", "grow inner units, as features of heads, too"},
      {"--freeze", "PATTERN", "leave units of tensors whose name matches"},
      {"--keep-removed", "",
       "keep changed weights in the file, so that 'undo' can put them back"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"dropin",
           "add units to a model that compute nothing yet",
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
