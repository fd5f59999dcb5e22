//===- Reduction.cpp - Gradients of reductions and scans ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"

using namespace mlir;
using namespace neuroplast::neuro;

namespace {
/// A reduction: its operand, and its gradient and result with the axes that
/// went.
struct Reduced {
  Term x, g, y;
  SmallVector<int64_t> axes;

  template <typename OpT>
  Reduced(OpT op, GradientScope &scope)
      : x(scope.getOperand(0)), axes(op.getAxes()) {
    auto restore = [&](Term term) {
      return op.getKeepdims() ? term : term.expandAxes(axes);
    };
    g = restore(scope.getGradient());
    y = restore(scope.getResult());
  }
};
} // namespace

LogicalResult ReduceSumOp::buildGradient(GradientScope &scope) {
  scope.give(0, Reduced(*this, scope).g);
  return success();
}
LogicalResult ReduceMeanOp::buildGradient(GradientScope &scope) {
  Reduced r(*this, scope);
  scope.give(0, r.g / countElements(r.g, getInput(), r.axes));
  return success();
}

/// Elements that are equal to the result share its gradient.
static LogicalResult shareAmongEqual(const Reduced &r, GradientScope &scope) {
  Term isChosen = r.x.isEqual(r.y).cast(r.g.getType().getElementType());
  scope.give(0, isChosen * (r.g / isChosen.sum(r.axes)));
  return success();
}
LogicalResult ReduceMaxOp::buildGradient(GradientScope &scope) {
  return shareAmongEqual(Reduced(*this, scope), scope);
}
LogicalResult ReduceMinOp::buildGradient(GradientScope &scope) {
  return shareAmongEqual(Reduced(*this, scope), scope);
}

LogicalResult ReduceProdOp::buildGradient(GradientScope &scope) {
  // Where one factor is zero, its gradient is the product of the others, and
  // where several are, there is none: so zeros are counted, and left out.
  Reduced r(*this, scope);
  Term isZero = r.x.isEqual(r.x.number(0));
  Term zeros = isZero.cast(r.g.getType().getElementType()).sum(r.axes);
  Term factors = isZero.select(r.x.number(1), r.x);
  auto type = r.y.getType();
  auto &at = r.x.getBuilder();
  Term others = scope.wrap(ReduceProdOp::create(at.builder, at.location, type,
                                                factors.get(), r.axes, true));
  Term none = (zeros < 0.5).select(others / factors, 0);
  Term one = (isZero && (zeros < 1.5)).select(others, none);
  scope.give(0, r.g * one);
  return success();
}
LogicalResult ReduceL1Op::buildGradient(GradientScope &scope) {
  Reduced r(*this, scope);
  scope.give(0, r.g * r.x.sign());
  return success();
}
LogicalResult ReduceL2Op::buildGradient(GradientScope &scope) {
  Reduced r(*this, scope);
  // At zero the norm has no direction: none is as good as any.
  Term norm = r.y.isEqual(r.y.number(0)).select(r.y.number(1), r.y);
  scope.give(0, r.g / norm * r.x);
  return success();
}
LogicalResult ReduceSumSquareOp::buildGradient(GradientScope &scope) {
  Reduced r(*this, scope);
  scope.give(0, r.g * 2 * r.x);
  return success();
}
LogicalResult ReduceLogSumOp::buildGradient(GradientScope &scope) {
  Reduced r(*this, scope);
  scope.give(0, r.g / r.y.exp());
  return success();
}
LogicalResult ReduceLogSumExpOp::buildGradient(GradientScope &scope) {
  Reduced r(*this, scope);
  scope.give(0, r.g * (r.x - r.y).exp());
  return success();
}

LogicalResult CumSumOp::buildGradient(GradientScope &scope) {
  Term g = scope.getGradient();
  auto &at = scope.getBuilder();
  scope.give(0, scope.wrap(CumSumOp::create(at.builder, at.location, g.get(),
                                            getAxis(), getExclusive(),
                                            !getReverse())));
  return success();
}
