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

namespace onnx {
class ModelProto;
}

namespace neuroplast::onnx_frontend {

/// Writes the function `main` of a module as the graph of a model, under the
/// names and metadata that the import recorded. An op that has no ONNX form is
/// an error at its location.
llvm::LogicalResult exportModel(mlir::ModuleOp module,
                                ::onnx::ModelProto &model);

/// The same into a file, which appears only once it is complete.
llvm::LogicalResult exportFile(mlir::ModuleOp module, llvm::StringRef path);

} // namespace neuroplast::onnx_frontend

#endif // NEUROPLAST_FRONTEND_ONNX_EXPORT_H
