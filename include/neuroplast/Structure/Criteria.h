//===- Criteria.h - How much a unit matters -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_CRITERIA_H
#define NEUROPLAST_STRUCTURE_CRITERIA_H

#include "neuroplast/Structure/UnitAnalysis.h"

namespace neuroplast::structure {

/// What a score of a unit is. A weight that is no number makes it -1: such
/// units spoil whatever reads them, and rank below all others.
enum class Criterion {
  /// The sum of the magnitudes of the weights that go with the unit.
  L1,
  /// The sum of their squares, which ranks as the Euclidean norm does.
  L2,
  /// A number drawn from the seed.
  Random
};

/// "l1", "l2" or "random".
std::optional<Criterion> parseCriterion(llvm::StringRef name);
llvm::StringRef getName(Criterion criterion);

/// A score for each unit of each set: low ones matter least. Only trainable
/// parameters count, each element once. Fails with an error if one cannot be
/// read.
llvm::FailureOr<std::vector<std::vector<double>>>
scoreUnits(const UnitAnalysis &analysis, Criterion criterion, uint64_t seed);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_CRITERIA_H
