//===- Edit.cpp - Changing the structure of a module ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Edit.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

IndexMap IndexMap::keepAllBut(int64_t extent, ArrayRef<int64_t> removed) {
  IndexMap map;
  for (int64_t i = 0; i < extent; ++i) {
    if (!removed.empty() && removed.front() == i)
      removed = removed.drop_front();
    else
      map.entries.push_back(i);
  }
  return map;
}

bool IndexMap::isKeepList(int64_t extent) const {
  int64_t next = 0;
  for (int64_t entry : entries) {
    if (entry < next || entry >= extent)
      return false;
    next = entry + 1;
  }
  return true;
}

KeptPlaces::KeptPlaces(const UnitAnalysis &analysis, const Edit &edit)
    : algebra(analysis.getAlgebra()) {
  for (const auto &[index, map] : edit.maps) {
    ArrayRef<Node> units = analysis.getUnits().getSets()[index].units;
    removed.insert(units.begin(), units.end());
    for (int64_t entry : map.entries)
      if (entry != IndexMap::kFresh)
        removed.erase(units[entry]);
  }
}

bool KeptPlaces::contains(Node place) const {
  return llvm::none_of(algebra.getAtoms(place),
                       [&](Node atom) { return removed.contains(atom); });
}

int64_t KeptPlaces::count(ArrayRef<Node> places) const {
  return llvm::count_if(places, [&](Node place) { return contains(place); });
}

bool KeptPlaces::hasEqualBlocks(const Axis &axis) const {
  for (unsigned block = 1; block < axis.blocks; ++block)
    if (count(axis.getBlock(block)) != count(axis.getBlock(0)))
      return false;
  return true;
}

std::vector<int64_t> KeptPlaces::list(ArrayRef<Node> places) const {
  std::vector<int64_t> positions;
  for (auto [position, place] : llvm::enumerate(places))
    if (contains(place))
      positions.push_back(position);
  return positions;
}

namespace {

/// Applies one edit to a copy of the module, which replaces the module once
/// everything has been done and verified.
class Editor {
public:
  Editor(const UnitAnalysis &analysis, const Edit &edit)
      : analysis(analysis), edit(edit), module(analysis.getModule()) {}

  FailureOr<std::vector<TensorEdit>> run() {
    if (failed(checkMaps()))
      return failure();
    kept.emplace(analysis, edit);
    if (failed(checkBlocks()))
      return failure();
    IRMapping mapping;
    OwningOpRef<ModuleOp> copy = cast<ModuleOp>(module->clone(mapping));
    // Attributes first: they are written by rules that look at the old types.
    if (failed(editAttributes(mapping)) || failed(editTensors(mapping)))
      return failure();
    editTypes(mapping);
    if (failed(verify(*copy)))
      return failure();
    module.getBodyRegion().takeBody(copy->getBodyRegion());
    return std::move(record);
  }

private:
  LogicalResult checkMaps() {
    const UnitGroups &units = analysis.getUnits();
    for (const auto &[index, map] : edit.maps) {
      if (index >= units.getSets().size())
        return module.emitError("the edit names unit set #")
               << index << ", which does not exist";
      const UnitSet &set = units.getSets()[index];
      int64_t extent = set.units.size();
      if (!map.isKeepList(extent))
        return module.emitError("the edit of unit set #")
               << index
               << " does more than leave out units, which is not supported yet";
      if (static_cast<int64_t>(map.entries.size()) == extent)
        continue;
      if (!set.pins.empty())
        return module.emitError("unit set #")
               << index << " is pinned: " << set.pins.front();
      if (map.entries.empty())
        return module.emitError("the edit leaves nothing of unit set #")
               << index;
    }
    return success();
  }

  LogicalResult checkBlocks() {
    for (const Axis &axis : analysis.getAlgebra().getEqualCounts())
      if (!kept->hasEqualBlocks(axis))
        return module.emitError("the edit leaves unequal numbers of units in "
                                "the blocks of an axis");
    return success();
  }

  /// The new extent of an axis, or the old one where nothing is known of it.
  int64_t getExtent(const std::optional<Axis> &axis, int64_t old) const {
    if (!axis || axis->isDynamic() || ShapedType::isDynamic(old))
      return old;
    return kept->count(axis->getBlock(0));
  }

  RankedTensorType editType(RankedTensorType type,
                            const TensorPlaces &places) const {
    SmallVector<int64_t> shape(type.getShape());
    for (auto [size, axis] : llvm::zip_equal(shape, places.axes))
      size = getExtent(axis, size);
    return type.clone(shape);
  }

