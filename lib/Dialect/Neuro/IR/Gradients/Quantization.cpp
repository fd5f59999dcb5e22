//===- Quantization.cpp - Gradients of what is rounded --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rounding is constant almost everywhere. It is taken for the identity here,
// straight through (Bengio et al., arXiv 1308.3432), within the numbers that
// there are: what was saturated has no gradient. By the chain rule, scales have
// that of Esser et al., arXiv 1902.08153.
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::normalizeAxis;

/// One number for each place of an axis, or for a tensor as a whole, so that it
/// broadcasts against a tensor. Null, after an error, if it is for blocks.
template <typename Op> static Term spread(Op op, const Term &table) {
  if (op.getBlockSize() != 0) {
    op.emitOpError("with scales of blocks has no gradient yet");
    return {};
  }
  int64_t rank =
      neuroplast::neuro::detail::getTensorType(op.getInput()).getRank();
  bool isSingle = table.getRank() == 0 || table.getType().getNumElements() == 1;
  if (isSingle)
    return table.getRank() == 0 ? table : table.reshape({});
  SmallVector<int64_t> behind;
  for (int64_t axis = normalizeAxis(op.getAxis(), rank) + 1; axis < rank;
       ++axis)
    behind.push_back(axis - normalizeAxis(op.getAxis(), rank));
  return table.expandAxes(behind);
}

/// The gradient of a table, of that of what was computed with it, spread out.
static Term collect(const Term &gradient, const Term &spreadOut,
                    const Term &table) {
  return gradient.unbroadcastTo(spreadOut.get()).reshapeLike(table.get());
}

/// The least and the largest number of a type.
static std::pair<double, double> getRange(Type type) {
  if (auto real = dyn_cast<FloatType>(type)) {
    double largest =
        APFloat::getLargest(real.getFloatSemantics()).convertToDouble();
    return {-largest, largest};
  }
  unsigned width = type.getIntOrFloatBitWidth();
  if (type.isUnsignedInteger())
    return {0, std::ldexp(1.0, width) - 1};
  return {-std::ldexp(1.0, width - 1), std::ldexp(1.0, width - 1) - 1};
}

bool QuantizeLinearOp::standsForReals(unsigned) {
  return isa<FloatType>(getElementTypeOrSelf(getInput().getType()));
}

LogicalResult QuantizeLinearOp::buildGradient(GradientScope &scope) {
  Term g = scope.getGradient(), x = scope.getOperand(0),
       table = scope.getOperand(1);
  Term scale = spread(*this, table);
  if (!scale)
    return failure();
  Type element = x.getType().getElementType();
  scale = scale.cast(element);
  Term scaled = x / scale, level = scaled;
  if (getZeroPoint())
    level = level + spread(*this, scope.getOperand(2)).cast(element);
  auto [least, largest] = getRange(getElementTypeOrSelf(getResult()));
  Term isWithin =
      level > level.number(least - 0.5) && level < level.number(largest + 0.5);
  Term passed = isWithin.select(g.cast(element) / scale, 0);
  if (scope.isNeeded(0))
    scope.give(0, passed);
  if (scope.isNeeded(1))
    scope.give(1, collect(-(passed * scaled), scale, table)
                      .cast(getElementTypeOrSelf(table.getType())));
  return success();
}

LogicalResult DequantizeLinearOp::buildGradient(GradientScope &scope) {
  Term g = scope.getGradient(), table = scope.getOperand(1);
  Term scale = spread(*this, table);
  if (!scale)
    return failure();
  if (scope.isNeeded(0))
    scope.give(0, g * scale);
  if (!scope.isNeeded(1))
    return success();
  Type element = g.getType().getElementType();
  Term level = scope.getOperand(0).cast(element);
  if (getZeroPoint())
    level = level - spread(*this, scope.getOperand(2)).cast(element);
  scope.give(1, collect(g * level, scale, table));
  return success();
}
