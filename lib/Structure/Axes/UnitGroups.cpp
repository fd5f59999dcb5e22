//===- UnitGroups.cpp - What can change, and what must change with it -----===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Axes/UnitGroups.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

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
  for (const BlockCounts &counts : algebra.getBlockCounts())
    axes.push_back(&counts.axis);

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
  findAxes(algebra, valueAxes);
}

SetCounts UnitGroups::countPlaces(const AxisAlgebra &algebra,
                                  ArrayRef<Node> places) const {
  SetCounts result;
  for (auto [atom, count] : countAtoms(algebra, places)) {
    // Every unit of a set counts the same, so the first speaks for all.
    std::optional<unsigned> set = getSet(atom);
    if (set && sets[*set].units.front() == atom)
      result.push_back({*set, count});
  }
  return result;
}

std::optional<CountConstraint>
UnitGroups::makeConstraint(const AxisAlgebra &algebra,
                           const BlockCounts &counts,
                           SmallVectorImpl<unsigned> &tied) const {
  CountConstraint constraint;
  constraint.takeTurns = counts.takeTurns;
  llvm::MapVector<unsigned, SmallVector<int64_t>> countsOfSet;
  forEachBlock(counts.axis, [&](unsigned, ArrayRef<Node> places) {
    constraint.sizes.push_back(llvm::count_if(
        places, [](Node place) { return place != AxisAlgebra::kKept; }));
    constraint.blocks.push_back(countPlaces(algebra, places));
    for (const SetCount &term : constraint.blocks.back())
      countsOfSet[term.set].push_back(term.count);
  });
  // A set that counts equally in all blocks cannot make them unequal.
  for (const auto &[set, list] : countsOfSet)
    if (list.size() != counts.axis.blocks || !llvm::all_equal(list))
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
  for (const BlockCounts &counts : algebra.getBlockCounts()) {
    SmallVector<unsigned> tied;
    auto constraint = makeConstraint(algebra, counts, tied);
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

void UnitGroups::findAxes(const AxisAlgebra &algebra,
                          ArrayRef<const Axis *> axes) {
  llvm::DenseMap<unsigned, UnitGroup *> groupOf;
  for (UnitGroup &group : groups)
    if (!group.constraints.empty())
      for (unsigned set : group.sets)
        groupOf[set] = &group;
  if (groupOf.empty())
    return;
  llvm::DenseSet<size_t> known;
  llvm::DenseSet<unsigned> fillers;
  auto visit = [&](unsigned, ArrayRef<Node> places) {
    SetCounts counts = countPlaces(algebra, places);
    UnitGroup *group = nullptr;
    int64_t divisor = 0, covered = 0;
    for (auto [index, term] : llvm::enumerate(counts)) {
      int64_t count = term.count * sets[term.set].units.size();
      if (count == static_cast<int64_t>(places.size()))
        fillers.insert(term.set);
      covered += count;
      divisor = std::gcd(divisor, term.count);
      UnitGroup *own = groupOf.lookup(term.set);
      group = index == 0 || group == own ? own : nullptr;
    }
    // Of a product, places go with units of more than one set.
    bool isSum = covered == static_cast<int64_t>(places.size()) &&
                 llvm::all_of(places, [&](Node place) {
                   return algebra.getAtoms(place).size() == 1;
                 });
    if (!group || !isSum)
      return;
    size_t signature = 0;
    for (SetCount &term : counts) {
      term.count /= divisor;
      signature = llvm::hash_combine(signature, term.set, term.count);
    }
    if (known.insert(signature).second)
      group->axes.push_back(std::move(counts));
  };
  for (const Axis *axis : axes)
    forEachBlock(*axis, visit);
  for (const UnitGroup &group : groups)
    for (const SetCounts &axis : group.axes)
      for (const SetCount &term : axis)
        sets[term.set].isFragment = !fillers.contains(term.set);
}

std::optional<unsigned> UnitGroups::getSet(Node atom) const {
  auto it = setOf.find(atom);
  if (it == setOf.end())
    return std::nullopt;
  return it->second;
}
