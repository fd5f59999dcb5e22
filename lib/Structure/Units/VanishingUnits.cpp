//===- VanishingUnits.cpp - Units that can go without a trace -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Units/VanishingUnits.h"
#include "ZeroAnalysis.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/Edits/PlaceLists.h"
#include "neuroplast/Structure/Units/LayerUnits.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include <map>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

/// A parameter, by its operation, and a set that it has.
using ParamOfSet = std::pair<Operation *, unsigned>;

/// The sets of whose units nothing is left wherever the network sums over them,
/// if these parameters are zero for them.
static llvm::DenseSet<unsigned>
findVanishing(const UnitAnalysis &analysis,
              llvm::function_ref<bool(ParamOfSet)> isZero) {
  auto assume = [&](neuro::ParamOp param, unsigned set) {
    return param && isZero({param, set}) ? Content::Zero : Content::Any;
  };
  llvm::DenseSet<unsigned> summed, missed;
  ZeroAnalysis(analysis, assume).forEachSum([&](const UnitSum &sum) {
    summed.insert(sum.set);
    if (sum.counts || sum.zeros.none())
      missed.insert(sum.set);
  });
  for (unsigned set : missed)
    summed.erase(set);
  return summed;
}

/// The parameters whose places are known, with these.
static SmallVector<std::pair<neuro::ParamOp, const TensorPlaces *>>
listParams(const UnitAnalysis &analysis) {
  SmallVector<std::pair<neuro::ParamOp, const TensorPlaces *>> params;
  for (Operation *tensor : analysis.getTensors())
    if (auto param = dyn_cast<neuro::ParamOp>(tensor))
      if (const TensorPlaces *places = analysis.getPlaces(tensor))
        params.emplace_back(param, places);
  return params;
}

/// The axes along which a parameter has units of a set.
static SmallVector<unsigned> findAxes(const UnitAnalysis &analysis,
                                      const TensorPlaces &places,
                                      unsigned set) {
  SmallVector<unsigned> axes;
  for (auto [index, axis] : llvm::enumerate(places.axes))
    if (axis && analysis.findSets(*axis).contains(set))
      axes.push_back(index);
  return axes;
}

/// The axis along which all layers that read a parameter make units of it; none
/// if they do not agree, or something else reads it.
static std::optional<unsigned> findMadeAxis(ArrayRef<neuro::GetParamOp> reads) {
  std::optional<unsigned> made;
  for (neuro::GetParamOp read : reads)
    for (OpOperand &use : read->getUses()) {
      auto layer = dyn_cast<neuro::AxisRuleOpInterface>(use.getOwner());
      std::optional<int64_t> axis;
      if (layer && layer->getNumResults() > 0)
        axis = findUnitAxis(use);
      if (!axis || (made && *made != *axis))
        return std::nullopt;
      made = *axis;
    }
  return made;
}

/// Where the units of a set stand along an axis, as a maker lists them; none if
/// they are not there equally often, or in blocks.
static std::optional<std::vector<int64_t>>
listPlaces(const AxisAlgebra &algebra, const Axis &axis, const UnitSet &set) {
  if (axis.blocks != 1 || axis.isDynamic())
    return std::nullopt;
  llvm::DenseMap<Node, size_t> positions;
  for (auto [position, unit] : llvm::enumerate(set.units))
    positions[unit] = position;
  std::vector<std::vector<int64_t>> lists(set.units.size());
  for (auto [place, node] : llvm::enumerate(axis.places))
    for (Node atom : algebra.getAtoms(node))
      if (auto it = positions.find(atom); it != positions.end())
        lists[it->second].push_back(place);
  std::vector<int64_t> places;
  for (const std::vector<int64_t> &list : lists) {
    if (list.empty() || list.size() != lists.front().size())
      return std::nullopt;
    llvm::append_range(places, list);
  }
  return places;
}

std::vector<MadeUnits>
neuroplast::structure::listMadeUnits(const UnitAnalysis &analysis) {
  llvm::StringMap<SmallVector<neuro::GetParamOp>> reads;
  analysis.getModule().walk(
      [&](neuro::GetParamOp read) { reads[read.getName()].push_back(read); });
  ArrayRef<UnitSet> sets = analysis.getUnits().getSets();
  llvm::MapVector<unsigned, MadeUnits> made;
  llvm::DenseSet<ParamOfSet> makers;
  for (auto [param, places] : listParams(analysis)) {
    if (!param.getTrainable() ||
        !isa<FloatType>(param.getType().getElementType()))
      continue;
    std::optional<unsigned> axis = findMadeAxis(reads[param.getSymName()]);
    if (!axis || !places->axes[*axis])
      continue;
    for (unsigned set : analysis.findSets(*places->axes[*axis])) {
      if (!sets[set].pins.empty() || sets[set].isInner ||
          findAxes(analysis, *places, set).size() != 1)
        continue;
      auto listed =
          listPlaces(analysis.getAlgebra(), *places->axes[*axis], sets[set]);
      if (!listed)
        continue;
      MadeUnits &units = made[set];
      units.set = set;
      units.count = sets[set].units.size();
      units.makers.push_back({param, *axis, std::move(*listed)});
      makers.insert({param, set});
    }
  }
  llvm::DenseSet<unsigned> vanishing = findVanishing(
      analysis, [&](ParamOfSet entry) { return makers.contains(entry); });
  std::vector<MadeUnits> result;
  for (auto &[set, units] : made)
    if (vanishing.contains(set))
      result.push_back(std::move(units));
  return result;
}

