//===- GradientGrowth.cpp - Newborns that a loss has use for --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/GradientGrowth.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

using Vector = NewbornWeights::Vector;

/// How long outgoing weights are while gradients are measured through them.
static constexpr double kWhisper = 1e-3;

/// Makes vectors of length one that point each where those that are longer do
/// not; where these leave nothing, it begins anew.
static void separate(MutableArrayRef<Vector> vectors) {
  SmallVector<std::pair<double, size_t>> order;
  for (auto [index, vector] : llvm::enumerate(vectors))
    order.emplace_back(-multiply(vector, vector), index);
  llvm::sort(order);
  SmallVector<Vector> basis;
  for (auto [negativeSquare, index] : order) {
    Vector &vector = vectors[index];
    double length = std::sqrt(-negativeSquare);
    if (!(length > 0) || !std::isfinite(length)) {
      vector.assign(vector.size(), 0);
      continue;
    }
    Vector rest = vector;
    for (const Vector &direction : basis)
      addMultiple(rest, -multiply(rest, direction), direction);
    if (multiply(rest, rest) < 1e-4 * length * length) {
      basis.clear();
      rest = vector;
    }
    scale(rest, 1 / std::sqrt(multiply(rest, rest)));
    vector = rest;
    basis.push_back(std::move(rest));
  }
}

LogicalResult GradientGrowth::pointOut(const Gradients &gradients) {
  for (NewbornSet &set : sets) {
    auto directions = set.outgoing.gatherGradients(gradients);
    if (failed(directions))
      return failure();
    separate(*directions);
    for (Vector &direction : *directions)
      scale(direction, kWhisper);
    if (failed(set.outgoing.scatter(*directions)))
      return failure();
  }
  return success();
}

LogicalResult GradientGrowth::pointIn(const Gradients &gradients) {
  for (NewbornSet &set : sets) {
    auto weights = set.incoming.gather();
    auto directions = set.incoming.gatherGradients(gradients);
    if (failed(weights) || failed(directions))
      return failure();
    for (auto [weight, direction] : llvm::zip_equal(*weights, *directions)) {
      double square = multiply(direction, direction);
      // What nothing tells of stays as it was drawn.
      if (!(square > 0) || !std::isfinite(square))
        continue;
      scale(direction, std::sqrt(multiply(weight, weight) / square));
      weight = direction;
    }
    if (failed(set.incoming.scatter(*weights)))
      return failure();
  }
  return success();
}

LogicalResult GradientGrowth::silence() {
  for (NewbornSet &set : sets)
    if (failed(set.outgoing.clear()))
      return failure();
  return success();
}
