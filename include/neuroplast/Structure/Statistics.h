//===- Statistics.h - What calibration saw of the data --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_STATISTICS_H
#define NEUROPLAST_STRUCTURE_STATISTICS_H

#include "llvm/ADT/StringMap.h"
#include <cstdint>
#include <vector>

namespace neuroplast::structure {

/// Of the patches that a linear op weighs (`neuro::LinearMap`), by block and
/// element.
struct PatchStatistics {
  int64_t samples = 0;
  int64_t blocks = 1, patchSize = 0;
  /// Means of the elements, and of their squares.
  std::vector<double> mean, square;
  /// For each block the means of the products of elements, row by row; empty if
  /// they were not collected.
  std::vector<double> gram;
};

/// By the symbol of the weight.
using Statistics = llvm::StringMap<PatchStatistics>;

/// What a loss over data does as the elements of a parameter change.
struct ParamGradients {
  /// Means over batches, of the gradient of each element and of its square.
  std::vector<float> mean, square;
};

/// By the names that users know.
using Gradients = llvm::StringMap<ParamGradients>;

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_STATISTICS_H
