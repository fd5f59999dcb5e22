//===- ContribHandlers.h - Operators of ONNX Runtime ------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_CONTRIBHANDLERS_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_CONTRIBHANDLERS_H

#include "GraphImporter.h"

namespace neuroplast {

/// Translates a node of an operator that ONNX Runtime adds to the standard;
/// none if no rule fits it, and nothing was done.
std::optional<mlir::LogicalResult> importContribNode(NodeContext &node);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_CONTRIBHANDLERS_H
