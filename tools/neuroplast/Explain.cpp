//===- Explain.cpp - neuroplast explain -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Modules.h"

#include "neuroplast/Structure/Units/Explain.h"

using namespace neuroplast;
using namespace neuroplast::driver;

static int runExplain(const Arguments &arguments) {
  mlir::MLIRContext context(makeRegistry(),
                            mlir::MLIRContext::Threading::DISABLED);
  auto module = loadModule(arguments.getPositional(0), context,
                           arguments.getAll("--shape"));
  return module && mlir::succeeded(structure::explain(
                       *module, arguments.getPositional(1), llvm::outs()))
             ? 0
             : 1;
}

Command neuroplast::driver::getExplainCommand() {
  return {{"explain",
           "say what belongs together, and why something stays: of a set of "
           "units by its number, or of a node or parameter by its name",
           {"MODEL", "WHAT"},
           {{"--shape", "NAME=AxBxC...", "fix the shape of an input"}}},
          runExplain};
}
