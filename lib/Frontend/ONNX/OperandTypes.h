//===- OperandTypes.h - What operators take -------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_OPERANDTYPES_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_OPERANDTYPES_H

#include "GraphImporter.h"

namespace neuroplast {

/// Checks the element types of a standard operator's operands against its
/// schema: each one is allowed, and those that share a type variable agree.
mlir::LogicalResult checkOperandTypes(NodeContext &node);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_OPERANDTYPES_H
