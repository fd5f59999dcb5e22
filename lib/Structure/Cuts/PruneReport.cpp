//===- PruneReport.cpp - What pruning did, for people and programs --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Cuts/Prune.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace neuroplast::structure;

llvm::json::Object PruneOptions::toJson() const {
  llvm::json::Object result{{"min_units", allocation.minUnits}};
  if (onlyDead) {
    result["only_dead"] = true;
    addTo(result);
    return result;
  }
  result["criterion"] = getName(criterion);
  result["scope"] = getName(allocation.scope);
  result["max_ratio"] = allocation.maxRatio;
  if (const auto &target = allocation.target)
    result["target"] = llvm::json::Object{{"measure", getName(target->measure)},
                                          {"value", target->value},
                                          {"is_share", target->isShare}};
  else
    result["ratio"] = allocation.ratio;
  llvm::json::Array rules;
  for (const RatioOverride &rule : plan.ratios)
    rules.push_back(
        llvm::json::Object{{"match", rule.pattern}, {"ratio", rule.ratio}});
  for (const std::string &pattern : plan.freeze)
    rules.push_back(llvm::json::Object{{"match", pattern}, {"freeze", true}});
  if (!rules.empty())
    result["rules"] = std::move(rules);
  addTo(result);
  return result;
}

llvm::json::Object PruneReport::toJson() const {
  llvm::json::Array setList, normList;
  for (const NormEdit &norm : norms)
    normList.push_back(
        llvm::json::Object{{"node", norm.node},
                           {"axis", norm.axis},
                           {"kept", llvm::json::Array(norm.kept)}});
  for (const PrunedSet &set : sets) {
    llvm::json::Object object{
        {"set", set.summary.set},
        {"group", set.summary.group},
        {"units", set.summary.units},
        {"kept", set.kept},
        {"reason", set.reason},
        {"members", llvm::json::Array(set.summary.members)},
        {"pins", llvm::json::Array(set.summary.pins)},
        {"not_zero_invariant",
         llvm::json::Array(set.summary.notZeroInvariant)}};
    if (set.criterion) {
      object["criterion"] = getName(*set.criterion);
      object["highest_removed_score"] = *set.highestRemoved;
      if (set.lowestKept)
        object["lowest_kept_score"] = *set.lowestKept;
    }
    setList.push_back(std::move(object));
  }
  llvm::json::Object result = options.toJson();
  if (target)
    result["reached"] = llvm::json::Object{{"before", target->before},
                                           {"asked", target->asked},
                                           {"reached", target->reached},
                                           {"met", target->isMet}};
  result["before"] = before.toJson();
  result["after"] = after.toJson();
  result["units"] = std::move(setList);
  result["edits"] = structure::toJson(edits);
  result["norms"] = std::move(normList);
  return result;
}

void PruneReport::printLayers(raw_ostream &os, bool all) const {
  auto number = [](int64_t value) { return static_cast<long long>(value); };
  os << "parameters before  after | operations before  after | layer\n";
  for (auto [index, layer] : llvm::enumerate(before.layers)) {
    if (index >= after.layers.size())
      break;
    const LayerSize &now = after.layers[index];
    if (layer.parameters == 0 && (!all || layer.flops == now.flops))
      continue;
    os << llvm::format("%12lld %12lld | ", number(layer.parameters),
                       number(now.parameters));
    if (layer.flops && now.flops)
      os << llvm::format("%12lld %12lld", number(*layer.flops),
                         number(*now.flops));
    else
      os << "           ?            ?";
    os << " | " << layer.op << ' ' << layer.name << '\n';
  }
}

void PruneReport::printSets(raw_ostream &os) const {
  os << '\n';
  for (const PrunedSet &set : sets) {
    os << "units " << set.summary.set << ": kept " << set.kept << " of "
       << set.summary.units;
    if (!set.reason.empty())
      os << " (" << set.reason << ")";
    else if (set.criterion)
      os << " (" << getName(*set.criterion)
         << llvm::format(" scores up to %.4g went", *set.highestRemoved)
         << (set.lowestKept
                 ? llvm::formatv(", from {0:g4} stayed)", *set.lowestKept).str()
                 : ", none stayed)");
    printMembers(os, set.summary);
  }
}

void PruneReport::printWarnings(raw_ostream &os) const {
  if (target) {
    os << llvm::format("target: %.6g ", target->asked)
       << getName(options.allocation.target->measure)
       << llvm::format(" of %.6g, reached %.6g\n", target->before,
                       target->reached);
    if (!target->isMet)
      os << "warning: no cut comes nearer to the target\n";
  }
  for (const PrunedSet &set : sets)
    if (set.kept != set.summary.units)
      for (const std::string &where : set.summary.notZeroInvariant)
        os << "warning: " << where << ", of units " << set.summary.set
           << " some went: the result differs from that of masking them\n";
}

void PruneReport::print(raw_ostream &os) const {
  printLayers(os, /*all=*/true);
  if (before.parameters > 0)
    os << llvm::format("kept %.1f %% of the parameters",
                       100.0 * after.parameters / before.parameters);
  if (before.innerParameters > 0)
    os << llvm::format(
        ", %.1f %% of those that no graph input or output carries",
        100.0 * after.innerParameters / before.innerParameters);
  os << '\n';
  printSets(os);
  printWarnings(os);
}
