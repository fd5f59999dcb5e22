//===- Differentiate.h - Gradients of a network -----------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_DIFFERENTIATE_H
#define NEUROPLAST_TRAINING_DIFFERENTIATE_H

#include "mlir/IR/Builders.h"

namespace neuroplast::training {

/// Builds, before the end of a block, the gradients of `of` by reverse
/// accumulation, where those of `results`, values of the block, are `seeds`.
/// One that nothing depends on is zeros. Fails, after an error at the op, where
/// a gradient would have to go through what has none.
llvm::FailureOr<llvm::SmallVector<mlir::Value>>
buildGradients(mlir::OpBuilder &builder, mlir::Block &block,
               llvm::ArrayRef<mlir::Value> results,
               llvm::ArrayRef<mlir::Value> seeds,
               llvm::ArrayRef<mlir::Value> of);

} // namespace neuroplast::training

#endif // NEUROPLAST_TRAINING_DIFFERENTIATE_H
