//===- Edit.cpp - Changing the structure of a module ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Edits/Edit.h"
#include "RecordEdit.h"
#include "mlir/IR/Verifier.h"
#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Edits/PlaceLists.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

AxisEdit Edit::apply(const UnitAnalysis &analysis) const {
  SmallVector<AtomMap> atoms;
  for (const auto &[index, map] : maps)
    atoms.push_back({index, analysis.getUnits().getSets()[index].units, &map});
  return AxisEdit(analysis.getAlgebra(), atoms);
}

void Edit::dropConflicts(const UnitAnalysis &analysis) {
  const AxisAlgebra &algebra = analysis.getAlgebra();
  const UnitGroups &units = analysis.getUnits();
  while (!maps.empty()) {
    AxisEdit axes = apply(analysis);
    if (axes.getError().empty())
      return;
    llvm::DenseSet<unsigned> involved;
    for (unsigned base : axes.getConflicts()) {
      const AxisTerm &term = algebra.getTerms()[base];
      for (int64_t i = 0; i < term.extent * term.blocks; ++i)
        for (Node atom : algebra.getAtoms(term.first + i))
          if (std::optional<unsigned> set = units.getSet(atom))
            involved.insert(*set);
    }
    size_t before = maps.size();
    for (const UnitGroup &group : units.getGroups())
      if (llvm::any_of(group.sets,
                       [&](unsigned set) { return involved.contains(set); }))
        for (unsigned set : group.sets)
          maps.erase(set);
    // Whatever the reason is, no map may stay.
    if (maps.size() == before)
      maps.clear();
  }
}

llvm::json::Array neuroplast::structure::toJson(ArrayRef<TensorEdit> edits) {
  llvm::json::Array list;
  for (const TensorEdit &edit : edits) {
    llvm::json::Array blocks;
    for (const std::vector<int64_t> &sources : edit.sources)
      blocks.push_back(llvm::json::Array(sources));
    list.push_back(llvm::json::Object{{"tensor", edit.tensor},
                                      {"source_name", edit.sourceName},
                                      {"axis", edit.axis},
                                      {"block_axis", edit.blockAxis},
                                      {"sources", std::move(blocks)}});
  }
  return list;
}

namespace {

/// Works out everything that an edit changes, and then changes it.
class Editor {
public:
  Editor(const UnitAnalysis &analysis, const AxisEdit &axes,
         const EditOptions &options)
      : analysis(analysis), axes(axes), options(options),
        module(analysis.getModule()) {}

  FailureOr<std::vector<TensorEdit>> run() {
    if (!axes.getError().empty())
      return module.emitError(axes.getError());
    if (failed(planTensors()))
      return failure();
    planOps();
    planTypes();
    commit();
    for (const OpChange &change : ops)
      if (failed(verify(change.op, /*verifyRecursively=*/false))) {
        rollBack();
        return failure();
      }
    return std::move(record);
  }

  /// The sizes that the network would have. Nothing stays changed.
  std::optional<NetworkSize> measure() {
    if (!axes.getError().empty())
      return std::nullopt;
    planOps();
    planTypes();
    commit();
    NetworkSize size;
    size.setLayers(measureLayers(module));
    rollBack();
    for (auto param : module.getOps<neuro::ParamOp>()) {
      if (param.getShadowOf())
        continue;
      const TensorPlaces *places = analysis.getPlaces(param.getOperation());
      size.addParameter(places ? editType(param.getType(), *places)
                               : param.getType());
    }
    return size;
  }

  /// By parameter, the elements that are no longer there, if they are kept.
  ArrayRef<std::pair<neuro::ParamOp, ElementsAttr>> getRemoved() const {
    return removed;
  }

private:
  struct TensorChange {
    Operation *tensor;
    ElementsAttr value;
    ElementsAttr old;
  };
  struct OpChange {
    neuro::AxisRuleOpInterface op;
    SmallVector<int64_t> extents;
    DictionaryAttr old;
    /// Sizes and indices that were computed or listed.
    SmallVector<Value> operands;
  };
  struct TypeChange {
    Value value;
    RankedTensorType type;
    Type old;
  };

  /// The type that a tensor with these places gets.
  RankedTensorType editType(RankedTensorType type,
                            const TensorPlaces &places) const {
    SmallVector<int64_t> shape(type.getShape());
    for (auto [size, axis] : llvm::zip_equal(shape, places.axes))
      if (axis && axes.changes(*axis) && !ShapedType::isDynamic(size))
        size = axes.getExtent(*axis);
    return type.clone(shape);
  }

