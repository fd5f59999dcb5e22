//===- Specialize.h - Networks for inputs of other sizes --------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_FRONTEND_ONNX_SPECIALIZE_H
#define NEUROPLAST_FRONTEND_ONNX_SPECIALIZE_H

#include "neuroplast/Frontend/ONNX/Import.h"

namespace neuroplast {

/// A network for inputs of these shapes, by name, in a context: it is written
/// and read again, in memory, as sizes are inferred where models are read. Null
/// after a diagnostic in its context or in that one.
mlir::OwningOpRef<mlir::ModuleOp>
specialize(mlir::ModuleOp network,
           const llvm::StringMap<llvm::SmallVector<int64_t>> &shapes,
           mlir::MLIRContext *context);

} // namespace neuroplast

#endif // NEUROPLAST_FRONTEND_ONNX_SPECIALIZE_H
