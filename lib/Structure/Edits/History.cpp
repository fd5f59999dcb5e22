//===- History.cpp - Undoing and repeating edits --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Edits/History.h"
#include "../Growth/FreshWeights.h"
#include "RecordEdit.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Edits/PlaceLists.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

//===----------------------------------------------------------------------===//
// Where units stand
//===----------------------------------------------------------------------===//

namespace {

/// The atoms that stand at these places; fails with an error if there are none.
FailureOr<SmallVector<Node>> findAtoms(const UnitAnalysis &analysis,
                                       neuro::EditedUnitsOp entry,
                                       ArrayRef<int64_t> first,
                                       ArrayRef<int64_t> last, int64_t count) {
  ModuleOp module = analysis.getModule();
  auto param = module.lookupSymbol<neuro::ParamOp>(entry.getParamAttr());
  const TensorPlaces *places =
      param ? analysis.getPlaces(param.getOperation()) : nullptr;
  auto fail = [&](const Twine &reason) {
    return module.emitError("the history does not fit the network: ") << reason;
  };
  unsigned index = entry.getAxis();
  if (!places || index >= places->axes.size() || !places->axes[index])
    return fail("it has no axis " + Twine(index) + " of @" + entry.getParam());
  const Axis &axis = *places->axes[index];
  if (axis.isDynamic() || entry.getBlock() < 0 ||
      entry.getBlock() >= axis.blocks || first.size() != last.size())
    return fail("axis " + Twine(index) + " of @" + entry.getParam() +
                " is another");
  auto standings =
      findStandings(analysis.getAlgebra(), axis.getBlock(entry.getBlock()));
  std::map<std::pair<int64_t, int64_t>, Node> atoms;
  for (const auto &[atom, standing] : standings) {
    if (standing.count != count)
      continue;
    // Of two that cannot be told apart, one may be no unit.
    Node &known =
        atoms.try_emplace({standing.first, standing.last}, atom).first->second;
    if (analysis.getUnits().getSet(atom))
      known = atom;
  }
  SmallVector<Node> result;
  for (auto [from, to] : llvm::zip_equal(first, last)) {
    auto it = atoms.find({from, to});
    if (it == atoms.end())
      return fail("no unit stands at place " + Twine(from) + " along axis " +
                  Twine(index) + " of @" + entry.getParam());
    auto pins = analysis.getAlgebra().getPins(it->second);
    if (!pins.empty())
      return fail("a unit is pinned: " + pins.front());
    result.push_back(it->second);
  }
  return result;
}

} // namespace

//===----------------------------------------------------------------------===//
// Undoing
//===----------------------------------------------------------------------===//

int64_t neuroplast::structure::countEdits(ModuleOp module) {
  neuro::HistoryOp history = neuro::findHistory(module);
  return history ? llvm::range_size(history.getBody().getOps<neuro::EditOp>())
                 : 0;
}

FailureOr<llvm::DenseSet<Node>>
neuroplast::structure::findNewborns(const UnitAnalysis &analysis) {
  llvm::DenseSet<Node> newborns;
  neuro::HistoryOp history = neuro::findHistory(analysis.getModule());
  if (!history || history.getBody().getOps<neuro::EditOp>().empty())
    return newborns;
  auto last = cast<neuro::EditOp>(history.getBody().front().back());
  for (auto entry : last.getBody().getOps<neuro::EditedUnitsOp>()) {
    auto atoms = findAtoms(analysis, entry, entry.getNewFirst(),
                           entry.getNewLast(), entry.getNewCount());
    if (failed(atoms))
      return failure();
    llvm::SmallDenseSet<int64_t> seen;
    for (auto [atom, source] : llvm::zip_equal(*atoms, entry.getMap()))
      if (source == IndexMap::kFresh || !seen.insert(source).second)
        newborns.insert(atom);
  }
  return newborns;
}

namespace {

/// Puts back the elements that a history keeps.
class Restorer {
public:
  explicit Restorer(neuro::EditOp edit) : isComplete(edit.getComplete()) {
    for (auto entry : edit.getBody().getOps<neuro::RemovedOp>())
      removed[entry.getParam()] = entry.getValue();
    for (auto entry : edit.getBody().getOps<neuro::EditedUnitsOp>()) {
      llvm::SmallDenseSet<int64_t> seen;
      for (int64_t source : entry.getMap())
        hasCopies |= source >= 0 && !seen.insert(source).second;
    }
  }

