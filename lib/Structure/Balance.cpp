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
#include <cmath>
#include <numeric>

using namespace neuroplast::structure;
using llvm::ArrayRef;
using llvm::SmallVector;

namespace {

/// Whole numbers near given ones that fulfil linear equations. The equations
/// are solved for as many unknowns as they can be, the widest first, which are
/// then known by the others; these are searched depth-first, nearest to the
/// wanted numbers first, and left as soon as an unknown that is known by them
/// is out of bounds.
class BalanceSearch {
public:
  /// Coefficients by unknown, the sum of which is zero.
  using Equation = SmallVector<int64_t>;

  /// Unknowns are between zero and `limits`.
  BalanceSearch(ArrayRef<int64_t> limits, ArrayRef<double> wanted)
      : limits(limits), wanted(wanted), chosen(limits.size(), 0),
        isSolved(limits.size(), false) {}

  /// False if the equations have numbers that are too large.
  bool add(Equation equation) {
    for (const Row &row : rows)
      if (!eliminate(equation, row))
        return false;
    std::optional<size_t> pivot;
    for (size_t i = 0; i < equation.size(); ++i)
      if (equation[i] != 0 && (!pivot || isBetterPivot(equation, i, *pivot)))
        pivot = i;
    if (!pivot)
      return true;
    Row added{*pivot, std::move(equation), 0};
    for (Row &row : rows)
      if (!eliminate(row.coefficients, added))
        return false;
    isSolved[*pivot] = true;
    rows.push_back(std::move(added));
    return true;
  }

  std::optional<SmallVector<int64_t>> run(int64_t allowedDistance) {
    distance = allowedDistance;
    steps = 0;
    if (centers.empty())
      center();
    for (Row &row : rows) {
      row.last = 0;
      for (size_t i = 0; i < chosen.size(); ++i)
        if (!isSolved[i] && row.coefficients[i] != 0)
          row.last = i + 1;
    }
    if (solveRows(0) && descend(0))
      return chosen;
    return std::nullopt;
  }

private:
  static constexpr int64_t kMaxSteps = 200000;
  static constexpr int64_t kLargest = int64_t(1) << 24;

  struct Row {
    size_t pivot;
    Equation coefficients;
    /// Known once so many unknowns are chosen.
    size_t last;
  };

  bool isBetterPivot(const Equation &equation, size_t a, size_t b) const {
    auto key = [&](size_t i) {
      return std::pair(-std::abs(equation[i]), limits[i]);
    };
    return key(a) > key(b);
  }

  /// The solutions in real numbers that are nearest to what is wanted, in
  /// shares of the limits, found by one projection after the other (Kaczmarz).
  void center() {
    constexpr int kSweeps = 300;
    std::vector<double> values(wanted.begin(), wanted.end());
    for (int sweep = 0; sweep < kSweeps; ++sweep)
      for (const Row &row : rows) {
        double error = 0, norm = 0;
        for (size_t i = 0; i < values.size(); ++i) {
          double coefficient = row.coefficients[i], width = limits[i];
          error += coefficient * values[i];
          norm += coefficient * coefficient * width * width;
        }
        if (norm == 0)
          continue;
        for (size_t i = 0; i < values.size(); ++i)
          values[i] -= error / norm * row.coefficients[i] *
                       static_cast<double>(limits[i] * limits[i]);
      }
    centers.clear();
    for (auto [value, limit] : llvm::zip_equal(values, limits))
      centers.push_back(std::clamp<int64_t>(std::llround(value), 0, limit));
  }

  /// Takes the unknown of a row out of an equation.
  static bool eliminate(Equation &equation, const Row &row) {
    int64_t factor = equation[row.pivot], own = row.coefficients[row.pivot];
    if (factor == 0)
      return true;
    int64_t divisor = 0;
    for (size_t i = 0; i < equation.size(); ++i) {
      equation[i] = equation[i] * own - row.coefficients[i] * factor;
      divisor = std::gcd(divisor, equation[i]);
    }
    bool isSmall = true;
    for (int64_t &coefficient : equation) {
      coefficient /= std::max<int64_t>(divisor, 1);
      isSmall &= std::abs(coefficient) < kLargest;
    }
    return isSmall;
  }

