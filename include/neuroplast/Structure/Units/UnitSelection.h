//===- UnitSelection.h - Which units may be edited --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_UNITS_UNITSELECTION_H
#define NEUROPLAST_STRUCTURE_UNITS_UNITSELECTION_H

#include "neuroplast/Structure/Units/Inspect.h"

namespace neuroplast::structure {

/// What a user says of the unit sets to edit. A pattern stands for the sets
/// with a tensor whose name contains it, or, if it has wildcards, is matched by
/// it as a whole.
struct UnitSelection {
  /// Inner sets, as the features of attention heads, too.
  bool inner = false;
  /// Only these sets, inner ones among them; all if empty.
  std::vector<std::string> only;
  /// Not these sets.
  std::vector<std::string> freeze;
  /// Only the sets of this group, by its number in the analysis.
  std::optional<unsigned> group = std::nullopt;
  /// If not null, the sets of a twin of the network: only sets that are no more
  /// tied there.
  const std::vector<UnitSetSummary> *twin = nullptr;

  /// Why a set is not to be edited; empty if it is: "pinned", "pinned while
  /// sizes are free" (in the twin), "frozen", "not named", "inner".
  llvm::StringRef getObstacle(const UnitSetSummary &set) const;
  /// Fails with an error at the module if a pattern matches none of the sets,
  /// which is a slip of the pen.
  llvm::LogicalResult check(mlir::ModuleOp module,
                            llvm::ArrayRef<UnitSetSummary> sets) const;
  void addTo(llvm::json::Object &json) const;
};

/// What users say of any edit of units.
struct EditRequest {
  /// New counts are rounded up to a multiple of this; 0 makes it the width of
  /// vector registers where a set is wide enough for that to pay.
  int64_t roundTo = 1;
  uint64_t seed = 0;
  UnitSelection selection;
  /// Keep elements that go or change in the history, so that they can be put
  /// back.
  bool keepRemoved = false;
  /// What asked for this, for the history.
  std::string command;

  /// What the count of units of a set is a multiple of.
  int64_t getRounding(const UnitSetSummary &set) const;
  void addTo(llvm::json::Object &json) const;
};

/// Whether a name is like one of the patterns: contains it, or is what it
/// describes with `*` and `?`.
bool matchesAny(llvm::StringRef name, llvm::ArrayRef<std::string> patterns);
/// Whether a member of the set has a name like the pattern.
bool matches(const UnitSetSummary &set, llvm::StringRef pattern);

/// Writes the tensors of a set after what is said of it, and its pins beneath.
void printMembers(llvm::raw_ostream &os, const UnitSetSummary &set);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_UNITS_UNITSELECTION_H
