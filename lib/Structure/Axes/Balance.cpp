//===- Balance.cpp - Counts that fit together -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Axes/UnitGroups.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <coin/Cbc_C_Interface.h>
#include <limits>

using namespace neuroplast::structure;
using llvm::ArrayRef;
using llvm::SmallVector;

/// A share that is an integer up to rounding errors is one.
static int64_t roundDown(double count) {
  constexpr double kTiny = 1e-9;
  return static_cast<int64_t>(std::floor(std::max(count, 0.0) + kTiny));
}

namespace {

/// Whole numbers that fulfil linear constraints at the lowest cost.
class IntegerProgram {
public:
  struct Term {
    int variable;
    double factor;
  };
  using Sum = SmallVector<Term>;

  IntegerProgram() : model(Cbc_newModel()) {
    Cbc_setParameter(model, "logLevel", "0");
    // A bound that is the same everywhere, unlike one in seconds.
    Cbc_setMaximumNodes(model, 20000);
  }
  ~IntegerProgram() { Cbc_deleteModel(model); }
  IntegerProgram(const IntegerProgram &) = delete;
  IntegerProgram &operator=(const IntegerProgram &) = delete;

  /// A count from zero to `limit`.
  int addCount(int64_t limit) { return addVariable(limit, 0, true); }

  /// `low` <= sum <= `high`.
  void bound(const Sum &sum, double low, double high) {
    SmallVector<int> variables;
    SmallVector<double> factors;
    for (const Term &term : sum) {
      variables.push_back(term.variable);
      factors.push_back(term.factor);
    }
    auto add = [&](char sense, double side) {
      Cbc_addRow(model, "", variables.size(), variables.data(), factors.data(),
                 sense, side);
    };
    if (low == high)
      return add('E', low);
    if (std::isfinite(low))
      add('G', low);
    if (std::isfinite(high))
      add('L', high);
  }

  /// Every unit by which the sum misses what is wanted has its cost.
  void aim(Sum sum, double wanted, double cost) {
    constexpr double kNone = std::numeric_limits<double>::infinity();
    int distance = addVariable(kNone, cost, false);
    sum.push_back({distance, 1});
    bound(sum, wanted, kNone);
    sum.back().factor = -1;
    bound(sum, -kNone, wanted);
  }

  /// The counts that were added first; none if there are no such numbers, or
  /// none are found.
  std::optional<SmallVector<int64_t>> solve(size_t count) {
    Cbc_solve(model);
    const double *solution = Cbc_bestSolution(model);
    if (!solution)
      return std::nullopt;
    SmallVector<int64_t> result;
    for (size_t i = 0; i < count; ++i)
      result.push_back(std::llround(solution[i]));
    return result;
  }

private:
  int addVariable(double limit, double cost, bool isInteger) {
    Cbc_addCol(model, "", 0, limit, cost, isInteger, 0, nullptr, nullptr);
    return variables++;
  }

  Cbc_Model *model;
  int variables = 0;
};

/// Counts that come nearest to the wanted ones under the constraints of a
/// group. `sign` tells whether units come or go.
class Balance {
public:
  Balance(const UnitGroups &units, const UnitGroup &group,
          ArrayRef<double> wanted, ArrayRef<int64_t> limits, int sign)
      : units(units), group(group), wanted(wanted), sign(sign) {
    for (auto [position, set] : llvm::enumerate(group.sets)) {
      positionOf[set] = position;
      program.addCount(limits[position]);
    }
    for (unsigned index : group.constraints)
      constrain(units.getConstraints()[index]);
  }

  /// At least so many places of every axis have to stay.
  void keepOfEveryAxis(int64_t least) {
    for (const SetCounts &axis : group.axes) {
      int64_t extent = 0;
      for (const SetCount &term : axis)
        extent += term.count * units.getSets()[term.set].units.size();
      program.bound(sum(axis), 0, std::max<int64_t>(extent - least, 0));
    }
  }

