//===- Spectrum.cpp - Gradients of Fourier transforms ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/SignalOps.h"

using namespace mlir;
using namespace neuroplast::neuro;

/// How often a bin of half of a spectrum stands in the whole, where the others
/// are conjugates of those there: bins x 1.
static Term countConjugates(const Term &like, int64_t length) {
  int64_t bins = length / 2 + 1;
  Type element = like.getType().getElementType();
  auto &at = like.getBuilder();
  SmallVector<Attribute> counts;
  for (int64_t bin = 0; bin < bins; ++bin)
    counts.push_back(at.builder.getFloatAttr(
        element, bin == 0 || 2 * bin == length ? 1.0 : 2.0));
  auto type = RankedTensorType::get({bins, 1}, element);
  return {at, ConstantOp::create(at.builder, at.location,
                                 DenseElementsAttr::get(type, counts))};
}

LogicalResult DFTOp::buildGradient(GradientScope &scope) {
  Term x = scope.getOperand(0), g = scope.getGradient();
  if (failed(scope.requireStaticSizes()))
    return failure();
  auto &at = scope.getBuilder();
  auto length = static_cast<int64_t>(getLength()),
       axis = static_cast<int64_t>(getAxis());
  int64_t last = g.getRank() - 1;
  // The adjoint turns by the same angles the other way: the other transform,
  // but for what the inverse one divides by.
  SmallVector<int64_t> whole(g.getType().getShape());
  whole[axis] = length;
  Term turned = scope.wrap(DFTOp::create(
      at.builder, at.location, g.fitTo(whole).get(), Value(), length, axis,
      !getInverse(), /*onesided=*/getInverse() && getOnesided()));
  auto factor = static_cast<double>(length);
  turned = getInverse() ? turned / factor : turned * factor;
  if (getInverse() && getOnesided()) {
    SmallVector<int64_t> shape(g.getRank(), 1);
    shape[axis] = length / 2 + 1;
    turned = turned * countConjugates(g, length).reshape(shape);
  }
  // What is cut off was not read, and of real numbers only that part.
  SmallVector<int64_t> shape(turned.getType().getShape());
  shape[axis] = x.getType().getDimSize(axis);
  shape[last] = x.getType().getDimSize(last);
  scope.give(0, turned.fitTo(shape));
  return success();
}

FailureOr<SmallVector<Value>> STFTOp::buildParts(TermBuilder &at) {
  if (failed(requireStaticSizes(getOperation())))
    return failure();
  // Frames are columns of a convolution with windows that are one in a single
  // place; the parts of numbers are batches.
  Term signal(at, getSignal());
  int64_t batch = signal.getType().getDimSize(0),
          length = signal.getType().getDimSize(1),
          parts = signal.getType().getDimSize(2);
  auto size = static_cast<int64_t>(getFrameLength());
  Term channels =
      signal.transpose({0, 2, 1}).reshape({batch * parts, 1, length});
  Term frames(
      at, ConvOp::create(
              at.builder, at.location, channels.get(),
              signal.identityMatrix(size).reshape({size, 1, size}).get(),
              Value(), ArrayRef<int64_t>{static_cast<int64_t>(getFrameStep())},
              ArrayRef<int64_t>{1}, ArrayRef<int64_t>{0, 0}));
  int64_t count = frames.getType().getDimSize(2);
  frames = frames.reshape({batch, parts, size, count}).transpose({0, 3, 2, 1});
  if (getWindow())
    frames = frames * Term(at, getWindow()).expandAxes({1});
  return SmallVector<Value>{
      DFTOp::create(at.builder, at.location, frames.get(), Value(), size,
                    /*axis=*/2, /*inverse=*/false, getOnesided())};
}