  bool changes(const TensorPlaces &places) const {
    return llvm::any_of(places.axes, [&](const std::optional<Axis> &axis) {
      return axis && axes.changes(*axis);
    });
  }

  void planOps() {
    module.walk([&](neuro::AxisRuleOpInterface op) {
      ArrayRef<Axis> factors = analysis.getFactors(op);
      if (llvm::none_of(factors, [&](const Axis &factor) {
            return axes.changes(factor);
          }))
        return;
      SmallVector<int64_t> extents;
      for (const Axis &factor : factors)
        extents.push_back(factor.isOpen() ? Axis::kDynamic
                                          : axes.getExtent(factor));
      ops.push_back({op, std::move(extents), op->getAttrDictionary(),
                     SmallVector<Value>(op->getOperands())});
    });
  }

  void planTypes() {
    auto plan = [&](Value value) {
      const TensorPlaces *places = analysis.getPlaces(value);
      if (!places || !changes(*places))
        return;
      auto type = cast<RankedTensorType>(value.getType());
      types.push_back({value, editType(type, *places), type});
    };
    module.walk([&](Operation *op) {
      llvm::for_each(op->getResults(), plan);
      for (Region &region : op->getRegions())
        for (Block &block : region)
          llvm::for_each(block.getArguments(), plan);
    });
  }

  LogicalResult planTensors() {
    for (Operation *tensor : analysis.getTensors()) {
      const TensorPlaces *places = analysis.getPlaces(tensor);
      ElementsAttr value = getTensorValue(tensor);
      if (!places || !value || !changes(*places))
        continue;
      FailureOr<ElementsAttr> newValue = editValue(tensor, value, *places);
      if (failed(newValue))
        return failure();
      tensors.push_back({tensor, *newValue, value});
    }
    return success();
  }

  /// Where every element of the new tensor comes from; also written down in the
  /// record.
  SmallVector<PlaceLists> listSources(Operation *tensor, RankedTensorType type,
                                      const TensorPlaces &places) {
    SmallVector<PlaceLists> result;
    for (auto [index, axis] : llvm::enumerate(places.axes)) {
      if (!axis || !axes.changes(*axis)) {
        auto all = llvm::seq<int64_t>(0, type.getDimSize(index));
        result.push_back({{all.begin(), all.end()}});
        continue;
      }
      result.push_back(axes.getSources(*axis));
      TensorEdit entry;
      entry.tensor = getTensorName(tensor);
      if (auto param = dyn_cast<neuro::ParamOp>(tensor))
        entry.sourceName = param.getSourceName() ? param.getSourceName()->str()
                                                 : param.getSymName().str();
      entry.axis = index;
      entry.blockAxis = places.blockAxis;
      entry.sources = result.back();
      record.push_back(std::move(entry));
    }
    return result;
  }

  FailureOr<ElementsAttr> editValue(Operation *tensor, ElementsAttr value,
                                    const TensorPlaces &places) {
    auto type = cast<RankedTensorType>(value.getShapedType());
    RankedTensorType newType = editType(type, places);
    if (options.fits && failed(options.fits(tensor, newType)))
      return failure();
    SmallVector<PlaceLists> sources = listSources(tensor, type, places);
    bool hasFresh = llvm::any_of(sources, [](const PlaceLists &lists) {
      return llvm::any_of(lists, [](const std::vector<int64_t> &list) {
        return llvm::is_contained(list, IndexMap::kFresh);
      });
    });
    if (auto dense = dyn_cast<DenseElementsAttr>(value);
        dense && dense.isSplat() && !hasFresh && !options.fill &&
        !options.keepRemoved)
      return cast<ElementsAttr>(dense.resizeSplat(newType));
    std::optional<TensorElements> elements = TensorElements::read(value);
    if (!elements)
      return tensor->emitError("the elements of ")
             << getTensorName(tensor) << " cannot be read";
    std::string bytes = gather(*elements, sources, places.blockAxis);
    if (static_cast<int64_t>(bytes.size()) !=
        newType.getNumElements() * elements->getElementBytes())
      return tensor->emitError("the edit of ")
             << getTensorName(tensor) << " leaves no rectangular tensor";
    FailureOr<Filled> filled = Filled::Newborns;
    if (options.fill)
      filled = options.fill(axes, {tensor, newType, places, sources, bytes});
    if (failed(filled))
      return failure();
    auto param = dyn_cast<neuro::ParamOp>(tensor);
    if (param && (options.keepRemoved || *filled == Filled::OthersToKeep))
      keep(param, *elements,
           *filled == Filled::Newborns ? sources : SmallVector<PlaceLists>(),
           places.blockAxis);
    releasePages(elements->getBytes());
    return makeElements(newType, param ? param.getSymName() : "edited",
                        std::move(bytes));
  }

