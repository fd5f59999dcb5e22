//===- Run.cpp - neuroplast run -------------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "GivenParams.h"
#include "Modules.h"
#include "RunnableModel.h"

#include "neuroplast/Runtime/Npz.h"

using namespace neuroplast;
using namespace neuroplast::driver;

static int runRun(const Arguments &arguments) {
  llvm::StringRef input = arguments.getPositional(0);
  std::optional<unsigned> threads = arguments.getThreads();
  if (!threads)
    return 1;
  CompileOptions options;
  options.threads = *threads;
  if (!arguments.has("--inputs") || !arguments.has("--outputs"))
    return reportError(
        "'run' needs '--inputs FILE.npz' and '--outputs FILE.npz'");
  for (llvm::StringRef read :
       {input, arguments.get("--inputs"), arguments.get("--params")})
    if (isSameFile(read, arguments.get("--outputs")))
      return reportError("'run' does not overwrite its input '" + read + "'");
  auto arrays = readNpz(arguments.get("--inputs"));
  if (!arrays)
    return reportError(llvm::toString(arrays.takeError()));
  auto model = openModel(input, arguments.getAll("--shape"), &*arrays, options);
  if (!model)
    return 1;
  if (arguments.has("--params") &&
      mlir::failed(giveParams(*model, arguments.get("--params"))))
    return 1;
  auto results = model->run(*arrays);
  if (!results)
    return reportError(input, results.takeError());
  if (llvm::Error error = writeNpz(arguments.get("--outputs"), *results))
    return reportError(llvm::toString(std::move(error)));
  return 0;
}

Command neuroplast::driver::getRunCommand() {
  return {{"run",
           "run a model on the arrays of an .npz file",
           {"MODEL"},
           {{"--inputs", "FILE.npz", "input arrays by input name"},
            {"--outputs", "FILE.npz", "where to write the outputs"},
            {"--params", "FILE",
             "parameters of the model grown, .onnx or .npz, for a library "
             "compiled with '--growable'"},
            {"--threads", "N", "threads that the run uses (1)"},
            {"--shape", "NAME=AxB...", "fix the shape of an input"}}},
          runRun};
}
