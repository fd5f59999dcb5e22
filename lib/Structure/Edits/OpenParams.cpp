//===- OpenParams.cpp - Parameters that may change size -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Edits/OpenParams.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/RegionUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Structure/Edits/Edit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

namespace {

/// Opens the sizes of unit sets, if nothing holds them.
class Opener {
public:
  Opener(ModuleOp module, func::FuncOp main)
      : analysis(module), members(analysis.collectMembers()), module(module),
        main(main) {}

  const UnitAnalysis &getAnalysis() const { return analysis; }
  ArrayRef<Member> getMembers(unsigned set) const { return members[set]; }

  /// Adds a set. An edit by which it doubles shows what depends on its size.
  void add(unsigned set) {
    int64_t units = analysis.getUnits().getSets()[set].units.size();
    IndexMap map = IndexMap::identity(units);
    map.entries.resize(2 * units, IndexMap::kFresh);
    edit.maps[set] = std::move(map);
  }
  bool contains(unsigned set) const { return edit.maps.contains(set); }
  bool isEmpty() const { return edit.maps.empty(); }

  /// Drops the sets whose sizes something else depends on; returns the reasons.
  llvm::DenseMap<unsigned, std::string> dropHeld() {
    llvm::DenseMap<unsigned, std::string> reasons;
    auto drop = [&](unsigned set, const Twine &reason) {
      if (edit.maps.erase(set))
        reasons.try_emplace(set, reason.str());
    };
    for (const auto &[set, map] : Edit(edit).maps) {
      for (const Member &member : members[set])
        if (isa<neuro::ConstantOp>(member.tensor))
          drop(set, getTensorName(member.tensor) + " lists its units");
        else if (!isReadByMainOnly(cast<neuro::ParamOp>(member.tensor)))
          drop(set, "another function reads " + getTensorName(member.tensor));
    }
    while (true) {
      Edit all = edit;
      edit.dropConflicts(analysis);
      for (const auto &[set, map] : all.maps)
        if (!edit.maps.contains(set))
          reasons.try_emplace(set, "its units stand among others");
      if (edit.maps.empty())
        return reasons;
      axes.emplace(edit.apply(analysis));
      llvm::DenseMap<unsigned, Operation *> holders = findHolders();
      if (holders.empty())
        return reasons;
      for (auto [set, op] : holders)
        drop(set, "an attribute of " + describe(op) + " depends on its size");
    }
  }

  /// Commits; returns failure after an error if the network does not verify.
  LogicalResult open() {
    openTypes();
    llvm::StringMap<SmallVector<neuro::GetParamOp>> reads;
    main.walk([&](neuro::GetParamOp op) { reads[op.getName()].push_back(op); });
    for (auto param : module.getOps<neuro::ParamOp>())
      if (RankedTensorType type = getOpenType(param))
        makeArgument(param, type, reads[param.getSymName()]);
    // What was tried has left sizes behind that nobody needs.
    IRRewriter rewriter(module.getContext());
    (void)runRegionDCE(rewriter, main->getRegions());
    return mlir::verify(main);
  }

private:
  static bool isTensor(Value value) {
    return isa<RankedTensorType>(value.getType());
  }

  bool isReadByMainOnly(neuro::ParamOp param) {
    auto uses = SymbolTable::getSymbolUses(param, module);
    return uses && llvm::all_of(*uses, [&](SymbolTable::SymbolUse use) {
             auto reader = use.getUser()->getParentOfType<func::FuncOp>();
             return !reader || reader == main;
           });
  }

  /// Ops with attributes, or operands that are sizes, that the edit would
  /// change, by the sets that they depend on.
  llvm::DenseMap<unsigned, Operation *> findHolders() {
    llvm::DenseMap<unsigned, Operation *> holders;
    module.walk([&](neuro::AxisRuleOpInterface op) {
      ArrayRef<Axis> factors = analysis.getFactors(op);
      SmallVector<int64_t> extents;
      llvm::SmallSetVector<unsigned, 4> sets;
      for (const Axis &factor : factors) {
        extents.push_back(factor.isOpen() ? Axis::kDynamic
                                          : axes->getExtent(factor));
        if (!axes->changes(factor))
          continue;
        for (Node place : factor.places)
          for (Node atom : analysis.getAlgebra().getAtoms(place))
            if (auto set = analysis.getUnits().getSet(atom);
                set && edit.maps.contains(*set))
              sets.insert(*set);
      }
      if (sets.empty())
        return;
      DictionaryAttr attributes = op->getAttrDictionary();
      SmallVector<Value> operands(op->getOperands());
      op.setFactorExtents(extents);
      bool isHolder = op->getAttrDictionary() != attributes ||
                      !llvm::equal(op->getOperands(), operands);
      op->setAttrs(attributes);
      op->setOperands(operands);
      if (isHolder)
        for (unsigned set : sets)
          holders.try_emplace(set, op);
    });
    return holders;
  }

  RankedTensorType openType(RankedTensorType type,
                            const TensorPlaces *places) const {
    if (!places)
      return type;
    SmallVector<int64_t> shape(type.getShape());
    for (auto [size, axis] : llvm::zip_equal(shape, places->axes))
      if (axis && axes->changes(*axis))
        size = ShapedType::kDynamic;
    return type.clone(shape);
  }

