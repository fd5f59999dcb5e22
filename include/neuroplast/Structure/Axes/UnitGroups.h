//===- UnitGroups.h - What can change, and what must change with it -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads the finished axis algebra: which atoms are units, which of them are
// interchangeable, and which counts depend on each other.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_AXES_UNITGROUPS_H
#define NEUROPLAST_STRUCTURE_AXES_UNITGROUPS_H

#include "neuroplast/Structure/Axes/AxisAlgebra.h"
#include <optional>

namespace neuroplast::structure {

/// Units that stand in the same axes equally often, so that any choice of
/// equally many of them leaves the same shapes.
struct UnitSet {
  /// Representatives, in the order of their first place.
  llvm::SmallVector<Node> units;
  /// A minor factor of some axis, as the pixels beneath a channel or the
  /// features beneath a head: no unit unless named.
  bool isInner = false;
  /// Whether all of them may go. Of channels that are shuffled, some are sets
  /// of their own only by where they come to stand among others; the axes in
  /// which they stand keep some of those.
  bool isFragment = false;
  /// Why the units cannot be edited; empty if they can.
  llvm::SmallVector<std::string> pins;
  /// What makes removing a unit another thing than masking it.
  llvm::SmallVector<std::string> notZeroInvariant;
};

/// How many places of a list go with every unit of a set.
struct SetCount {
  unsigned set;
  int64_t count;
};
using SetCounts = llvm::SmallVector<SetCount>;

/// What is demanded of the places that blocks keep.
struct CountConstraint {
  /// By block.
  std::vector<SetCounts> blocks;
  /// How many places each block has.
  llvm::SmallVector<int64_t> sizes;
  /// As of `BlockCounts`.
  bool takeTurns;
};

/// Unit sets whose counts depend on each other.
struct UnitGroup {
  llvm::SmallVector<unsigned> sets;
  llvm::SmallVector<unsigned> constraints;
  /// Of sets that depend on each other, the axes that are made of nothing else.
  std::vector<SetCounts> axes;
};

/// All units of a network.
class UnitGroups {
public:
  /// `axes` are all axes of all values. An atom that fills one of them cannot
  /// go and is no unit. `parts` are runs of places that no value has, but that
  /// are not interchangeable, as what a slice leaves out before and after.
  UnitGroups(const AxisAlgebra &algebra, llvm::ArrayRef<const Axis *> axes,
             llvm::ArrayRef<Axis> parts = {});

  llvm::ArrayRef<UnitSet> getSets() const { return sets; }
  llvm::ArrayRef<UnitGroup> getGroups() const { return groups; }
  llvm::ArrayRef<CountConstraint> getConstraints() const { return constraints; }
  void markNotZeroInvariant(unsigned set, llvm::StringRef where) {
    auto &marks = sets[set].notZeroInvariant;
    if (!llvm::is_contained(marks, where))
      marks.push_back(where.str());
  }
  /// The set of a unit; none for what always stays.
  std::optional<unsigned> getSet(Node atom) const;

  /// How many units of each set of the group to add, near the counts wanted
  /// (given in the order of `group.sets`; sets with a negative one stay as they
  /// are), at most up to the limits, and such that the constraints hold. All
  /// zeros if nothing else is possible.
  llvm::SmallVector<int64_t> balance(const UnitGroup &group,
                                     llvm::ArrayRef<double> wanted,
                                     llvm::ArrayRef<int64_t> limits) const;
  /// The same for units to remove, where at least `least` units stay in every
  /// set and axis; fragments go entirely if they may.
  llvm::SmallVector<int64_t> balanceRemoval(const UnitGroup &group,
                                            llvm::ArrayRef<double> wanted,
                                            int64_t least = 1,
                                            bool dropsFragments = false) const;

private:
  /// Units come or go by the sign. Of every axis of the group so many places
  /// have to be left.
  llvm::SmallVector<int64_t> balance(const UnitGroup &group,
                                     llvm::ArrayRef<double> wanted,
                                     llvm::ArrayRef<int64_t> limits, int sign,
                                     int64_t leastOfAxes) const;
  /// Joins sets whose counts depend on each other.
  void formGroups(const AxisAlgebra &algebra);
  /// Finds the axes that are made of such sets.
  void findAxes(const AxisAlgebra &algebra, llvm::ArrayRef<const Axis *> axes);
  /// How many of the places each set has.
  SetCounts countPlaces(const AxisAlgebra &algebra,
                        llvm::ArrayRef<Node> places) const;
  /// What is demanded of the sets, those that it ties together; none if it
  /// holds by itself.
  std::optional<CountConstraint>
  makeConstraint(const AxisAlgebra &algebra, const BlockCounts &counts,
                 llvm::SmallVectorImpl<unsigned> &tied) const;

  std::vector<UnitSet> sets;
  std::vector<UnitGroup> groups;
  std::vector<CountConstraint> constraints;
  llvm::DenseMap<Node, unsigned> setOf;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_AXES_UNITGROUPS_H
