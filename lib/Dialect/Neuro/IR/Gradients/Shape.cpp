//===- Shape.cpp - Gradients of what moves elements -----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using neuroplast::neuro::detail::normalizeAxis;

LogicalResult TransposeOp::buildGradient(GradientScope &scope) {
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [axis, from] : llvm::enumerate(getPermutation()))
    inverse[from] = axis;
  scope.give(0, scope.getGradient().transpose(inverse));
  return success();
}

/// A box of a tensor of known sizes.
static Term slice(GradientScope &scope, const Term &term,
                  ArrayRef<int64_t> starts, ArrayRef<int64_t> sizes,
                  ArrayRef<int64_t> steps) {
  auto &at = scope.getBuilder();
  return scope.wrap(SliceOp::create(at.builder, at.location, term.get(),
                                    ValueRange(), ValueRange(), ValueRange(),
                                    starts, sizes, steps));
}

/// Zeros around a tensor.
static Term pad(GradientScope &scope, const Term &term, ArrayRef<int64_t> low,
                ArrayRef<int64_t> high) {
  auto &at = scope.getBuilder();
  return scope.wrap(PadOp::create(at.builder, at.location, term.get(), Value(),
                                  ValueRange(), ValueRange(), low, high));
}

LogicalResult ConcatOp::buildGradient(GradientScope &scope) {
  Term g = scope.getGradient();
  int64_t axis = normalizeAxis(getAxis(), g.getRank());
  for (auto [i, input] : llvm::enumerate(getInputs()))
    if (scope.isNeeded(i))
      scope.give(i, g.sliceLike(axis, getInputs().take_front(i), input));
  return success();
}

LogicalResult SplitOp::buildGradient(GradientScope &scope) {
  SmallVector<Value> parts;
  for (unsigned i = 0; i < getNumResults(); ++i)
    parts.push_back(scope.getGradient(i).get());
  auto &at = scope.getBuilder();
  scope.give(0, scope.wrap(ConcatOp::create(at.builder, at.location, parts,
                                            getAxis())));
  return success();
}

/// Whether all elements of a tensor are taken, along some axes from the last to
/// the first.
static bool onlyReverses(TermBuilder &at, SliceOp op) {
  auto sizes = getMixedValues(op.getSizes(), op.getDynamicSizes(), at.builder);
  for (auto [axis, size] : llvm::enumerate(sizes)) {
    OpFoldResult all =
        tensor::getMixedSize(at.builder, at.location, op.getInput(), axis);
    if ((op.getSteps()[axis] != 1 && op.getSteps()[axis] != -1) ||
        !areSameSizes(size, all))
      return false;
  }
  return true;
}

LogicalResult SliceOp::buildGradient(GradientScope &scope) {
  auto &at = scope.getBuilder();
  if (onlyReverses(at, *this)) {
    scope.give(0, scope.wrap(SliceOp::create(
                      at.builder, at.location, scope.getGradient().get(),
                      getDynamicStarts(), getDynamicSizes(), ValueRange(),
                      getStarts(), getSizes(), getSteps())));
    return success();
  }
  if (failed(scope.requireStaticSizes()))
    return failure();
  if (!getDynamicStarts().empty() || !getDynamicSteps().empty())
    return emitOpError("at unknown places has no gradient yet");
  Term g = scope.getGradient();
  // Backwards first, then zeros between the elements, around all, and none
  // behind the last.
  int64_t rank = g.getRank();
  SmallVector<int64_t> zeros(rank, 0), low(getStarts()), high(zeros),
      ones(rank, 1);
  ArrayRef<int64_t> sizes = getTensorType(getInput()).getShape();
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t step = getSteps()[axis], size = g.getType().getDimSize(axis);
    if (size == 0)
      return scope.give(0, g.number(0).broadcastLike(getInput())), success();
    if (step < 0) {
      SmallVector<int64_t> from(zeros), by(ones);
      from[axis] = size - 1;
      by[axis] = -1;
      g = slice(scope, g, from, g.getType().getShape(), by);
      low[axis] += (size - 1) * step;
      step = -step;
    }
    if (step > 1 && size > 1) {
      SmallVector<int64_t> shape(g.getType().getShape());
      g = g.expandAxes(axis + 1);
      SmallVector<int64_t> before(rank + 1, 0), behind(before);
      behind[axis + 1] = step - 1;
      g = pad(scope, g, before, behind);
      shape[axis] = size * step;
      g = g.reshape(shape);
    }
    // Cut off, if it is more than there is.
    high[axis] = sizes[axis] - low[axis] - g.getType().getDimSize(axis);
  }
  scope.give(0, pad(scope, g, low, high));
  return success();
}

