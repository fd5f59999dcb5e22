//===- RunnableModel.cpp - Models ready to run ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RunnableModel.h"

#include "Modules.h"
#include "mlir/IR/MLIRContext.h"
#include "neuroplast/Frontend/ONNX/Import.h"

#include <chrono>

using namespace neuroplast;
using namespace neuroplast::driver;

int driver::reportError(llvm::StringRef file, llvm::Error error) {
  if (error.isA<ReportedError>()) {
    llvm::consumeError(std::move(error));
    return 1;
  }
  return reportError(file + ": " + llvm::toString(std::move(error)));
}

std::unique_ptr<Model> driver::openModel(llvm::StringRef path,
                                         llvm::ArrayRef<std::string> shapes,
                                         const NamedTensors *inputs,
                                         double *compileSeconds) {
  auto start = std::chrono::steady_clock::now();
  auto finish = [&](llvm::Expected<std::unique_ptr<Model>> model)
      -> std::unique_ptr<Model> {
    if (!model) {
      reportError(path, model.takeError());
      return nullptr;
    }
    if (compileSeconds)
      *compileSeconds = std::chrono::duration<double>(
                            std::chrono::steady_clock::now() - start)
                            .count();
    return std::move(*model);
  };
  if (path.ends_with(".so"))
    return finish(loadLibrary(path));
  std::vector<std::string> allShapes(shapes.begin(), shapes.end());
  if (inputs && isOnnxFile(path))
    for (const auto &[name, tensor] : *inputs) {
      std::string shape = name + "=";
      for (auto [axis, size] : llvm::enumerate(tensor.shape))
        shape += (axis ? "x" : "") + std::to_string(size);
      allShapes.push_back(shape);
    }
  // Compiled code and its parameters live on with the module; so must the
  // context.
  auto context = std::make_unique<mlir::MLIRContext>(
      makeRegistry(), mlir::MLIRContext::Threading::DISABLED);
  auto module = loadModule(path, *context, allShapes);
  if (!module)
    return nullptr;
  auto compiled = compileModule(*module, CompileOptions());
  if (!compiled) {
    reportError(path, compiled.takeError());
    return nullptr;
  }
  module = nullptr;
  return finish(loadInMemory(std::move(*compiled), std::move(context)));
}
