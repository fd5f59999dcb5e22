//===- Allocation.h - How many units go where -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_CUTS_ALLOCATION_H
#define NEUROPLAST_STRUCTURE_CUTS_ALLOCATION_H

#include "neuroplast/Structure/Edits/Edit.h"
#include <functional>

namespace neuroplast::structure {

/// Which units are ranked together.
enum class Scope {
  /// Those of a set: each loses the same share.
  Local,
  /// Those of all sets that go with tensors of the same shapes (isomorphic
  /// pruning, arXiv 2407.04616).
  Isomorphic,
  /// Those of the network, their scores divided by the mean of their set and,
  /// with a target, by what a unit of the set costs.
  Global
};

/// "local", "isomorphic" or "global".
std::optional<Scope> parseScope(llvm::StringRef name);
llvm::StringRef getName(Scope scope);

/// A size of the network to cut down to.
struct Target {
  enum class Measure { Operations, Parameters, Bytes, Milliseconds };
  Measure measure = Measure::Operations;
  double value = 1;
  /// Whether `value` is a share of what the network has.
  bool isShare = true;

  /// "0.5x" is a share, "2.5M" a number; what is at most 1 without a unit is a
  /// share too, except of milliseconds. None if it is neither.
  static std::optional<Target> parse(Measure measure, llvm::StringRef text);
};

llvm::StringRef getName(Target::Measure measure);

struct AllocationOptions {
  /// The share of the units to remove, from 0 to below 1; with a target it is
  /// found out.
  double ratio = 0.5;
  Scope scope = Scope::Local;
  std::optional<Target> target;
  /// Sets that are cut keep as many.
  int64_t minUnits = 1;
  /// But fragments may go entirely. Nothing then says where their units stood.
  bool dropsFragments = false;
  /// The most that any set may lose, as a share.
  double maxRatio = 1;
  /// How long a network takes, for targets in milliseconds.
  std::function<llvm::FailureOr<double>(mlir::ModuleOp)> time;

  /// Fails with an error at the module if a number makes no sense.
  llvm::LogicalResult check(mlir::ModuleOp module) const;
};

/// A set that may be cut.
struct FreeSet {
  unsigned set;
  /// Counts that remain are rounded up to a multiple of this.
  int64_t rounding;
  /// Equal for sets that go with tensors of the same shapes.
  std::string shape;
  /// A share that this set loses whatever the others do.
  std::optional<double> ratio;
};

/// What came of a target, in its measure.
struct ReachedTarget {
  double before, asked, reached;
  /// Whether it is no more than two per cent off (ten in milliseconds).
  bool isMet = false;
};

/// An edit that leaves out the units that matter least.
struct Allocation {
  Edit edit;
  std::optional<ReachedTarget> target;
  /// By free set, in their order, how many units were to go before counts were
  /// made to fit each other.
  std::vector<double> wanted;
};

/// Chooses what to remove from the free sets. `scores` are those of all sets.
llvm::FailureOr<Allocation> allocate(const UnitAnalysis &analysis,
                                     const AllocationOptions &options,
                                     llvm::ArrayRef<FreeSet> sets,
                                     std::vector<std::vector<double>> scores);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_CUTS_ALLOCATION_H
