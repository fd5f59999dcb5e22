//===- Shape.cpp - What ops that move elements rely on ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using neuroplast::neuro::detail::normalizeAxis;
using Size = RuntimeContract::Size;

void ReshapeOp::stateContract(RuntimeContract &contract) {
  contract.requireEqualCounts(contract.getSizes(getInput()),
                              contract.mix(getSizes(), getDynamicSizes()));
}

void ExpandOp::stateContract(RuntimeContract &contract) {
  SmallVector<Size> asked = contract.mix(getSizes(), getDynamicSizes());
  contract.requireTensorSizes(asked, "a size");
  // A size of 1 asks for nothing.
  int64_t rank = getTensorType(getInput()).getRank();
  int64_t offset = static_cast<int64_t>(asked.size()) - rank;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (axis + offset >= 0)
      contract.requireBroadcastSize(getInput(), axis, asked[axis + offset]);
}

void TileOp::stateContract(RuntimeContract &contract) {
  contract.requireTensorSizes(contract.mix(getRepeats(), getDynamicRepeats()),
                              "a repeat");
}

void FillOp::stateContract(RuntimeContract &contract) {
  contract.requireSingle(getValue());
  contract.requireTensorSizes(contract.mix(getSizes(), getDynamicSizes()),
                              "a size");
}

void RangeOp::stateContract(RuntimeContract &contract) {
  contract.requireSingle(getStart());
  contract.requireSingle(getDelta());
  if (getDynamicSize())
    contract.requireTensorSizes(Size(getDynamicSize()), "a length");
}

void ConcatOp::stateContract(RuntimeContract &contract) {
  Value first = getInputs().front();
  int64_t axis = normalizeAxis(getAxis(), first);
  for (int64_t i = 0; i < getTensorType(first).getRank(); ++i) {
    if (i == axis)
      continue;
    // What is known of one input holds for all; else the last one leads.
    Size common = contract.getSize(getInputs().back(), i);
    for (Value input : getInputs())
      if (!getTensorType(input).isDynamicDim(i))
        common = contract.getSize(input, i);
    // The empty stack that a loop grows has no other sizes yet.
    auto argument = dyn_cast<BlockArgument>(first);
    if (argument &&
        isa<LoopLikeOpInterface>(argument.getOwner()->getParentOp()))
      contract.requireSizeUnlessEmpty(first, i, common, axis);
    else
      contract.requireSize(first, i, common);
    for (Value input : getInputs().drop_front())
      contract.requireSize(input, i, common);
  }
}

void SplitOp::stateContract(RuntimeContract &contract) {
  int64_t total = 0;
  for (int64_t size : getSizes())
    total = addSizes(total, size);
  // Pieces of open sizes share what there is.
  if (!ShapedType::isDynamic(total))
    contract.requireSize(getInput(), normalizeAxis(getAxis(), getInput()),
                         contract.constant(total));
}

void SliceOp::stateContract(RuntimeContract &contract) {
  SmallVector<Size> starts = contract.mix(getStarts(), getDynamicStarts());
  SmallVector<Size> sizes = contract.mix(getSizes(), getDynamicSizes());
  SmallVector<Size> steps = contract.mix(getSteps(), getDynamicSteps());
  for (int64_t axis = 0; axis < getTensorType(getInput()).getRank(); ++axis)
    contract.requireSlice(getInput(), axis, starts[axis], sizes[axis],
                          steps[axis]);
}

void PadOp::stateContract(RuntimeContract &contract) {
  SmallVector<Size> low = contract.mix(getLow(), getDynamicLow());
  SmallVector<Size> high = contract.mix(getHigh(), getDynamicHigh());
  bool isConstant = getMode() == "constant";
  if (getValue())
    contract.requireSingle(getValue());
  for (int64_t axis = 0; axis < getTensorType(getInput()).getRank(); ++axis) {
    Size size = contract.getSize(getInput(), axis);
    if (isConstantIntValue(low[axis], 0) && isConstantIntValue(high[axis], 0))
      continue;
    contract.requireBetween(
        contract.add(contract.add(size, low[axis]), high[axis]),
        contract.constant(0), contract.constant(maxTensorBytes),
        "a padded size");
    // Nothing but a constant pads what is empty once negative pads have cut it.
    if (!isConstant)
      contract.requireBetween(
          contract.add(size, contract.add(contract.atMostZero(low[axis]),
                                          contract.atMostZero(high[axis]))),
          contract.constant(1), contract.constant(maxTensorBytes),
          "the size of what is padded");
  }
}

void DepthToSpaceOp::stateContract(RuntimeContract &contract) {
  contract.requireMultiple(getInput(), 1, getBlocksize() * getBlocksize());
}

void SpaceToDepthOp::stateContract(RuntimeContract &contract) {
  contract.requireMultiple(getInput(), 2, getBlocksize());
  contract.requireMultiple(getInput(), 3, getBlocksize());
}

void ReverseSequenceOp::stateContract(RuntimeContract &contract) {
  int64_t batch = normalizeAxis(getBatchAxis(), getInput()),
          time = normalizeAxis(getTimeAxis(), getInput());
  contract.requireShape(getSequenceLens(), contract.getSize(getInput(), batch));
  contract.requireEntries(
      getSequenceLens(), contract.constant(0),
      contract.add(contract.getSize(getInput(), time), contract.constant(1)),
      "lengths");
}

void ResizeOp::stateContract(RuntimeContract &contract) {
  SmallVector<Size> sizes = contract.mix(getSizes(), getDynamicSizes());
  contract.requireTensorSizes(sizes, "a size");
  // What is not empty is made of something.
  for (auto [axis, size] : llvm::enumerate(sizes))
    if (!isConstantIntValue(size, 0))
      contract.requireAtLeast(getInput(), axis, 1);
}

void NonMaxSuppressionOp::stateContract(RuntimeContract &contract) {
  contract.requireSize(getBoxes(), 2, contract.constant(4));
  contract.requireSize(getScores(), 0, contract.getSize(getBoxes(), 0));
  contract.requireSize(getScores(), 2, contract.getSize(getBoxes(), 1));
  for (Value single :
       {getMaxOutputBoxesPerClass(), getIouThreshold(), getScoreThreshold()})
    if (single)
      contract.requireSingle(single);
}

void GridSampleOp::stateContract(RuntimeContract &contract) {
  int64_t rank = getTensorType(getInput()).getRank();
  contract.requireSize(getGrid(), 0, contract.getSize(getInput(), 0));
  contract.requireSize(getGrid(), rank - 1, contract.constant(rank - 2));
}
