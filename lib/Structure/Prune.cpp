//===- Prune.cpp - Removing the units that matter least -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Prune.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/GlobPattern.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

/// Whether the tensor of a member ("@name[axis]") has a name like the pattern.
bool matches(StringRef member, StringRef pattern) {
  StringRef name = member.take_front(member.rfind('[')).ltrim('@');
  pattern = pattern.ltrim('@');
  if (!pattern.contains('*') && !pattern.contains('?'))
    return name.contains(pattern);
  auto glob = llvm::GlobPattern::create(pattern);
  if (glob)
    return glob->match(name);
  llvm::consumeError(glob.takeError());
  return false;
}

bool matches(const UnitSetSummary &set, StringRef pattern) {
  return llvm::any_of(set.members, [&](const std::string &member) {
    return matches(member, pattern);
  });
}

bool matches(const UnitSetSummary &set,
             const std::vector<std::string> &patterns) {
  return llvm::any_of(patterns, [&](const std::string &pattern) {
    return matches(set, pattern);
  });
}

/// Why the options or the network forbid to cut a set; empty if they do not.
StringRef getObstacle(const UnitSetSummary &set, const PruneOptions &options) {
  if (!set.pins.empty())
    return "pinned";
  if (matches(set, options.freeze))
    return "frozen";
  if (!options.only.empty())
    return matches(set, options.only) ? "" : "not named";
  return set.isInner && !options.inner ? "inner" : "";
}

int64_t countRemoved(int64_t extent, const PruneOptions &options) {
  // A share that is an integer up to rounding errors is one.
  auto removed =
      static_cast<int64_t>(std::floor(extent * options.ratio + 1e-9));
  int64_t kept = std::max<int64_t>(1, extent - removed);
  kept = llvm::divideCeil(kept, options.roundTo) * options.roundTo;
  return extent - std::min(kept, extent);
}

/// The `count` units with the lowest scores, ascending.
SmallVector<int64_t> chooseLowest(const std::vector<double> &scores,
                                  int64_t count) {
  SmallVector<int64_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return std::make_pair(scores[a], a) < std::make_pair(scores[b], b);
  });
  order.truncate(count);
  llvm::sort(order);
  return order;
}

