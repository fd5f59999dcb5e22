//===- GradientGrowth.h - Newborns that a loss has use for ------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A unit that joins unnoticed has outgoing weights of zero, and learns by their
// gradients at first. GradMax (Evci et al., arXiv 2201.05125) makes gradients
// of newborns as large as weights of a norm can. Where all is linear these are
// singular vectors of a matrix; where rectifiers, norms and whatever else lies
// between the layers it is ascended (GradMaxOpt there), here by power steps:
//
//   1. the gradients of the outgoing weights are measured, and the weights
//      point along them, a little, each newborn where the ones before do not;
//   2. the gradients of the incoming weights are measured, which say how those
//      gradients grow, and the weights become like them, as long as before.
//
// In the end the outgoing weights are zero again.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_GROWTH_GRADIENTGROWTH_H
#define NEUROPLAST_STRUCTURE_GROWTH_GRADIENTGROWTH_H

#include "neuroplast/Structure/Growth/NewbornWeights.h"

namespace neuroplast::structure {

/// The weights of units that have joined a network with outgoing weights of
/// zero. All methods fail as those of `NewbornWeights` do.
class GradientGrowth {
public:
  GradientGrowth(mlir::ModuleOp grown, const DropinReport &report)
      : sets(listNewborns(grown, report)) {}

  /// Step 1, by gradients of the network as it is.
  llvm::LogicalResult pointOut(const Gradients &gradients);
  /// Step 2, by those of the network that step 1 leaves.
  llvm::LogicalResult pointIn(const Gradients &gradients);
  /// Makes the outgoing weights zero.
  llvm::LogicalResult silence();

private:
  std::vector<NewbornSet> sets;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_GROWTH_GRADIENTGROWTH_H
