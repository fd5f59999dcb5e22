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
#include "neuroplast/Structure/Units/UnitAnalysis.h"

using namespace neuroplast;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler silence(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  auto module = importOnnx(llvm::MemoryBuffer::getMemBufferCopy(bytes),
                           "fuzz.onnx", ImportOptions(), &context);
  if (!module)
    return 0;
  structure::UnitAnalysis analysis(*module);
  std::string written;
  (void)onnx_frontend::exportBytes(*module, written);
  return 0;
}
