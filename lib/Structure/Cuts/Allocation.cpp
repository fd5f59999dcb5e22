//===- Allocation.cpp - How many units go where ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Allocation.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringSwitch.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

std::optional<Scope> neuroplast::structure::parseScope(StringRef name) {
  return llvm::StringSwitch<std::optional<Scope>>(name)
      .Case("local", Scope::Local)
      .Case("isomorphic", Scope::Isomorphic)
      .Case("global", Scope::Global)
      .Default(std::nullopt);
}

StringRef neuroplast::structure::getName(Scope scope) {
  switch (scope) {
  case Scope::Local:
    return "local";
  case Scope::Isomorphic:
    return "isomorphic";
  case Scope::Global:
    return "global";
  }
  return "";
}

StringRef neuroplast::structure::getName(Target::Measure measure) {
  switch (measure) {
  case Target::Measure::Operations:
    return "operations";
  case Target::Measure::Parameters:
    return "parameters";
  case Target::Measure::Bytes:
    return "bytes";
  case Target::Measure::Milliseconds:
    return "milliseconds";
  }
  return "";
}

std::optional<Target> Target::parse(Measure measure, StringRef text) {
  Target target{measure, 0, false};
  double factor = 1;
  bool hasUnit = true;
  switch (text.empty() ? '0' : text.back()) {
  case 'x':
    target.isShare = true;
    break;
  case 'k':
    factor = 1e3;
    break;
  case 'M':
    factor = 1e6;
    break;
  case 'G':
    factor = 1e9;
    break;
  default:
    hasUnit = false;
  }
  if (text.drop_back(hasUnit).getAsDouble(target.value) || target.value <= 0)
    return std::nullopt;
  target.value *= factor;
  if (!hasUnit && measure != Measure::Milliseconds && target.value <= 1)
    target.isShare = true;
  return target;
}

LogicalResult AllocationOptions::check(ModuleOp module) const {
  if (!(ratio >= 0 && ratio < 1))
    return module.emitError("the ratio must be at least 0 and below 1");
  if (!(maxRatio > 0 && maxRatio <= 1))
    return module.emitError("the largest ratio must be above 0, at most 1");
  return success();
}

//===----------------------------------------------------------------------===//
// Allocation
//===----------------------------------------------------------------------===//

namespace {

class Allocator {
public:
  Allocator(const UnitAnalysis &analysis, const AllocationOptions &options,
            ArrayRef<FreeSet> sets, std::vector<std::vector<double>> scores)
      : analysis(analysis), options(options), sets(sets),
        scores(std::move(scores)) {
    for (const FreeSet &set : sets)
      orders.push_back(sortUnits(set.set));
    for (auto [position, set] : llvm::enumerate(sets))
      positionOf[set.set] = position;
  }

  FailureOr<Allocation> run() {
    if (!options.target) {
      std::vector<double> wanted = getCounts(options.ratio);
      return Allocation{makeEdit(wanted), std::nullopt, wanted};
    }
    return meetTarget(*options.target);
  }

private:
  int64_t getExtent(const FreeSet &set) const {
    return analysis.getUnits().getSets()[set.set].units.size();
  }

  /// Units by score, lowest first.
  SmallVector<int64_t> sortUnits(unsigned set) const {
    ArrayRef<double> list = scores[set];
    auto order = llvm::to_vector_of<int64_t>(llvm::seq<size_t>(0, list.size()));
    llvm::sort(order, [&](int64_t a, int64_t b) {
      return std::make_pair(list[a], a) < std::make_pair(list[b], b);
    });
    return order;
  }

  /// The number of units to remove nearest to `count` that the options allow; a
  /// fraction, which counts that depend on each other are balanced by, if they
  /// are not rounded.
  double limit(const FreeSet &set, double count) const {
    int64_t extent = getExtent(set);
    bool mayGo = options.dropsFragments &&
                 analysis.getUnits().getSets()[set.set].isFragment;
    double least = mayGo ? 0 : std::max<int64_t>(options.minUnits, 1);
    if (set.rounding <= 1)
      return std::max(
          0.0, std::min({count, extent * options.maxRatio, extent - least}));
    auto kept = static_cast<int64_t>(std::max(
        extent - std::min(std::floor(count + kTiny),
                          std::floor(extent * options.maxRatio + kTiny)),
        least));
    kept = llvm::divideCeil(kept, set.rounding) * set.rounding;
    return extent - std::min(kept, extent);
  }

