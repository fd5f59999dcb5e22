//===- NewbornWeights.cpp - The weights of units that joined --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/NewbornWeights.h"
#include "UnitElements.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/Edits/PlaceLists.h"
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

using Vector = NewbornWeights::Vector;

UnitElements neuroplast::structure::listElements(const UnitAnalysis &analysis,
                                                 neuro::ParamOp param,
                                                 const TensorPlaces &places,
                                                 ArrayRef<Node> units) {
  llvm::DenseMap<Node, int64_t> indexOf;
  for (auto [index, unit] : llvm::enumerate(units))
    indexOf[unit] = static_cast<int64_t>(index);
  UnitElements found;
  ArrayRef<int64_t> shape = param.getType().getShape();
  // By axis, block and place; -1 for what is none of the units.
  std::vector<std::vector<std::vector<int64_t>>> axes(shape.size());
  bool hasAny = false;
  for (auto [index, axis] : llvm::enumerate(places.axes))
    for (unsigned block = 0; axis && !axis->isDynamic() && block < axis->blocks;
         ++block) {
      auto &list = axes[index].emplace_back();
      for (Node node : axis->getBlock(block)) {
        list.push_back(-1);
        for (Node atom : analysis.getAlgebra().getAtoms(node))
          if (auto it = indexOf.find(atom); it != indexOf.end())
            list.back() = it->second;
        hasAny |= list.back() >= 0;
      }
    }
  if (!hasAny)
    return found;
  forEachElement(shape, [&](int64_t element, ArrayRef<int64_t> index) {
    std::optional<std::pair<unsigned, int64_t>> only;
    for (auto [axis, blocks] : llvm::enumerate(axes)) {
      if (blocks.empty())
        continue;
      int64_t unit = blocks[findBlock(index, shape, places.blockAxis,
                                      blocks.size())][index[axis]];
      if (unit < 0)
        continue;
      if (only)
        return;
      only = {static_cast<unsigned>(axis), unit};
    }
    if (!only)
      return;
    auto &byUnit = found[only->first];
    byUnit.resize(units.size());
    byUnit[only->second].push_back(element);
  });
  return found;
}

std::vector<NewbornSet>
neuroplast::structure::listNewborns(ModuleOp grown,
                                    const DropinReport &report) {
  std::vector<NewbornSet> sets;
  UnitAnalysis analysis(grown);
  for (const GrownSet &grownSet : report.sets) {
    if (grownSet.added == 0)
      continue;
    ArrayRef<Node> units =
        analysis.getUnits().getSets()[grownSet.summary.set].units;
    ArrayRef<Node> newborns = units.take_back(grownSet.added);
    NewbornSet &set = sets.emplace_back();
    set.incoming.newborns = set.outgoing.newborns = newborns.size();
    for (Operation *tensor : analysis.getTensors()) {
      auto param = dyn_cast<neuro::ParamOp>(tensor);
      const TensorPlaces *places = analysis.getPlaces(tensor);
      if (!param || !places || !param.getTrainable() || param.getShadowOf() ||
          !isa<FloatType>(param.getType().getElementType()))
        continue;
      auto values = TensorElements::read(param.getValue());
      for (auto &[axis, elements] :
           listElements(analysis, param, *places, newborns)) {
        // Of a bias or a scale a newborn has one element.
        size_t length = elements.front().size();
        bool isMatrix = length > 1 && llvm::all_of(elements, [&](auto &list) {
                          return list.size() == length;
                        });
        if (!values || !isMatrix)
          continue;
        bool isSilent = llvm::all_of(elements, [&](ArrayRef<int64_t> list) {
          return llvm::all_of(
              list, [&](int64_t i) { return values->getNumber(i) == 0; });
        });
        (isSilent ? set.outgoing : set.incoming)
            .push_back({param, axis, std::move(elements)});
      }
    }
  }
  return sets;
}

FailureOr<ArrayRef<float>>
neuroplast::structure::findGradient(const Gradients &gradients,
                                    neuro::ParamOp param) {
  auto found = gradients.find(neuro::getUserName(param));
  if (found == gradients.end())
    return ArrayRef<float>();
  const std::vector<float> &mean = found->second.mean;
  if (!mean.empty() &&
      static_cast<int64_t>(mean.size()) != param.getType().getNumElements())
    return param.emitError("the gradients are those of another network");
  return ArrayRef<float>(mean);
}

