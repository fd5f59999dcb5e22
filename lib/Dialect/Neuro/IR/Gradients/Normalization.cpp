//===- Normalization.cpp - Gradients of norms -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::normalizeAxis;

/// A vector over axis 1 so that it broadcasts to so many axes.
static Term alongChannels(const Term &vector, int64_t rank) {
  return vector.expandAxes(llvm::to_vector(llvm::seq<int64_t>(1, rank - 1)));
}

/// All axes but those of channels.
static SmallVector<int64_t> axesBesideChannels(int64_t rank) {
  SmallVector<int64_t> axes{0};
  llvm::append_range(axes, llvm::seq<int64_t>(2, rank));
  return axes;
}

LogicalResult BatchNormOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  int64_t rank = x.getRank();
  SmallVector<int64_t> axes = axesBesideChannels(rank);
  // All but the data are vectors, and so are the sums that their gradients are
  // made of.
  Term scale = scope.getOperand(1), mean = scope.getOperand(3),
       variance = scope.getOperand(4);
  Term inverse = 1 / (variance + toNumber(getEpsilon())).sqrt();
  Term factor = scale * inverse;
  if (scope.isNeeded(0))
    scope.give(0, g * alongChannels(factor, rank));
  if (scope.isNeeded(1) || scope.isNeeded(4)) {
    Term sum = (g * (x - alongChannels(mean, rank))).sum(axes, false);
    scope.give(1, sum * inverse);
    scope.give(4, sum * factor * inverse * inverse * -0.5);
  }
  if (scope.isNeeded(2) || scope.isNeeded(3)) {
    Term sum = g.sum(axes, false);
    scope.give(2, sum);
    scope.give(3, -(sum * factor));
  }
  return success();
}

LogicalResult BatchStatisticsOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0);
  int64_t rank = x.getRank();
  Term count = countElements(x, x.get(), axesBesideChannels(rank));
  // The mean is where the sum of squares is least: it has no part in theirs.
  Term slope = scope.getGradient(1) / count * 2,
       offset = scope.getGradient(0) / count;
  scope.give(0, (x - alongChannels(scope.getResult(0), rank)) *
                        alongChannels(slope, rank) +
                    alongChannels(offset, rank));
  return success();
}

namespace {
/// Elements less their mean over axes, and divided by the square root of the
/// mean of the squares of that.
struct Normalized {
  Term value, inverse;
  SmallVector<int64_t> axes;
  bool isCentred;

  Normalized(const Term &x, ArrayRef<int64_t> axes, double epsilon,
             bool isCentred = true)
      : axes(axes), isCentred(isCentred) {
    Term centred = isCentred ? x - average(x) : x;
    inverse = 1 / (average(centred * centred) + epsilon).sqrt();
    value = centred * inverse;
  }

  Term average(const Term &term) const {
    return term.sum(axes) / countElements(term, term.get(), axes);
  }
  /// The gradient of what was normalised, by that of what came of it.
  Term propagate(const Term &g) const {
    Term along = value * average(g * value);
    return (isCentred ? g - average(g) - along : g - along) * inverse;
  }
};
} // namespace

LogicalResult LayerNormOp::buildGradient(GradientScope &scope) {
  if (scope.hasGradient(1) || scope.hasGradient(2))
    return emitOpError("has no gradient through its mean and deviation");
  Term x = scope.getOperand(0), g = scope.getGradient();
  auto axes = llvm::to_vector(
      llvm::seq<int64_t>(normalizeAxis(getAxis(), x.getRank()), x.getRank()));
  Normalized normalized(x, axes, toNumber(getEpsilon()));
  if (scope.isNeeded(0))
    scope.give(0, normalized.propagate(g * scope.getOperand(1)));
  if (scope.isNeeded(1))
    scope.give(1, g * normalized.value);
  if (scope.isNeeded(2))
    scope.give(2, g);
  return success();
}

LogicalResult RMSNormOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  auto axes = llvm::to_vector(
      llvm::seq<int64_t>(normalizeAxis(getAxis(), x.getRank()), x.getRank()));
  Normalized normalized(x, axes, toNumber(getEpsilon()), /*isCentred=*/false);
  if (scope.isNeeded(0))
    scope.give(0, normalized.propagate(g * scope.getOperand(1)));
  if (scope.isNeeded(1))
    scope.give(1, g * normalized.value);
  return success();
}