  /// Solves the rows that are known once `position` unknowns are chosen;
  /// whether they have solutions.
  bool solveRows(size_t position) {
    for (const Row &row : rows) {
      if (row.last != position)
        continue;
      int64_t sum = 0;
      for (size_t i = 0; i < chosen.size(); ++i)
        if (i != row.pivot)
          sum -= row.coefficients[i] * chosen[i];
      int64_t own = row.coefficients[row.pivot];
      if (sum % own != 0 || sum / own < 0 || sum / own > limits[row.pivot] ||
          std::abs(sum / own - centers[row.pivot]) > distance)
        return false;
      chosen[row.pivot] = sum / own;
    }
    return true;
  }

  bool descend(size_t position) {
    if (++steps > kMaxSteps)
      return false;
    if (position == chosen.size())
      return true;
    if (isSolved[position])
      return solveRows(position + 1) && descend(position + 1);
    int64_t limit = limits[position];
    int64_t start = centers[position];
    for (int64_t offset = 0; offset <= distance; ++offset)
      for (int64_t count : {start - offset, start + offset}) {
        if (count < 0 || count > limit || (offset == 0 && count != start))
          continue;
        chosen[position] = count;
        if (solveRows(position + 1) && descend(position + 1))
          return true;
        if (offset == 0)
          break;
      }
    return false;
  }

  ArrayRef<int64_t> limits;
  ArrayRef<double> wanted;
  std::vector<Row> rows;
  /// Where the search begins, and what it has chosen.
  SmallVector<int64_t> centers, chosen;
  SmallVector<bool> isSolved;
  int64_t distance = 0;
  int64_t steps = 0;
};

} // namespace

SmallVector<int64_t> UnitGroups::balance(const UnitGroup &group,
                                         ArrayRef<double> wanted,
                                         ArrayRef<int64_t> limits) const {
  SmallVector<double> clamped;
  for (auto [set, want, limit] : llvm::zip_equal(group.sets, wanted, limits)) {
    bool free = want >= 0 && sets[set].pins.empty();
    clamped.push_back(
        free ? std::clamp<double>(want, 0, std::max<int64_t>(limit, 0)) : -1);
  }
  if (group.constraints.empty()) {
    // A share that is an integer up to rounding errors is one.
    constexpr double kTiny = 1e-9;
    SmallVector<int64_t> counts;
    for (double count : clamped)
      counts.push_back(
          static_cast<int64_t>(std::floor(std::max(count, 0.0) + kTiny)));
    return counts;
  }
  SmallVector<int64_t> bounds;
  for (auto [count, limit] : llvm::zip_equal(clamped, limits))
    bounds.push_back(count < 0 ? 0 : std::max<int64_t>(limit, 0));
  SmallVector<int64_t> none(wanted.size(), 0);
  // Who does not take part is not far from what it wants.
  for (double &count : clamped)
    count = std::max(count, 0.0);
  BalanceSearch search(bounds, clamped);
  for (unsigned index : group.constraints) {
    auto count = [&](ArrayRef<EqualCounts::Term> terms) {
      BalanceSearch::Equation sums(group.sets.size(), 0);
      for (const EqualCounts::Term &term : terms) {
        auto *position = llvm::find(group.sets, term.set);
        if (position != group.sets.end())
          sums[position - group.sets.begin()] += term.count;
      }
      return sums;
    };
    BalanceSearch::Equation first = count(constraints[index].blocks.front());
    for (const auto &block : llvm::drop_begin(constraints[index].blocks)) {
      BalanceSearch::Equation difference = count(block);
      for (auto [left, right] : llvm::zip_equal(difference, first))
        left -= right;
      if (!search.add(std::move(difference)))
        return none;
    }
  }
  for (int64_t distance : {0, 1, 2, 4, 8, 16, 64})
    if (auto found = search.run(distance))
      return *found;
  return none;
}

SmallVector<int64_t> UnitGroups::balanceRemoval(const UnitGroup &group,
                                                ArrayRef<double> wanted,
                                                int64_t least) const {
  SmallVector<int64_t> limits;
  for (unsigned set : group.sets)
    limits.push_back(std::max<int64_t>(
        sets[set].units.size() - std::max<int64_t>(least, 1), 0));
  return balance(group, wanted, limits);
}
