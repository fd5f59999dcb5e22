//===- CellActivations.cpp - Activations of cells, with slopes ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CellActivations.h"

#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"

using namespace mlir;
using namespace neuroplast::neuro;

namespace {

/// The slope of an elementwise op, by its own rule.
Term findSlope(const Term &x, Operation *op) {
  TermBuilder &at = x.getBuilder();
  GradientScope scope(at.builder, op, x.number(1).get(), true);
  if (failed(cast<DifferentiableOpInterface>(op).buildGradient(scope)))
    llvm_unreachable("activations have rules that hold everywhere");
  return {at, scope.getGiven()[0]};
}

template <typename Op, typename... Args>
Activated applyOp(const Term &x, Args &&...args) {
  TermBuilder &at = x.getBuilder();
  auto op = Op::create(at.builder, at.location, x.getType(), x.get(),
                       std::forward<Args>(args)...);
  return {Term(at, op), findSlope(x, op)};
}

} // namespace

Activated neuroplast::neuro::apply(const CellActivation &activation,
                                   const Term &x) {
  const auto &[name, alpha, beta] = activation;
  Builder &b = x.getBuilder().builder;
  FloatAttr a = b.getF32FloatAttr(static_cast<float>(alpha));
  if (name == "sigmoid")
    return applyOp<SigmoidOp>(x);
  if (name == "tanh")
    return applyOp<TanhOp>(x);
  if (name == "relu")
    return applyOp<ReluOp>(x);
  if (name == "affine")
    return {x * alpha + beta, x.number(alpha)};
  if (name == "leakyrelu")
    return applyOp<LeakyReluOp>(x, a);
  if (name == "thresholdedrelu")
    return applyOp<ThresholdedReluOp>(x, a);
  if (name == "scaledtanh") {
    Activated inner = applyOp<TanhOp>(x * beta);
    return {inner.value * alpha, inner.slope * (alpha * beta)};
  }
  if (name == "hardsigmoid")
    return applyOp<HardSigmoidOp>(x, a,
                                  b.getF32FloatAttr(static_cast<float>(beta)));
  if (name == "elu")
    return applyOp<EluOp>(x, a);
  if (name == "softsign")
    return applyOp<SoftsignOp>(x);
  return applyOp<SoftplusOp>(x);
}
