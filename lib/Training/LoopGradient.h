//===- LoopGradient.h - The way back through loops --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_TRAINING_LOOPGRADIENT_H
#define NEUROPLAST_LIB_TRAINING_LOOPGRADIENT_H

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace neuroplast::training {

/// Builds the gradients of what a loop starts from, null for what is not of
/// floats, and behind these those of `captured`, values from outside that its
/// body reads; `ofResults` are those of its results, null where there is none.
/// The loop is gone through once more to remember the states of all iterations,
/// then backwards. Fails, after an error, for a loop that does not count its
/// iterations, has effects, or carries what changes its size.
llvm::FailureOr<llvm::SmallVector<mlir::Value>>
buildLoopGradient(mlir::OpBuilder &builder, mlir::scf::WhileOp op,
                  llvm::ArrayRef<mlir::Value> ofResults,
                  llvm::ArrayRef<mlir::Value> captured);

} // namespace neuroplast::training

#endif // NEUROPLAST_LIB_TRAINING_LOOPGRADIENT_H
