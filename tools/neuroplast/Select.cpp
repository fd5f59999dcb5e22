//===- Select.cpp - neuroplast select -------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "StructureCommand.h"
#include "neuroplast/Structure/Edits/SelectOutput.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::structure;

static int runSelect(const Arguments &arguments) {
  StructureCommand command(arguments, "select");
  if (!arguments.has("--output"))
    return reportError("'select' needs '--output NAME'");
  if (!command.load())
    return 1;
  FailureOr<SelectReport> report =
      selectOutput(command.getModule(), arguments.get("--output"));
  if (failed(report))
    return 1;
  return command.conclude(
      report->before, report->after, /*seed=*/0,
      [&] { return report->toJson(); },
      [&](llvm::raw_ostream &os) { report->print(os); });
}

Command neuroplast::driver::getSelectCommand() {
  std::vector<OptionSpec> options = {
      {"--output", "NAME", "the output whose network is left"}};
  llvm::append_range(options, StructureCommand::getOptions());
  return {{"select",
           "leave what makes one output, as it was when its task was learnt",
           {"MODEL"},
           std::move(options)},
          runSelect};
}
