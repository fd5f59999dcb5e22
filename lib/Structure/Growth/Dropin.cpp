//===- Dropin.cpp - Adding units to a network -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/Dropin.h"
#include "FreshWeights.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

std::optional<Init> neuroplast::structure::parseInit(StringRef name) {
  return llvm::StringSwitch<std::optional<Init>>(name)
      .Case("zero-out", Init::ZeroOut)
      .Case("pair", Init::Pair)
      .Case("net2wider", Init::Net2Wider)
      .Case("split", Init::Split)
      .Case("gradmax", Init::GradMax)
      .Case("tiny", Init::Tiny)
      .Case("random", Init::Random)
      .Default(std::nullopt);
}

StringRef neuroplast::structure::getName(Init init) {
  switch (init) {
  case Init::ZeroOut:
    return "zero-out";
  case Init::Pair:
    return "pair";
  case Init::Net2Wider:
    return "net2wider";
  case Init::Split:
    return "split";
  case Init::GradMax:
    return "gradmax";
  case Init::Tiny:
    return "tiny";
  case Init::Random:
    return "random";
  }
  return "";
}

bool neuroplast::structure::needsGradients(Init init) {
  return init == Init::GradMax || init == Init::Tiny || init == Init::Split;
}

bool neuroplast::structure::makesCopies(Init init) {
  return init == Init::Net2Wider || init == Init::Split;
}

/// How many units join a set.
static int64_t countAdded(const UnitSetSummary &set,
                          const DropinOptions &options) {
  int64_t extent = set.units, rounding = options.getRounding(set);
  int64_t added = options.units.value_or(
      static_cast<int64_t>(std::floor(extent * options.share + 1e-9)));
  if (added == 0)
    return 0;
  added = llvm::divideCeil(extent + added, rounding) * rounding - extent;
  return options.init == Init::Pair ? added + added % 2 : added;
}

/// Old units in their order, and the new ones after them.
static IndexMap makeMap(unsigned set, int64_t extent, int64_t added,
                        const DropinOptions &options) {
  IndexMap map = IndexMap::identity(extent);
  auto chosen = options.donors.find(set);
  for (int64_t i = 0; i < added; ++i)
    if (!makesCopies(options.init))
      map.entries.push_back(IndexMap::kFresh);
    else if (chosen == options.donors.end() || chosen->second.empty())
      map.entries.push_back(i % extent);
    else
      map.entries.push_back(chosen->second[i % chosen->second.size()]);
  return map;
}

FailureOr<DropinReport>
neuroplast::structure::dropin(ModuleOp module, const DropinOptions &options) {
  if (options.units ? *options.units < 0
                    : !(options.share >= 0 && options.share <= 1000))
    return module.emitError("the number of units that join must be positive"),
           failure();
  if (options.roundTo < 0)
    return module.emitError(
               "counts can be rounded to multiples of 1 or more only"),
           failure();
  DropinReport report;
  report.options = options;
  UnitAnalysis analysis(module);
  report.before = measure(analysis);
  std::vector<UnitSetSummary> summaries = summarizeSets(analysis);
  if (failed(options.selection.check(module, summaries)))
    return failure();

  SmallVector<unsigned> candidates;
  for (UnitSetSummary &summary : summaries) {
    GrownSet set;
    set.reason = options.selection.getObstacle(summary).str();
    if (set.reason.empty())
      candidates.push_back(summary.set);
    set.summary = std::move(summary);
    report.sets.push_back(std::move(set));
  }
  Construction construction(analysis, candidates, options.init);
  llvm::DenseMap<unsigned, GrownSet *> setOf;
  for (GrownSet &set : report.sets) {
    setOf[set.summary.set] = &set;
    if (set.reason.empty())
      set.reason = construction.getObstacle(set.summary.set).str();
  }
  // Pairs stay pairs where counts have to be balanced.
  int64_t step = options.init == Init::Pair ? 2 : 1;
  Edit edit;
  for (const UnitGroup &group : analysis.getUnits().getGroups()) {
    SmallVector<double> wanted;
    SmallVector<int64_t> limits;
    for (unsigned index : group.sets) {
      GrownSet *set = setOf.lookup(index);
      bool grows = set && set->reason.empty();
      wanted.push_back(grows ? countAdded(set->summary, options) / step : -1);
      // Near what is wanted: another growth would surprise.
      limits.push_back(2 * std::max<int64_t>(std::llround(wanted.back()), 0) +
                       2);
    }
    SmallVector<int64_t> counts =
        analysis.getUnits().balance(group, wanted, limits);
    for (auto [index, want, count] :
         llvm::zip_equal(group.sets, wanted, counts)) {
      if (want < 0)
        continue;
      GrownSet &set = *setOf.lookup(index);
      if (count == 0)
        set.reason = want > 0 ? "equal counts" : "too small";
      else
        edit.maps[index] =
            makeMap(index, set.summary.units, count * step, options);
    }
  }
  edit.dropConflicts(analysis);
  for (GrownSet &set : report.sets) {
    auto it = edit.maps.find(set.summary.set);
    if (it != edit.maps.end()) {
      ArrayRef<int64_t> joined =
          ArrayRef(it->second.entries).drop_front(set.summary.units);
      set.added = static_cast<int64_t>(joined.size());
      if (makesCopies(options.init))
        set.donors = joined.vec();
    } else if (set.reason.empty())
      set.reason = "equal counts";
  }
  auto edits = applyGrowth(analysis, construction, edit, options,
                           EditOptions::record("dropin", options));
  if (failed(edits))
    return failure();
  report.edits = std::move(*edits);
  report.after = measure(UnitAnalysis(module));
  return report;
}

