//===- Contraction.cpp - Axis rules of convolutions and matrix products ---===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "llvm/ADT/StringExtras.h"
#include <map>

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

namespace {

/// The channel factors of a grouped convolution.
struct Channels {
  AxisExpr input, output;
  /// The axes of the weight that hold the channels of a group.
  AxisExpr groupInput, groupOutput;
};

/// `inPerGroup` input and `outPerGroup` output channels in each of `groups`.
/// With one input channel a group is a channel, and goes as one.
Channels makeChannels(RuleBuilder &build, int64_t groups, int64_t inPerGroup,
                      int64_t outPerGroup) {
  Channels channels;
  if (groups == 1) {
    channels.input = channels.groupInput = build.axis("i", inPerGroup);
    channels.output = channels.groupOutput = build.axis("o", outPerGroup);
    return channels;
  }
  bool depthwise = inPerGroup == 1;
  unsigned g = build.factor("g", groups,
                            depthwise ? FactorRole::Plain : FactorRole::Block);
  unsigned o = build.factor("o", outPerGroup,
                            depthwise ? FactorRole::Fixed : FactorRole::Plain);
  channels.output = AxisExpr::product({g, o});
  channels.groupOutput = AxisExpr::factor(o);
  if (depthwise) {
    channels.input = AxisExpr::factor(g);
    channels.groupInput = AxisExpr::one();
    return channels;
  }
  unsigned i = build.factor("i", inPerGroup);
  channels.input = AxisExpr::product({g, i});
  channels.groupInput = AxisExpr::factor(i);
  return channels;
}

void appendSpatial(RuleBuilder &build, Value value, StringRef name,
                   TensorAxes &axes) {
  for (int64_t size : RuleBuilder::getShape(value).drop_front(2))
    axes.push_back(build.axis(name, size, FactorRole::Spatial));
}

/// The new count of groups, if the rule has a factor for them.
std::optional<int64_t> getGroupExtent(const AxisRule &rule,
                                      ArrayRef<int64_t> extents) {
  for (auto [index, factor] : llvm::enumerate(rule.factors))
    if (factor.name == "g" && index < extents.size())
      return extents[index];
  return std::nullopt;
}

template <typename Conv> RuleBuilder buildConvRule(Conv op, bool transposed) {
  RuleBuilder build(op);
  ArrayRef<int64_t> weight = RuleBuilder::getShape(op.getWeight());
  int64_t groups = op.getGroup();
  // A malformed op is the verifier's business; an unknown size pins.
  if (weight.size() < 2 || groups < 1 || ShapedType::isDynamic(weight[0]) ||
      ShapedType::isDynamic(weight[1]) || weight[0] % groups != 0)
    return build;
  int64_t n = RuleBuilder::getShape(op.getInput())[0];
  AxisExpr batch = build.axis("n", n);
  Channels channels =
      transposed ? makeChannels(build, groups, weight[0] / groups, weight[1])
                 : makeChannels(build, groups, weight[1], weight[0] / groups);

  TensorAxes input = {batch, channels.input};
  appendSpatial(build, op.getInput(), "s", input);
  TensorAxes kernel;
  if (transposed)
    kernel = {channels.input, channels.groupOutput};
  else
    kernel = {channels.output, channels.groupInput};
  appendSpatial(build, op.getWeight(), "k", kernel);
  TensorAxes result = {batch, channels.output};
  appendSpatial(build, op.getResult(), "t", result);

  build.set(op.getInputMutable(), input);
  build.set(op.getWeightMutable(), kernel);
  build.set(op.getResult(), result);
  return build;
}

} // namespace

AxisRule ConvOp::getAxisRule() {
  RuleBuilder build = buildConvRule(*this, /*transposed=*/false);
  const TensorAxes &result = build.rule.results[0];
  if (!result.empty())
    build.set(getBiasMutable(), {result[1]});
  return build.take();
}
void ConvOp::setFactorExtents(ArrayRef<int64_t> extents) {
  if (auto groups = getGroupExtent(getAxisRule(), extents))
    setGroup(*groups);
}

