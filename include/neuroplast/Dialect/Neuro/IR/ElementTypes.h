//===- ElementTypes.h - Numbers of element types -------------- -*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_ELEMENTTYPES_H
#define NEUROPLAST_DIALECT_NEURO_IR_ELEMENTTYPES_H

#include "mlir/IR/BuiltinTypes.h"

namespace neuroplast {

/// The element type that ONNX and the C interface give a number to; null for
/// types that are not modelled.
mlir::Type getElementType(int32_t number, mlir::MLIRContext *context);
/// The number of an element type; 0 if it has none.
int32_t getElementTypeNumber(mlir::Type elementType);

} // namespace neuroplast

#endif // NEUROPLAST_DIALECT_NEURO_IR_ELEMENTTYPES_H
