//===- Resampling.cpp - Gradients of tensors in other sizes ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast::neuro;

/// What repeats its places hands back their sums.
static Term sumRepeats(const Term &x, const Term &g,
                       ArrayRef<int64_t> repeats) {
  SmallVector<int64_t> split, axes;
  for (auto [axis, repeat] : llvm::enumerate(repeats)) {
    split.push_back(x.getType().getDimSize(axis));
    if (repeat == 1)
      continue;
    axes.push_back(static_cast<int64_t>(split.size()));
    split.push_back(repeat);
  }
  return g.reshape(split).sum(axes, /*keep=*/false);
}

/// The weights of a resize along one axis, as a matrix of places of the input
/// and of the result: what the op makes of a tensor with a one in each place.
static Term buildWeights(ResizeOp op, const Term &g, int64_t axis) {
  auto &at = g.getBuilder();
  int64_t rank = g.getRank(), from = op.getInput().getType().getDimSize(axis),
          to = op.getSizes()[axis];
  SmallVector<float> scales, roi;
  if (!op.getScales().empty())
    scales = {1, op.getScales()[axis]};
  if (!op.getRoi().empty())
    roi = {0, op.getRoi()[axis], 1, op.getRoi()[rank + axis]};
  Value weights = ResizeOp::create(
      at.builder, at.location, g.identityMatrix(from).get(), ValueRange(),
      Value(), ArrayRef<int64_t>{from, to}, scales, roi, op.getMode(),
      op.getCoordinateTransformationMode(), op.getNearestMode(),
      op.getCubicCoeffA(), op.getExcludeOutside(), llvm::APFloat(0.0f),
      op.getAntialias());
  return {at, weights};
}

LogicalResult ResizeOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  if (failed(scope.requireStaticSizes()))
    return failure();
  if (getDynamicScales())
    return emitOpError("of unknown scales has no gradient yet");
  if (std::optional<SmallVector<int64_t>> repeats = getRepeats()) {
    scope.give(0, sumRepeats(x, g, *repeats));
    return success();
  }
  // Every interpolation is a product of those along the axes.
  int64_t rank = g.getRank();
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool isCropped = !getRoi().empty() &&
                     (getRoi()[axis] != 0 || getRoi()[rank + axis] != 1);
    bool isScaled = !getScales().empty() && getScales()[axis] != 1;
    if (!isCropped && !isScaled &&
        x.getType().getDimSize(axis) == g.getType().getDimSize(axis))
      continue;
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::swap(order[axis], order.back());
    g = g.transpose(order)
            .matmul(buildWeights(*this, g, axis).transposeMatrix())
            .transpose(order);
  }
  scope.give(0, g);
  return success();
}
