//===- SplitGrowth.h - Units that become two --------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A unit with incoming weights w and its copy share what is made of them, so
// that nothing changes; moved to w + e v and w - e v they change the loss by
// e^2/2 v'Sv, where S is the splitting matrix of the unit (Liu et al.,
// arXiv 1910.02366). Splitting helps, even where gradients are zero, along
// eigenvectors whose eigenvalues are negative, and helps those units most that
// have the least. They come of power steps: the difference of the gradients of
// the two is e S v.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_GROWTH_SPLITGROWTH_H
#define NEUROPLAST_STRUCTURE_GROWTH_SPLITGROWTH_H

#include "neuroplast/Structure/Growth/NewbornWeights.h"
#include <map>

namespace neuroplast::structure {

/// How a unit is best split.
struct Splitting {
  /// What the splitting matrix makes of the direction, along it.
  double curvature = 0;
  /// Of length one: its incoming weights one after the other, biases among
  /// them.
  NewbornWeights::Vector direction;
};

/// By set and unit.
using Splittings = std::map<unsigned, std::map<int64_t, Splitting>>;

/// Units that have joined a network as copies of others, and these. All methods
/// fail as those of `NewbornWeights` do.
class SplitGrowth {
public:
  /// Fails, after an error, if units are made by no linear layer.
  static llvm::FailureOr<SplitGrowth>
  create(mlir::ModuleOp grown, const DropinReport &report, uint64_t seed);

  /// Moves units and copies apart by so much of the length of their weights.
  llvm::LogicalResult spread(double share);
  /// A power step, by the gradients where they are `kProbe` apart.
  llvm::LogicalResult turn(const Gradients &gradients);
  static constexpr double kProbe = 0.01;

  Splittings getSplittings() const;
  /// Units that splitting does not help stay two of the same.
  void setSplittings(const Splittings &splittings);

private:
  struct Pair {
    unsigned set;
    int64_t donor;
    size_t newborn;
    /// The length of the weights, and the largest eigenvalue so far.
    double length = 0, bound = 0;
    Splitting splitting;
  };
  /// The weights of newborns, and those of donors in the same order.
  struct Set {
    NewbornWeights newborns, donors;
    std::vector<NewbornWeights::Vector> original;
    std::vector<Pair> pairs;
  };
  std::vector<Set> sets;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_GROWTH_SPLITGROWTH_H
