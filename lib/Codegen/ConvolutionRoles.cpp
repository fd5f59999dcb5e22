//===- ConvolutionRoles.cpp - What the loops of convolutions do -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConvolutionRoles.h"

using namespace mlir;
using namespace neuroplast;

std::optional<Convolution> Convolution::match(kernel::ContractOp op) {
  auto type = cast<ShapedType>(op.getInit().getType());
  if (!isa<RankedTensorType>(type) || type.getRank() < 3)
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getMaps();
  AffineMap data = maps[0], weight = maps[1], result = maps.back();
  if (!result.isProjectedPermutation() || data.getNumResults() < 3)
    return std::nullopt;
  Convolution conv;
  std::optional<unsigned> group = kernel::getPlainLoop(result, 1);
  if (group && type.getRank() > 3 && kernel::getPlainLoop(data, 1) == group &&
      kernel::getPlainLoop(result, 2) &&
      !data.isFunctionOfDim(*kernel::getPlainLoop(result, 2)))
    conv.axis = 2;
  std::optional<unsigned> out = kernel::getPlainLoop(result, conv.axis);
  std::optional<unsigned> channels = kernel::getPlainLoop(data, conv.axis);
  if (!out || !channels || !kernel::findPlainAxis(weight, *out))
    return std::nullopt;
  conv.out = *out;
  if (type.isDynamicDim(conv.axis) ||
      cast<ShapedType>(op.getLhs().getType()).isDynamicDim(conv.axis))
    return std::nullopt;
  // The weight is the same for all batches and places.
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (axis < 1 || axis > conv.axis)
      if (auto loop = dyn_cast<AffineDimExpr>(result.getResult(axis));
          loop && weight.isFunctionOfDim(loop.getPosition()))
        return std::nullopt;
  if (*channels == *out)
    return conv;
  if (data.isFunctionOfDim(*out) || result.isFunctionOfDim(*channels) ||
      !kernel::findPlainAxis(weight, *channels))
    return std::nullopt;
  conv.in = *channels;
  return conv;
}

std::optional<WeightGradient> WeightGradient::match(kernel::ContractOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getInit().getType());
  SmallVector<AffineMap> maps = op.getMaps();
  AffineMap data = maps[0], gradient = maps[1], result = maps.back();
  if (!type || type.getRank() < 3 || !result.isProjectedPermutation() ||
      data.getNumResults() < 3 ||
      data.getNumResults() != gradient.getNumResults())
    return std::nullopt;
  std::optional<unsigned> in = kernel::getPlainLoop(data, 1),
                          out = kernel::getPlainLoop(gradient, 1),
                          batch = kernel::getPlainLoop(data, 0);
  if (!in || !out || !batch || batch != kernel::getPlainLoop(gradient, 0) ||
      op.isParallel(*batch))
    return std::nullopt;
  if (in == out)
    in.reset();
  else if (data.isFunctionOfDim(*out) || gradient.isFunctionOfDim(*in))
    return std::nullopt;
  auto isKnown = [&](unsigned channel) {
    std::optional<int64_t> axis = kernel::findPlainAxis(result, channel);
    return axis && !type.isDynamicDim(*axis);
  };
  if (!isKnown(*out) || (in && !isKnown(*in)))
    return std::nullopt;
  // All places of the gradients are summed over.
  for (int64_t axis = 2; axis < gradient.getNumResults(); ++axis)
    if (std::optional<unsigned> loop = kernel::getPlainLoop(gradient, axis);
        !loop || op.isParallel(*loop))
      return std::nullopt;
  return WeightGradient{*out, in};
}
