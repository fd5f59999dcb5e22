//===- Prune.h - Removing the units that matter least ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_CUTS_PRUNE_H
#define NEUROPLAST_STRUCTURE_CUTS_PRUNE_H

#include "neuroplast/Structure/Cuts/Allocation.h"
#include "neuroplast/Structure/Cuts/Criteria.h"
#include "neuroplast/Structure/Edits/Plan.h"
#include "neuroplast/Structure/Units/UnitSelection.h"

namespace neuroplast::structure {

struct PruneOptions : EditRequest {
  Criterion criterion = Criterion::L2;
  /// Instead of what a criterion and the allocation say: exactly the units that
  /// are not missed (`findDeadUnits`), as far as counts that depend on each
  /// other allow.
  bool onlyDead = false;
  /// What criteria that regard data read.
  Evidence evidence;
  AllocationOptions allocation;
  Plan plan;

  llvm::json::Object toJson() const;
};

/// What became of one unit set.
struct PrunedSet {
  UnitSetSummary summary;
  int64_t kept = 0;
  /// Why nothing was removed, empty if something was: "pinned", "frozen", "not
  /// named", "inner", "not planned" (a plan leaves it), "too small" (less than
  /// a unit is its share), "none dead" (of which only these go), "rounding"
  /// (also up to the least number of units), "equal counts" (blocks that others
  /// bind cannot lose as many).
  std::string reason;
  /// Scores on either side of the cut, and whose they are, if scores decided
  /// on it.
  std::optional<Criterion> criterion;
  std::optional<double> highestRemoved, lowestKept;
};

/// A normalisation over units of which some went: the places of an axis of its
/// first operand that are left.
struct NormEdit {
  std::string node;
  unsigned axis;
  std::vector<int64_t> kept;
};

struct PruneReport {
  PruneOptions options;
  NetworkSize before, after;
  std::optional<ReachedTarget> target;
  std::vector<PrunedSet> sets;
  std::vector<TensorEdit> edits;
  std::vector<NormEdit> norms;
  /// What does the same again; absent if nothing was done.
  std::optional<llvm::json::Object> plan;

  llvm::json::Object toJson() const;
  /// All of the following.
  void print(llvm::raw_ostream &os) const;
  /// A table of the layers that have parameters, or of all that changed.
  void printLayers(llvm::raw_ostream &os, bool all) const;
  /// What became of each unit set, and why.
  void printSets(llvm::raw_ostream &os) const;
  /// What came of the target, and what masking the units would do otherwise.
  void printWarnings(llvm::raw_ostream &os) const;
};

/// Removes the units that matter least. On failure the module is as it was and
/// an error has been emitted. With `dryRun` the module is left as it was, too,
/// and the report tells what would happen.
llvm::FailureOr<PruneReport>
prune(mlir::ModuleOp module, const PruneOptions &options, bool dryRun = false);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_CUTS_PRUNE_H
