//===- neuroplast.cpp - The command-line driver ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

using namespace neuroplast::driver;

static void printOverview(llvm::raw_ostream &os,
                          llvm::ArrayRef<Command> commands) {
  os << "neuroplast COMMAND [arguments]\n\n"
        "  A compiler for neural networks whose structure changes.\n\n";
  for (const Command &command : commands)
    os << "  " << llvm::formatv("{0,-12}", command.spec.name)
       << command.spec.summary << '\n';
  os << "\n  neuroplast COMMAND --help explains a command\n";
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  const std::vector<Command> commands = {
      getImportCommand(),   getExportCommand(),      getInspectCommand(),
      getPruneCommand(),    getCalibrateCommand(),   getDropinCommand(),
      getGrowCommand(),     getUndoCommand(),        getReplayCommand(),
      getCompileCommand(),  getRunCommand(),         getBenchCommand(),
      getVerifyCommand(),   getSensitivityCommand(), getFactorizeCommand(),
      getSparsifyCommand(), getShortenCommand(),     getTrainCommand()};
  if (argc < 2) {
    printOverview(llvm::errs(), commands);
    return 1;
  }
  llvm::StringRef name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    printOverview(llvm::outs(), commands);
    return 0;
  }
  for (const Command &command : commands)
    if (command.spec.name == name) {
      int exitCode = 0;
      llvm::ArrayRef<const char *> rest(argv + 2, argc - 2);
      std::optional<Arguments> arguments =
          Arguments::parse(command.spec, rest, exitCode);
      return arguments ? command.run(*arguments) : exitCode;
    }
  return reportError("'" + name + "' is no command; see neuroplast --help");
}