LogicalResult InstanceNormOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  int64_t rank = x.getRank();
  Normalized normalized(x, llvm::to_vector(llvm::seq<int64_t>(2, rank)),
                        toNumber(getEpsilon()));
  if (scope.isNeeded(0))
    scope.give(
        0, normalized.propagate(g * alongChannels(scope.getOperand(1), rank)));
  SmallVector<int64_t> axes = axesBesideChannels(rank);
  if (scope.isNeeded(1))
    scope.give(1, (g * normalized.value).sum(axes, false));
  if (scope.isNeeded(2))
    scope.give(2, g.sum(axes, false));
  return success();
}

LogicalResult GroupNormOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  if (!x.getType().hasStaticShape())
    return emitOpError("of unknown sizes has no gradient yet");
  int64_t rank = x.getRank(), groups = getNumGroups();
  ArrayRef<int64_t> shape = x.getType().getShape();
  SmallVector<int64_t> split{shape[0], groups, shape[1] / groups};
  llvm::append_range(split, shape.drop_front(2));
  Normalized normalized(x.reshape(split),
                        llvm::to_vector(llvm::seq<int64_t>(2, rank + 1)),
                        toNumber(getEpsilon()));
  if (scope.isNeeded(0)) {
    Term scaled = g * alongChannels(scope.getOperand(1), rank);
    scope.give(0, normalized.propagate(scaled.reshape(split)).reshape(shape));
  }
  SmallVector<int64_t> axes = axesBesideChannels(rank);
  if (scope.isNeeded(1))
    scope.give(1, (g * normalized.value.reshape(shape)).sum(axes, false));
  if (scope.isNeeded(2))
    scope.give(2, g.sum(axes, false));
  return success();
}

LogicalResult LpNormOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient(), y = scope.getResult();
  int64_t axis = normalizeAxis(getAxis(), x.getRank());
  Term along = (g * y).sum(axis);
  if (getP() == 1)
    scope.give(0, (g - x.sign() * along) / x.abs().sum(axis));
  else
    scope.give(0, (g - y * along) / (x * x).sum(axis).sqrt());
  return success();
}

/// Of every channel the sum over `size` of them, of which so many stand before
/// it.
static Term sumOverNeighbours(const Term &term, int64_t size, int64_t before) {
  TermBuilder &at = term.getBuilder();
  ArrayRef<int64_t> shape = term.getType().getShape();
  int64_t inner = 1;
  for (int64_t places : shape.drop_front(2))
    inner *= places;
  Term rows = term.reshape({shape[0], 1, shape[1], inner});
  Term means(at, AveragePoolOp::create(
                     at.builder, at.location, rows.get(),
                     ArrayRef<int64_t>{size, 1}, ArrayRef<int64_t>{1, 1},
                     ArrayRef<int64_t>{1, 1},
                     ArrayRef<int64_t>{before, 0, size - 1 - before, 0},
                     /*ceil_mode=*/0, /*count_include_pad=*/1));
  return (means * static_cast<double>(size)).reshape(shape);
}

LogicalResult LRNOp::buildGradient(GradientScope &scope) {
  if (failed(scope.requireStaticSizes()))
    return failure();
  // y = x d^-beta with d = bias + alpha / size * (x^2 of the neighbours)
  Term x = scope.getOperand(0), g = scope.getGradient();
  auto size = static_cast<int64_t>(getSize());
  int64_t before = (size - 1) / 2;
  double share = toNumber(getAlpha()) / static_cast<double>(size),
         beta = toNumber(getBeta());
  Term d = sumOverNeighbours(x * x, size, before) * share + toNumber(getBias());
  Term power = (d.log() * -beta).exp();
  // Whoever has a channel as a neighbour stands on the other side of it.
  Term others = sumOverNeighbours(g * x * power / d, size, size - 1 - before);
  scope.give(0, g * power - x * others * (2 * share * beta));
  return success();
}