  /// Fails if a tensor has, with what was removed, fewer elements than one of
  /// this type: a history may claim anything.
  LogicalResult check(Operation *tensor, RankedTensorType type) const {
    int64_t count = getTensorValue(tensor).getNumElements();
    ElementsAttr kept = getRemoved(tensor);
    if (kept)
      count += kept.getNumElements();
    if (neuro::countElements(type.getShape()) <= count)
      return success();
    return fail(tensor, kept ? "the history has another number of them"
                             : "the history does not keep them");
  }

  FailureOr<Filled> restore(TensorRewrite tensor) const {
    bool isParam = isa<neuro::ParamOp>(tensor.tensor);
    ElementsAttr kept = getRemoved(tensor.tensor);
    SmallVector<int64_t> fresh = listFresh(tensor);
    if (!kept) {
      if (!fresh.empty() || (hasCopies && !isComplete && isParam))
        return fail(tensor.tensor, "the history does not keep them");
      return Filled::Newborns;
    }
    std::optional<TensorElements> elements = TensorElements::read(kept);
    int64_t count = elements ? elements->getType().getNumElements() : 0;
    if (!elements ||
        elements->getType().getElementType() != tensor.type.getElementType())
      return fail(tensor.tensor, "the history has others");
    ArrayRef<char> source = elements->getBytes();
    size_t size = elements->getElementBytes();
    if (count == tensor.type.getNumElements()) {
      llvm::copy(source, tensor.bytes.begin());
      return Filled::Others;
    }
    if (count != static_cast<int64_t>(fresh.size()))
      return fail(tensor.tensor, "the history has another number of them");
    for (auto [number, element] : llvm::enumerate(fresh))
      std::copy_n(source.data() + number * size, size,
                  tensor.bytes.data() + element * size);
    return Filled::Newborns;
  }

private:
  static LogicalResult fail(Operation *tensor, StringRef reason) {
    return tensor->emitError("the elements of ")
           << getTensorName(tensor) << " cannot be put back: " << reason;
  }

  /// What was removed from a tensor; null if nothing was, or is not kept.
  ElementsAttr getRemoved(Operation *tensor) const {
    auto param = dyn_cast<neuro::ParamOp>(tensor);
    return param ? removed.lookup(param.getSymName()) : ElementsAttr();
  }

  llvm::StringMap<ElementsAttr> removed;
  bool isComplete;
  /// Whether the edit copied units, which then shared their weights.
  bool hasCopies = false;
};

} // namespace

/// Only what was done to units can be told from a history.
static LogicalResult checkHasUnits(ModuleOp module, neuro::EditOp edit,
                                   StringRef what) {
  if (llvm::range_size(edit.getBody().getOps<neuro::EditedUnitsOp>()) > 0)
    return success();
  return module.emitError("the edit '")
         << edit.getKind() << "' has changed no units, and cannot be " << what;
}

/// Puts back what the ops that count units were told before.
static void restoreNumbers(ModuleOp module, neuro::EditOp edit) {
  llvm::StringMap<SmallVector<neuro::ReplacedNumberOp, 1>> numbers;
  for (auto entry : edit.getBody().getOps<neuro::ReplacedNumberOp>())
    numbers[entry.getParam()].push_back(entry);
  if (numbers.empty())
    return;
  module.walk([&](neuro::GetParamOp read) {
    auto it = numbers.find(read.getName());
    if (it == numbers.end())
      return;
    for (OpOperand &use : read->getUses()) {
      auto user = dyn_cast<neuro::CountingOpInterface>(use.getOwner());
      if (!user || user.getQuietGrowth().scale != use.getOperandNumber())
        continue;
      for (neuro::ReplacedNumberOp entry : it->second)
        if (isa_and_nonnull<FloatAttr>(user->getAttr(entry.getAttribute())))
          user->setAttr(entry.getAttribute(), entry.getValueAttr());
    }
  });
}

