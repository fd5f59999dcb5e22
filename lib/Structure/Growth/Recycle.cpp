//===- Recycle.cpp - Units that do nothing begin anew ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/Recycle.h"
#include "FreshWeights.h"
#include "neuroplast/Structure/Draw.h"
#include "neuroplast/Structure/Edits/History.h"
#include "llvm/ADT/Sequence.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

/// Whether scores of a criterion are squares of what a unit does.
static bool isSquare(Criterion criterion) {
  return criterion == Criterion::Activation || criterion == Criterion::Wanda ||
         criterion == Criterion::L2;
}

SmallVector<int64_t>
neuroplast::structure::findIdle(ArrayRef<double> scores, unsigned set,
                                const RecycleOptions &options) {
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, scores.size()));
  if (options.share) {
    llvm::sort(order, [&](int64_t a, int64_t b) {
      return std::pair(scores[a], a) < std::pair(scores[b], b);
    });
    double wanted = *options.share * static_cast<double>(scores.size());
    double draw = drawUniform(options.seed, set);
    order.resize(std::min<size_t>(
        order.size(), static_cast<size_t>(std::floor(wanted + draw))));
    llvm::sort(order);
    return order;
  }
  // What is no number, a score of -1, spoils everything: it goes, too.
  auto getRoot = [](double score) { return std::sqrt(std::max(score, 0.0)); };
  double mean = 0;
  for (double score : scores)
    mean += getRoot(score) / static_cast<double>(scores.size());
  llvm::erase_if(order, [&](int64_t unit) {
    return scores[unit] >= 0 &&
           getRoot(scores[unit]) > options.threshold * mean;
  });
  return order;
}

FailureOr<RecycleReport>
neuroplast::structure::recycle(ModuleOp module, const RecycleOptions &options) {
  if (!isSquare(options.criterion) && options.criterion != Criterion::Random)
    return module.emitError("units are recycled by activation, wanda, l2 and "
                            "random, not by ")
           << getName(options.criterion);
  if (!(options.threshold >= 0) || !(options.share.value_or(0) >= 0) ||
      !(options.share.value_or(0) <= 1))
    return module.emitError("a share of units is a number from 0 to 1, and a "
                            "threshold is not negative");
  RecycleReport report;
  report.options = options;
  UnitAnalysis analysis(module);
  report.size = measure(analysis);
  std::vector<UnitSetSummary> summaries = summarizeSets(analysis);
  if (failed(options.selection.check(module, summaries)))
    return failure();
  auto scores =
      scoreUnits(analysis, options.criterion, options.seed, options.evidence);
  if (failed(scores))
    return failure();
  SmallVector<unsigned> candidates;
  for (UnitSetSummary &summary : summaries) {
    RecycledSet set;
    set.reason = options.selection.getObstacle(summary).str();
    // Weights say nothing of what data do not reach.
    if (set.reason.empty() &&
        scores->criteria[summary.set] != options.criterion)
      set.reason = "nothing scored";
    if (set.reason.empty())
      candidates.push_back(summary.set);
    set.summary = std::move(summary);
    report.sets.push_back(std::move(set));
  }
  DropinOptions growth;
  static_cast<EditRequest &>(growth) = options;
  Construction construction(analysis, candidates, growth.init);
  Edit edit;
  for (RecycledSet &set : report.sets) {
    unsigned index = set.summary.set;
    if (set.reason.empty())
      set.reason = construction.getObstacle(index).str();
    if (!set.reason.empty())
      continue;
    IndexMap map = IndexMap::identity(set.summary.units);
    for (int64_t unit : findIdle(scores->scores[index], index, options)) {
      map.entries[unit] = IndexMap::kFresh;
      ++set.recycled;
    }
    // With nobody left there would be nothing to draw like.
    if (set.recycled == set.summary.units)
      set.recycled = 0;
    if (set.recycled)
      edit.maps[index] = std::move(map);
  }
  edit.dropConflicts(analysis);
  for (RecycledSet &set : report.sets)
    if (!edit.maps.contains(set.summary.set))
      set.recycled = 0;
  if (edit.maps.empty())
    return report;
  auto edits = applyGrowth(analysis, construction, edit, growth,
                           EditOptions::record("recycle", options));
  if (failed(edits))
    return failure();
  report.edits = std::move(*edits);
  return report;
}

llvm::json::Object RecycleOptions::toJson() const {
  llvm::json::Object result{{"criterion", getName(criterion)},
                            {"init", getName(Init::ZeroOut)}};
  if (share)
    result["share"] = *share;
  else
    result["threshold"] = threshold;
  addTo(result);
  return result;
}

llvm::json::Object RecycleReport::toJson() const {
  llvm::json::Array list;
  for (const RecycledSet &set : sets)
    list.push_back(llvm::json::Object{
        {"set", set.summary.set},
        {"units", set.summary.units},
        {"recycled", set.recycled},
        {"reason", set.reason},
        {"members", llvm::json::Array(set.summary.members)}});
  llvm::json::Object result = options.toJson();
  result["sets"] = std::move(list);
  result["edits"] = structure::toJson(edits);
  return result;
}

void RecycleReport::print(raw_ostream &os, bool all) const {
  for (const RecycledSet &set : sets) {
    if (!all && !set.reason.empty())
      continue;
    os << "units " << set.summary.set << ": " << set.summary.units;
    if (set.reason.empty())
      os << ", " << set.recycled << " anew";
    else
      os << " (" << set.reason << ")";
    printMembers(os, set.summary);
  }
}