  /// A share that is an integer up to rounding errors is one.
  static constexpr double kTiny = 1e-9;

  /// How many units to remove of each free set for a share of all.
  std::vector<double> getCounts(double share) {
    std::vector<double> counts(sets.size(), 0);
    if (options.scope == Scope::Local) {
      for (auto [position, set] : llvm::enumerate(sets))
        counts[position] =
            limit(set, getExtent(set) * set.ratio.value_or(share));
      return counts;
    }
    if (ranking.empty())
      rank();
    for (const auto &[name, ranked] : ranking)
      for (unsigned position : ArrayRef(ranked).take_front(
               static_cast<size_t>(ranked.size() * share + kTiny)))
        ++counts[position];
    for (auto [position, set] : llvm::enumerate(sets))
      counts[position] = limit(set, set.ratio ? getExtent(set) * *set.ratio
                                              : counts[position]);
    return counts;
  }

  /// Ranks the units of sets that compete: for each its set, lowest first.
  void rank() {
    struct Ranked {
      double score;
      unsigned position;
    };
    llvm::MapVector<StringRef, std::vector<Ranked>> pools;
    for (auto [position, set] : llvm::enumerate(sets)) {
      if (set.ratio)
        continue;
      ArrayRef<double> list = scores[set.set];
      double mean = std::accumulate(list.begin(), list.end(), 0.0,
                                    [](double sum, double score) {
                                      return sum + std::abs(score);
                                    }) /
                    std::max<size_t>(list.size(), 1);
      double weight = mean > 0 ? 1 / mean : 1;
      if (options.scope == Scope::Global && options.target)
        weight /= getUnitCost(position);
      auto &pool = pools[options.scope == Scope::Global ? StringRef()
                                                        : StringRef(set.shape)];
      for (double score : list)
        pool.push_back({score * weight, static_cast<unsigned>(position)});
    }
    for (auto &[name, pool] : pools) {
      llvm::sort(pool, [](const Ranked &a, const Ranked &b) {
        return std::make_pair(a.score, a.position) <
               std::make_pair(b.score, b.position);
      });
      for (const Ranked &unit : pool)
        ranking[name].push_back(unit.position);
    }
  }

  /// What a unit of a set takes of the target's measure. For milliseconds
  /// operations stand in.
  double getUnitCost(size_t position) {
    std::vector<double> counts(sets.size(), 0);
    counts[position] = 1;
    Edit edit = makeEdit(counts);
    if (edit.maps.empty())
      return 1;
    Target target = *options.target;
    if (target.measure == Target::Measure::Milliseconds)
      target.measure = Target::Measure::Operations;
    auto size = measureEdited(analysis, edit);
    auto whole = measureEdited(analysis, {});
    if (!size || !whole)
      return 1;
    return std::max(read(*whole, target) - read(*size, target), 1.0);
  }

  static double read(const NetworkSize &size, const Target &target) {
    switch (target.measure) {
    case Target::Measure::Operations:
      return size.flops;
    case Target::Measure::Parameters:
      return size.parameters;
    default:
      return size.parameterBytes;
    }
  }

  /// The edit that removes the lowest units of each set, as many as fit near
  /// these counts.
  Edit makeEdit(ArrayRef<double> counts) const {
    Edit edit;
    for (const UnitGroup &group : analysis.getUnits().getGroups()) {
      SmallVector<double> wanted;
      for (unsigned set : group.sets) {
        auto it = positionOf.find(set);
        wanted.push_back(it == positionOf.end() ? -1 : counts[it->second]);
      }
      if (llvm::all_of(wanted, [](double count) { return count < 1 - kTiny; }))
        continue;
      SmallVector<int64_t> balanced = analysis.getUnits().balanceRemoval(
          group, wanted, options.minUnits, options.dropsFragments);
      for (auto [set, count] : llvm::zip_equal(group.sets, balanced)) {
        if (count == 0)
          continue;
        SmallVector<int64_t> removed(
            ArrayRef(orders[positionOf.lookup(set)]).take_front(count));
        llvm::sort(removed);
        edit.maps[set] = IndexMap::keepAllBut(scores[set].size(), removed);
      }
    }
    // Counts were balanced as if every unit took as many places along; where a
    // place belongs to two units, both may go and count once.
    edit.dropConflicts(analysis);
    return edit;
  }

