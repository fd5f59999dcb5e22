//===- Completion.cpp - neuroplast completion -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"

#include "llvm/Support/raw_ostream.h"

using namespace neuroplast::driver;

static int runCompletion(const Arguments &arguments) {
  llvm::StringRef shell = arguments.getPositional(0);
  if (shell != "bash" && shell != "zsh")
    return reportError("'" + shell + "' is none of bash and zsh");
  llvm::raw_ostream &os = llvm::outs();
  // The other shell runs functions that were written for this one.
  if (shell == "zsh")
    os << "whence compdef >/dev/null || { autoload -U compinit && compinit; }\n"
          "autoload -U +X bashcompinit && bashcompinit\n";
  os << "_neuroplast() {\n"
        "  local word=${COMP_WORDS[COMP_CWORD]} words=\n"
        "  case \"$COMP_CWORD ${COMP_WORDS[1]}\" in\n"
        "    '1 '*) words='";
  for (const Command &command : getCommands())
    os << command.spec.name << ' ';
  os << "' ;;\n";
  for (const Command &command : getCommands()) {
    os << "    *' " << command.spec.name << "') words='";
    for (const OptionSpec &option : command.spec.options)
      os << option.name << ' ';
    os << "--help' ;;\n";
  }
  // Whatever is no option may be a file.
  os << "  esac\n"
        "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
        "}\n"
        "complete -o default -F _neuroplast neuroplast\n";
  return 0;
}

Command neuroplast::driver::getCompletionCommand() {
  return {{"completion",
           "print what lets a shell complete commands and options: 'source "
           "<(neuroplast completion bash)', or zsh",
           {"SHELL"},
           {}},
          runCompletion};
}