  void keep(neuro::ParamOp param, const TensorElements &elements,
            ArrayRef<PlaceLists> sources, unsigned blockAxis) {
    std::string bytes = gatherRemoved(elements, sources, blockAxis);
    int64_t count = bytes.size() / elements.getElementBytes();
    if (count == 0)
      return;
    auto type =
        RankedTensorType::get(count, elements.getType().getElementType());
    removed.emplace_back(
        param, makeElements(type, (param.getSymName() + ".removed").str(),
                            std::move(bytes)));
  }

  void commit() {
    // Attributes first, and the last ops first: they are written by rules that
    // look at the old types, and at the old sizes of what comes before.
    for (OpChange &change : llvm::reverse(ops))
      change.op.setFactorExtents(change.extents);
    for (TypeChange &change : types)
      change.value.setType(change.type);
    for (TensorChange &change : tensors)
      change.tensor->setAttr("value", change.value);
  }

  void rollBack() {
    for (OpChange &change : ops) {
      change.op->setAttrs(change.old);
      change.op->setOperands(change.operands);
    }
    for (TypeChange &change : types)
      change.value.setType(change.old);
    for (TensorChange &change : tensors)
      change.tensor->setAttr("value", change.old);
  }

  const UnitAnalysis &analysis;
  const AxisEdit &axes;
  const EditOptions &options;
  ModuleOp module;
  std::vector<std::pair<neuro::ParamOp, ElementsAttr>> removed;
  std::vector<TensorChange> tensors;
  std::vector<OpChange> ops;
  std::vector<TypeChange> types;
  std::vector<TensorEdit> record;
};

LogicalResult checkMaps(const UnitAnalysis &analysis, const Edit &edit) {
  ModuleOp module = analysis.getModule();
  const UnitGroups &units = analysis.getUnits();
  for (const auto &[index, map] : edit.maps) {
    if (index >= units.getSets().size())
      return module.emitError("the edit names unit set #")
             << index << ", which does not exist";
    const UnitSet &set = units.getSets()[index];
    int64_t extent = set.units.size();
    if (!map.fits(extent))
      return module.emitError("the edit of unit set #")
             << index << " names a unit that does not exist";
    if (map.isIdentity(extent))
      continue;
    if (!set.pins.empty())
      return module.emitError("unit set #")
             << index << " is pinned: " << set.pins.front();
    if (map.entries.empty() && !set.isFragment)
      return module.emitError("the edit leaves nothing of unit set #") << index;
  }
  return success();
}

} // namespace

SmallVector<int64_t>
neuroplast::structure::listFresh(const TensorRewrite &tensor) {
  SmallVector<int64_t> result;
  ArrayRef<int64_t> shape = tensor.type.getShape();
  forEachElement(shape, [&](int64_t element, ArrayRef<int64_t> index) {
    bool isFresh = false;
    for (auto [axis, blocks] : llvm::enumerate(tensor.sources)) {
      size_t block =
          findBlock(index, shape, tensor.places.blockAxis, blocks.size());
      isFresh |= blocks[block][index[axis]] == IndexMap::kFresh;
    }
    if (isFresh)
      result.push_back(element);
  });
  return result;
}

FailureOr<std::vector<TensorEdit>>
neuroplast::structure::applyEdit(const UnitAnalysis &analysis, const Edit &edit,
                                 const EditOptions &options) {
  if (failed(checkMaps(analysis, edit)))
    return failure();
  AxisEdit axes = edit.apply(analysis);
  Editor editor(analysis, axes, options);
  auto record = editor.run();
  if (succeeded(record) && !record->empty() && !options.kind.empty())
    recordEdit(analysis, edit, axes, options, editor.getRemoved());
  return record;
}

std::optional<NetworkSize>
neuroplast::structure::measureEdited(const UnitAnalysis &analysis,
                                     const Edit &edit) {
  AxisEdit axes = edit.apply(analysis);
  return Editor(analysis, axes, {}).measure();
}

FailureOr<std::vector<TensorEdit>>
neuroplast::structure::applyMaps(const UnitAnalysis &analysis,
                                 ArrayRef<AtomMap> maps, TensorFiller fill,
                                 TensorGate fits) {
  AxisEdit axes(analysis.getAlgebra(), maps);
  EditOptions options;
  options.fill = fill;
  options.fits = fits;
  return Editor(analysis, axes, options).run();
}
