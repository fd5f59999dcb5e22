//===- Normalization.cpp - What divisions and norms rely on -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using neuroplast::neuro::detail::normalizeAxis;
using Size = RuntimeContract::Size;

//===----------------------------------------------------------------------===//
// Division
//===----------------------------------------------------------------------===//

static void requireDivisor(RuntimeContract &contract, Value divisor) {
  if (isa<IntegerType>(getElementTypeOrSelf(divisor.getType())))
    contract.requireNoZero(divisor, "has a zero, which integers cannot be "
                                    "divided by");
}

void DivOp::stateContract(RuntimeContract &contract) {
  contract.requireBroadcast(getOperands());
  requireDivisor(contract, getRhs());
}

void ModOp::stateContract(RuntimeContract &contract) {
  contract.requireBroadcast(getOperands());
  requireDivisor(contract, getRhs());
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

static void requireChannels(RuntimeContract &contract, Value input,
                            ValueRange lists) {
  for (Value list : lists)
    contract.requireShape(list, contract.getSize(input, 1));
}

void BatchNormOp::stateContract(RuntimeContract &contract) {
  requireChannels(contract, getInput(),
                  {getScale(), getBias(), getMean(), getVariance()});
}

void InstanceNormOp::stateContract(RuntimeContract &contract) {
  requireChannels(contract, getInput(), {getScale(), getBias()});
}

void GroupNormOp::stateContract(RuntimeContract &contract) {
  requireChannels(contract, getInput(), {getScale(), getBias()});
  contract.requireMultiple(getInput(), 1, getNumGroups());
}

void LayerNormOp::stateContract(RuntimeContract &contract) {
  SmallVector<Size> shape = contract.getSizes(getInput());
  contract.requireBroadcastTo(getScale(), shape);
  if (getBias())
    contract.requireBroadcastTo(getBias(), shape);
}

void RMSNormOp::stateContract(RuntimeContract &contract) {
  contract.requireBroadcastTo(getScale(), contract.getSizes(getInput()));
}

//===----------------------------------------------------------------------===//
// Quantisation
//===----------------------------------------------------------------------===//

/// There is one scale, one for each place of an axis, or one for each block.
static void requireScales(RuntimeContract &contract, Value input, Value scale,
                          Value zeroPoint, int64_t axis, int64_t blockSize) {
  RankedTensorType scales = getTensorType(scale);
  bool isSingle = scales.getRank() == 0 ||
                  (scales.getRank() == 1 && scales.getDimSize(0) == 1);
  if (zeroPoint && isSingle)
    contract.requireSingle(zeroPoint);
  else if (zeroPoint)
    contract.requireShape(zeroPoint, contract.getSizes(scale));
  int64_t rank = getTensorType(input).getRank();
  axis = normalizeAxis(axis, rank);
  if (isSingle || axis < 0 || axis >= rank)
    return;
  if (blockSize == 0)
    return contract.requireShape(scale, contract.getSize(input, axis));
  SmallVector<Size> shape = contract.getSizes(input);
  shape[axis] =
      contract.div(contract.add(shape[axis], contract.constant(blockSize - 1)),
                   contract.constant(blockSize));
  contract.requireShape(scale, shape);
}

void QuantizeLinearOp::stateContract(RuntimeContract &contract) {
  requireScales(contract, getInput(), getScale(), getZeroPoint(), getAxis(),
                getBlockSize());
}

void DequantizeLinearOp::stateContract(RuntimeContract &contract) {
  requireScales(contract, getInput(), getScale(), getZeroPoint(), getAxis(),
                getBlockSize());
}