static LogicalResult undoLast(ModuleOp module, neuro::EditOp edit) {
  if (failed(checkHasUnits(module, edit, "taken back")))
    return failure();
  UnitAnalysis analysis(module);
  std::vector<SmallVector<Node>> atoms;
  std::vector<IndexMap> inverses;
  for (auto entry : edit.getBody().getOps<neuro::EditedUnitsOp>()) {
    auto found = findAtoms(analysis, entry, entry.getNewFirst(),
                           entry.getNewLast(), entry.getNewCount());
    if (failed(found))
      return failure();
    if (found->size() != entry.getMap().size())
      return module.emitError("the history is malformed");
    if (found->empty())
      return module.emitError("the edit '")
             << edit.getKind() << "' has left none of some units along axis "
             << entry.getAxis() << " of @" << entry.getParam()
             << ", so that nothing says where they stood";
    IndexMap &inverse = inverses.emplace_back();
    for (size_t unit = 0; unit < entry.getOldFirst().size(); ++unit) {
      const int64_t *position = llvm::find(entry.getMap(), unit);
      inverse.entries.push_back(position == entry.getMap().end()
                                    ? IndexMap::kFresh
                                    : position - entry.getMap().begin());
    }
    atoms.push_back(std::move(*found));
  }
  SmallVector<AtomMap> maps;
  for (auto [index, list] : llvm::enumerate(atoms))
    maps.push_back({static_cast<unsigned>(index), list, &inverses[index]});
  Restorer restorer(edit);
  auto fill = [&](const AxisEdit &, TensorRewrite tensor) {
    return restorer.restore(tensor);
  };
  auto fits = [&](Operation *tensor, RankedTensorType type) {
    return restorer.check(tensor, type);
  };
  if (failed(applyMaps(analysis, maps, fill, fits)))
    return failure();
  restoreNumbers(module, edit);
  return success();
}

LogicalResult neuroplast::structure::undo(ModuleOp module, int64_t to) {
  int64_t count = countEdits(module);
  if (to < 0 || to > count)
    return module.emitError("the history has ")
           << count << " edits, so that " << to << " cannot be left of them";
  neuro::HistoryOp history = neuro::findHistory(module);
  for (; count > to; --count) {
    neuro::EditOp last = neuro::getLastEdit(module);
    if (failed(undoLast(module, last)))
      return failure();
    last.erase();
  }
  if (history && count == 0)
    history.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Repeating
//===----------------------------------------------------------------------===//

FailureOr<Edit> neuroplast::structure::findEdit(const UnitAnalysis &analysis,
                                                neuro::EditOp op) {
  Edit edit;
  for (auto entry : op.getBody().getOps<neuro::EditedUnitsOp>()) {
    auto atoms = findAtoms(analysis, entry, entry.getOldFirst(),
                           entry.getOldLast(), entry.getOldCount());
    if (failed(atoms))
      return failure();
    std::optional<unsigned> set =
        atoms->empty() ? std::nullopt
                       : analysis.getUnits().getSet(atoms->front());
    if (!set || analysis.getUnits().getSets()[*set].units != *atoms)
      return analysis.getModule().emitError(
                 "the history does not fit the network: the units along axis ")
             << entry.getAxis() << " of @" << entry.getParam()
             << " belong to others";
    edit.maps[*set].entries.assign(entry.getMap().begin(),
                                   entry.getMap().end());
  }
  return edit;
}

LogicalResult neuroplast::structure::replay(ModuleOp module, neuro::EditOp op,
                                            bool keepRemoved) {
  if (failed(checkHasUnits(module, op, "done again")))
    return failure();
  UnitAnalysis analysis(module);
  FailureOr<Edit> edit = findEdit(analysis, op);
  if (failed(edit))
    return failure();
  EditOptions options;
  options.kind = op.getKind().str();
  options.description = op.getOptions().str();
  options.keepRemoved = keepRemoved;
  // Edits by which units joined say with what weights.
  std::optional<DropinOptions> dropin =
      DropinOptions::fromJson(op.getOptions());
  if (!dropin)
    return applyEdit(analysis, *edit, options);
  if (needsGradients(dropin->init))
    module.emitWarning("units that joined by '")
        << getName(dropin->init) << "' begin as "
        << (makesCopies(dropin->init) ? "copies" : "others")
        << " do, as a history knows no examples whose gradients it went by";
  SmallVector<unsigned> sets(llvm::make_first_range(edit->maps));
  Construction construction(analysis, sets, dropin->init);
  return applyGrowth(analysis, construction, *edit, *dropin, options);
}

LogicalResult neuroplast::structure::replay(ModuleOp module,
                                            neuro::HistoryOp history,
                                            bool keepRemoved) {
  for (auto edit : history.getBody().getOps<neuro::EditOp>())
    if (failed(replay(module, edit, keepRemoved)))
      return failure();
  return success();
}
