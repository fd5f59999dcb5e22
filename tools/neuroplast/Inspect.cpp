//===- Inspect.cpp - neuroplast inspect -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Units/Inspect.h"
#include "Commands.h"
#include "Modules.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace neuroplast::driver;

Command neuroplast::driver::getInspectCommand() {
  return {{"inspect",
           "print units, pins, parameters and operations of a model",
           {"MODEL"},
           {{"--json", "", "print JSON"},
            {"--shape", "NAME=AxBxC...", "fix the shape of an input"}}},
          [](const Arguments &arguments) {
            MLIRContext context(makeRegistry(),
                                MLIRContext::Threading::DISABLED);
            auto module = loadModule(arguments.getPositional(0), context,
                                     arguments.getAll("--shape"));
            if (!module)
              return 1;
            neuroplast::structure::Inspection result =
                neuroplast::structure::inspect(*module);
            if (arguments.has("--json"))
              llvm::outs() << llvm::formatv("{0:2}\n",
                                            llvm::json::Value(result.toJson()));
            else
              result.print(llvm::outs());
            return 0;
          }};
}
