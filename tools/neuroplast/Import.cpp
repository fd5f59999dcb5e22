//===- Import.cpp - neuroplast import and export --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Modules.h"

using namespace mlir;
using namespace neuroplast::driver;

/// Reads the first argument and writes it to `-o`.
static int convert(const Arguments &arguments) {
  StringRef output = arguments.get("-o", "-");
  MLIRContext context(makeRegistry(), MLIRContext::Threading::DISABLED);
  auto module = loadModule(arguments.getPositional(0), context,
                           arguments.getAll("--shape"));
  if (!module ||
      failed(saveModule(*module, output, arguments.has("--external-data"))))
    return 1;
  return 0;
}

Command neuroplast::driver::getImportCommand() {
  return {{"import",
           "translate an ONNX model to the neuro dialect",
           {"MODEL.onnx"},
           {{"-o", "FILE.mlir", "where to write; standard output by default"},
            {"--shape", "NAME=AxBxC...", "fix the shape of an input"},
            {"--external-data", "",
             "keep large weights in FILE.data, if FILE is an ONNX model"}}},
          convert};
}

Command neuroplast::driver::getExportCommand() {
  return {{"export",
           "write a module of the neuro dialect as an ONNX model",
           {"MODULE.mlir"},
           {{"-o", "FILE.onnx", "where to write"},
            {"--external-data", "", "keep large weights in FILE.onnx.data"}}},
          [](const Arguments &arguments) {
            if (!arguments.get("-o").ends_with(".onnx"))
              return reportError("'export' needs '-o FILE.onnx'");
            return convert(arguments);
          }};
}
