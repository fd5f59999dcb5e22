//===- Normalization.cpp - Axis rules of normalisations -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

namespace {

/// Channels are axis 1; every further operand is a vector over them.
RuleBuilder buildChannelRule(Operation *op) {
  RuleBuilder build(op);
  TensorAxes axes = build.axes(op->getOperand(0));
  if (axes.size() < 2)
    return build;
  for (size_t i = 2; i < axes.size(); ++i)
    build.rule.factors[axes[i].terms[0][0]].role = FactorRole::Spatial;
  build.set(op->getOpOperand(0), axes);
  build.set(op->getResult(0), axes);
  for (OpOperand &operand : op->getOpOperands().drop_front())
    build.set(operand, build.broadcast(operand.get(), axes[1]));
  return build;
}

/// Normalises over the axes from `axis` on. They may be edited, but what is
/// left is normalised by its own statistics.
RuleBuilder buildTrailingRule(Operation *op, int64_t axis) {
  RuleBuilder build(op);
  TensorAxes axes = build.axes(op->getOperand(0));
  for (size_t i = RuleBuilder::getPlace(axis, axes.size()); i < axes.size();
       ++i)
    build.markNotZeroInvariant(axes[i]);
  build.set(op->getOpOperand(0), axes);
  build.set(op->getResult(0), axes);
  for (OpOperand &operand : op->getOpOperands().drop_front())
    build.set(operand, build.broadcast(operand.get(), axes));
  return build;
}

} // namespace

AxisRule BatchNormOp::getAxisRule() { return buildChannelRule(*this).take(); }
AxisRule BatchStatisticsOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes axes = build.axes(getInput());
  build.set(getInputMutable(), axes);
  for (Value result : getResults())
    build.set(result, axes.size() > 1 ? TensorAxes{axes[1]} : TensorAxes{});
  return build.take();
}
AxisRule InstanceNormOp::getAxisRule() {
  // What is normalised over need not be pixels: of a group norm written with
  // reshapes it is channels, too.
  RuleBuilder build = buildChannelRule(*this);
  if (!build.rule.operands[0].empty())
    for (const AxisExpr &axis :
         ArrayRef<AxisExpr>(build.rule.operands[0]).drop_front(2)) {
      build.rule.factors[axis.terms[0][0]].role = FactorRole::Plain;
      build.markNotZeroInvariant(axis);
    }
  return build.take();
}

AxisRule GroupNormOp::getAxisRule() {
  RuleBuilder build(*this);
  ArrayRef<int64_t> shape = RuleBuilder::getShape(getInput());
  int64_t groups = getNumGroups();
  if (shape.size() < 2 || ShapedType::isDynamic(shape[1]) || groups < 1 ||
      shape[1] % groups != 0)
    return build.take();
  AxisExpr n = build.axis("n", shape[0]);
  bool single = shape[1] == groups;
  unsigned g =
      build.factor("g", groups, single ? FactorRole::Plain : FactorRole::Block);
  unsigned c = build.factor("c", shape[1] / groups);
  if (!single)
    build.rule.factors[c].zeroInvariant = false;
  AxisExpr channels = AxisExpr::product({g, c});
  TensorAxes axes = {n, channels};
  for (int64_t size : shape.drop_front(2))
    axes.push_back(build.axis("s", size, FactorRole::Spatial));
  build.set(getInputMutable(), axes);
  build.set(getResult(), axes);
  build.set(getScaleMutable(), {channels});
  build.set(getBiasMutable(), {channels});
  return build.take();
}
void GroupNormOp::setFactorExtents(ArrayRef<int64_t> extents) {
  AxisRule rule = getAxisRule();
  for (auto [factor, extent] : llvm::zip(rule.factors, extents))
    if (factor.name == "g")
      setNumGroups(extent);
}

AxisRule LayerNormOp::getAxisRule() {
  RuleBuilder build = buildTrailingRule(*this, getAxis());
  TensorAxes statistics = build.rule.operands[0];
  for (size_t i = RuleBuilder::getPlace(getAxis(), statistics.size());
       i < statistics.size(); ++i)
    statistics[i] = AxisExpr::one();
  build.set(getMean(), statistics);
  build.set(getInvStdDev(), statistics);
  return build.take();
}
AxisRule RMSNormOp::getAxisRule() {
  return buildTrailingRule(*this, getAxis()).take();
}

AxisRule LpNormOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes axes = build.axes(getInput());
  if (size_t axis = RuleBuilder::getPlace(getAxis(), axes.size());
      axis < axes.size())
    build.markNotZeroInvariant(axes[axis]);
  build.set(getInputMutable(), axes);
  build.set(getResult(), axes);
  return build.take();
}

AxisRule LRNOp::getAxisRule() {
  RuleBuilder build = buildChannelRule(*this);
  if (!build.rule.operands[0].empty())
    build.markNotZeroInvariant(build.rule.operands[0][1]);
  return build.take();
}
