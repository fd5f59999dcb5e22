//===- Criteria.h - How much a unit matters -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_CUTS_CRITERIA_H
#define NEUROPLAST_STRUCTURE_CUTS_CRITERIA_H

#include "neuroplast/Structure/Statistics.h"
#include "neuroplast/Structure/Units/UnitAnalysis.h"

namespace neuroplast::structure {

/// What a score of a unit is. A weight that is no number makes it -1: such
/// units spoil whatever reads them, and rank below all others.
enum class Criterion {
  /// The sum of the magnitudes of the weights that go with the unit.
  L1,
  /// The sum of their squares, which ranks as the Euclidean norm does.
  L2,
  /// The sum of squares by that of all units of the set that have no smaller
  /// one (arXiv 2010.07611): fit to compare sets.
  Lamp,
  /// The magnitudes of the scales of norms with running statistics (network
  /// slimming, arXiv 1708.06519).
  BnScale,
  /// How far the weights of the unit are from those of the others of its set
  /// (FPGM, arXiv 1811.00250).
  Fpgm,
  /// The mean square of what the unit gives to the layers that weigh it.
  Activation,
  /// The mean square of what the unit adds to the results of these layers
  /// (Wanda, arXiv 2306.11695, for units).
  Wanda,
  /// By how much the squared error of these layers grows without the unit, if
  /// their other weights make up for it (optimal brain surgeon).
  Obs,
  /// The square of how much the loss changes without the unit, to first order:
  /// the sum of weights times gradients (Molchanov et al., arXiv 1906.10771).
  Taylor,
  /// The same to second order, by the diagonal of the empirical Fisher matrix:
  /// the sum of squares of weights times gradients (arXiv 1801.05787).
  Fisher,
  /// How far the weights have moved away from zero while they learnt, which may
  /// be less than zero: the sum of what their `kMovement` says (movement
  /// pruning, Sanh et al., arXiv 2005.07683; of units, arXiv 2109.04838).
  Movement,
  /// A number drawn from the seed.
  Random
};

/// None for an unknown name.
std::optional<Criterion> parseCriterion(llvm::StringRef name);
llvm::StringRef getName(Criterion criterion);
/// All names, as a text for messages.
std::string listCriteria();
/// Whether a criterion needs statistics of data, and products of elements
/// among them.
bool needsStatistics(Criterion criterion);
bool needsProducts(Criterion criterion);
/// Whether a criterion needs gradients of a loss.
bool needsGradients(Criterion criterion);

/// What data say of a network, as far as a criterion regards it; null for what
/// nobody knows.
struct Evidence {
  const Statistics *statistics = nullptr;
  const Gradients *gradients = nullptr;
};

/// A score for each unit of each set: low ones matter least.
struct UnitScores {
  std::vector<std::vector<double>> scores;
  /// By set: the one asked for, or L2 where it says nothing of the set.
  std::vector<Criterion> criteria;
};

/// Only trainable parameters count, each element once. Fails with an error if a
/// parameter cannot be read, or evidence is missing or does not fit.
llvm::FailureOr<UnitScores> scoreUnits(const UnitAnalysis &analysis,
                                       Criterion criterion, uint64_t seed,
                                       const Evidence &evidence = {});

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_CUTS_CRITERIA_H
