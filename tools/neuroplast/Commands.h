//===- Commands.h - The subcommands ---------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_COMMANDS_H
#define NEUROPLAST_TOOLS_NEUROPLAST_COMMANDS_H

#include "Arguments.h"

namespace neuroplast::driver {

/// A subcommand: what it takes, and what runs it. The result is the exit code.
struct Command {
  CommandSpec spec;
  int (*run)(const Arguments &arguments);
};

Command getImportCommand();
Command getExportCommand();
Command getInspectCommand();
Command getPruneCommand();
Command getCompressCommand();
Command getCycleCommand();
Command getDistillCommand();
Command getDropinCommand();
Command getGrowCommand();
Command getFactorizeCommand();
Command getRecycleCommand();
Command getRewireCommand();
Command getServeCommand();
Command getShortenCommand();
Command getSparsifyCommand();
Command getUndoCommand();
Command getReplayCommand();
Command getCalibrateCommand();
Command getCompileCommand();
Command getRunCommand();
Command getSensitivityCommand();
Command getBenchCommand();
Command getTrainCommand();
Command getVerifyCommand();

/// Runs the command that the first argument names; returns its exit code.
/// Runs a command by its name and its arguments; the exit code.
int runCommand(llvm::ArrayRef<const char *> arguments);
int runCommand(llvm::ArrayRef<std::string> arguments);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_COMMANDS_H
