//===- ExportOps.h - Writers of the ops of the dialect ----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_EXPORTOPS_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_EXPORTOPS_H

#include "GraphWriter.h"
#include "llvm/ADT/StringMap.h"

namespace neuroplast::onnx_frontend {

/// Writes an op as nodes; fails after an error on the op.
using Writer = mlir::LogicalResult (*)(GraphWriter &, mlir::Operation *);
/// Writers by the names of ops.
using WriterMap = llvm::StringMap<Writer>;

/// Those of the ops that make and move elements by sizes.
void addShapeWriters(WriterMap &writers);

/// Adds operands by position; an absent optional one is the empty name.
void addOperands(GraphWriter &writer, ::onnx::NodeProto &node,
                 mlir::Operation *op);
/// Adds the attributes of an op under their own names.
mlir::LogicalResult addAttributes(::onnx::NodeProto &node, mlir::Operation *op,
                                  llvm::ArrayRef<llvm::StringRef> except = {});
/// A node with the first operand and further inputs.
::onnx::NodeProto &addUnary(GraphWriter &writer, mlir::Operation *op,
                            llvm::StringRef type,
                            llvm::ArrayRef<std::string> inputs = {});

} // namespace neuroplast::onnx_frontend

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_EXPORTOPS_H
