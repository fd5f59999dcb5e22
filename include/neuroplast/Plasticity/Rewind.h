//===- Rewind.h - Former weights in the structure of now --------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_PLASTICITY_REWIND_H
#define NEUROPLAST_PLASTICITY_REWIND_H

#include "mlir/IR/BuiltinOps.h"

namespace neuroplast::plasticity {

/// Gives a former state of a network the structure that it has now: the edits
/// of units since then are done again, and its masks are taken over. So a
/// winning ticket is made (Frankle and Carbin, arXiv 1803.03635). Fails, after
/// an error, if an edit since then has changed more than units.
llvm::LogicalResult rewind(mlir::ModuleOp former, mlir::ModuleOp now);

/// Draws every parameter of floats anew, from a normal distribution with the
/// mean and the deviation that it has: the control of a ticket. What is the
/// same everywhere stays so, and so do optimizer states. Fails, after an error,
/// if a parameter cannot be read.
llvm::LogicalResult redraw(mlir::ModuleOp module, uint64_t seed);

/// Multiplies every parameter that learns by `keep`, and adds normal numbers
/// that deviate by `noise` times what its elements do (shrink and perturb, Ash
/// and Adams, arXiv 1910.08475). Fails, after an error, if a parameter cannot
/// be read.
llvm::LogicalResult perturb(mlir::ModuleOp module, double keep, double noise,
                            uint64_t seed);

} // namespace neuroplast::plasticity

#endif // NEUROPLAST_PLASTICITY_REWIND_H
