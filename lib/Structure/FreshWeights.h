//===- FreshWeights.h - Weights of units that join --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_FRESHWEIGHTS_H
#define NEUROPLAST_LIB_STRUCTURE_FRESHWEIGHTS_H

#include "Construction.h"

namespace neuroplast::structure {

/// Writes the weights that `construction` leaves to units that join by `edit`.
/// Entries of matrices are drawn from a normal distribution as wide as the old
/// entries; those of other tensors (biases, scales, statistics) are the mean of
/// what the old units have there. Says whether old elements were changed.
llvm::FailureOr<bool> fillFreshWeights(const Construction &construction,
                                       const Edit &edit,
                                       const DropinOptions &options,
                                       const AxisEdit &axes,
                                       TensorRewrite tensor);

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_FRESHWEIGHTS_H
