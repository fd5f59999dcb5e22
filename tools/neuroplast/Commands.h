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
#include "EditedNetwork.h"

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
Command getExplainCommand();
Command getFactorizeCommand();
Command getRecycleCommand();
Command getReportCommand();
Command getRewireCommand();
Command getServeCommand();
Command getShortenCommand();
Command getSparsifyCommand();
Command getSelectCommand();
Command getTransferCommand();
Command getUndoCommand();
Command getReplayCommand();
Command getCalibrateCommand();
Command getCompileCommand();
Command getCompletionCommand();
Command getRunCommand();
Command getSensitivityCommand();
Command getBenchCommand();
Command getTrainCommand();
Command getVerifyCommand();

/// All of them, in the order in which they are shown.
std::vector<Command> getCommands();

/// Runs a command by its name and its arguments; the exit code.
int runCommand(llvm::ArrayRef<const char *> arguments);
int runCommand(llvm::ArrayRef<std::string> arguments);

/// Ends the process without taking apart what it holds, which takes longer than
/// many a command; what was printed is written.
[[noreturn]] void endProcess(int code);

/// The commands that change the structure of a model.
llvm::ArrayRef<llvm::StringRef> getEditCommands();

/// An edit of a network in memory: a command by its name, and its options,
/// without files. It says nothing but what is wrong.
class EditCommand {
public:
  /// None after a message.
  static std::optional<EditCommand> parse(llvm::ArrayRef<std::string> words);

  llvm::StringRef getName() const { return command.spec.name; }
  /// Fails after a message, and leaves the network as it was.
  llvm::LogicalResult run(const EditedNetwork &network) const;

private:
  EditCommand(Command command, Arguments arguments)
      : command(std::move(command)), arguments(std::move(arguments)) {}

  Command command;
  Arguments arguments;
};

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_COMMANDS_H
