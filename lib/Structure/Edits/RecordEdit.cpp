//===- RecordEdit.cpp - Writing down what an edit did ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RecordEdit.h"
#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

llvm::MapVector<Node, Standing>
neuroplast::structure::findStandings(const AxisAlgebra &algebra,
                                     ArrayRef<Node> places) {
  llvm::MapVector<Node, Standing> standings;
  for (auto [position, place] : llvm::enumerate(places))
    for (Node atom : algebra.getAtoms(place))
      standings[atom].add(position);
  return standings;
}

namespace {

/// An axis of a parameter that has all units of a set in one block.
struct Anchor {
  neuro::ParamOp param;
  unsigned axis = 0, block = 0;
  /// By unit.
  std::vector<Standing> standings;
};

/// For each set that an edit changes an anchor, if it has one.
llvm::DenseMap<unsigned, Anchor> findAnchors(const UnitAnalysis &analysis,
                                             const Edit &edit) {
  llvm::DenseMap<unsigned, Anchor> anchors;
  const UnitGroups &units = analysis.getUnits();
  for (Operation *tensor : analysis.getTensors()) {
    auto param = dyn_cast<neuro::ParamOp>(tensor);
    const TensorPlaces *places = analysis.getPlaces(tensor);
    if (!param || param.getShadowOf() || !places)
      continue;
    for (auto [index, axis] : llvm::enumerate(places->axes)) {
      if (!axis || axis->isDynamic())
        continue;
      for (unsigned block = 0; block < axis->blocks; ++block) {
        auto standings =
            findStandings(analysis.getAlgebra(), axis->getBlock(block));
        for (const auto &[atom, standing] : standings) {
          std::optional<unsigned> set = units.getSet(atom);
          if (!set || !edit.maps.contains(*set) || anchors.contains(*set))
            continue;
          Anchor anchor{param, static_cast<unsigned>(index), block, {}};
          for (Node unit : units.getSets()[*set].units)
            if (auto it = standings.find(unit); it != standings.end())
              anchor.standings.push_back(it->second);
          if (anchor.standings.size() == units.getSets()[*set].units.size())
            anchors[*set] = std::move(anchor);
        }
      }
    }
  }
  return anchors;
}

} // namespace

void neuroplast::structure::recordEdit(
    const UnitAnalysis &analysis, const Edit &edit, const AxisEdit &axes,
    const EditOptions &options,
    ArrayRef<std::pair<neuro::ParamOp, ElementsAttr>> removed) {
  ModuleOp module = analysis.getModule();
  neuro::HistoryOp history = neuro::getOrCreateHistory(module);
  OpBuilder outer = OpBuilder::atBlockEnd(&history.getBody().front());
  auto op = neuro::EditOp::create(outer, module.getLoc(), options.kind,
                                  options.description, options.keepRemoved);
  op.getBody().emplaceBlock();
  OpBuilder builder = OpBuilder::atBlockEnd(&op.getBody().front());
  llvm::DenseMap<unsigned, Anchor> anchors = findAnchors(analysis, edit);
  for (const auto &[set, map] : edit.maps) {
    auto it = anchors.find(set);
    if (it == anchors.end())
      continue;
    const Anchor &anchor = it->second;
    neuro::ParamOp param = anchor.param;
    const Axis &axis =
        *analysis.getPlaces(param.getOperation())->axes[anchor.axis];
    std::vector<Standing> after(map.entries.size());
    auto newPlaces = axes.getNewPlaces(axis);
    for (auto [position, place] : llvm::enumerate(newPlaces[anchor.block]))
      for (const AxisEdit::NewUnit &unit : place.units)
        if (unit.set == set)
          after[unit.index].add(position);
    auto list = [](ArrayRef<Standing> standings, int64_t Standing::*field) {
      SmallVector<int64_t> result;
      for (const Standing &standing : standings)
        result.push_back(standing.*field);
      return result;
    };
    neuro::EditedUnitsOp::create(
        builder, module.getLoc(),
        FlatSymbolRefAttr::get(param.getSymNameAttr()), anchor.axis,
        anchor.block, map.entries, list(anchor.standings, &Standing::first),
        list(anchor.standings, &Standing::last), anchor.standings[0].count,
        list(after, &Standing::first), list(after, &Standing::last),
        after.empty() ? 0 : after[0].count);
  }
  for (auto [param, value] : removed)
    neuro::RemovedOp::create(builder, module.getLoc(),
                             FlatSymbolRefAttr::get(param.getSymNameAttr()),
                             value);
}