/// The normalisations whose first operand loses places of a normalised axis.
std::vector<NormEdit> collectNorms(const UnitAnalysis &analysis,
                                   const Edit &edit) {
  const UnitGroups &units = analysis.getUnits();
  llvm::DenseSet<Node> removed;
  for (const auto &[set, map] : edit.maps) {
    llvm::DenseSet<int64_t> kept(map.entries.begin(), map.entries.end());
    for (auto [position, unit] : llvm::enumerate(units.getSets()[set].units))
      if (!kept.contains(position))
        removed.insert(unit);
  }
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
      if (!normalised || !places->axes[index])
        continue;
      NormEdit norm{
          getNodeName(op.getLoc()).str(), static_cast<unsigned>(index), {}};
      const Axis &known = *places->axes[index];
      for (auto [place, node] : llvm::enumerate(known.places))
        if (llvm::none_of(analysis.getAlgebra().getAtoms(node),
                          [&](Node atom) { return removed.contains(atom); }))
          norm.kept.push_back(place);
      if (norm.kept.size() != known.places.size())
        norms.push_back(std::move(norm));
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
  for (UnitSetSummary &summary : summarizeSets(analysis)) {
    PrunedSet set;
    set.kept = summary.units;
    set.reason = getObstacle(summary, options).str();
    positionOf[summary.set] = sets.size();
    set.summary = std::move(summary);
    sets.push_back(std::move(set));
  }

  // A pattern without a match is a slip of the pen.
  for (const auto *patterns : {&options.only, &options.freeze})
    for (const std::string &pattern : *patterns)
      if (llvm::none_of(sets, [&](const PrunedSet &set) {
            return matches(set.summary, pattern);
          })) {
        module.emitError("no tensor with units has a name like '")
            << pattern << "'";
        return failure();
      }

  Edit edit;
  for (const UnitGroup &group : units.getGroups()) {
    SmallVector<int64_t> wanted;
    for (unsigned set : group.sets) {
      auto it = positionOf.find(set);
      bool cut = it != positionOf.end() && sets[it->second].reason.empty();
      wanted.push_back(
          cut ? countRemoved(units.getSets()[set].units.size(), options) : 0);
    }
    SmallVector<int64_t> counts = units.balance(group, wanted);
    for (auto [set, want, count] :
         llvm::zip_equal(group.sets, wanted, counts)) {
      auto it = positionOf.find(set);
      if (it == positionOf.end() || !sets[it->second].reason.empty())
        continue;
      PrunedSet &pruned = sets[it->second];
      if (count == 0) {
        pruned.reason = want == 0 ? "too small" : "equal counts";
        continue;
      }
      int64_t extent = units.getSets()[set].units.size();
      pruned.kept = extent - count;
      edit.maps[set] =
          IndexMap::keepAllBut(extent, chooseLowest((*scores)[set], count));
    }
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
  auto edits = applyEdit(analysis, *edit);
  if (failed(edits))
    return failure();
  report.edits = std::move(*edits);
  report.after = measure(UnitAnalysis(module));
  return report;
}

//===----------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------===//

llvm::json::Object PruneOptions::toJson() const {
  return llvm::json::Object{{"criterion", getName(criterion)},
                            {"ratio", ratio},
                            {"round_to", roundTo},
                            {"seed", static_cast<int64_t>(seed)},
                            {"inner", inner},
                            {"only", llvm::json::Array(only)},
                            {"freeze", llvm::json::Array(freeze)}};
}

llvm::json::Object PruneReport::toJson() const {
  llvm::json::Array setList, editList, normList;
  for (const NormEdit &norm : norms)
    normList.push_back(
        llvm::json::Object{{"node", norm.node},
                           {"axis", norm.axis},
                           {"kept", llvm::json::Array(norm.kept)}});
  for (const PrunedSet &set : sets)
    setList.push_back(
        llvm::json::Object{{"set", set.summary.set},
                           {"group", set.summary.group},
                           {"units", set.summary.units},
                           {"kept", set.kept},
                           {"reason", set.reason},
                           {"members", llvm::json::Array(set.summary.members)},
                           {"pins", llvm::json::Array(set.summary.pins)},
                           {"not_zero_invariant",
                            llvm::json::Array(set.summary.notZeroInvariant)}});
  for (const TensorEdit &edit : edits) {
    llvm::json::Array blocks;
    for (const std::vector<int64_t> &kept : edit.kept)
      blocks.push_back(llvm::json::Array(kept));
    editList.push_back(llvm::json::Object{{"tensor", edit.tensor},
                                          {"source_name", edit.sourceName},
                                          {"axis", edit.axis},
                                          {"block_axis", edit.blockAxis},
                                          {"kept", std::move(blocks)}});
  }
  llvm::json::Object result = options.toJson();
  result["before"] = before.toJson();
  result["after"] = after.toJson();
  result["units"] = std::move(setList);
  result["edits"] = std::move(editList);
  result["norms"] = std::move(normList);
  return result;
}

void PruneReport::print(raw_ostream &os) const {
  auto number = [](int64_t value) { return static_cast<long long>(value); };
  os << "parameters before  after | operations before  after | layer\n";
  for (auto [index, layer] : llvm::enumerate(before.layers)) {
    if (index >= after.layers.size())
      break;
    const LayerSize &now = after.layers[index];
    if (layer.parameters == 0 && layer.flops == now.flops)
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
  os << llvm::format("%12lld %12lld | %12lld %12lld | in total",
                     number(before.parameters), number(after.parameters),
                     number(before.flops), number(after.flops))
     << (before.flopsIncomplete ? " (without ops of dynamic shape)\n" : "\n");
  if (before.parameters > 0)
    os << llvm::format("kept %.1f %% of the parameters",
                       100.0 * after.parameters / before.parameters);
  if (before.innerParameters > 0)
    os << llvm::format(
        ", %.1f %% of those that no graph input or output carries",
        100.0 * after.innerParameters / before.innerParameters);
  os << "\n\n";
  for (const PrunedSet &set : sets) {
    os << "units " << set.summary.set << ": kept " << set.kept << " of "
       << set.summary.units;
    if (!set.reason.empty())
      os << " (" << set.reason << ")";
    os << ",";
    for (const std::string &member : set.summary.members)
      os << ' ' << member;
    os << '\n';
    for (const std::string &pin : set.summary.pins)
      os << "  pinned: " << pin << '\n';
    if (set.kept != set.summary.units)
      for (const std::string &where : set.summary.notZeroInvariant)
        os << "  warning: " << where
           << " normalises over these units, so what remains is computed by "
              "other "
              "statistics\n";
  }
}
