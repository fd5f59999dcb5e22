//===- GradientGrowth.cpp - Newborns that a loss has use for --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Growth/GradientGrowth.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

using Vector = NewbornWeights::Vector;

LogicalResult GradientGrowth::pointOut(const Gradients &gradients) {
  for (NewbornSet &set : sets)
    if (failed(set.outgoing.whisper(gradients, /*leastShare=*/1e-4,
                                    /*beginsAnew=*/true)))
      return failure();
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
