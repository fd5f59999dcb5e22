//===- Criteria.cpp - How much a unit matters -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Criteria.h"
#include "Draw.h"
#include "neuroplast/Structure/PlaceLists.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Parallel.h"
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

/// Adds the weights of one parameter to the scores of the atoms. Each element
/// counts once for an atom, however often the atom stands there.
class ParamScorer {
  using AtomLists = std::vector<SmallVector<Node, 2>>;

public:
  ParamScorer(const AxisAlgebra &algebra, const TensorPlaces &places,
              TensorElements elements)
      : data(std::move(elements)), shape(data.getType().getShape()),
        blockAxis(places.blockAxis) {
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
    // Rows run along the last axis that has atoms, and what is beneath it.
    auto hasNone = [](const auto &blocks) {
      return llvm::all_of(blocks, [](const AtomLists &lists) {
        return llvm::all_of(lists,
                            [](const auto &list) { return list.empty(); });
      });
    };
    while (!atoms.empty() && hasNone(atoms.back())) {
      beneath *= shape[atoms.size() - 1];
      atoms.pop_back();
    }
    shape = shape.take_front(atoms.size());
  }

  /// The sum of what `weigh` makes of the elements, by atom.
  template <typename Weigh> llvm::DenseMap<Node, double> run(Weigh weigh) {
    if (atoms.empty())
      return std::move(scores);
    if (data.getType().getElementType().isF32()) {
      const auto *elements =
          reinterpret_cast<const float *>(data.getBytes().data());
      sumRows([=](int64_t i) { return weigh(elements[i]); });
    } else {
      sumRows([&](int64_t i) { return weigh(data.getNumber(i)); });
    }
    return std::move(scores);
  }

private:
  const AtomLists &getAtoms(size_t axis, ArrayRef<int64_t> index) const {
    const auto &blocks = atoms[axis];
    return blocks[findBlock(index, shape, blockAxis, blocks.size())];
  }

  /// The atoms of all axes but the last.
  SmallVector<Node> getRowAtoms(ArrayRef<int64_t> index) const {
    SmallVector<Node> touched;
    for (size_t axis = 0; axis + 1 < shape.size(); ++axis)
      for (Node atom : getAtoms(axis, index)[index[axis]])
        if (!llvm::is_contained(touched, atom))
          touched.push_back(atom);
    return touched;
  }

  /// A row is what runs along the last axis: its sum goes to the atoms of the
  /// other axes, and its elements to those of the last one.
  template <typename Get> void sumRows(Get get) {
    int64_t length = shape.back();
    auto sumRow = [&](int64_t number, ArrayRef<int64_t> index) {
      int64_t start = number * length * beneath;
      SmallVector<Node> rowAtoms = getRowAtoms(index);
      const AtomLists &columns = getAtoms(shape.size() - 1, index);
      std::vector<double> &sums = columnSums[&columns];
      sums.resize(length, 0.0);
      double row = 0;
      auto sumBeneath = [&](int64_t column) {
        double sum = 0;
        for (int64_t i = 0; i < beneath; ++i)
          sum += get(start + column * beneath + i);
        return sum;
      };
      for (int64_t i = 0; i < length; ++i) {
        double weight = sumBeneath(i);
        row += weight;
        sums[i] += weight;
      }
      for (Node atom : rowAtoms)
        scores[atom] += row;
      // What has been counted for an atom along the row counts no more.
      for (int64_t i = 0; sharesAtoms(rowAtoms, columns) && i < length; ++i)
        for (Node atom : columns[i])
          if (llvm::is_contained(rowAtoms, atom))
            scores[atom] -= sumBeneath(i);
    };
    forEachElement(shape.drop_back(), sumRow);
    for (const auto &[columns, sums] : columnSums)
      for (auto [list, sum] : llvm::zip_equal(*columns, sums))
        for (Node atom : list)
          scores[atom] += sum;
  }

  bool sharesAtoms(ArrayRef<Node> rowAtoms, const AtomLists &columns) {
    llvm::DenseSet<Node> &known = columnAtoms[&columns];
    if (known.empty())
      for (const auto &list : columns)
        known.insert(list.begin(), list.end());
    return llvm::any_of(rowAtoms,
                        [&](Node atom) { return known.contains(atom); });
  }

  TensorElements data;
  ArrayRef<int64_t> shape;
  unsigned blockAxis;
  /// By axis, block and place; without the last axes that have no atoms.
  std::vector<std::vector<AtomLists>> atoms;
  /// Elements beneath a place of the last of these axes.
  int64_t beneath = 1;
  llvm::DenseMap<Node, double> scores;
  /// By block of the last axis, in the order of the blocks.
  llvm::MapVector<const AtomLists *, std::vector<double>> columnSums;
  llvm::DenseMap<const AtomLists *, llvm::DenseSet<Node>> columnAtoms;
};

} // namespace

/// The score of units with weights that are no numbers: below all others.
static constexpr double kNoNumber = -1;

FailureOr<std::vector<std::vector<double>>>
neuroplast::structure::scoreUnits(const UnitAnalysis &analysis,
                                  Criterion criterion, uint64_t seed) {
  std::vector<double> scores(analysis.getAlgebra().getNumNodes(), 0.0);
  std::vector<std::unique_ptr<ParamScorer>> scorers;
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
    scorers.push_back(std::make_unique<ParamScorer>(analysis.getAlgebra(),
                                                    *places, std::move(*data)));
  }
  std::vector<llvm::DenseMap<Node, double>> sums(scorers.size());
  llvm::parallelFor(0, scorers.size(), [&](size_t i) {
    sums[i] =
        criterion == Criterion::L1
            ? scorers[i]->run([](double value) { return std::abs(value); })
            : scorers[i]->run([](double value) { return value * value; });
  });
  // In the order of the module, so that every run gives the same numbers.
  for (const auto &byAtom : sums)
    for (const auto &[atom, sum] : byAtom)
      scores[atom] += sum;
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
