//===- Balance.cpp - Counts that fit together -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/UnitGroups.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace neuroplast::structure;
using llvm::ArrayRef;
using llvm::SmallVector;

namespace {

/// Depth-first search over the counts of the sets, nearest to the wanted ones
/// first, cut where a constraint can no longer be met.
class BalanceSearch {
public:
  /// For each block the places lost per removed unit, by position in the
  /// group.
  struct Equation {
    std::vector<SmallVector<int64_t>> blocks;
  };

  BalanceSearch(ArrayRef<int64_t> limits, ArrayRef<int64_t> wanted,
                std::vector<Equation> equations)
      : limits(limits), wanted(wanted), equations(std::move(equations)),
        chosen(limits.size(), 0) {}

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
    int64_t limit = wanted[position] < 0 ? 0 : limits[position];
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
          int64_t limit = wanted[i] < 0 ? 0 : limits[i];
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

  ArrayRef<int64_t> limits;
  ArrayRef<int64_t> wanted;
  std::vector<Equation> equations;
  SmallVector<int64_t> chosen;
  int64_t distance = 0;
  int64_t steps = 0;
};

} // namespace

SmallVector<int64_t> UnitGroups::balance(const UnitGroup &group,
                                         ArrayRef<int64_t> wanted,
                                         ArrayRef<int64_t> limits) const {
  SmallVector<int64_t> clamped;
  for (auto [set, want, limit] : llvm::zip_equal(group.sets, wanted, limits)) {
    bool free = want >= 0 && sets[set].pins.empty();
    clamped.push_back(free ? std::clamp<int64_t>(want, 0, limit) : -1);
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
  BalanceSearch search(limits, clamped, std::move(equations));
  for (int64_t distance : {1, 2, 4, 8, 16, 64})
    if (auto found = search.run(distance))
      return *found;
  return SmallVector<int64_t>(wanted.size(), 0);
}

SmallVector<int64_t> UnitGroups::balanceRemoval(const UnitGroup &group,
                                                ArrayRef<int64_t> wanted,
                                                int64_t least) const {
  SmallVector<int64_t> limits;
  for (unsigned set : group.sets)
    limits.push_back(std::max<int64_t>(
        sets[set].units.size() - std::max<int64_t>(least, 1), 0));
  return balance(group, wanted, limits);
}