llvm::json::Object DropinOptions::toJson() const {
  llvm::json::Object result{{"init", getName(init)}};
  if (units)
    result["units"] = *units;
  else
    result["share"] = share;
  if (transplant)
    result["transplant"] = true;
  addTo(result);
  return result;
}

std::optional<DropinOptions> DropinOptions::fromJson(StringRef text) {
  auto value = llvm::json::parse(text);
  if (!value) {
    llvm::consumeError(value.takeError());
    return std::nullopt;
  }
  const llvm::json::Object *object = value->getAsObject();
  auto name = object ? object->getString("init") : std::nullopt;
  auto init =
      name ? parseInit(StringRef(name->data(), name->size())) : std::nullopt;
  if (!init)
    return std::nullopt;
  DropinOptions options;
  options.init = *init;
  options.seed = object->getInteger("seed").value_or(0);
  options.transplant = object->getBoolean("transplant").value_or(false);
  return options;
}

llvm::json::Object DropinReport::toJson() const {
  llvm::json::Array setList;
  for (const GrownSet &set : sets) {
    setList.push_back(
        llvm::json::Object{{"set", set.summary.set},
                           {"group", set.summary.group},
                           {"units", set.summary.units},
                           {"added", set.added},
                           {"reason", set.reason},
                           {"members", llvm::json::Array(set.summary.members)},
                           {"pins", llvm::json::Array(set.summary.pins)}});
    if (!set.donors.empty())
      (*setList.back().getAsObject())["donors"] = llvm::json::Array(set.donors);
  }
  llvm::json::Object result = options.toJson();
  result["before"] = before.toJson();
  result["after"] = after.toJson();
  result["sets"] = std::move(setList);
  result["edits"] = structure::toJson(edits);
  if (loss)
    result["loss"] = llvm::json::Array{loss->first, loss->second};
  return result;
}

/// Whether users have said themselves that the set stays.
static bool isExpected(StringRef reason) {
  return llvm::is_contained(ArrayRef<StringRef>{"", "pinned", "frozen",
                                                "not named", "inner",
                                                "too small"},
                            reason);
}

void DropinReport::printSets(raw_ostream &os, bool all) const {
  if (loss)
    os << llvm::format("loss on the examples: %.6g, was %.6g\n", loss->second,
                       loss->first);
  for (const GrownSet &set : sets) {
    if (!all && isExpected(set.reason))
      continue;
    os << "units " << set.summary.set << ": " << set.summary.units;
    if (set.added)
      os << " + " << set.added;
    else
      os << " (" << set.reason << ")";
    printMembers(os, set.summary);
  }
}
