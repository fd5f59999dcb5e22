//===- FreshWeights.h - Weights of units that join --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_GROWTH_FRESHWEIGHTS_H
#define NEUROPLAST_LIB_STRUCTURE_GROWTH_FRESHWEIGHTS_H

#include "Construction.h"

namespace neuroplast::structure {

/// Lets units join by `edit`, with the weights that `construction` leaves to
/// them, and tells the ops that count units. Entries of matrices are drawn from
/// a normal distribution as wide as the old entries; those of other tensors
/// (biases, scales, statistics) are the mean of what the old units have there.
/// `options` are those of the edit that is recorded. Fails as `applyEdit` does.
llvm::FailureOr<std::vector<TensorEdit>>
applyGrowth(const UnitAnalysis &analysis, Construction &construction,
            const Edit &edit, const DropinOptions &growth, EditOptions options);

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_GROWTH_FRESHWEIGHTS_H
