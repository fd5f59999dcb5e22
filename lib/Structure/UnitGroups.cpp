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
#include "llvm/ADT/SetVector.h"
#include <algorithm>
#include <cstdlib>

using namespace neuroplast::structure;
using llvm::ArrayRef;
using llvm::SmallVector;

namespace {

/// What the axes say of one atom.
struct AtomFacts {
  size_t signature = 0;
  bool fillsAxis = false;
  bool isInner = false;
};

} // namespace

UnitGroups::UnitGroups(const AxisAlgebra &algebra,
                       ArrayRef<const Axis *> valueAxes) {
  SmallVector<const Axis *> axes(valueAxes);
  for (const Axis &axis : algebra.getEqualCounts())
    axes.push_back(&axis);
  llvm::MapVector<Node, AtomFacts> atoms;
  auto forEachBlock = [](const Axis &axis, auto visit) {
    if (!axis.isDynamic())
      for (unsigned block = 0; block < axis.blocks; ++block)
        visit(block, axis.getBlock(block));
  };
  auto countAtoms = [&](ArrayRef<Node> places) {
    llvm::MapVector<Node, int64_t> counts;
    for (Node place : places)
      for (Node atom : algebra.getAtoms(place))
        ++counts[atom];
    return counts;
  };

  for (auto [index, axis] : llvm::enumerate(axes))
    forEachBlock(
        *axis, [&, index = index](unsigned block, ArrayRef<Node> places) {
          for (auto [atom, count] : countAtoms(places)) {
            AtomFacts &facts = atoms[atom];
            facts.signature =
                llvm::hash_combine(facts.signature, index, block, count);
            facts.fillsAxis |= count == static_cast<int64_t>(places.size());
          }
        });

  // The default unit of a product is its major-most factor that may go.
  for (const Axis *axis : axes)
    for (Node place : axis->places) {
      bool seen = false;
      SmallVector<Node, 2> factors = algebra.getAtoms(place);
      if (factors.size() < 2)
        continue;
      for (Node atom : factors) {
        AtomFacts &facts = atoms[atom];
        if (facts.fillsAxis || !algebra.getPins(atom).empty())
          continue;
        facts.isInner |= seen;
        seen = true;
      }
    }

  llvm::DenseMap<size_t, unsigned> setOfSignature;
  for (auto &[atom, facts] : atoms) {
    if (facts.fillsAxis)
      continue;
    // Pins do not show in the axes, but units must be interchangeable in them
    // too.
    size_t signature = facts.signature;
    for (llvm::StringRef reason : algebra.getPins(atom))
      signature = llvm::hash_combine(signature, reason);
    auto [entry, inserted] = setOfSignature.try_emplace(signature, sets.size());
    if (inserted) {
      UnitSet set;
      for (llvm::StringRef reason : algebra.getPins(atom))
        set.pins.push_back(reason.str());
      sets.push_back(std::move(set));
    }
    UnitSet &set = sets[entry->second];
    set.units.push_back(atom);
    set.isInner |= facts.isInner;
    for (llvm::StringRef where : algebra.getNotZeroInvariant(atom))
      if (!llvm::is_contained(set.notZeroInvariant, where))
        set.notZeroInvariant.push_back(where.str());
    setOf[atom] = entry->second;
  }

  llvm::EquivalenceClasses<unsigned> joined;
  for (unsigned set = 0; set < sets.size(); ++set)
    joined.insert(set);
  std::vector<unsigned> constraintHead;
  for (const Axis &axis : algebra.getEqualCounts()) {
    EqualCounts constraint;
    llvm::SetVector<unsigned> tied;
    llvm::DenseMap<unsigned, SmallVector<int64_t>> counts;
    forEachBlock(axis, [&](unsigned block, ArrayRef<Node> places) {
      SmallVector<EqualCounts::Term> terms;
      for (auto [atom, count] : countAtoms(places)) {
        std::optional<unsigned> set = getSet(atom);
        if (!set)
          continue;
        // Every unit of a set counts the same, so the first speaks for all.
        if (sets[*set].units.front() == atom)
          terms.push_back({*set, count});
        else
          continue;
        counts[*set].push_back(count);
        tied.insert(*set);
      }
      constraint.blocks.push_back(std::move(terms));
    });
    tied.remove_if([&](unsigned set) {
      const auto &list = counts[set];
      return list.size() == axis.blocks && llvm::all_equal(list);
    });
    if (tied.empty())
      continue;
    for (unsigned set : tied)
      joined.unionSets(tied.front(), set);
    constraintHead.push_back(tied.front());
    constraints.push_back(std::move(constraint));
  }

  llvm::DenseMap<unsigned, unsigned> groupOf;
  for (unsigned set = 0; set < sets.size(); ++set) {
    auto [entry, inserted] =
        groupOf.try_emplace(joined.getLeaderValue(set), groups.size());
    if (inserted)
      groups.emplace_back();
    groups[entry->second].sets.push_back(set);
  }
  for (auto [index, head] : llvm::enumerate(constraintHead))
    groups[groupOf[joined.getLeaderValue(head)]].constraints.push_back(index);
}

