//===- Recycle.h - Units that do nothing begin anew -------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Units fall silent while a network learns one thing after another, and it can
// learn less and less. A unit that does little is removed and another one drops
// in at its place, by one edit: its incoming weights are random, its outgoing
// ones zero, and what an optimizer remembers of it is forgotten (ReDo, arXiv
// 2302.12902; continual backpropagation, arXiv 2306.13812).
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_GROWTH_RECYCLE_H
#define NEUROPLAST_STRUCTURE_GROWTH_RECYCLE_H

#include "neuroplast/Structure/Cuts/Criteria.h"
#include "neuroplast/Structure/Edits/Edit.h"
#include "neuroplast/Structure/Units/UnitSelection.h"

namespace neuroplast::structure {

struct RecycleOptions : EditRequest {
  /// What units do; one that is a mean or a sum of squares.
  Criterion criterion = Criterion::Activation;
  /// What criteria that regard data read.
  Evidence evidence;
  /// A unit does little if the root of its score is at most this share of the
  /// mean of such roots over its set.
  double threshold = 0.1;
  /// Or, if it is given, if it is among this share of its set that does least,
  /// the number of which is rounded by a draw, so that small shares add up.
  std::optional<double> share;

  llvm::json::Object toJson() const;
};

/// The units of a set that do little, by their scores.
llvm::SmallVector<int64_t> findIdle(llvm::ArrayRef<double> scores, unsigned set,
                                    const RecycleOptions &options);

/// What became of one unit set.
struct RecycledSet {
  UnitSetSummary summary;
  int64_t recycled = 0;
  /// Why it was left alone; empty if it was looked at: "pinned", "frozen", "not
  /// named", "inner", "nothing scored", or why a unit cannot join it unnoticed.
  std::string reason;
};

struct RecycleReport {
  RecycleOptions options;
  NetworkSize size;
  std::vector<RecycledSet> sets;
  std::vector<TensorEdit> edits;

  llvm::json::Object toJson() const;
  /// How many units each set had begin anew; of sets that were left alone only
  /// if `all`.
  void print(llvm::raw_ostream &os, bool all) const;
};

/// Lets units that do little begin anew. What the others compute stays the
/// same. On failure the module is as it was and an error has been emitted.
llvm::FailureOr<RecycleReport> recycle(mlir::ModuleOp module,
                                       const RecycleOptions &options);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_GROWTH_RECYCLE_H