FailureOr<std::vector<Vector>> NewbornWeights::gather() const {
  std::vector<Vector> numbers(newborns);
  for (NewbornWeight weight : *this) {
    auto values = TensorElements::read(weight.param.getValue());
    if (!values)
      return weight.param.emitError("cannot be read");
    for (auto [own, elements] : llvm::zip_equal(numbers, weight.elements))
      for (int64_t element : elements)
        own.push_back(values->getNumber(element));
  }
  return numbers;
}

FailureOr<std::vector<Vector>>
NewbornWeights::gatherGradients(const Gradients &gradients) const {
  std::vector<Vector> numbers(newborns);
  for (NewbornWeight weight : *this) {
    FailureOr<ArrayRef<float>> mean = findGradient(gradients, weight.param);
    if (failed(mean))
      return failure();
    for (auto [own, elements] : llvm::zip_equal(numbers, weight.elements))
      for (int64_t element : elements)
        own.push_back(mean->empty() ? 0 : (*mean)[element]);
  }
  return numbers;
}

LogicalResult NewbornWeights::scatter(ArrayRef<Vector> numbers) {
  int64_t start = 0;
  for (NewbornWeight &weight : *this) {
    RankedTensorType type = weight.param.getType();
    auto values = TensorElements::read(weight.param.getValue());
    if (!values)
      return weight.param.emitError("cannot be read");
    std::string bytes(values->getBytes().begin(), values->getBytes().end());
    for (auto [own, elements] : llvm::zip_equal(numbers, weight.elements))
      for (auto [i, element] : llvm::enumerate(elements))
        writeNumber(type.getElementType(), own[start + i],
                    bytes.data() + element * values->getElementBytes());
    start += static_cast<int64_t>(weight.elements.front().size());
    weight.param.setValueAttr(
        makeElements(type, weight.param.getSymName(), std::move(bytes)));
  }
  return success();
}

LogicalResult NewbornWeights::clear() {
  auto numbers = gather();
  if (failed(numbers))
    return failure();
  for (Vector &own : *numbers)
    own.assign(own.size(), 0);
  return scatter(*numbers);
}

LogicalResult NewbornWeights::whisper(const Gradients &gradients,
                                      double leastShare, bool beginsAnew) {
  constexpr double kLength = 1e-3;
  auto directions = gatherGradients(gradients);
  if (failed(directions))
    return failure();
  separate(*directions, leastShare, beginsAnew);
  for (Vector &direction : *directions)
    if (double square = multiply(direction, direction); square > 0)
      scale(direction, kLength / std::sqrt(square));
  return scatter(*directions);
}

void neuroplast::structure::separate(MutableArrayRef<Vector> vectors,
                                     double leastShare, bool beginsAnew) {
  SmallVector<std::pair<double, size_t>> order;
  for (auto [index, vector] : llvm::enumerate(vectors))
    order.emplace_back(-multiply(vector, vector), index);
  llvm::sort(order);
  SmallVector<const Vector *> longer;
  for (auto [negativeSquare, index] : order) {
    Vector &vector = vectors[index], rest = vector;
    for (const Vector *other : longer)
      addMultiple(rest, -multiply(rest, *other) / multiply(*other, *other),
                  *other);
    bool isOwn = multiply(rest, rest) > leastShare * -negativeSquare;
    bool isNumber = -negativeSquare > 0 && std::isfinite(negativeSquare);
    if (!isNumber || !(isOwn || beginsAnew)) {
      vector.assign(vector.size(), 0);
      continue;
    }
    if (isOwn)
      vector = std::move(rest);
    else
      longer.clear();
    longer.push_back(&vector);
  }
}

double neuroplast::structure::multiply(ArrayRef<double> a, ArrayRef<double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void neuroplast::structure::addMultiple(MutableArrayRef<double> sum,
                                        double factor,
                                        ArrayRef<double> vector) {
  for (auto [total, number] : llvm::zip_equal(sum, vector))
    total += factor * number;
}

void neuroplast::structure::scale(MutableArrayRef<double> vector,
                                  double factor) {
  for (double &number : vector)
    number *= factor;
}