  std::optional<SmallVector<int64_t>> run() {
    // What is wanted of an axis matters more than which sets give it: of sets
    // of one or two, none has half.
    double small = 1.0 / (4 * group.sets.size() + 4);
    for (const SetCounts &axis : group.axes) {
      double total = 0;
      for (const SetCount &term : axis)
        total += term.count * wanted[positionOf.lookup(term.set)];
      program.aim(sum(axis), roundDown(total), 1);
    }
    for (auto [position, want] : llvm::enumerate(wanted))
      program.aim({{static_cast<int>(position), 1}}, want, small);
    return program.solve(wanted.size());
  }

private:
  IntegerProgram::Sum sum(const SetCounts &counts) const {
    IntegerProgram::Sum result;
    for (const SetCount &term : counts)
      if (auto it = positionOf.find(term.set); it != positionOf.end())
        result.push_back({it->second, static_cast<double>(term.count)});
    return result;
  }

  /// What changes of the first more than of the second.
  IntegerProgram::Sum subtract(const SetCounts &first,
                               const SetCounts &second) const {
    IntegerProgram::Sum result = sum(first);
    for (const IntegerProgram::Term &term : sum(second)) {
      auto *same = llvm::find_if(result, [&](const IntegerProgram::Term &own) {
        return own.variable == term.variable;
      });
      if (same == result.end())
        result.push_back({term.variable, -term.factor});
      else
        same->factor -= term.factor;
    }
    return result;
  }

  void constrain(const CountConstraint &constraint) {
    auto bound = [&](size_t a, size_t b, double low, double high) {
      double ahead =
          constraint.takeTurns ? constraint.sizes[a] - constraint.sizes[b] : 0;
      // a + sign * x - (b + sign * y) is from low to high.
      double from = sign * (low - ahead), to = sign * (high - ahead);
      program.bound(subtract(constraint.blocks[a], constraint.blocks[b]),
                    std::min(from, to), std::max(from, to));
    };
    size_t last = constraint.blocks.size() - 1;
    for (size_t block = 0; block < last; ++block)
      bound(block, block + 1, 0, constraint.takeTurns ? 1 : 0);
    if (constraint.takeTurns && last > 1)
      bound(0, last, 0, 1);
  }

  const UnitGroups &units;
  const UnitGroup &group;
  ArrayRef<double> wanted;
  int sign;
  llvm::DenseMap<unsigned, int> positionOf;
  IntegerProgram program;
};

} // namespace

SmallVector<int64_t> UnitGroups::balance(const UnitGroup &group,
                                         ArrayRef<double> wanted,
                                         ArrayRef<int64_t> limits) const {
  return balance(group, wanted, limits, 1, 0);
}

SmallVector<int64_t> UnitGroups::balance(const UnitGroup &group,
                                         ArrayRef<double> wanted,
                                         ArrayRef<int64_t> limits, int sign,
                                         int64_t leastOfAxes) const {
  SmallVector<double> clamped;
  SmallVector<int64_t> bounds;
  for (auto [set, want, limit] : llvm::zip_equal(group.sets, wanted, limits)) {
    bool takesPart = want >= 0 && sets[set].pins.empty();
    bounds.push_back(takesPart ? std::max<int64_t>(limit, 0) : 0);
    clamped.push_back(std::clamp<double>(want, 0, bounds.back()));
  }
  if (group.constraints.empty())
    return llvm::to_vector(llvm::map_range(clamped, roundDown));
  Balance search(*this, group, clamped, bounds, sign);
  if (leastOfAxes > 0)
    search.keepOfEveryAxis(leastOfAxes);
  return search.run().value_or(SmallVector<int64_t>(wanted.size(), 0));
}

SmallVector<int64_t> UnitGroups::balanceRemoval(const UnitGroup &group,
                                                ArrayRef<double> wanted,
                                                int64_t least,
                                                bool dropsFragments) const {
  least = std::max<int64_t>(least, 1);
  SmallVector<int64_t> limits;
  for (unsigned set : group.sets) {
    bool mayGo = dropsFragments && sets[set].isFragment;
    limits.push_back(sets[set].units.size() - (mayGo ? 0 : least));
  }
  return balance(group, wanted, limits, -1, least);
}
