//===- SplitGrowth.cpp - Units that become two ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/SplitGrowth.h"
#include "../Units/LinearLayers.h"
#include "UnitElements.h"
#include "neuroplast/Structure/Draw.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

using Vector = NewbornWeights::Vector;

static double measureLength(ArrayRef<double> vector) {
  return std::sqrt(multiply(vector, vector));
}

FailureOr<SplitGrowth>
SplitGrowth::create(ModuleOp grown, const DropinReport &report, uint64_t seed) {
  SplitGrowth growth;
  UnitAnalysis analysis(grown);
  std::map<StringRef, LinearLayer> layers = indexLinearLayers(grown);
  for (const GrownSet &grownSet : report.sets) {
    size_t count = grownSet.donors.size();
    if (count == 0)
      continue;
    unsigned number = grownSet.summary.set;
    int64_t old = grownSet.summary.units;
    if (static_cast<int64_t>(count) > old)
      return grown.emitError("each of ")
             << old << " units becomes two at most, so that no " << count
             << " can join";
    Set &set = growth.sets.emplace_back();
    set.newborns.newborns = set.donors.newborns = count;
    auto add = [&](neuro::ParamOp param, unsigned axis,
                   ArrayRef<std::vector<int64_t>> byUnit) {
      NewbornWeight newborns{param, axis, byUnit.take_back(count)};
      NewbornWeight donors{param, axis, {}};
      for (int64_t donor : grownSet.donors)
        donors.elements.push_back(byUnit[donor]);
      set.newborns.push_back(std::move(newborns));
      set.donors.push_back(std::move(donors));
    };
    ArrayRef<Node> units = analysis.getUnits().getSets()[number].units;
    for (auto &[name, layer] : layers) {
      neuro::ParamOp weight = layer.weight;
      const TensorPlaces *places = analysis.getPlaces(weight.getOperation());
      if (!places || !weight.getTrainable() || layer.isDepthwise())
        continue;
      UnitElements found = listElements(analysis, weight, *places, units);
      auto it = found.find(layer.map.outAxisOfWeight);
      if (it == found.end() || it->second.front().empty())
        continue;
      add(weight, it->first, it->second);
      neuro::ParamOp bias = layer.findBias();
      if (!bias)
        continue;
      std::vector<std::vector<int64_t>> rows;
      for (ArrayRef<int64_t> elements : it->second)
        rows.push_back({layer.getPlace(elements.front()).first});
      add(bias, 0, rows);
    }
    if (set.newborns.empty())
      return grown.emitError("units ")
             << number << " (" << grownSet.summary.members.front()
             << ") are made by no linear layer, by which 'split' goes";
    auto original = set.donors.gather();
    if (failed(original))
      return failure();
    set.original = std::move(*original);
    for (size_t newborn = 0; newborn < count; ++newborn) {
      Pair &pair = set.pairs.emplace_back();
      pair.set = number;
      pair.donor = grownSet.donors[newborn];
      pair.newborn = newborn;
      pair.length = measureLength(set.original[newborn]);
      Vector &direction = pair.splitting.direction;
      for (size_t i = 0; i < set.original[newborn].size(); ++i)
        direction.push_back(drawNormal(seed ^ number, newborn << 32 | i));
      scale(direction, 1 / measureLength(direction));
    }
  }
  return growth;
}

LogicalResult SplitGrowth::spread(double share) {
  for (Set &set : sets) {
    std::vector<Vector> newborns = set.original, donors = set.original;
    for (const Pair &pair : set.pairs) {
      double distance = share * pair.length;
      addMultiple(newborns[pair.newborn], distance, pair.splitting.direction);
      addMultiple(donors[pair.newborn], -distance, pair.splitting.direction);
    }
    if (failed(set.newborns.scatter(newborns)) ||
        failed(set.donors.scatter(donors)))
      return failure();
  }
  return success();
}

LogicalResult SplitGrowth::turn(const Gradients &gradients) {
  for (Set &set : sets) {
    auto ofNewborns = set.newborns.gatherGradients(gradients);
    auto ofDonors = set.donors.gatherGradients(gradients);
    if (failed(ofNewborns) || failed(ofDonors))
      return failure();
    for (Pair &pair : set.pairs) {
      Vector &product = (*ofNewborns)[pair.newborn];
      addMultiple(product, -1, (*ofDonors)[pair.newborn]);
      if (pair.length > 0)
        scale(product, 1 / (kProbe * pair.length));
      Vector &direction = pair.splitting.direction;
      pair.splitting.curvature = multiply(direction, product);
      double length = measureLength(product);
      if (!(length > 0) || !std::isfinite(length))
        continue;
      // Less the largest eigenvalue all are negative, and the least one is the
      // largest.
      pair.bound = std::max(pair.bound, length);
      addMultiple(direction, -1 / pair.bound, product);
      if (double rest = measureLength(direction); rest > 0)
        scale(direction, 1 / rest);
    }
  }
  return success();
}

Splittings SplitGrowth::getSplittings() const {
  Splittings splittings;
  for (const Set &set : sets)
    for (const Pair &pair : set.pairs)
      splittings[pair.set][pair.donor] = pair.splitting;
  return splittings;
}

void SplitGrowth::setSplittings(const Splittings &splittings) {
  for (Set &set : sets)
    for (Pair &pair : set.pairs) {
      auto ofSet = splittings.find(pair.set);
      const Splitting *known = nullptr;
      if (ofSet != splittings.end())
        if (auto it = ofSet->second.find(pair.donor); it != ofSet->second.end())
          known = &it->second;
      if (known && known->curvature < 0)
        pair.splitting = *known;
      else
        scale(pair.splitting.direction, 0);
    }
}
