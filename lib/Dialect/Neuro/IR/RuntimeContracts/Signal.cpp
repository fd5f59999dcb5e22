//===- Signal.cpp - What transforms and random tensors rely on -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/RandomOps.h"
#include "neuroplast/Dialect/Neuro/IR/SignalOps.h"

using namespace mlir;
using namespace neuroplast::neuro;

void DFTOp::stateContract(RuntimeContract &contract) {
  if (getDynamicLength())
    contract.requireBetween(getDynamicLength(), contract.constant(1),
                            contract.constant(int64_t(1) << 31), "the length");
}

void STFTOp::stateContract(RuntimeContract &contract) {
  if (getWindow())
    contract.requireSize(getWindow(), 0, contract.constant(getFrameLength()));
}

void RandomNormalOp::stateContract(RuntimeContract &contract) {
  contract.requireTensorSizes(contract.mix(getSizes(), getDynamicSizes()),
                              "a size");
}

void RandomUniformOp::stateContract(RuntimeContract &contract) {
  contract.requireTensorSizes(contract.mix(getSizes(), getDynamicSizes()),
                              "a size");
}