  /// The type of a parameter with an open axis; null for others.
  RankedTensorType getOpenType(neuro::ParamOp param) const {
    RankedTensorType type =
        openType(param.getType(), analysis.getPlaces(param.getOperation()));
    return type.hasStaticShape() || param.getShadowOf() ? RankedTensorType()
                                                        : type;
  }

  void openTypes() {
    auto open = [&](Value value) {
      if (isTensor(value))
        value.setType(openType(cast<RankedTensorType>(value.getType()),
                               analysis.getPlaces(value)));
    };
    main.walk([&](Operation *op) {
      llvm::for_each(op->getResults(), open);
      for (Region &region : op->getRegions())
        for (Block &block : region)
          llvm::for_each(block.getArguments(), open);
    });
  }

  /// Numbers for the open axes of a parameter, the same for those that go
  /// through the same units.
  SmallVector<int64_t> numberSizes(neuro::ParamOp param,
                                   RankedTensorType type) {
    const TensorPlaces *places = analysis.getPlaces(param.getOperation());
    SmallVector<int64_t> numbers(type.getRank(), -1);
    for (auto [number, axis, size] :
         llvm::zip_equal(numbers, places->axes, type.getShape())) {
      if (!ShapedType::isDynamic(size))
        continue;
      std::vector<SmallVector<Node, 2>> units;
      for (Node place : axis->getBlock(0))
        units.push_back(analysis.getAlgebra().getAtoms(place));
      llvm::sort(units);
      number = sizeNumbers.try_emplace(units, sizeNumbers.size()).first->second;
    }
    return numbers;
  }

  void makeArgument(neuro::ParamOp param, RankedTensorType type,
                    ArrayRef<neuro::GetParamOp> reads) {
    BlockArgument argument = neuro::addParamArgument(main, param, type);
    neuro::setSizeNumbers(main, argument.getArgNumber(),
                          numberSizes(param, type));
    for (neuro::GetParamOp read : reads) {
      read.getResult().replaceAllUsesWith(argument);
      read.erase();
    }
  }

  UnitAnalysis analysis;
  std::vector<std::vector<Member>> members;
  ModuleOp module;
  func::FuncOp main;
  Edit edit;
  std::optional<AxisEdit> axes;
  /// Of the open axes of parameters, by the units that they go through.
  std::map<std::vector<SmallVector<Node, 2>>, int64_t> sizeNumbers;
};

func::FuncOp findMain(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (main && main.getBody().hasOneBlock())
    return main;
  module.emitError("has no function 'main' of one block");
  return {};
}

} // namespace

void OpenedSet::print(raw_ostream &os) const {
  os << summary.units << " units of " << llvm::join(summary.members, ", ")
     << (reason.empty() ? " may change" : " stay: ") << reason << '\n';
}

FailureOr<std::vector<OpenedSet>>
neuroplast::structure::openParams(ModuleOp module,
                                  const UnitSelection &selection) {
  func::FuncOp main = findMain(module);
  if (!main)
    return failure();
  Opener opener(module, main);
  std::vector<UnitSetSummary> summaries = summarizeSets(opener.getAnalysis());
  if (failed(selection.check(module, summaries)))
    return failure();
  std::vector<OpenedSet> sets;
  for (UnitSetSummary &summary : summaries) {
    StringRef obstacle = selection.getObstacle(summary);
    bool isNamed = selection.only.empty() ||
                   llvm::any_of(selection.only, [&](StringRef pattern) {
                     return matches(summary, pattern);
                   });
    if (!isNamed || obstacle == "inner")
      continue;
    if (obstacle.empty())
      opener.add(summary.set);
    sets.push_back({std::move(summary), obstacle.str()});
  }
  llvm::DenseMap<unsigned, std::string> reasons = opener.dropHeld();
  for (OpenedSet &set : sets)
    if (auto it = reasons.find(set.summary.set); it != reasons.end())
      set.reason = it->second;
  if (opener.isEmpty()) {
    InFlightDiagnostic error = module.emitError("no units can be left open");
    for (const OpenedSet &set : sets)
      error.attachNote() << llvm::join(set.summary.members, ", ")
                         << " keeps its size: " << set.reason;
    return error;
  }
  if (failed(opener.open()))
    return failure();
  return sets;
}

LogicalResult neuroplast::structure::openParams(
    ModuleOp module, const llvm::StringMap<SmallVector<int64_t>> &shapes) {
  func::FuncOp main = findMain(module);
  if (!main)
    return failure();
  Opener opener(module, main);
  auto isOpen = [&](const Member &member) {
    auto param = dyn_cast<neuro::ParamOp>(member.tensor);
    if (!param)
      return false;
    auto it = shapes.find(neuro::getUserName(param));
    return it != shapes.end() &&
           llvm::all_of(member.runs, [&](const MemberRun &run) {
             return run.axis < it->second.size() && it->second[run.axis] < 0;
           });
  };
  for (unsigned set = 0; set < opener.getAnalysis().getUnits().getSets().size();
       ++set)
    if (ArrayRef<Member> members = opener.getMembers(set);
        !members.empty() && llvm::all_of(members, isOpen))
      opener.add(set);
  opener.dropHeld();
  if (opener.isEmpty())
    return module.emitError("has none of the parameters that are to be given");
  return opener.open();
}
