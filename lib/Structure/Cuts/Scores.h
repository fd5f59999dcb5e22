//===- Scores.h - How criteria score units ---------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_CUTS_SCORES_H
#define NEUROPLAST_LIB_STRUCTURE_CUTS_SCORES_H

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/Statistics.h"
#include "neuroplast/Structure/Units/UnitAnalysis.h"

namespace neuroplast::structure {

/// A parameter whose elements count.
struct ScoredTensor {
  neuro::ParamOp param;
  const TensorPlaces *places;
  TensorElements elements;
  /// How a linear op reads it, and what that op sees; null without statistics.
  neuro::LinearMap map;
  const PatchStatistics *statistics = nullptr;
  const ParamGradients *gradients = nullptr;

  llvm::ArrayRef<int64_t> getShape() const {
    return elements.getType().getShape();
  }
  /// The size of the out axis.
  int64_t getNumOuts() const { return getShape()[map.outAxisOfWeight]; }
  /// The number of an element among those that the statistics list.
  int64_t getPatchElement(int64_t element) const;
};

using AtomScores = llvm::DenseMap<Node, double>;

/// How the magnitude of an element counts.
enum class Weighing {
  /// With its sign.
  Itself,
  Magnitude,
  Square,
  /// Of what the element weighs.
  DataSquare,
  /// Of the product with what it weighs.
  ProductSquare,
  /// The product with its gradient, whatever its sign is.
  Gradient,
  GradientSquare
};

/// Adds up elements by atom, each once for an atom, however often the atom
/// stands there. What regards data counts for the axes of the data alone.
AtomScores sumElements(const AxisAlgebra &algebra, const ScoredTensor &tensor,
                       Weighing weighing);

/// The loss by optimal brain surgeon, by atom of the data.
AtomScores scoreByCurvature(const AxisAlgebra &algebra,
                            const ScoredTensor &tensor);

/// For each of these units the sum of the distances of its elements from those
/// of the others.
std::vector<double> sumDistances(const AxisAlgebra &algebra,
                                 llvm::ArrayRef<ScoredTensor> tensors,
                                 llvm::ArrayRef<Node> units);

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_CUTS_SCORES_H
