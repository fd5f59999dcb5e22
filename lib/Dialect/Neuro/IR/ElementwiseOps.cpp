//===- ElementwiseOps.cpp - Elementwise ops -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using neuroplast::neuro::detail::normalizeAxis;
using neuroplast::neuro::detail::verifyShape;

OpFoldResult CastOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? getInput() : Value();
}

/// The width of an element of known layout, which is 8 for a boolean; 0 for
/// other types.
static unsigned getStoredWidth(Type type) {
  if (!type.isIntOrFloat())
    return 0;
  return type.isInteger(1) ? 8 : type.getIntOrFloatBitWidth();
}

LogicalResult BitCastOp::verify() {
  Type from = getElementTypeOrSelf(getInput().getType());
  unsigned width = getStoredWidth(from);
  if (width == 0 || width != getStoredWidth(getTo()))
    return emitOpError() << "takes elements of type " << from << " for "
                         << getTo() << ", which have another width";
  return success();
}

LogicalResult QuantizeLinearOp::inferReturnTypes(MLIRContext *,
                                                 std::optional<Location>,
                                                 Adaptor adaptor,
                                                 SmallVectorImpl<Type> &types) {
  types.push_back(getTensorType(adaptor.getInput()).clone(adaptor.getTo()));
  return success();
}

LogicalResult
DequantizeLinearOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                     Adaptor adaptor,
                                     SmallVectorImpl<Type> &types) {
  types.push_back(
      getTensorType(adaptor.getInput())
          .clone(getElementTypeOrSelf(adaptor.getScale().getType())));
  return success();
}

/// Checks scales: one, one for each place of the axis, or one for each block of
/// them; and as many zero points.
static LogicalResult verifyScales(Operation *op, Value input, Value scale,
                                  Value zeroPoint, int64_t axis,
                                  int64_t blockSize) {
  RankedTensorType type = getTensorType(input), scales = getTensorType(scale);
  if (blockSize < 0)
    return op->emitOpError() << "has a negative block size, " << blockSize;
  int64_t rank = type.getRank();
  bool isPerTensor = scales.hasStaticShape() && scales.getNumElements() == 1 &&
                     scales.getRank() < 2;
  if (!isPerTensor) {
    if (axis < -rank || axis >= rank)
      return op->emitOpError()
             << "axis " << axis << " is outside its operand of rank " << rank;
    axis = normalizeAxis(axis, rank);
    if (blockSize == 0) {
      if (failed(verifyShape(op, "scale", scale, type.getDimSize(axis))))
        return failure();
    } else {
      SmallVector<int64_t> blocks(type.getShape());
      if (!type.isDynamicDim(axis))
        blocks[axis] = llvm::divideCeil(blocks[axis], blockSize);
      if (failed(verifyShape(op, "scale", scale, blocks)))
        return failure();
    }
  }
  if (!zeroPoint)
    return success();
  // A single number may be a scalar or a list.
  RankedTensorType zeros = getTensorType(zeroPoint);
  if (isPerTensor && zeros.hasStaticShape() && zeros.getRank() < 2 &&
      zeros.getNumElements() == 1)
    return success();
  return verifyShape(op, "zero point", zeroPoint, scales.getShape());
}

LogicalResult QuantizeLinearOp::verify() {
  return verifyScales(*this, getInput(), getScale(), getZeroPoint(), getAxis(),
                      getBlockSize());
}

LogicalResult DequantizeLinearOp::verify() {
  return verifyScales(*this, getInput(), getScale(), getZeroPoint(), getAxis(),
                      getBlockSize());
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.cpp.inc"
