//===- Criteria.cpp - How much a unit matters -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Criteria.h"
#include "Draw.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

std::optional<Criterion> neuroplast::structure::parseCriterion(StringRef name) {
  return llvm::StringSwitch<std::optional<Criterion>>(name)
      .Case("l1", Criterion::L1)
      .Case("l2", Criterion::L2)
      .Case("random", Criterion::Random)
      .Default(std::nullopt);
}

StringRef neuroplast::structure::getName(Criterion criterion) {
  switch (criterion) {
  case Criterion::L1:
    return "l1";
  case Criterion::L2:
    return "l2";
  case Criterion::Random:
    return "random";
  }
  return "";
}

namespace {

/// Adds the weights of one parameter to the scores of the atoms.
class ParamScorer {
public:
  ParamScorer(const AxisAlgebra &algebra, const TensorPlaces &places,
              const TensorElements &data, std::vector<double> &scores)
      : data(data), scores(scores), shape(data.getType().getShape()) {
    blockAxis = places.blockAxis;
    for (auto [index, axis] : llvm::enumerate(places.axes)) {
      auto &blocks = atoms.emplace_back();
      unsigned count = axis && !axis->isDynamic() ? axis->blocks : 1;
      for (unsigned block = 0; block < count; ++block) {
        auto &list = blocks.emplace_back(shape[index]);
        if (axis && !axis->isDynamic())
          for (auto [place, node] : llvm::enumerate(axis->getBlock(block)))
            list[place] = algebra.getAtoms(node);
      }
    }
  }

  void run(function_ref<double(double)> weigh) {
    SmallVector<int64_t> index(shape.size(), 0);
    SmallVector<Node> touched;
    for (int64_t element = 0, end = data.getType().getNumElements();
         element < end; ++element) {
      touched.clear();
      for (size_t axis = 0; axis < shape.size(); ++axis) {
        const auto &blocks = atoms[axis];
        size_t block = blocks.size() == 1 ? 0
                                          : index[blockAxis] * blocks.size() /
                                                shape[blockAxis];
        for (Node atom : blocks[block][index[axis]])
          if (!llvm::is_contained(touched, atom))
            touched.push_back(atom);
      }
      double weight = weigh(data.getNumber(element));
      for (Node atom : touched)
        scores[atom] += weight;
      for (size_t axis = shape.size(); axis-- > 0;) {
        if (++index[axis] < shape[axis])
          break;
        index[axis] = 0;
      }
    }
  }

private:
  const TensorElements &data;
  std::vector<double> &scores;
  ArrayRef<int64_t> shape;
  unsigned blockAxis;
  /// By axis, block and place.
  std::vector<std::vector<std::vector<SmallVector<Node, 2>>>> atoms;
};

} // namespace

/// The score of units with weights that are no numbers: below all others.
static constexpr double kNoNumber = -1;

FailureOr<std::vector<std::vector<double>>>
neuroplast::structure::scoreUnits(const UnitAnalysis &analysis,
                                  Criterion criterion, uint64_t seed) {
  std::vector<double> scores(analysis.getAlgebra().getNumNodes(), 0.0);
  for (Operation *tensor : analysis.getTensors()) {
    auto param = dyn_cast<neuro::ParamOp>(tensor);
    const TensorPlaces *places = analysis.getPlaces(tensor);
    if (criterion == Criterion::Random || !param || !param.getTrainable() ||
        !places || !isa<FloatType>(param.getType().getElementType()))
      continue;
    std::optional<TensorElements> data = TensorElements::read(param.getValue());
    if (!data) {
      param.emitError("the elements of ")
          << getTensorName(tensor) << " cannot be read";
      return failure();
    }
    if (data->getType().getNumElements() == 0)
      continue;
    ParamScorer scorer(analysis.getAlgebra(), *places, *data, scores);
    if (criterion == Criterion::L1)
      scorer.run([](double value) { return std::abs(value); });
    else
      scorer.run([](double value) { return value * value; });
  }
  std::vector<std::vector<double>> result;
  for (const UnitSet &set : analysis.getUnits().getSets()) {
    auto &list = result.emplace_back();
    for (auto [position, unit] : llvm::enumerate(set.units))
      list.push_back(
          criterion == Criterion::Random
              ? drawUniform(seed, (static_cast<uint64_t>(result.size()) << 32) +
                                      position)
          : std::isnan(scores[unit]) ? kNoNumber
                                     : scores[unit]);
  }
  return result;
}