AxisRule ConvTransposeOp::getAxisRule() {
  RuleBuilder build = buildConvRule(*this, /*transposed=*/true);
  const TensorAxes &result = build.rule.results[0];
  if (!result.empty())
    build.set(getBiasMutable(), {result[1]});
  return build.take();
}
void ConvTransposeOp::setFactorExtents(ArrayRef<int64_t> extents) {
  if (auto groups = getGroupExtent(getAxisRule(), extents))
    setGroup(*groups);
}

AxisRule ConvIntegerOp::getAxisRule() {
  RuleBuilder build = buildConvRule(*this, /*transposed=*/false);
  if (!build.rule.results[0].empty() && getWeightZeroPoint() &&
      RuleBuilder::getShape(getWeightZeroPoint()).size() == 1)
    build.set(getWeightZeroPointMutable(),
              build.broadcast(getWeightZeroPoint(), build.rule.results[0][1]));
  if (getInputZeroPoint() &&
      RuleBuilder::getShape(getInputZeroPoint()).size() == 1)
    build.set(getInputZeroPointMutable(), {AxisExpr::one()});
  // With a zero point the integer 0 stands for another value.
  if (!build.rule.operands[0].empty()) {
    build.markNotZeroInvariant(build.rule.operands[0][1]);
  }
  return build.take();
}
void ConvIntegerOp::setFactorExtents(ArrayRef<int64_t> extents) {
  if (auto groups = getGroupExtent(getAxisRule(), extents))
    setGroup(*groups);
}

