//===- NormalizationOps.cpp - Normalisations ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"
#include "mlir/Dialect/Traits.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using neuroplast::neuro::detail::normalizeAxis;
using neuroplast::neuro::detail::verifyShape;

/// Checks that each list has an entry for each channel of the input (axis 1).
static LogicalResult
verifyChannels(Operation *op, ArrayRef<std::pair<StringRef, Value>> lists) {
  RankedTensorType input = getTensorType(op->getOperand(0));
  if (input.getRank() < 2)
    return op->emitOpError("input has no axis of channels");
  for (auto [name, list] : lists)
    if (failed(verifyShape(op, name, list, input.getDimSize(1))))
      return failure();
  return success();
}

LogicalResult BatchNormOp::verify() {
  return verifyChannels(*this, {{"scale", getScale()},
                                {"bias", getBias()},
                                {"mean", getMean()},
                                {"variance", getVariance()}});
}

LogicalResult InstanceNormOp::verify() {
  return verifyChannels(*this, {{"scale", getScale()}, {"bias", getBias()}});
}

LogicalResult LRNOp::verify() { return verifyChannels(*this, {}); }

LogicalResult GroupNormOp::verify() {
  if (failed(
          verifyChannels(*this, {{"scale", getScale()}, {"bias", getBias()}})))
    return failure();
  int64_t channels = getTensorType(getInput()).getDimSize(1);
  auto groups = static_cast<int64_t>(getNumGroups());
  if (groups < 1 || (!ShapedType::isDynamic(channels) && channels % groups))
    return emitOpError() << groups << " groups do not divide " << channels
                         << " channels";
  return success();
}

/// Checks that a factor or summand broadcasts to the normalised tensor.
static LogicalResult verifyBroadcast(Operation *op, StringRef name,
                                     Value operand) {
  RankedTensorType input = getTensorType(op->getOperand(0));
  RankedTensorType type = getTensorType(operand);
  auto sizes = input.getShape();
  bool fits = type.getRank() <= input.getRank();
  for (int64_t i = 0; fits && i < type.getRank(); ++i) {
    int64_t size = type.getDimSize(i);
    int64_t whole = sizes[sizes.size() - type.getRank() + i];
    fits = size == 1 || size == whole || ShapedType::isDynamic(size) ||
           ShapedType::isDynamic(whole);
  }
  if (fits)
    return success();
  return op->emitOpError() << name << " of type " << type
                           << " does not broadcast to the input";
}

LogicalResult LayerNormOp::verify() {
  if (getBias() && failed(verifyBroadcast(*this, "bias", getBias())))
    return failure();
  return verifyBroadcast(*this, "scale", getScale());
}

LogicalResult RMSNormOp::verify() {
  return verifyBroadcast(*this, "scale", getScale());
}

LogicalResult BatchStatisticsOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (input.getRank() < 2)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op has no channels in ", input);
  types.append(
      2, RankedTensorType::get(input.getDimSize(1), input.getElementType()));
  return success();
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  int64_t rank = input.getRank(), axis = adaptor.getAxis();
  if (axis < -rank || axis >= rank)
    return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                             axis, " is outside its operand of rank ", rank);
  axis = normalizeAxis(axis, rank);
  SmallVector<int64_t> shape(input.getShape());
  std::fill(shape.begin() + axis, shape.end(), 1);
  types.push_back(input);
  auto statistics = RankedTensorType::get(shape, Float32Type::get(context));
  types.append(2, statistics);
  return success();
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.cpp.inc"
