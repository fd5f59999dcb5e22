//===- UnitGroups.cpp - What can change, and what must change with it -----===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/UnitGroups.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"

using namespace neuroplast::structure;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;

namespace {

/// What the axes say of one atom.
struct AtomFacts {
  /// Equal for atoms that stand in the same axes and blocks equally often.
  size_t signature = 0;
  bool fillsAxis = false;
  bool isInner = false;
};

using FactTable = llvm::MapVector<Node, AtomFacts>;

} // namespace

/// Calls `visit(block, places)` for every block of an axis of known size.
template <typename Visit>
static void forEachBlock(const Axis &axis, Visit visit) {
  if (!axis.isDynamic())
    for (unsigned block = 0; block < axis.blocks; ++block)
      visit(block, axis.getBlock(block));
}

/// How many places of a block each atom keeps.
static llvm::MapVector<Node, int64_t> countAtoms(const AxisAlgebra &algebra,
                                                 ArrayRef<Node> places) {
  llvm::MapVector<Node, int64_t> counts;
  for (Node place : places)
    for (Node atom : algebra.getAtoms(place))
      ++counts[atom];
  return counts;
}

/// The first `valueAxes` axes are those of values.
static FactTable collectFacts(const AxisAlgebra &algebra,
                              ArrayRef<const Axis *> axes, size_t valueAxes,
                              ArrayRef<Axis> parts) {
  FactTable table;
  for (auto [index, axis] : llvm::enumerate(axes))
    forEachBlock(*axis, [&, index = index](unsigned block,
                                           ArrayRef<Node> places) {
      for (auto [atom, count] : countAtoms(algebra, places)) {
        AtomFacts &facts = table[atom];
        facts.signature =
            llvm::hash_combine(facts.signature, index, block, count);
        // Lists of places with equal counts are no axes.
        facts.fillsAxis |=
            index < valueAxes && count == static_cast<int64_t>(places.size());
      }
    });
  for (auto [index, part] : llvm::enumerate(parts))
    for (auto [atom, count] : countAtoms(algebra, part.places)) {
      AtomFacts &facts = table[atom];
      facts.signature =
          llvm::hash_combine(facts.signature, axes.size() + index, count);
    }
  // The default unit of a product is its major-most factor that may go.
  for (const Axis *axis : axes)
    for (Node place : axis->places) {
      SmallVector<Node, 2> factors = algebra.getAtoms(place);
      if (factors.size() < 2)
        continue;
      bool seen = false;
      for (Node atom : factors) {
        AtomFacts &facts = table[atom];
        if (facts.fillsAxis || !algebra.getPins(atom).empty())
          continue;
        facts.isInner |= seen;
        seen = true;
      }
    }
  // Pins do not show in the axes, but units must be interchangeable in them
  // too.
  for (auto &[atom, facts] : table)
    for (llvm::StringRef reason : algebra.getPins(atom))
      facts.signature = llvm::hash_combine(facts.signature, reason);
  return table;
}

UnitGroups::UnitGroups(const AxisAlgebra &algebra,
                       ArrayRef<const Axis *> valueAxes, ArrayRef<Axis> parts) {
  SmallVector<const Axis *> axes(valueAxes);
  for (const Axis &axis : algebra.getEqualCounts())
    axes.push_back(&axis);

  llvm::DenseMap<size_t, unsigned> setOfSignature;
  for (const auto &[atom, facts] :
       collectFacts(algebra, axes, valueAxes.size(), parts)) {
    if (facts.fillsAxis)
      continue;
    auto [entry, inserted] =
        setOfSignature.try_emplace(facts.signature, sets.size());
    if (inserted) {
      UnitSet &set = sets.emplace_back();
      for (llvm::StringRef reason : algebra.getPins(atom))
        set.pins.push_back(reason.str());
    }
    UnitSet &set = sets[entry->second];
    set.units.push_back(atom);
    set.isInner |= facts.isInner;
    setOf[atom] = entry->second;
  }
  formGroups(algebra);
}

std::optional<EqualCounts>
UnitGroups::makeConstraint(const AxisAlgebra &algebra, const Axis &axis,
                           SmallVectorImpl<unsigned> &tied) const {
  EqualCounts constraint;
  llvm::MapVector<unsigned, SmallVector<int64_t>> countsOfSet;
  forEachBlock(axis, [&](unsigned, ArrayRef<Node> places) {
    auto &terms = constraint.blocks.emplace_back();
    for (auto [atom, count] : countAtoms(algebra, places)) {
      // Every unit of a set counts the same, so the first speaks for all.
      std::optional<unsigned> set = getSet(atom);
      if (!set || sets[*set].units.front() != atom)
        continue;
      terms.push_back({*set, count});
      countsOfSet[*set].push_back(count);
    }
  });
  // A set that counts equally in all blocks cannot make them unequal.
  for (const auto &[set, counts] : countsOfSet)
    if (counts.size() != axis.blocks || !llvm::all_equal(counts))
      tied.push_back(set);
  if (tied.empty())
    return std::nullopt;
  return constraint;
}

void UnitGroups::formGroups(const AxisAlgebra &algebra) {
  llvm::EquivalenceClasses<unsigned> joined;
  for (unsigned set = 0; set < sets.size(); ++set)
    joined.insert(set);
  // For each constraint one of the sets that it ties together.
  SmallVector<unsigned> heads;
  for (const Axis &axis : algebra.getEqualCounts()) {
    SmallVector<unsigned> tied;
    auto constraint = makeConstraint(algebra, axis, tied);
    if (!constraint)
      continue;
    for (unsigned set : tied)
      joined.unionSets(tied.front(), set);
    heads.push_back(tied.front());
    constraints.push_back(std::move(*constraint));
  }
  llvm::DenseMap<unsigned, unsigned> groupOf;
  for (unsigned set = 0; set < sets.size(); ++set) {
    auto [entry, inserted] =
        groupOf.try_emplace(joined.getLeaderValue(set), groups.size());
    if (inserted)
      groups.emplace_back();
    groups[entry->second].sets.push_back(set);
  }
  for (auto [index, head] : llvm::enumerate(heads))
    groups[groupOf[joined.getLeaderValue(head)]].constraints.push_back(index);
}

std::optional<unsigned> UnitGroups::getSet(Node atom) const {
  auto it = setOf.find(atom);
  if (it == setOf.end())
    return std::nullopt;
  return it->second;
}
