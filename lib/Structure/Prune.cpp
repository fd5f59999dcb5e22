//===- Prune.cpp - Removing the units that matter least -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Prune.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

/// The share of `extent` units to remove; at least one stays.
int64_t countShare(int64_t extent, double ratio) {
  // A share that is an integer up to rounding errors is one.
  auto removed = static_cast<int64_t>(std::floor(extent * ratio + 1e-9));
  return std::min(removed, extent - 1);
}

/// The same, where the number of those that stay is rounded up.
int64_t countRemoved(int64_t extent, const PruneOptions &options) {
  int64_t kept =
      std::max(extent - countShare(extent, options.ratio), options.minUnits);
  kept = llvm::divideCeil(kept, options.roundTo) * options.roundTo;
  return extent - std::min(kept, extent);
}

/// Units by score, lowest first.
SmallVector<int64_t> sortByScore(ArrayRef<double> scores) {
  auto order = llvm::to_vector_of<int64_t>(llvm::seq<size_t>(0, scores.size()));
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return std::make_pair(scores[a], a) < std::make_pair(scores[b], b);
  });
  return order;
}

/// The normalisations whose first operand loses places of a normalised axis.
std::vector<NormEdit> collectNorms(const UnitAnalysis &analysis,
                                   const Edit &edit) {
  neuro::SizeMemory memory;
  AxisEdit axes = edit.apply(analysis);
  std::vector<NormEdit> norms;
  analysis.getModule().walk([&](neuro::AxisRuleOpInterface op) {
    neuro::AxisRule rule = op.getAxisRule();
    const TensorPlaces *places =
        op->getNumOperands() ? analysis.getPlaces(op->getOperand(0)) : nullptr;
    if (!places)
      return;
    for (auto [index, axis] : llvm::enumerate(rule.operands[0])) {
      bool normalised = llvm::any_of(axis.terms, [&](const auto &term) {
        return llvm::any_of(term, [&](unsigned factor) {
          return !rule.factors[factor].zeroInvariant;
        });
      });
      if (!normalised || !places->axes[index] ||
          !axes.changes(*places->axes[index]))
        continue;
      norms.push_back({getNodeName(op.getLoc()).str(),
                       static_cast<unsigned>(index),
                       axes.getSources(*places->axes[index]).front()});
    }
  });
  return norms;
}

} // namespace

FailureOr<Edit> neuroplast::structure::planPrune(const UnitAnalysis &analysis,
                                                 const PruneOptions &options,
                                                 std::vector<PrunedSet> &sets) {
  ModuleOp module = analysis.getModule();
  if (!(options.ratio >= 0 && options.ratio < 1)) {
    module.emitError("the ratio must be at least 0 and below 1");
    return failure();
  }
  if (options.roundTo < 1) {
    module.emitError("counts can be rounded to multiples of 1 or more only");
    return failure();
  }
  auto scores = scoreUnits(analysis, options.criterion, options.seed);
  if (failed(scores))
    return failure();

  const UnitGroups &units = analysis.getUnits();
  llvm::DenseMap<unsigned, size_t> positionOf;
  sets.clear();
  std::vector<UnitSetSummary> summaries = summarizeSets(analysis);
  if (failed(options.selection.check(module, summaries)))
    return failure();
  for (UnitSetSummary &summary : summaries) {
    PrunedSet set;
    set.kept = summary.units;
    set.reason = options.selection.getObstacle(summary).str();
    positionOf[summary.set] = sets.size();
    set.summary = std::move(summary);
    sets.push_back(std::move(set));
  }

  Edit edit;
  for (const UnitGroup &group : units.getGroups()) {
    SmallVector<int64_t> wanted;
    for (unsigned set : group.sets) {
      auto it = positionOf.find(set);
      bool cut = it != positionOf.end() && sets[it->second].reason.empty();
      wanted.push_back(
          cut ? countRemoved(units.getSets()[set].units.size(), options) : -1);
    }
    SmallVector<int64_t> counts =
        units.balanceRemoval(group, wanted, options.minUnits);
    for (auto [set, want, count] :
         llvm::zip_equal(group.sets, wanted, counts)) {
      auto it = positionOf.find(set);
      if (it == positionOf.end() || !sets[it->second].reason.empty())
        continue;
      PrunedSet &pruned = sets[it->second];
      if (count == 0) {
        bool share = countShare(pruned.summary.units, options.ratio) > 0;
        pruned.reason = want > 0 ? "equal counts"
                        : share  ? "rounding"
                                 : "too small";
        continue;
      }
      ArrayRef<double> setScores = (*scores)[set];
      SmallVector<int64_t> order = sortByScore(setScores);
      pruned.kept = setScores.size() - count;
      pruned.highestRemoved = setScores[order[count - 1]];
      pruned.lowestKept = setScores[order[count]];
      order.truncate(count);
      llvm::sort(order);
      edit.maps[set] = IndexMap::keepAllBut(setScores.size(), order);
    }
  }
  // Counts were balanced as if every unit took as many places along; where a
  // place belongs to two units, both may go and count once.
  edit.dropConflicts(analysis);
  for (PrunedSet &set : sets)
    if (set.reason.empty() && !edit.maps.contains(set.summary.set)) {
      set.reason = "equal counts";
      set.kept = set.summary.units;
    }
  return edit;
}

FailureOr<PruneReport> neuroplast::structure::prune(ModuleOp module,
                                                    const PruneOptions &options,
                                                    bool dryRun) {
  PruneReport report;
  report.options = options;
  OwningOpRef<ModuleOp> scratch;
  if (dryRun) {
    scratch = cast<ModuleOp>(module->clone());
    module = *scratch;
  }
  UnitAnalysis analysis(module);
  report.before = measure(analysis);
  FailureOr<Edit> edit = planPrune(analysis, options, report.sets);
  if (failed(edit))
    return failure();
  if (edit->maps.empty()) {
    report.after = report.before;
    return report;
  }
  report.norms = collectNorms(analysis, *edit);
  EditOptions editOptions;
  editOptions.kind = "prune";
  editOptions.description =
      llvm::formatv("{0}", llvm::json::Value(options.toJson()));
  editOptions.keepRemoved = options.keepRemoved;
  auto edits = applyEdit(analysis, *edit, editOptions);
  if (failed(edits))
    return failure();
  report.edits = std::move(*edits);
  report.after = measure(UnitAnalysis(module));
  return report;
}