  LogicalResult editAttributes(IRMapping &mapping) {
    WalkResult result = module.walk([&](neuro::AxisRuleOpInterface op) {
      ArrayRef<Axis> factors = analysis.getFactors(op);
      if (factors.empty())
        return WalkResult::advance();
      SmallVector<int64_t> extents;
      bool changed = false;
      for (const Axis &factor : factors) {
        extents.push_back(factor.isDynamic() ? Axis::kDynamic
                                             : kept->count(factor.getBlock(0)));
        changed |= extents.back() != factor.extent;
      }
      if (changed)
        cast<neuro::AxisRuleOpInterface>(mapping.lookup(op.getOperation()))
            .setFactorExtents(extents);
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  LogicalResult editTensors(IRMapping &mapping) {
    for (Operation *tensor : analysis.getTensors()) {
      const TensorPlaces *places = analysis.getPlaces(tensor);
      ElementsAttr value = getTensorValue(tensor);
      if (!places || !value)
        continue;
      auto type = cast<RankedTensorType>(value.getShapedType());
      RankedTensorType newType = editType(type, *places);
      if (newType == type)
        continue;
      FailureOr<ElementsAttr> newValue =
          gather(tensor, value, newType, *places);
      if (failed(newValue))
        return failure();
      Operation *target = mapping.lookup(tensor);
      target->setAttr("value", *newValue);
      if (auto constant = dyn_cast<neuro::ConstantOp>(target))
        constant.getResult().setType(newType);
    }
    return success();
  }

  /// The kept places of every axis and block of a tensor; also written down in
  /// the record.
  SmallVector<PlaceLists> listPlaces(Operation *tensor, RankedTensorType type,
                                     const TensorPlaces &places) {
    SmallVector<PlaceLists> result;
    for (auto [index, axis] : llvm::enumerate(places.axes)) {
      PlaceLists &lists = result.emplace_back();
      if (!axis || axis->isDynamic()) {
        auto all = llvm::seq<int64_t>(0, type.getDimSize(index));
        lists.emplace_back(all.begin(), all.end());
        continue;
      }
      for (unsigned block = 0; block < axis->blocks; ++block)
        lists.push_back(kept->list(axis->getBlock(block)));
      if (static_cast<int64_t>(lists.front().size()) == axis->extent)
        continue;
      TensorEdit entry;
      entry.tensor = getTensorName(tensor);
      if (auto param = dyn_cast<neuro::ParamOp>(tensor))
        entry.sourceName = param.getSourceName() ? param.getSourceName()->str()
                                                 : param.getSymName().str();
      entry.axis = index;
      entry.blockAxis = places.blockAxis;
      entry.kept = lists;
      record.push_back(std::move(entry));
    }
    return result;
  }

  FailureOr<ElementsAttr> gather(Operation *tensor, ElementsAttr value,
                                 RankedTensorType newType,
                                 const TensorPlaces &places) {
    auto type = cast<RankedTensorType>(value.getShapedType());
    SmallVector<PlaceLists> lists = listPlaces(tensor, type, places);
    if (auto dense = dyn_cast<DenseElementsAttr>(value);
        dense && dense.isSplat())
      return cast<ElementsAttr>(dense.resizeSplat(newType));
    std::optional<TensorElements> elements = TensorElements::read(value);
    if (!elements)
      return tensor->emitError("the elements of ")
             << getTensorName(tensor) << " cannot be read";
    std::string bytes = structure::gather(*elements, lists, places.blockAxis);
    if (static_cast<int64_t>(bytes.size()) !=
        newType.getNumElements() * elements->getElementBytes())
      return tensor->emitError("the edit of ")
             << getTensorName(tensor) << " leaves no rectangular tensor";
    auto param = dyn_cast<neuro::ParamOp>(tensor);
    return makeElements(newType, param ? param.getSymName() : "edited",
                        std::move(bytes));
  }

  void editTypes(IRMapping &mapping) {
    auto edit = [&](Value value) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      const TensorPlaces *places = analysis.getPlaces(value);
      if (type && places)
        mapping.lookup(value).setType(editType(type, *places));
    };
    module.walk([&](Operation *op) {
      llvm::for_each(op->getResults(), edit);
      for (Region &region : op->getRegions())
        for (Block &block : region)
          llvm::for_each(block.getArguments(), edit);
    });
  }

  const UnitAnalysis &analysis;
  const Edit &edit;
  ModuleOp module;
  /// Set once the maps have been checked.
  std::optional<KeptPlaces> kept;
  std::vector<TensorEdit> record;
};

} // namespace

FailureOr<std::vector<TensorEdit>>
neuroplast::structure::applyEdit(const UnitAnalysis &analysis,
                                 const Edit &edit) {
  return Editor(analysis, edit).run();
}
