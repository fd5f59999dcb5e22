//===- Pooling.cpp - Axis rules of pooling, resizing and sampling ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

namespace {

/// Batch and channels stay, pixels are others.
RuleBuilder buildPoolRule(Operation *op) {
  RuleBuilder build(op);
  TensorAxes input = build.axes(op->getOperand(0)), result;
  ArrayRef<int64_t> out = RuleBuilder::getShape(op->getResult(0));
  if (input.size() < 2 || out.size() != input.size())
    return build;
  for (size_t i = 0; i < input.size(); ++i) {
    if (i < 2) {
      result.push_back(input[i]);
      continue;
    }
    build.rule.factors[input[i].terms[0][0]].role = FactorRole::Spatial;
    result.push_back(build.axis("t", out[i], FactorRole::Spatial));
  }
  build.set(op->getOpOperand(0), input);
  build.set(op->getResult(0), result);
  return build;
}

} // namespace

AxisRule AveragePoolOp::getAxisRule() { return buildPoolRule(*this).take(); }
AxisRule LpPoolOp::getAxisRule() { return buildPoolRule(*this).take(); }

AxisRule MaxPoolOp::getAxisRule() {
  RuleBuilder build = buildPoolRule(*this);
  TensorAxes result = build.rule.results[0];
  if (result.empty())
    return build.take();
  // The indices count elements across batch and channels.
  if (!getIndices().use_empty())
    build.pin(ArrayRef<AxisExpr>(result).take_front(2),
              build.reason("gives flat indices of the maxima"));
  build.set(getIndices(), result);
  return build.take();
}

AxisRule MaxUnpoolOp::getAxisRule() {
  RuleBuilder build = buildPoolRule(*this);
  TensorAxes input = build.rule.operands[0];
  if (input.empty())
    return build.take();
  build.pin(ArrayRef<AxisExpr>(input).take_front(2),
            build.reason("takes flat indices of the maxima"));
  build.set(getIndicesMutable(), input);
  return build.take();
}

namespace {

/// Each region of interest is an image of its own; it names the image that it
/// is cut from.
RuleBuilder buildRoiRule(Operation *op) {
  RuleBuilder build(op);
  TensorAxes input = build.axes(op->getOperand(0));
  TensorAxes rois = build.axes(op->getOperand(1), "r");
  ArrayRef<int64_t> out = RuleBuilder::getShape(op->getResult(0));
  if (input.size() != 4 || rois.size() != 2 || out.size() != 4)
    return build;
  build.pin(input[0], build.reason("picks places of the axis by index values"));
  for (size_t i : {2, 3})
    build.rule.factors[input[i].terms[0][0]].role = FactorRole::Spatial;
  build.rule.factors[rois[1].terms[0][0]].role = FactorRole::Fixed;
  build.set(op->getOpOperand(0), input);
  build.set(op->getOpOperand(1), rois);
  build.set(op->getResult(0),
            {rois[0], input[1], build.axis("t", out[2], FactorRole::Spatial),
             build.axis("t", out[3], FactorRole::Spatial)});
  return build;
}

} // namespace

AxisRule RoiAlignOp::getAxisRule() {
  RuleBuilder build = buildRoiRule(*this);
  if (!build.rule.operands[1].empty())
    build.set(getBatchIndicesMutable(), {build.rule.operands[1][0]});
  return build.take();
}
AxisRule MaxRoiPoolOp::getAxisRule() { return buildRoiRule(*this).take(); }

AxisRule ResizeOp::getAxisRule() {
  RuleBuilder build(*this);
  ArrayRef<int64_t> in = RuleBuilder::getShape(getInput());
  ArrayRef<int64_t> out = RuleBuilder::getShape(getResult());
  TensorAxes input, result;
  for (size_t i = 0; i < in.size() && i < out.size(); ++i) {
    bool kept = in[i] == out[i] && !ShapedType::isDynamic(in[i]) &&
                getRoi().empty() && !getDynamicScales() &&
                (i >= getScales().size() || getScales()[i] == 1.0f);
    input.push_back(
        build.axis("a", in[i], kept ? FactorRole::Plain : FactorRole::Spatial));
    result.push_back(kept ? input.back()
                          : build.axis("t", out[i], FactorRole::Spatial));
  }
  // Pixels that happen to keep their number are pixels still.
  for (size_t i = 2; i < input.size(); ++i)
    build.rule.factors[input[i].terms[0][0]].role = FactorRole::Spatial;
  build.set(getInputMutable(), input);
  build.set(getResult(), result);
  if (getDynamicScales())
    build.set(getDynamicScalesMutable(),
              build.axes(getDynamicScales(), "d", FactorRole::Fixed));
  return build.take();
}
void ResizeOp::setFactorExtents(ArrayRef<int64_t> extents) {
  AxisRule rule = getAxisRule();
  SmallVector<int64_t> sizes(getSizes());
  for (auto [size, axis] : llvm::zip(sizes, rule.results[0]))
    if (!ShapedType::isDynamic(size))
      size = AxisRule::getExtent(axis, extents);
  setSizes(sizes);
}

AxisRule GridSampleOp::getAxisRule() {
  RuleBuilder build = buildPoolRule(*this);
  TensorAxes result = build.rule.results[0];
  if (result.empty())
    return build.take();
  TensorAxes grid = {result[0]};
  grid.append(result.begin() + 2, result.end());
  grid.push_back(build.axis("x", RuleBuilder::getShape(getGrid()).back(),
                            FactorRole::Fixed));
  build.set(getGridMutable(), grid);
  return build.take();
}

AxisRule Col2ImOp::getAxisRule() {
  RuleBuilder build(*this);
  ArrayRef<int64_t> in = RuleBuilder::getShape(getInput());
  ArrayRef<int64_t> out = RuleBuilder::getShape(getResult());
  int64_t block = 1;
  for (int64_t size : getBlockShape())
    block *= size;
  if (in.size() != 3 || out.size() < 3 || ShapedType::isDynamic(in[1]) ||
      block < 1 || in[1] % block != 0)
    return build.take();
  AxisExpr n = build.axis("n", in[0]);
  unsigned c = build.factor("c", in[1] / block);
  unsigned k = build.factor("k", block, FactorRole::Fixed);
  TensorAxes result = {n, AxisExpr::factor(c)};
  for (int64_t size : out.drop_front(2))
    result.push_back(build.axis("t", size, FactorRole::Spatial));
  build.set(getInputMutable(), {n, AxisExpr::product({c, k}),
                                build.axis("l", in[2], FactorRole::Spatial)});
  build.set(getResult(), result);
  return build.take();
}

AxisRule NonMaxSuppressionOp::getAxisRule() {
  return RuleBuilder(*this).take();
}