AxisRule DeformConvOp::getAxisRule() {
  RuleBuilder build = buildConvRule(*this, /*transposed=*/false);
  TensorAxes &result = build.rule.results[0];
  if (result.empty())
    return build.take();
  build.set(getBiasMutable(), {result[1]});
  // Offsets are shared by the channels of an offset group.
  if (getOffsetGroup() != 1)
    build.pin(build.rule.operands[0][1], build.reason("has offset groups"));
  auto samples = [&](Value value) {
    TensorAxes axes = {
        result[0],
        build.axis("q", RuleBuilder::getShape(value)[1], FactorRole::Fixed)};
    llvm::append_range(axes, ArrayRef<AxisExpr>(result).drop_front(2));
    return axes;
  };
  build.set(getOffsetMutable(), samples(getOffset()));
  if (getMask())
    build.set(getMaskMutable(), samples(getMask()));
  return build.take();
}
void DeformConvOp::setFactorExtents(ArrayRef<int64_t> extents) {
  if (auto groups = getGroupExtent(getAxisRule(), extents))
    setGroup(*groups);
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

namespace {

/// numpy.matmul: the last two axes contract, those before broadcast.
RuleBuilder buildMatMulRule(Operation *op) {
  RuleBuilder build(op);
  ArrayRef<int64_t> lhs = RuleBuilder::getShape(op->getOperand(0));
  ArrayRef<int64_t> rhs = RuleBuilder::getShape(op->getOperand(1));
  if (lhs.empty() || rhs.empty())
    return build;
  ArrayRef<int64_t> lhsBatch =
      lhs.size() > 2 ? lhs.drop_back(2) : ArrayRef<int64_t>();
  ArrayRef<int64_t> rhsBatch =
      rhs.size() > 2 ? rhs.drop_back(2) : ArrayRef<int64_t>();
  TensorAxes result;
  ArrayRef<int64_t> shape = RuleBuilder::getShape(op->getResult(0));
  size_t rank = std::max(lhsBatch.size(), rhsBatch.size());
  for (size_t axis = 0; axis < rank && axis < shape.size(); ++axis)
    result.push_back(build.axis("b", shape[axis]));
  TensorAxes left = build.broadcast(lhsBatch, result);
  TensorAxes right = build.broadcast(rhsBatch, result);

  int64_t depth = lhs.back();
  int64_t otherDepth = rhs.size() == 1 ? rhs[0] : rhs[rhs.size() - 2];
  if (ShapedType::isDynamic(depth))
    depth = otherDepth;
  AxisExpr k = build.axis("k", depth);
  if (lhs.back() != otherDepth)
    build.pin(k, build.reason("contracts a size known at run time only"));
  if (lhs.size() > 1) {
    AxisExpr m = build.axis("m", lhs[lhs.size() - 2]);
    left.push_back(m);
    result.push_back(m);
  }
  left.push_back(k);
  right.push_back(k);
  if (rhs.size() > 1) {
    AxisExpr n = build.axis("n", rhs.back());
    right.push_back(n);
    result.push_back(n);
  }
  build.set(op->getOpOperand(0), left);
  build.set(op->getOpOperand(1), right);
  build.set(op->getResult(0), result);
  return build;
}

} // namespace

AxisRule MatMulOp::getAxisRule() { return buildMatMulRule(*this).take(); }

AxisRule MatMulIntegerOp::getAxisRule() {
  RuleBuilder build = buildMatMulRule(*this);
  auto zeroPoint = [&](MutableOperandRange range, const TensorAxes &matrix,
                       size_t fromEnd) {
    for (OpOperand &operand : range) {
      size_t rank = RuleBuilder::getShape(operand.get()).size();
      if (rank == 1 && matrix.size() >= fromEnd)
        build.set(operand, build.broadcast(operand.get(),
                                           matrix[matrix.size() - fromEnd]));
    }
  };
  TensorAxes a = build.rule.operands[0], b = build.rule.operands[1];
  zeroPoint(getAZeroPointMutable(), a, 2);
  zeroPoint(getBZeroPointMutable(), b, 1);
  if (!a.empty())
    build.markNotZeroInvariant(a.back());
  return build.take();
}

AxisRule GemmOp::getAxisRule() {
  RuleBuilder build(*this);
  ArrayRef<int64_t> a = RuleBuilder::getShape(getA()),
                    b = RuleBuilder::getShape(getB());
  if (a.size() != 2 || b.size() != 2)
    return build.take();
  int64_t depth = a[getTransA() ? 0 : 1], otherDepth = b[getTransB() ? 1 : 0];
  AxisExpr m = build.axis("m", a[getTransA() ? 1 : 0]);
  AxisExpr k =
      build.axis("k", ShapedType::isDynamic(depth) ? otherDepth : depth);
  AxisExpr n = build.axis("n", b[getTransB() ? 0 : 1]);
  if (depth != otherDepth)
    build.pin(k, build.reason("contracts a size known at run time only"));
  build.set(getAMutable(), getTransA() ? TensorAxes{k, m} : TensorAxes{m, k});
  build.set(getBMutable(), getTransB() ? TensorAxes{n, k} : TensorAxes{k, n});
  build.set(getResult(), {m, n});
  if (getC())
    build.set(getCMutable(), build.broadcast(getC(), {m, n}));
  return build.take();
}

AxisRule EinsumOp::getAxisRule() {
  RuleBuilder build(*this);
  FailureOr<EinsumTerms> terms =
      detail::parseEinsum(getEquation(), getInputs());
  if (failed(terms))
    return build.take();
  // A size of 1 is broadcast to what other operands have under the same name.
  std::map<char, int64_t> extents;
  for (auto [names, input] : llvm::zip_equal(terms->inputs, getInputs()))
    for (auto [name, size] :
         llvm::zip_equal(names, RuleBuilder::getShape(input))) {
      int64_t &extent = extents.try_emplace(name, size).first->second;
      if (extent == 1)
        extent = size;
    }
  std::map<char, unsigned> factors;
  for (auto [name, extent] : extents)
    factors[name] = build.factor(
        llvm::isAlpha(name) ? std::string(1, name) : "dots", extent);
  for (auto [names, operand] :
       llvm::zip_equal(terms->inputs, getOperation()->getOpOperands())) {
    TensorAxes axes;
    for (char name : names)
      axes.push_back(AxisExpr::factor(factors[name]));
    for (auto [name, axis] : llvm::zip_equal(names, axes))
      if (llvm::count(names, name) > 1)
        build.pin(axis, build.reason("takes a diagonal"));
    build.set(operand, build.broadcast(operand.get(), axes));
  }
  TensorAxes result;
  for (char name : terms->output)
    result.push_back(AxisExpr::factor(factors[name]));
  build.set(getResult(), result);
  return build.take();
}
