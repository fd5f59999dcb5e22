//===- WeightScores.cpp - Adding up weights by unit -----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Scores.h"
#include "neuroplast/Structure/Edits/PlaceLists.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

int64_t ScoredTensor::getPatchElement(int64_t element) const {
  // A patch lists the elements of the weight without its out axis.
  int64_t beneath = 1, outs = getNumOuts();
  for (int64_t size : getShape().drop_front(map.outAxisOfWeight + 1))
    beneath *= size;
  int64_t out = element / beneath % outs;
  return out / (outs / map.blocks) * statistics->patchSize +
         element / (beneath * outs) * beneath + element % beneath;
}

namespace {

/// Adds the weights of one parameter to the scores of the atoms. Each element
/// counts once for an atom, however often the atom stands there.
class ParamScorer {
  using AtomLists = std::vector<SmallVector<Node, 2>>;

public:
  /// Atoms along `ignored` do not count.
  ParamScorer(const AxisAlgebra &algebra, const TensorPlaces &places,
              ArrayRef<int64_t> tensorShape, std::optional<unsigned> ignored)
      : shape(tensorShape), blockAxis(places.blockAxis) {
    for (auto [index, axis] : llvm::enumerate(places.axes)) {
      auto &blocks = atoms.emplace_back();
      bool counts = axis && !axis->isDynamic() && index != ignored;
      for (unsigned block = 0; block < (counts ? axis->blocks : 1); ++block) {
        auto &list = blocks.emplace_back(shape[index]);
        if (counts)
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

  /// The sums of `get(element)`, by atom.
  template <typename Get> AtomScores run(Get get) {
    if (!atoms.empty())
      sumRows(get);
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

  ArrayRef<int64_t> shape;
  unsigned blockAxis;
  /// By axis, block and place; without the last axes that have no atoms.
  std::vector<std::vector<AtomLists>> atoms;
  /// Elements beneath a place of the last of these axes.
  int64_t beneath = 1;
  AtomScores scores;
  /// By block of the last axis, in the order of the blocks.
  llvm::MapVector<const AtomLists *, std::vector<double>> columnSums;
  llvm::DenseMap<const AtomLists *, llvm::DenseSet<Node>> columnAtoms;
};

} // namespace

AtomScores neuroplast::structure::sumElements(const AxisAlgebra &algebra,
                                              const ScoredTensor &tensor,
                                              Weighing weighing) {
  bool regardsData =
      weighing == Weighing::DataSquare || weighing == Weighing::ProductSquare;
  std::optional<unsigned> ignored;
  if (regardsData)
    ignored = tensor.map.outAxisOfWeight;
  ParamScorer scorer(algebra, *tensor.places, tensor.getShape(), ignored);
  const TensorElements &elements = tensor.elements;
  if (regardsData) {
    ArrayRef<double> squares = tensor.statistics->square;
    return scorer.run([&](int64_t i) {
      double weight = weighing == Weighing::ProductSquare
                          ? elements.getNumber(i)
                          : 1 / std::sqrt(double(tensor.getNumOuts()));
      return weight * weight * squares[tensor.getPatchElement(i)];
    });
  }
  if (weighing == Weighing::Itself)
    return scorer.run([&](int64_t i) { return elements.getNumber(i); });
  if (weighing == Weighing::Gradient)
    return scorer.run([&](int64_t i) {
      return elements.getNumber(i) * tensor.gradients->mean[i];
    });
  if (weighing == Weighing::GradientSquare)
    return scorer.run([&](int64_t i) {
      double weight = elements.getNumber(i);
      return weight * weight * tensor.gradients->square[i];
    });
  auto weigh = [&](auto get) {
    return weighing == Weighing::Magnitude
               ? scorer.run([=](int64_t i) { return std::abs(double(get(i))); })
               : scorer.run([=](int64_t i) {
                   double weight = get(i);
                   return weight * weight;
                 });
  };
  if (!elements.getType().getElementType().isF32())
    return weigh([&](int64_t i) { return elements.getNumber(i); });
  const auto *floats =
      reinterpret_cast<const float *>(elements.getBytes().data());
  return weigh([=](int64_t i) { return floats[i]; });
}
