//===- MatrixScores.cpp - Scores that take linear algebra -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Scores.h"
#include "neuroplast/Structure/Edits/PlaceLists.h"
#include "llvm/ADT/MapVector.h"
#include <Eigen/Dense>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// What holds an ill-conditioned matrix of products from being singular,
/// relative to the mean of its diagonal.
static constexpr double kDamping = 0.01;

AtomScores neuroplast::structure::scoreByCurvature(const AxisAlgebra &algebra,
                                                   const ScoredTensor &tensor) {
  const PatchStatistics &seen = *tensor.statistics;
  int64_t size = seen.patchSize, outAxis = tensor.map.outAxisOfWeight;
  int64_t outs = tensor.getNumOuts() / seen.blocks;
  // By block: the weights, and the elements of a patch that go with an atom.
  std::vector<Matrix> weights(seen.blocks, Matrix(outs, size));
  std::vector<llvm::MapVector<Node, SmallVector<int64_t>>> elements(
      seen.blocks);
  ArrayRef<int64_t> shape = tensor.getShape();
  forEachElement(shape, [&](int64_t i, ArrayRef<int64_t> index) {
    int64_t place = tensor.getPatchElement(i);
    int64_t block = place / size, element = place % size;
    int64_t out = index[outAxis] % outs;
    weights[block](out, element) = tensor.elements.getNumber(i);
    if (out != 0)
      return;
    for (auto [number, axis] : llvm::enumerate(tensor.places->axes)) {
      if (static_cast<int64_t>(number) == outAxis || !axis || axis->isDynamic())
        continue;
      unsigned part =
          findBlock(index, shape, tensor.places->blockAxis, axis->blocks);
      for (Node atom : algebra.getAtoms(axis->getBlock(part)[index[number]])) {
        auto &list = elements[block][atom];
        if (list.empty() || list.back() != element)
          list.push_back(element);
      }
    }
  });
  AtomScores scores;
  for (int64_t block = 0; block < seen.blocks; ++block) {
    Matrix curvature = Eigen::Map<const Matrix>(
        seen.gram.data() + block * size * size, size, size);
    double scale = curvature.trace() / size;
    curvature.diagonal().array() += kDamping * (scale > 0 ? scale : 1);
    Matrix inverse =
        Eigen::LLT<Matrix>(curvature).solve(Matrix::Identity(size, size));
    for (const auto &[atom, list] : elements[block]) {
      Matrix part = inverse(list, list);
      Matrix columns = weights[block](Eigen::all, list);
      Matrix solved = Eigen::LLT<Matrix>(part).solve(columns.transpose());
      scores[atom] += 0.5 * columns.cwiseProduct(solved.transpose()).sum();
    }
  }
  return scores;
}

std::vector<double>
neuroplast::structure::sumDistances(const AxisAlgebra &algebra,
                                    ArrayRef<ScoredTensor> tensors,
                                    ArrayRef<Node> units) {
  llvm::DenseMap<Node, size_t> positions;
  for (auto [position, unit] : llvm::enumerate(units))
    positions[unit] = position;
  // Of each unit the elements that go with it, in the same order for all.
  std::vector<std::vector<float>> rows(units.size());
  for (const ScoredTensor &tensor : tensors)
    for (auto [number, axis] : llvm::enumerate(tensor.places->axes)) {
      auto hasUnits = [&](Node place) {
        return llvm::any_of(algebra.getAtoms(place), [&](Node atom) {
          return positions.contains(atom);
        });
      };
      if (!axis || axis->isDynamic() || llvm::none_of(axis->places, hasUnits))
        continue;
      ArrayRef<int64_t> shape = tensor.getShape();
      forEachElement(shape, [&](int64_t i, ArrayRef<int64_t> index) {
        unsigned part =
            findBlock(index, shape, tensor.places->blockAxis, axis->blocks);
        Node place = axis->getBlock(part)[index[number]];
        for (Node atom : algebra.getAtoms(place))
          if (auto it = positions.find(atom); it != positions.end())
            rows[it->second].push_back(tensor.elements.getNumber(i));
      });
    }
  if (rows.empty() || rows.front().empty() ||
      llvm::any_of(rows, [&](const auto &row) {
        return row.size() != rows.front().size();
      }))
    return {};
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> vectors(
      rows.size(), rows.front().size());
  for (auto [position, row] : llvm::enumerate(rows))
    std::copy(row.begin(), row.end(), vectors.row(position).data());
  Matrix products = (vectors * vectors.transpose()).cast<double>();
  std::vector<double> sums(units.size(), 0.0);
  for (size_t i = 0; i < units.size(); ++i)
    for (size_t j = 0; j < units.size(); ++j) {
      double square = products(i, i) + products(j, j) - 2 * products(i, j);
      sums[i] += std::isnan(square) ? square : std::sqrt(std::max(square, 0.0));
    }
  return sums;
}
