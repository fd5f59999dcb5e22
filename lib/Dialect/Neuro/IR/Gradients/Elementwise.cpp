//===- Elementwise.cpp - Gradients element by element ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Most stand as rules with the ops.
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include <cmath>
#include <numbers>

using namespace mlir;
using namespace neuroplast::neuro;

/// The operands that are equal to the result share its gradient.
static LogicalResult shareAmongEqual(GradientScope &scope, unsigned operands) {
  Term g = scope.getGradient(), y = scope.getResult(), count;
  SmallVector<Term> shares;
  for (unsigned i = 0; i < operands; ++i) {
    Term isChosen = scope.getOperand(i).isEqual(y);
    shares.push_back(isChosen.cast(g.getType().getElementType()));
    count = count ? count + shares.back() : shares.back();
  }
  for (unsigned i = 0; i < operands; ++i)
    if (scope.isNeeded(i))
      scope.give(i, g * shares[i] / count);
  return success();
}

LogicalResult MaxOp::buildGradient(GradientScope &scope) {
  return shareAmongEqual(scope, getNumOperands());
}
LogicalResult MinOp::buildGradient(GradientScope &scope) {
  return shareAmongEqual(scope, getNumOperands());
}

LogicalResult SumOp::buildGradient(GradientScope &scope) {
  for (unsigned i = 0; i < getNumOperands(); ++i)
    if (scope.isNeeded(i))
      scope.give(i, scope.getGradient());
  return success();
}
LogicalResult MeanOp::buildGradient(GradientScope &scope) {
  Term g = scope.getGradient() / static_cast<double>(getNumOperands());
  for (unsigned i = 0; i < getNumOperands(); ++i)
    if (scope.isNeeded(i))
      scope.give(i, g);
  return success();
}

LogicalResult GeluOp::buildGradient(GradientScope &scope) {
  Term g = scope.getGradient(), x = scope.getOperand(0);
  if (!scope.isNeeded(0))
    return success();
  if (getApproximate() == "tanh") {
    // y = x (1 + tanh u) / 2 with u = c (x + 0.044715 x^3), c = sqrt(2 / pi)
    const double c = std::sqrt(2 / std::numbers::pi), k = 0.044715;
    Term t = ((x + x * x * x * k) * c).tanh();
    Term inner = (1 + x * x * (3 * k)) * c;
    scope.give(0, g * ((1 + t) * 0.5 + x * (1 - t * t) * inner * 0.5));
    return success();
  }
  Term share = ((x * std::numbers::sqrt2 * 0.5).erf() + 1) * 0.5;
  Term density = (x * x * -0.5).exp() *
                 (0.5 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
  scope.give(0, g * (share + x * density));
  return success();
}

LogicalResult ClipOp::buildGradient(GradientScope &scope) {
  Term g = scope.getGradient(), x = scope.getOperand(0), inside = g;
  for (auto [bound, isLower] :
       {std::pair(getMin(), true), std::pair(getMax(), false)}) {
    if (!bound)
      continue;
    Term limit = scope.wrap(bound);
    Term isBeyond = isLower ? x < limit : x > limit;
    inside = isBeyond.select(inside.number(0), inside);
    unsigned operand = isLower || !getMin() ? 1 : 2;
    if (scope.isNeeded(operand))
      scope.give(operand, isBeyond.select(g, 0));
  }
  if (scope.isNeeded(0))
    scope.give(0, inside);
  return success();
}

LogicalResult WhereOp::buildGradient(GradientScope &scope) {
  Term g = scope.getGradient(), condition = scope.getOperand(0);
  if (scope.isNeeded(1))
    scope.give(1, condition.select(g, 0));
  if (scope.isNeeded(2))
    scope.give(2, condition.isNot().select(g, 0));
  return success();
}
