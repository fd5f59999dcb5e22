//===- Explain.cpp - What belongs together, in sentences ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Units/Explain.h"

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Units/Inspect.h"
#include "neuroplast/Support/Suggestion.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

class Explainer {
public:
  Explainer(ModuleOp module, raw_ostream &os)
      : analysis(module), summaries(summarizeSets(analysis)), os(os) {}

  LogicalResult explain(StringRef name);

private:
  void tellTensor(Operation *tensor);
  void tellNode(Operation *op);
  void tellPlaces(const Twine &what, const TensorPlaces *places);
  void tellSet(const UnitSetSummary &set) const;

  UnitAnalysis analysis;
  std::vector<UnitSetSummary> summaries;
  raw_ostream &os;
  /// Of those that were mentioned.
  llvm::SetVector<unsigned> mentioned;
};

} // namespace

/// "a", "a and b", "a, b and c".
template <typename Range> static std::string list(const Range &parts) {
  std::string text;
  for (auto [index, part] : llvm::enumerate(parts)) {
    if (index > 0)
      text += index + 1 == static_cast<size_t>(llvm::range_size(parts))
                  ? " and "
                  : ", ";
    text += part;
  }
  return text;
}

static std::string listSets(ArrayRef<unsigned> sets) {
  return list(llvm::map_to_vector(
      sets, [](unsigned set) { return std::to_string(set); }));
}

void Explainer::tellPlaces(const Twine &what, const TensorPlaces *places) {
  if (!places)
    return;
  for (auto [index, axis] : llvm::enumerate(places->axes)) {
    if (!axis || axis->isDynamic())
      continue;
    llvm::SetVector<unsigned> sets = analysis.findSets(*axis);
    if (sets.empty())
      continue;
    os << "Axis " << index << " of " << what << " has units "
       << listSets(sets.getArrayRef()) << ".\n";
    mentioned.insert_range(sets);
  }
}

void Explainer::tellTensor(Operation *tensor) {
  tellPlaces(getTensorName(tensor), analysis.getPlaces(tensor));
}

void Explainer::tellNode(Operation *op) {
  for (OpResult result : op->getResults())
    tellPlaces("what " + describe(op) + " gives", analysis.getPlaces(result));
  for (Value operand : op->getOperands())
    if (Operation *read = operand.getDefiningOp<neuro::GetParamOp>())
      tellPlaces("its " +
                     getTensorName(SymbolTable::lookupNearestSymbolFrom(
                         read, cast<neuro::GetParamOp>(read).getNameAttr())),
                 analysis.getPlaces(operand));
}

void Explainer::tellSet(const UnitSetSummary &set) const {
  os << "\nUnits " << set.set << ": " << set.units
     << (set.pins.empty() ? " that can come and go" : " that stay as they are")
     << ".\n";
  auto places = llvm::map_to_vector(set.members, [](StringRef member) {
    auto [tensor, axis] = member.rsplit('[');
    return ("axis " + axis.drop_back() + " of " + tensor).str();
  });
  os << "  Each is a place along " << list(places)
     << (places.size() > 1 ? ", and is in all of them or in none" : "")
     << ".\n";
  if (set.placesPerUnit > 1)
    os << "  It takes " << set.placesPerUnit << " places at the least.\n";
  if (set.isInner)
    os << "  They are inner ones, as the features of a head, which edits take "
          "only if they are asked to.\n";
  SmallVector<unsigned> others;
  for (const UnitSetSummary &other : summaries)
    if (other.group == set.group && other.set != set.set)
      others.push_back(other.set);
  if (!others.empty())
    os << "  Their number goes with that of units " << listSets(others)
       << ".\n";
  for (const std::string &pin : set.pins)
    os << "  They are pinned: " << pin << ".\n";
  for (const std::string &where : set.notZeroInvariant)
    os << "  To remove one is not the same as to make it zero: " << where
       << ".\n";
}

LogicalResult Explainer::explain(StringRef name) {
  unsigned number;
  llvm::StringSet<> known;
  if (!name.getAsInteger(10, number)) {
    mentioned.insert(number);
  } else {
    for (Operation *tensor : analysis.getTensors()) {
      auto param = dyn_cast<neuro::ParamOp>(tensor);
      StringRef shown =
          param ? param.getSymName() : getNodeName(tensor->getLoc());
      known.insert(shown);
      if (shown == name.ltrim('@') || (param && param.getSourceName() == name))
        tellTensor(tensor);
    }
    analysis.getModule().walk([&](Operation *op) {
      if (op->getNumResults() == 0 ||
          isa<neuro::GetParamOp, neuro::ConstantOp>(op))
        return;
      StringRef node = getNodeName(op->getLoc());
      known.insert(node);
      if (!node.empty() && node == name)
        tellNode(op);
    });
  }
  bool isTold = false;
  for (const UnitSetSummary &set : summaries)
    if (mentioned.contains(set.set)) {
      tellSet(set);
      isTold = true;
    }
  if (isTold)
    return success();
  if (known.contains(name.ltrim('@')))
    return os << "No units have to do with '" << name << "'.\n", success();
  return analysis.getModule().emitError("there is no set of units, node or "
                                        "parameter '")
         << name << "'" << suggest(name, known.keys());
}

LogicalResult neuroplast::structure::explain(ModuleOp module, StringRef name,
                                             raw_ostream &os) {
  return Explainer(module, os).explain(name);
}
