//===- Prune.cpp - Removing the units that matter least -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Prune.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"
#include "neuroplast/Structure/Units/VanishingUnits.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

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

/// What a set goes with, in a text that is equal for alike sets.
std::string describeShape(const UnitAnalysis &analysis,
                          ArrayRef<Member> members) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const Member &member : members) {
    os << getTensorValue(member.tensor).getShapedType();
    for (const MemberRun &run : member.runs)
      os << '[' << run.axis << ']';
  }
  return text;
}

/// Leaves out the maps of groups that would lose a unit that is not among
/// these, by set, where their counts ask for it.
void keepOthers(const UnitAnalysis &analysis,
                ArrayRef<llvm::BitVector> removable, Edit &edit) {
  for (const UnitGroup &group : analysis.getUnits().getGroups()) {
    bool losesOthers = llvm::any_of(group.sets, [&](unsigned set) {
      auto it = edit.maps.find(set);
      if (it == edit.maps.end())
        return false;
      llvm::BitVector lost(removable[set].size(), true);
      for (int64_t unit : it->second.entries)
        lost.reset(unit);
      return lost.test(removable[set]);
    });
    if (losesOthers)
      for (unsigned set : group.sets)
        edit.maps.erase(set);
  }
}

/// Chooses what to remove; changes nothing. The report receives what becomes of
/// each set, and of the target.
FailureOr<Edit> choose(const UnitAnalysis &analysis,
                       const PruneOptions &options, PruneReport &report) {
  ModuleOp module = analysis.getModule();
  if (options.roundTo < 0)
    return module.emitError(
        "counts can be rounded to multiples of 1 or more only");
  if (failed(options.allocation.check(module)))
    return failure();
  std::vector<llvm::BitVector> dead;
  std::vector<std::vector<double>> scores;
  std::vector<Criterion> criteria;
  if (options.onlyDead) {
    dead = findDeadUnits(analysis);
    for (const llvm::BitVector &units : dead) {
      scores.emplace_back(units.size(), 1.0);
      for (unsigned unit : units.set_bits())
        scores.back()[unit] = 0;
    }
  } else {
    auto scored =
        scoreUnits(analysis, options.criterion, options.seed, options.evidence);
    if (failed(scored))
      return failure();
    scores = std::move(scored->scores);
    criteria = std::move(scored->criteria);
  }
  std::vector<UnitSetSummary> summaries = summarizeSets(analysis);
  UnitSelection ruled;
  for (const RatioOverride &rule : options.plan.ratios)
    ruled.only.push_back(rule.pattern);
  if (failed(options.selection.check(module, summaries)) ||
      failed(ruled.check(module, summaries)))
    return failure();
  std::vector<std::vector<Member>> members = analysis.collectMembers();
  std::vector<FreeSet> free;
  std::vector<size_t> positions; // in the report
  for (UnitSetSummary &summary : summaries) {
    PrunedSet set;
    set.kept = summary.units;
    set.reason = options.selection.getObstacle(summary).str();
    if (set.reason.empty()) {
      positions.push_back(report.sets.size());
      free.push_back({summary.set, options.getRounding(summary),
                      describeShape(analysis, members[summary.set]),
                      std::nullopt});
      for (const RatioOverride &rule : options.plan.ratios)
        if (matches(summary, rule.pattern))
          free.back().ratio = rule.ratio;
      if (options.onlyDead)
        free.back().ratio = static_cast<double>(dead[summary.set].count()) /
                            static_cast<double>(summary.units);
    }
    set.summary = std::move(summary);
    report.sets.push_back(std::move(set));
  }
  AllocationOptions allocationOptions = options.allocation;
  allocationOptions.dropsFragments = !options.keepRemoved;
  auto allocation = allocate(analysis, allocationOptions, free, scores);
  if (failed(allocation))
    return failure();
  if (options.onlyDead)
    keepOthers(analysis, dead, allocation->edit);
  report.target = allocation->target;
  for (auto [position, wanted] :
       llvm::zip_equal(positions, allocation->wanted)) {
    PrunedSet &set = report.sets[position];
    auto it = allocation->edit.maps.find(set.summary.set);
    if (it == allocation->edit.maps.end()) {
      double share = set.summary.units * options.allocation.ratio;
      set.reason =
          options.onlyDead && dead[set.summary.set].none() ? "none dead"
          : wanted >= 1                                    ? "equal counts"
          : options.allocation.target || share >= 1 - 1e-9 ? "rounding"
                                                           : "too small";
      continue;
    }
    ArrayRef<int64_t> kept = it->second.entries;
    set.kept = kept.size();
    if (options.onlyDead)
      continue;
    set.criterion = criteria[set.summary.set];
    std::vector<double> order = scores[set.summary.set];
    llvm::sort(order);
    set.highestRemoved = order[order.size() - kept.size() - 1];
    if (!kept.empty())
      set.lowestKept = order[order.size() - kept.size()];
  }
  return std::move(allocation->edit);
}

/// The edit of a plan, which says of every unit whether it stays.
FailureOr<Edit> followPlan(const UnitAnalysis &analysis, const Plan &plan,
                           PruneReport &report) {
  FailureOr<Edit> edit = plan.findEdit(analysis);
  if (failed(edit))
    return failure();
  for (UnitSetSummary &summary : summarizeSets(analysis)) {
    PrunedSet &set = report.sets.emplace_back();
    auto it = edit->maps.find(summary.set);
    set.kept =
        it == edit->maps.end() ? summary.units : it->second.entries.size();
    if (it == edit->maps.end())
      set.reason = summary.pins.empty() ? "not planned" : "pinned";
    set.summary = std::move(summary);
  }
  return edit;
}

} // namespace

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
  FailureOr<Edit> edit = options.plan.edit
                             ? followPlan(analysis, options.plan, report)
                             : choose(analysis, options, report);
  if (failed(edit))
    return failure();
  if (edit->maps.empty()) {
    report.after = report.before;
    return report;
  }
  report.norms = collectNorms(analysis, *edit);
  auto edits =
      applyEdit(analysis, *edit, EditOptions::record("prune", options));
  if (failed(edits))
    return failure();
  report.edits = std::move(*edits);
  report.plan = makePlan(module);
  report.after = measure(UnitAnalysis(module));
  return report;
}
