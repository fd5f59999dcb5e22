//===- SignalOps.cpp - Fourier transforms --------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/SignalOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

/// Longer transforms are mistakes: their tables alone would fill a memory.
static constexpr int64_t kMostPlaces = int64_t(1) << 31;

/// The numbers that a transform gives that tells the half of them.
static int64_t countBins(int64_t length, bool isOnesided) {
  return !isOnesided || length == kDynamic ? length : length / 2 + 1;
}

static bool holdsNumbers(int64_t parts) { return parts == 1 || parts == 2; }

LogicalResult DFTOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> location,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  int64_t rank = input.getRank(), length = adaptor.getLength(),
          axis = adaptor.getAxis();
  if (rank < 2 || !holdsNumbers(input.getShape().back()))
    return emitOptionalError(location, "'", getOperationName(), "' op input ",
                             input, " does not end in an axis of 1 or 2 parts");
  if (axis < 0 || axis >= rank - 1)
    return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                             axis, " is none of the ", rank - 1,
                             " before the parts");
  if ((length == kDynamic) != static_cast<bool>(adaptor.getDynamicLength()))
    return emitOptionalError(location, "'", getOperationName(),
                             "' op needs one length");
  if (length != kDynamic && (length < 1 || length > kMostPlaces))
    return emitOptionalError(location, "'", getOperationName(),
                             "' op has a length of ", length);
  bool isReal = adaptor.getInverse() && adaptor.getOnesided();
  SmallVector<int64_t> shape(input.getShape());
  shape[axis] = countBins(length, adaptor.getOnesided() && !isReal);
  shape.back() = isReal ? 1 : 2;
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

LogicalResult STFTOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  RankedTensorType signal = getTensorType(adaptor.getSignal());
  if (signal.getRank() != 3 || !holdsNumbers(signal.getShape().back()))
    return emitOptionalError(location, "'", getOperationName(), "' op signal ",
                             signal,
                             " is not batch x length x parts, of which there "
                             "are 1 or 2");
  int64_t length = adaptor.getFrameLength(), step = adaptor.getFrameStep(),
          places = signal.getDimSize(1);
  if (length < 1 || length > kMostPlaces || step < 1 || step > kMostPlaces)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op has frames of length ", length, " that are ",
                             step, " apart");
  if (Value window = adaptor.getWindow())
    if (getTensorType(window).getRank() != 1)
      return emitOptionalError(location, "'", getOperationName(),
                               "' op window ", window.getType(), " is no list");
  int64_t frames = places == kDynamic ? kDynamic
                   : places < length  ? 0
                                      : (places - length) / step + 1;
  types.push_back(
      RankedTensorType::get({signal.getDimSize(0), frames,
                             countBins(length, adaptor.getOnesided()), 2},
                            signal.getElementType()));
  return success();
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/SignalOps.cpp.inc"
