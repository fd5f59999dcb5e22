//===- SizeValues.cpp - Sizes as attributes and values --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

bool neuroplast::neuro::areSameSizes(OpFoldResult lhs, OpFoldResult rhs) {
  if (isEqualConstantIntOrValue(lhs, rhs))
    return true;
  auto left = dyn_cast<Value>(lhs), right = dyn_cast<Value>(rhs);
  auto leftDim = left ? left.getDefiningOp<tensor::DimOp>() : nullptr;
  auto rightDim = right ? right.getDefiningOp<tensor::DimOp>() : nullptr;
  return leftDim && rightDim && leftDim.getSource() == rightDim.getSource() &&
         leftDim.getConstantIndex() &&
         leftDim.getConstantIndex() == rightDim.getConstantIndex();
}