  FailureOr<double> getCost(const Edit &edit, const Target &target) {
    ModuleOp module = analysis.getModule();
    if (target.measure != Target::Measure::Milliseconds) {
      auto size = measureEdited(analysis, edit);
      if (!size)
        return module.emitError("the edit cannot be made");
      if (target.measure == Target::Measure::Operations &&
          size->flopsIncomplete)
        return module.emitError("a target in operations needs the sizes of all "
                                "inputs: give '--shape' or '--data'");
      return read(*size, target);
    }
    if (!options.time)
      return module.emitError("nothing measures milliseconds here");
    OwningOpRef<ModuleOp> copy(module.clone());
    EditOptions silent;
    silent.kind = "";
    if (failed(applyEdit(UnitAnalysis(*copy), edit, silent)))
      return failure();
    return options.time(*copy);
  }

  struct Attempt {
    std::vector<double> wanted;
    Edit edit;
    double cost;
  };

  FailureOr<Attempt> attempt(std::vector<double> wanted, const Target &target) {
    Edit edit = makeEdit(wanted);
    FailureOr<double> cost = getCost(edit, target);
    if (failed(cost))
      return failure();
    return Attempt{std::move(wanted), std::move(edit), *cost};
  }

  /// Halves the range of shares until the target lies between neighbours, then
  /// lets sets pass from the one to the other, one after the other.
  FailureOr<Allocation> meetTarget(const Target &target) {
    bool isTimed = target.measure == Target::Measure::Milliseconds;
    auto above = attempt(std::vector<double>(sets.size(), 0), target);
    if (failed(above))
      return failure();
    ReachedTarget reached{above->cost, target.value, above->cost};
    if (target.isShare)
      reached.asked *= above->cost;
    auto isNear = [&](double cost) {
      return std::abs(cost - reached.asked) <=
             (isTimed ? 0.03 : 0.001) * reached.asked;
    };
    Attempt best = *above;
    auto note = [&](const Attempt &found) {
      if (std::abs(found.cost - reached.asked) <
          std::abs(best.cost - reached.asked))
        best = found;
    };
    if (above->cost > reached.asked) {
      auto below = attempt(getCounts(1), target);
      if (failed(below))
        return failure();
      note(*below);
      double low = 0, high = 1;
      for (int step = 0; step < (isTimed ? 7 : 20) && !isNear(best.cost) &&
                         below->cost <= reached.asked;
           ++step) {
        double share = (low + high) / 2;
        auto middle = attempt(getCounts(share), target);
        if (failed(middle))
          return failure();
        note(*middle);
        bool isAbove = middle->cost > reached.asked;
        (isAbove ? low : high) = share;
        (isAbove ? above : below) = std::move(middle);
      }
      if (!isTimed && !isNear(best.cost) && below->cost <= reached.asked) {
        size_t few = 0, many = sets.size();
        while (few + 1 < many) {
          size_t count = (few + many) / 2;
          std::vector<double> mixed = above->wanted;
          std::copy_n(below->wanted.begin(), count, mixed.begin());
          auto middle = attempt(std::move(mixed), target);
          if (failed(middle))
            return failure();
          note(*middle);
          (middle->cost > reached.asked ? few : many) = count;
        }
      }
    }
    reached.reached = best.cost;
    reached.isMet = reached.before <= reached.asked ||
                    std::abs(best.cost - reached.asked) <=
                        (isTimed ? 0.1 : 0.02) * reached.asked;
    return Allocation{std::move(best.edit), reached, std::move(best.wanted)};
  }

  const UnitAnalysis &analysis;
  const AllocationOptions &options;
  ArrayRef<FreeSet> sets;
  std::vector<std::vector<double>> scores;
  /// By free set.
  std::vector<SmallVector<int64_t>> orders;
  llvm::DenseMap<unsigned, size_t> positionOf;
  llvm::MapVector<StringRef, std::vector<unsigned>> ranking;
};

} // namespace

FailureOr<Allocation> neuroplast::structure::allocate(
    const UnitAnalysis &analysis, const AllocationOptions &options,
    ArrayRef<FreeSet> sets, std::vector<std::vector<double>> scores) {
  return Allocator(analysis, options, sets, std::move(scores)).run();
}
