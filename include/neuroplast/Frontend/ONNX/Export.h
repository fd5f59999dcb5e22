//===- Export.h - neuro to ONNX -------------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_FRONTEND_ONNX_EXPORT_H
#define NEUROPLAST_FRONTEND_ONNX_EXPORT_H

#include "mlir/IR/BuiltinOps.h"

namespace neuroplast::onnx_frontend {

/// Writes the function `main` of a module as the graph of a model, under the
/// names and metadata that the import recorded. An op that has no ONNX form is
/// an error at its location.
llvm::LogicalResult exportBytes(mlir::ModuleOp module, std::string &bytes);

struct ExportOptions {
  /// Keep large weights in a file beside the model, `PATH.data`. A model of
  /// more than 2 GiB, which no single file holds, does so in any case.
  bool externalData = false;
};

/// The same into a file, which appears only once it is complete. Weights go
/// from where they lie to the file of external data; no copy of them is held.
llvm::LogicalResult exportFile(mlir::ModuleOp module, llvm::StringRef path,
                               const ExportOptions &options = {});

} // namespace neuroplast::onnx_frontend

#endif // NEUROPLAST_FRONTEND_ONNX_EXPORT_H
