//===- Signal.cpp - Axis rules of transforms and random tensors ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "neuroplast/Dialect/Neuro/IR/RandomOps.h"
#include "neuroplast/Dialect/Neuro/IR/SignalOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

/// Every number depends on all along the axis; the others stay.
AxisRule DFTOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes input = build.axes(getInput());
  TensorAxes result(input);
  ArrayRef<int64_t> out = RuleBuilder::getShape(getResult());
  auto transformed = static_cast<size_t>(getAxis());
  build.rule.factors[input[transformed].terms[0][0]].role = FactorRole::Spatial;
  result[transformed] = build.axis("k", out[transformed], FactorRole::Spatial);
  build.rule.factors[input.back().terms[0][0]].role = FactorRole::Fixed;
  result.back() = build.axis("c", out.back(), FactorRole::Fixed);
  build.set(getInputMutable(), input);
  build.set(getResult(), result);
  return build.take();
}

AxisRule STFTOp::getAxisRule() {
  RuleBuilder build(*this);
  ArrayRef<int64_t> in = RuleBuilder::getShape(getSignal());
  ArrayRef<int64_t> out = RuleBuilder::getShape(getResult());
  AxisExpr n = build.axis("n", in[0]);
  build.set(getSignalMutable(), {n, build.axis("t", in[1], FactorRole::Spatial),
                                 build.axis("c", in[2], FactorRole::Fixed)});
  if (getWindow())
    build.set(getWindowMutable(),
              build.axes(getWindow(), "w", FactorRole::Fixed));
  build.set(getResult(), {n, build.axis("f", out[1], FactorRole::Spatial),
                          build.axis("k", out[2], FactorRole::Spatial),
                          build.axis("p", out[3], FactorRole::Fixed)});
  return build.take();
}

AxisRule RandomNormalOp::getAxisRule() {
  RuleBuilder build(*this);
  build.set(getResult(), build.axes(getResult()));
  return build.take();
}
void RandomNormalOp::setFactorExtents(ArrayRef<int64_t> extents) {
  setSizes(RuleBuilder::resize(getSizes(), getAxisRule().results[0], extents));
}

AxisRule RandomUniformOp::getAxisRule() {
  RuleBuilder build(*this);
  build.set(getResult(), build.axes(getResult()));
  return build.take();
}
void RandomUniformOp::setFactorExtents(ArrayRef<int64_t> extents) {
  setSizes(RuleBuilder::resize(getSizes(), getAxisRule().results[0], extents));
}
