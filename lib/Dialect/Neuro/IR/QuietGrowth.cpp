//===- QuietGrowth.cpp - Ops that count, and indices that join ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Of n indices that become m, a mean of squares over them falls by n / m where
// the newborns are zero, and so does a variance where they are the mean of the
// others. A norm divides by the root of that and of its epsilon: with epsilon
// times n / m, and the scale times the root of n / m, it gives what it gave.
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"

using namespace mlir;
using namespace neuroplast::neuro;

QuietGrowth LayerNormOp::getQuietGrowth() {
  QuietGrowth growth;
  growth.averages = getInvStdDev().use_empty();
  growth.scale = 1;
  return growth;
}

QuietGrowth RMSNormOp::getQuietGrowth() {
  QuietGrowth growth;
  growth.zeros = true;
  growth.scale = 1;
  return growth;
}

/// The epsilon that falls as the mean of squares does.
static APFloat scaleEpsilon(const APFloat &epsilon, int64_t before,
                            int64_t after) {
  return APFloat(static_cast<float>(epsilon.convertToDouble() *
                                    static_cast<double>(before) /
                                    static_cast<double>(after)));
}

void LayerNormOp::keepCount(OpBuilder &, int64_t before, int64_t after) {
  setEpsilon(scaleEpsilon(getEpsilon(), before, after));
}

void RMSNormOp::keepCount(OpBuilder &, int64_t before, int64_t after) {
  setEpsilon(scaleEpsilon(getEpsilon(), before, after));
}

QuietGrowth ReduceMeanOp::getQuietGrowth() {
  QuietGrowth growth;
  growth.zeros = growth.averages =
      isa<FloatType>(getElementTypeOrSelf(getInput()));
  return growth;
}

void ReduceMeanOp::keepCount(OpBuilder &builder, int64_t before, int64_t) {
  builder.setInsertionPoint(*this);
  Value sum = ReduceSumOp::create(builder, getLoc(), getInput(), getAxes(),
                                  getKeepdims());
  auto type = RankedTensorType::get({}, getElementTypeOrSelf(getInput()));
  auto element = cast<FloatType>(type.getElementType());
  Value count = ConstantOp::create(
      builder, getLoc(),
      DenseElementsAttr::get(
          type, builder.getFloatAttr(element, static_cast<double>(before))
                    .getValue()));
  replaceAllUsesWith(DivOp::create(builder, getLoc(), sum, count).getResult());
  erase();
}