std::optional<unsigned> UnitGroups::getSet(Node atom) const {
  auto it = setOf.find(atom);
  if (it == setOf.end())
    return std::nullopt;
  return it->second;
}

//===----------------------------------------------------------------------===//
// Balancing counts
//===----------------------------------------------------------------------===//

namespace {

/// Depth-first search over the counts of the sets, nearest to the wanted ones
/// first, cut where a constraint can no longer be met.
class BalanceSearch {
public:
  struct Equation {
    /// For each block the places lost per removed unit, by position in the
    /// group.
    std::vector<SmallVector<int64_t>> blocks;
  };

  BalanceSearch(ArrayRef<int64_t> extents, ArrayRef<int64_t> wanted,
                std::vector<Equation> equations)
      : extents(extents), wanted(wanted), equations(std::move(equations)),
        chosen(extents.size(), 0) {}

  std::optional<SmallVector<int64_t>> run(int64_t allowedDistance) {
    distance = allowedDistance;
    steps = 0;
    if (descend(0))
      return chosen;
    return std::nullopt;
  }

private:
  static constexpr int64_t kMaxSteps = 200000;

  bool descend(size_t position) {
    if (++steps > kMaxSteps || !isFeasible(position))
      return false;
    if (position == chosen.size())
      return true;
    int64_t limit = wanted[position] < 0 ? 0 : extents[position] - 1;
    int64_t start = std::clamp<int64_t>(wanted[position], 0, limit);
    for (int64_t offset = 0; offset <= distance; ++offset)
      for (int64_t count : {start - offset, start + offset}) {
        if (count < 0 || count > limit || (offset == 0 && count != start))
          continue;
        chosen[position] = count;
        if (descend(position + 1))
          return true;
        if (offset == 0)
          break;
      }
    return false;
  }

  /// Whether the open counts could still make the blocks of all equations
  /// equal.
  bool isFeasible(size_t position) const {
    for (const Equation &equation : equations) {
      int64_t low = std::numeric_limits<int64_t>::min();
      int64_t high = std::numeric_limits<int64_t>::max();
      for (const auto &block : equation.blocks) {
        int64_t least = 0, most = 0;
        for (size_t i = 0; i < block.size(); ++i) {
          if (block[i] == 0)
            continue;
          if (i < position) {
            least += block[i] * chosen[i];
            most += block[i] * chosen[i];
            continue;
          }
          int64_t limit = wanted[i] < 0 ? 0 : extents[i] - 1;
          int64_t start = std::clamp<int64_t>(wanted[i], 0, limit);
          least += block[i] * std::max<int64_t>(0, start - distance);
          most += block[i] * std::min<int64_t>(limit, start + distance);
        }
        low = std::max(low, least);
        high = std::min(high, most);
      }
      if (low > high)
        return false;
    }
    return true;
  }

  ArrayRef<int64_t> extents;
  ArrayRef<int64_t> wanted;
  std::vector<Equation> equations;
  SmallVector<int64_t> chosen;
  int64_t distance = 0;
  int64_t steps = 0;
};

} // namespace

SmallVector<int64_t> UnitGroups::balance(const UnitGroup &group,
                                         ArrayRef<int64_t> wanted) const {
  SmallVector<int64_t> extents, clamped;
  for (auto [set, want] : llvm::zip_equal(group.sets, wanted)) {
    extents.push_back(sets[set].units.size());
    bool free = sets[set].pins.empty();
    clamped.push_back(free ? std::clamp<int64_t>(want, 0, extents.back() - 1)
                           : -1);
  }
  if (group.constraints.empty()) {
    for (int64_t &count : clamped)
      count = std::max<int64_t>(count, 0);
    return clamped;
  }
  std::vector<BalanceSearch::Equation> equations;
  for (unsigned index : group.constraints) {
    BalanceSearch::Equation equation;
    for (const auto &terms : constraints[index].blocks) {
      SmallVector<int64_t> block(group.sets.size(), 0);
      for (const EqualCounts::Term &term : terms) {
        auto *position = llvm::find(group.sets, term.set);
        if (position != group.sets.end())
          block[position - group.sets.begin()] += term.count;
      }
      equation.blocks.push_back(std::move(block));
    }
    equations.push_back(std::move(equation));
  }
  BalanceSearch search(extents, clamped, std::move(equations));
  for (int64_t distance : {1, 2, 4, 8, 16, 64})
    if (auto found = search.run(distance))
      return *found;
  return SmallVector<int64_t>(wanted.size(), 0);
}
