//===- fuzz-import.cpp - Any bytes as an ONNX model
//-------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// What the bytes are, import, analysis and export end with a diagnostic or
// without one.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "neuroplast/Frontend/ONNX/Export.h"
#include "neuroplast/Frontend/ONNX/Import.h"
#include "neuroplast/Structure/UnitAnalysis.h"
#include "llvm/Support/FileSystem.h"

#include "onnx/onnx_pb.h"

#include <unistd.h>

using namespace neuroplast;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::string path =
      "/dev/shm/neuroplast-fuzz-" + std::to_string(getpid()) + ".onnx";
  std::error_code error;
  {
    llvm::raw_fd_ostream file(path, error);
    if (error)
      return 0;
    file.write(reinterpret_cast<const char *>(data), size);
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler silence(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  auto module = importOnnx(path, ImportOptions(), &context);
  llvm::sys::fs::remove(path);
  if (!module)
    return 0;
  structure::UnitAnalysis analysis(*module);
  onnx::ModelProto written;
  (void)onnx_frontend::exportModel(*module, written);
  return 0;
}
