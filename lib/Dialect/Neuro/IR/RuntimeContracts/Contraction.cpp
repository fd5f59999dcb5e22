//===- Contraction.cpp - What convolutions and products rely on ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"

#include <map>

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using Size = RuntimeContract::Size;

/// Each group of output channels sees its own input channels.
static void requireChannels(RuntimeContract &contract, Value input,
                            Value weight, int64_t group) {
  contract.requireSize(
      input, 1,
      contract.mul(contract.getSize(weight, 1), contract.constant(group)));
  contract.requireMultiple(weight, 0, group);
}

void ConvOp::stateContract(RuntimeContract &contract) {
  requireChannels(contract, getInput(), getWeight(), getGroup());
  contract.requireShape(getBias(), contract.getSize(getWeight(), 0));
}

/// A zero point is one number, or has one for each place of `axis`, or one for
/// each place of all axes, those of size 1 standing for all.
static void requireZeroPoint(RuntimeContract &contract, Value tensor,
                             Value zeroPoint, int64_t axis) {
  if (!zeroPoint)
    return;
  RankedTensorType type = getTensorType(zeroPoint);
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.getDimSize(i) != 1)
      contract.requireSize(
          zeroPoint, i,
          contract.getSize(tensor, type.getRank() == 1 ? axis : i));
}

void ConvIntegerOp::stateContract(RuntimeContract &contract) {
  requireChannels(contract, getInput(), getWeight(), getGroup());
  requireZeroPoint(contract, getInput(), getInputZeroPoint(), 0);
  requireZeroPoint(contract, getWeight(), getWeightZeroPoint(), 0);
}

/// There is an offset along each spatial axis, and a factor, for each entry of
/// the kernel, group of channels and place of the result.
void DeformConvOp::stateContract(RuntimeContract &contract) {
  requireChannels(contract, getInput(), getWeight(), getGroup());
  contract.requireShape(getBias(), contract.getSize(getWeight(), 0));
  SmallVector<Size> kernel = contract.getSizes(getWeight());
  Size entries = contract.constant(getOffsetGroup());
  for (Size size : ArrayRef(kernel).drop_front(2))
    entries = contract.mul(entries, size);
  int64_t spatial = static_cast<int64_t>(kernel.size()) - 2;
  SmallVector<Size> shape{contract.getSize(getInput(), 0),
                          contract.mul(entries, contract.constant(spatial))};
  for (int64_t axis = 0; axis < spatial; ++axis) {
    Size extent = contract.add(
        contract.mul(contract.sub(kernel[axis + 2], contract.constant(1)),
                     contract.constant(getDilations()[axis])),
        contract.constant(1));
    Size padded = contract.add(
        contract.getSize(getInput(), axis + 2),
        contract.constant(getPads()[axis] + getPads()[axis + spatial]));
    shape.push_back(
        contract.add(contract.div(contract.sub(padded, extent),
                                  contract.constant(getStrides()[axis])),
                     contract.constant(1)));
  }
  contract.requireShape(getOffset(), shape);
  shape[1] = entries;
  contract.requireShape(getMask(), shape);
}

void ConvTransposeOp::stateContract(RuntimeContract &contract) {
  contract.requireSize(getInput(), 1, contract.getSize(getWeight(), 0));
  contract.requireMultiple(getInput(), 1, getGroup());
  contract.requireShape(getBias(),
                        contract.mul(contract.getSize(getWeight(), 1),
                                     contract.constant(getGroup())));
}

static void requireProduct(RuntimeContract &contract, Value lhs, Value rhs) {
  int64_t left = getTensorType(lhs).getRank(),
          right = getTensorType(rhs).getRank();
  contract.requireSize(rhs, std::max<int64_t>(right - 2, 0),
                       contract.getSize(lhs, left - 1));
  // The batch axes broadcast; they are those before the last two.
  for (int64_t axis = 0; axis < std::min(left, right) - 2; ++axis)
    contract.requireBroadcastAxes(lhs, left - 3 - axis, rhs, right - 3 - axis);
}

void MatMulOp::stateContract(RuntimeContract &contract) {
  requireProduct(contract, getLhs(), getRhs());
}

void MatMulIntegerOp::stateContract(RuntimeContract &contract) {
  requireProduct(contract, getA(), getB());
  requireZeroPoint(contract, getA(), getAZeroPoint(),
                   std::max<int64_t>(0, getTensorType(getA()).getRank() - 2));
  requireZeroPoint(contract, getB(), getBZeroPoint(),
                   getTensorType(getB()).getRank() - 1);
}

void GemmOp::stateContract(RuntimeContract &contract) {
  bool transA = getTransA(), transB = getTransB();
  contract.requireSize(getB(), transB ? 1 : 0,
                       contract.getSize(getA(), transA ? 0 : 1));
  if (getC())
    contract.requireBroadcastTo(getC(),
                                {contract.getSize(getA(), transA ? 1 : 0),
                                 contract.getSize(getB(), transB ? 0 : 1)});
}

void EinsumOp::stateContract(RuntimeContract &contract) {
  auto terms = detail::parseEinsum(getEquation(), getInputs());
  if (failed(terms))
    return;
  // The first operand with an axis of that name; a size that is not 1 leads.
  std::map<char, std::pair<Value, int64_t>> first;
  for (auto [axes, input] : llvm::zip_equal(terms->inputs, getInputs()))
    for (auto [axis, name] : llvm::enumerate(axes)) {
      auto [it, isNew] = first.try_emplace(name, input, axis);
      if (isNew)
        continue;
      // What is 1 broadcasts if that is known; a size that turns out to be 1
      // is read as it is.
      auto [other, place] = it->second;
      Size size = contract.getSize(input, axis),
           common = contract.getSize(other, place);
      if (isConstantIntValue(common, 1))
        it->second = {input, axis};
      else if (!isConstantIntValue(size, 1))
        contract.requireSize(input, axis, common);
    }
}
