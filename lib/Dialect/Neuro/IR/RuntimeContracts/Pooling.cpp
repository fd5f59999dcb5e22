//===- Pooling.cpp - What pooling by indices relies on -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using Size = RuntimeContract::Size;

/// The values come from places of the tensor that was pooled, which fits the
/// result.
void MaxUnpoolOp::stateContract(RuntimeContract &contract) {
  contract.requireShape(getIndices(), contract.getSizes(getInput()));
  SmallVector<Size> sizes = contract.mix(getSizes(), getDynamicSizes());
  Size count = contract.constant(1);
  for (auto [axis, size] : llvm::enumerate(contract.getSizes(getInput()))) {
    auto [factor, summand] = getPooledSize(axis);
    Size pooled = contract.add(contract.mul(size, contract.constant(factor)),
                               contract.constant(summand));
    contract.requireBetween(pooled, contract.constant(0), sizes[axis],
                            "a size of the pooled tensor");
    count = contract.mul(count, pooled);
  }
  contract.requireEntries(getIndices(), contract.constant(0), count, "indices");
}

void RoiAlignOp::stateContract(RuntimeContract &contract) {
  contract.requireSize(getRois(), 1, contract.constant(4));
  contract.requireShape(getBatchIndices(), contract.getSize(getRois(), 0));
  contract.requireEntries(getBatchIndices(), contract.constant(0),
                          contract.getSize(getInput(), 0), "batch indices");
}

void MaxRoiPoolOp::stateContract(RuntimeContract &contract) {
  contract.requireSize(getRois(), 1, contract.constant(5));
  contract.requireEntries(contract.getColumn(getRois(), 0),
                          contract.constant(0), contract.getSize(getInput(), 0),
                          "batch indices");
}

void Col2ImOp::stateContract(RuntimeContract &contract) {
  int64_t block = 1, places = 1;
  for (auto [axis, size] : llvm::enumerate(getBlockShape())) {
    block = mulSizes(block, size);
    places = mulSizes(places, countPlaces(axis));
  }
  contract.requireMultiple(getInput(), 1, block);
  contract.requireSize(getInput(), 2, contract.constant(places));
}
