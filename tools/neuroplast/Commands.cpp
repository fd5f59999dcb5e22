//===- Commands.cpp - The subcommands -------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "neuroplast/Support/Suggestion.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Compiler.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace neuroplast;
using namespace neuroplast::driver;

std::vector<Command> neuroplast::driver::getCommands() {
  return {getImportCommand(),    getExportCommand(),    getInspectCommand(),
          getExplainCommand(),   getPruneCommand(),     getCalibrateCommand(),
          getDropinCommand(),    getGrowCommand(),      getUndoCommand(),
          getReplayCommand(),    getCompileCommand(),   getRunCommand(),
          getBenchCommand(),     getVerifyCommand(),    getSensitivityCommand(),
          getFactorizeCommand(), getSparsifyCommand(),  getShortenCommand(),
          getTrainCommand(),     getDistillCommand(),   getCompressCommand(),
          getCycleCommand(),     getRecycleCommand(),   getReportCommand(),
          getRewireCommand(),    getTransferCommand(),  getSelectCommand(),
          getServeCommand(),     getCompletionCommand()};
}

static void printOverview(llvm::raw_ostream &os,
                          llvm::ArrayRef<Command> commands) {
  os << "neuroplast COMMAND [arguments]\n\n"
        "  A compiler for neural networks whose structure changes.\n\n";
  for (const Command &command : commands)
    os << "  " << llvm::formatv("{0,-12}", command.spec.name)
       << command.spec.summary << '\n';
  os << "\n  neuroplast COMMAND --help explains a command\n";
}

int neuroplast::driver::runCommand(llvm::ArrayRef<const char *> arguments) {
  std::vector<Command> commands = getCommands();
  if (arguments.empty()) {
    printOverview(llvm::errs(), commands);
    return 1;
  }
  llvm::StringRef name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    printOverview(llvm::outs(), commands);
    return 0;
  }
  for (const Command &command : commands)
    if (command.spec.name == name) {
      int exitCode = 0;
      std::optional<Arguments> parsed =
          Arguments::parse(command.spec, arguments.drop_front(), exitCode);
      return parsed ? command.run(*parsed) : exitCode;
    }
  std::vector<llvm::StringRef> known;
  for (const Command &command : commands)
    known.push_back(command.spec.name);
  return reportError("'" + name + "' is no command" + suggest(name, known) +
                     "; see neuroplast --help");
}

int neuroplast::driver::runCommand(llvm::ArrayRef<std::string> arguments) {
  std::vector<const char *> words;
  for (const std::string &word : arguments)
    words.push_back(word.c_str());
  return runCommand(words);
}

llvm::ArrayRef<llvm::StringRef> neuroplast::driver::getEditCommands() {
  static constexpr llvm::StringRef names[] = {"prune",   "dropin",  "recycle",
                                              "rewire",  "undo",    "factorize",
                                              "shorten", "sparsify"};
  return names;
}

std::optional<EditCommand>
EditCommand::parse(llvm::ArrayRef<std::string> words) {
  if (words.empty() || !llvm::is_contained(getEditCommands(), words.front()))
    return reportError("'" + (words.empty() ? "" : words.front()) +
                       "' is none of " + llvm::join(getEditCommands(), ", ")),
           std::nullopt;
  for (const Command &command : getCommands()) {
    if (command.spec.name != words.front())
      continue;
    std::vector<const char *> options;
    for (const std::string &word : words.drop_front())
      options.push_back(word.c_str());
    options.push_back("network"); // for messages
    int exitCode = 0;
    auto parsed = Arguments::parse(command.spec, options, exitCode);
    if (!parsed)
      return std::nullopt;
    for (llvm::StringRef file : {"-o", "--data", "--shape", "--eval"})
      if (parsed->has(file))
        return reportError("'" + file + "' is not for a network in memory"),
               std::nullopt;
    return EditCommand(command, std::move(*parsed));
  }
  llvm_unreachable("every edit has a command");
}

llvm::LogicalResult EditCommand::run(const EditedNetwork &network) const {
  Arguments edit = arguments;
  edit.setNetwork(&network);
  return llvm::success(command.run(edit) == 0);
}

void neuroplast::driver::endProcess(int code) {
  llvm::raw_fd_ostream &output = llvm::outs();
  output.flush();
  if (output.has_error()) {
    code = reportError("cannot print: " + output.error().message());
    output.clear_error();
  }
  // A sanitizer looks for leaks when the process ends in order.
  llvm::sys::Process::Exit(code,
                           /*NoCleanup=*/!LLVM_ADDRESS_SANITIZER_BUILD);
}
