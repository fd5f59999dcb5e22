//===- VectorBody.h - Scalar bodies on vectors ------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_KERNELS_VECTORBODY_H
#define NEUROPLAST_LIB_CODEGEN_KERNELS_VECTORBODY_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace neuroplast {

/// Whether an op of a body works on vectors as it does on scalars; the end of a
/// body does.
bool isWidenable(mlir::Operation &op);

/// Computes a body on vectors of `width` lanes, and returns those of `wanted`.
/// `values` has vectors of the arguments that are read. What comes from outside
/// is broadcast; `skipped` is left out.
llvm::SmallVector<mlir::Value>
emitBody(mlir::OpBuilder &builder, mlir::Location location, mlir::Block &body,
         mlir::IRMapping &values, int64_t width, mlir::ValueRange wanted,
         mlir::Operation *skipped = nullptr);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_KERNELS_VECTORBODY_H