/// The atoms where a parameter has something that is not zero, and belongs to
/// none of the dead ones.
static llvm::DenseSet<Node> findNonZero(const AxisAlgebra &algebra,
                                        const TensorPlaces &places,
                                        const TensorElements &elements,
                                        const llvm::DenseSet<Node> &dead) {
  ArrayRef<int64_t> shape = elements.getType().getShape();
  // By axis, block and place, which are far fewer than elements: where
  // something is not zero, and what is dead.
  std::vector<std::vector<llvm::BitVector>> isNonZero, isDead;
  for (auto [axis, size] : llvm::zip_equal(places.axes, shape)) {
    isNonZero.emplace_back(axis ? axis->blocks : 0, llvm::BitVector(size));
    isDead.push_back(isNonZero.back());
    for (auto [block, found] : llvm::enumerate(isDead.back()))
      if (!axis->isDynamic())
        for (auto [place, node] : llvm::enumerate(axis->getBlock(block)))
          if (llvm::any_of(algebra.getAtoms(node),
                           [&](Node atom) { return dead.contains(atom); }))
            found.set(place);
  }
  forEachElement(shape, [&](int64_t i, ArrayRef<int64_t> index) {
    if (elements.getNumber(i) == 0)
      return;
    auto getBlock = [&](std::vector<llvm::BitVector> &blocks) -> auto & {
      return blocks[findBlock(index, shape, places.blockAxis, blocks.size())];
    };
    for (auto [place, blocks] : llvm::zip_equal(index, isDead))
      if (!blocks.empty() && getBlock(blocks).test(place))
        return;
    for (auto [place, blocks] : llvm::zip_equal(index, isNonZero))
      if (!blocks.empty())
        getBlock(blocks).set(place);
  });
  llvm::DenseSet<Node> atoms;
  for (auto [axis, blocks] : llvm::zip_equal(places.axes, isNonZero))
    for (auto [block, found] : llvm::enumerate(blocks))
      for (unsigned place : found.set_bits())
        if (!axis->isDynamic())
          for (Node atom : algebra.getAtoms(axis->getBlock(block)[place]))
            atoms.insert(atom);
  return atoms;
}

/// The units that are not missed by those that are not dead.
static std::vector<llvm::BitVector>
findDeadUnits(const UnitAnalysis &analysis, const llvm::DenseSet<Node> &dead) {
  ArrayRef<UnitSet> sets = analysis.getUnits().getSets();
  // For each unit the parameters that are zero for it.
  using Zeros = std::vector<Operation *>;
  std::vector<std::vector<Zeros>> zeros(sets.size());
  for (auto [index, set] : llvm::enumerate(sets))
    if (set.pins.empty())
      zeros[index].resize(set.units.size());
  for (auto [param, places] : listParams(analysis)) {
    if (!isa<FloatType>(param.getType().getElementType()))
      continue;
    std::optional<TensorElements> elements =
        TensorElements::read(param.getValue());
    if (!elements)
      continue;
    llvm::SetVector<unsigned> own;
    for (const std::optional<Axis> &axis : places->axes)
      if (axis)
        own.insert_range(analysis.findSets(*axis));
    if (own.empty())
      continue;
    llvm::DenseSet<Node> nonZero =
        findNonZero(analysis.getAlgebra(), *places, *elements, dead);
    for (unsigned set : own)
      for (auto [unit, list] : llvm::zip(sets[set].units, zeros[set]))
        if (!nonZero.contains(unit))
          list.push_back(param);
  }
  // Units of a set with the same zeros are alike: of every set one kind of them
  // is looked at in each round.
  std::vector<std::vector<std::pair<Zeros, SmallVector<unsigned>>>> kinds(
      sets.size());
  size_t rounds = 0;
  for (auto [lists, own] : llvm::zip_equal(zeros, kinds)) {
    std::map<Zeros, size_t> known;
    for (auto [unit, list] : llvm::enumerate(lists)) {
      if (list.empty())
        continue;
      auto [it, isNew] = known.try_emplace(list, own.size());
      if (isNew)
        own.emplace_back(list, SmallVector<unsigned>());
      own[it->second].second.push_back(unit);
    }
    rounds = std::max(rounds, own.size());
  }
  std::vector<llvm::BitVector> found;
  for (const UnitSet &set : sets)
    found.emplace_back(set.units.size());
  for (size_t round = 0; round < rounds; ++round) {
    llvm::DenseSet<ParamOfSet> assumed;
    for (auto [set, own] : llvm::enumerate(kinds))
      if (round < own.size())
        for (Operation *param : own[round].first)
          assumed.insert({param, static_cast<unsigned>(set)});
    for (unsigned set : findVanishing(analysis, [&](ParamOfSet entry) {
           return assumed.contains(entry);
         }))
      if (round < kinds[set].size())
        for (unsigned unit : kinds[set][round].second)
          found[set].set(unit);
  }
  return found;
}

std::vector<llvm::BitVector>
neuroplast::structure::findDeadUnits(const UnitAnalysis &analysis) {
  ArrayRef<UnitSet> sets = analysis.getUnits().getSets();
  llvm::DenseSet<Node> dead;
  // What only dead units read is dead, too.
  for (;;) {
    std::vector<llvm::BitVector> found = ::findDeadUnits(analysis, dead);
    size_t before = dead.size();
    for (auto [set, units] : llvm::zip_equal(sets, found))
      for (unsigned unit : units.set_bits())
        dead.insert(set.units[unit]);
    if (dead.size() == before)
      return found;
  }
}
