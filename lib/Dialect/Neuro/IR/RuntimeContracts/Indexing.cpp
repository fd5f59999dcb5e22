//===- Indexing.cpp - What gathers and scatters rely on -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using neuroplast::neuro::detail::normalizeAxis;
using Size = RuntimeContract::Size;

void GatherOp::stateContract(RuntimeContract &contract) {
  int64_t axis = normalizeAxis(getAxis(), getData());
  contract.requireIndices(getIndices(), contract.getSize(getData(), axis),
                          "indices");
}

/// Indices along one axis reach no further than the data along the others.
static void requireElementIndices(RuntimeContract &contract, Value data,
                                  Value indices, int64_t axis) {
  for (int64_t i = 0; i < getTensorType(data).getRank(); ++i)
    if (i != axis)
      contract.requireAtMost(indices, i, contract.getSize(data, i));
  contract.requireIndices(indices, contract.getSize(data, axis), "indices");
}

void GatherElementsOp::stateContract(RuntimeContract &contract) {
  requireElementIndices(contract, getData(), getIndices(),
                        normalizeAxis(getAxis(), getData()));
}

void ScatterElementsOp::stateContract(RuntimeContract &contract) {
  requireElementIndices(contract, getData(), getIndices(),
                        normalizeAxis(getAxis(), getData()));
  contract.requireShape(getUpdates(), contract.getSizes(getIndices()));
}

/// The tuples in the last axis of `indices` name places of the axes of `data`
/// from `first` on.
static void requireTuples(RuntimeContract &contract, Value data, Value indices,
                          int64_t first) {
  int64_t length = getTensorType(indices).getShape().back();
  for (int64_t entry = 0; entry < length; ++entry)
    contract.requireIndices(length == 1 ? indices
                                        : contract.getColumn(indices, entry),
                            contract.getSize(data, first + entry), "indices");
}

void GatherNDOp::stateContract(RuntimeContract &contract) {
  int64_t batch = getBatchDims();
  for (int64_t axis = 0; axis < batch; ++axis)
    contract.requireSize(getIndices(), axis, contract.getSize(getData(), axis));
  requireTuples(contract, getData(), getIndices(), batch);
}

void ScatterNDOp::stateContract(RuntimeContract &contract) {
  int64_t length = getTensorType(getIndices()).getShape().back();
  if (ShapedType::isDynamic(length))
    return; // not lowered
  SmallVector<Size> shape = contract.getSizes(getIndices());
  shape.pop_back();
  llvm::append_range(shape,
                     llvm::drop_begin(contract.getSizes(getData()), length));
  contract.requireShape(getUpdates(), shape);
  requireTuples(contract, getData(), getIndices(), 0);
}

void TensorScatterOp::stateContract(RuntimeContract &contract) {
  int64_t axis = normalizeAxis(getAxis(), getPastCache());
  for (int64_t i = 0; i < getTensorType(getPastCache()).getRank(); ++i)
    if (i != axis)
      contract.requireSize(getUpdate(), i, contract.getSize(getPastCache(), i));
  Size size = contract.getSize(getPastCache(), axis);
  contract.requireAtMost(getUpdate(), axis, size);
  if (!getWriteIndices())
    return;
  contract.requireShape(getWriteIndices(), contract.getSize(getUpdate(), 0));
  // A linear update has to fit behind its position; a circular one goes on at
  // the front.
  Size last = getMode() == "circular"
                  ? size
                  : contract.add(
                        contract.sub(size, contract.getSize(getUpdate(), axis)),
                        contract.constant(1));
  contract.requireEntries(getWriteIndices(), contract.constant(0), last,
                          "positions");
}

void OneHotOp::stateContract(RuntimeContract &contract) {
  if (getDynamicDepth())
    contract.requireBetween(getDynamicDepth(), contract.constant(0),
                            contract.constant(maxTensorBytes), "the depth");
  contract.requireShape(getValues(), contract.constant(2));
}

void CompressOp::stateContract(RuntimeContract &contract) {
  if (std::optional<int64_t> axis = getAxis()) {
    contract.requireAtMost(
        getCondition(), 0,
        contract.getSize(getInput(), normalizeAxis(*axis, getInput())));
    return;
  }
  Size count = contract.constant(1);
  for (Size size : contract.getSizes(getInput()))
    count = contract.mul(count, size);
  contract.requireAtMost(getCondition(), 0, count);
}

void TopKOp::stateContract(RuntimeContract &contract) {
  int64_t axis = normalizeAxis(getAxis(), getInput());
  Size size = contract.getSize(getInput(), axis);
  if (getDynamicK())
    contract.requireBetween(getDynamicK(), contract.constant(0), size, "k");
  else
    contract.requireAtLeast(getInput(), axis, getK());
}

void ArgMaxOp::stateContract(RuntimeContract &contract) {
  contract.requireSomeAlong(getInput(), normalizeAxis(getAxis(), getInput()));
}

void ArgMinOp::stateContract(RuntimeContract &contract) {
  contract.requireSomeAlong(getInput(), normalizeAxis(getAxis(), getInput()));
}