/// What was put around a tensor along an axis, given back to the elements that
/// it was made of, and these; the result has the size of the tensor.
static Term giveBackBorders(GradientScope &scope, const Term &g, StringRef mode,
                            int64_t axis, int64_t low, int64_t high) {
  int64_t size = g.getType().getDimSize(axis) - low - high;
  Term sum = g.slice(axis, low, size);
  auto giveBack = [&](int64_t start, int64_t count, int64_t mirrored,
                      int64_t edge, int64_t wrapped) {
    if (count == 0)
      return;
    Term border = g.slice(axis, start, count);
    int64_t place = wrapped;
    if (mode == "edge") {
      border = border.sum(axis);
      place = edge;
    } else if (mode == "reflect") {
      border = border.reverse(axis);
      place = mirrored;
    }
    SmallVector<int64_t> before(g.getRank(), 0), behind(before);
    before[axis] = place;
    behind[axis] = size - place - border.getType().getDimSize(axis);
    sum = sum + pad(scope, border, before, behind);
  };
  giveBack(0, low, 1, 0, size - low);
  giveBack(low + size, high, size - 1 - high, size - 1, 0);
  return sum;
}

LogicalResult PadOp::buildGradient(GradientScope &scope) {
  if (!getDynamicLow().empty() || !getDynamicHigh().empty())
    return emitOpError("by unknown numbers has no gradient yet");
  Term g = scope.getGradient();
  if (getMode() != "constant") {
    if (failed(scope.requireStaticSizes()))
      return failure();
    for (int64_t axis = 0; axis < g.getRank(); ++axis) {
      int64_t low = getLow()[axis], high = getHigh()[axis],
              size = getTensorType(getInput()).getDimSize(axis);
      int64_t most = getMode() == "reflect" ? size - 1 : size;
      if (low < 0 || high < 0 ||
          (getMode() != "edge" && std::max(low, high) > most))
        return emitOpError("in mode '")
               << getMode()
               << "' by less than nothing, or more than the tensor "
                  "has, has no gradient yet";
      g = giveBackBorders(scope, g, getMode(), axis, low, high);
    }
    scope.give(0, g);
    return success();
  }
  SmallVector<int64_t> low, high;
  for (auto [before, behind] : llvm::zip_equal(getLow(), getHigh())) {
    low.push_back(-before);
    high.push_back(-behind);
  }
  Term inside = pad(scope, g, low, high);
  if (scope.isNeeded(0))
    scope.give(0, inside);
  if (scope.isNeeded(1)) {
    auto all = llvm::to_vector(llvm::seq<int64_t>(0, g.getRank()));
    scope.give(
        1,
        (g.sum(all, false) - inside.sum(all, false)).reshapeLike(getValue()));
  }
  return success();
}

LogicalResult ChannelShuffleOp::buildGradient(GradientScope &scope) {
  auto &at = scope.getBuilder();
  int64_t size = getTensorType(getInput()).getDimSize(getAxis());
  if (ShapedType::isDynamic(size))
    return emitOpError("of unknown sizes has no gradient yet");
  scope.give(0, scope.wrap(ChannelShuffleOp::create(
                    at.builder, at.location, scope.getGradient().get(),
                    getAxis(), size / getGroups())));
  return success();
}

LogicalResult TileOp::buildGradient(GradientScope &scope) {
  if (failed(scope.requireStaticSizes()))
    return failure();
  Term g = scope.getGradient();
  SmallVector<int64_t> split, copies;
  for (auto [repeats, size] :
       llvm::zip_equal(getRepeats(), getTensorType(getInput()).getShape())) {
    if (ShapedType::isDynamic(repeats))
      return emitOpError("by unknown numbers has no gradient yet");
    copies.push_back(static_cast<int64_t>(split.size()));
    split.append({repeats, size});
  }
  scope.give(0, g.reshape(split).sum(copies, /*keep=*/false));
  return success();
}

LogicalResult TriluOp::buildGradient(GradientScope &scope) {
  auto &at = scope.getBuilder();
  scope.give(0, scope.wrap(TriluOp::create(at.builder, at.location,
                                           scope.getGradient().get(), getK(),
                                           getUpper())));
  return success();
}

LogicalResult ReverseSequenceOp::buildGradient(GradientScope &scope) {
  auto &at = scope.getBuilder();
  scope.give(0, scope.wrap(ReverseSequenceOp::create(
                    at.builder, at.location, scope.getGradient().get(),
                    getSequenceLens(), getBatchAxis(), getTimeAxis())));
  return success();
}

LogicalResult DepthToSpaceOp::buildGradient(GradientScope &scope) {
  if (failed(scope.requireStaticSizes()))
    return failure();
  ArrayRef<int64_t> sizes = getTensorType(getInput()).getShape();
  int64_t block = getBlocksize();
  // n c (h i) (w j) is n (i j c) h w, or n (c i j) h w.
  Term parts = scope.getGradient().reshape(
      {sizes[0], sizes[1] / (block * block), sizes[2], block, sizes[3], block});
  parts = getMode() == "DCR" ? parts.transpose({0, 3, 5, 1, 2, 4})
                             : parts.transpose({0, 1, 3, 5, 2, 4});
  scope.give(0, parts.reshape(sizes));
  return success();
}

LogicalResult SpaceToDepthOp::buildGradient(GradientScope &scope) {
  auto &at = scope.getBuilder();
  scope.give(0, scope.wrap(DepthToSpaceOp::create(at.builder, at.location,
                                                  scope.getGradient().get(),
                                                  getBlocksize())));
  return success();
}
