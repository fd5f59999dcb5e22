//===- Simplify.h - Undoing what upgrading a model writes -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_SIMPLIFY_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_SIMPLIFY_H

#include "mlir/IR/BuiltinOps.h"

namespace neuroplast {

/// Cleans a module that was just imported. Upgrading writes a softmax of an old
/// opset as a flattening to a matrix, a softmax of its rows, and a reshape
/// back; over the last axis that is the softmax of the tensor itself, which
/// mixes no other axes. What the arithmetic of sizes left is folded, each
/// constant and each size stands once, in the order of their use, so that a
/// model that is written and read again gives the same operations.
mlir::LogicalResult simplifyImported(mlir::ModuleOp module);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_SIMPLIFY_H
