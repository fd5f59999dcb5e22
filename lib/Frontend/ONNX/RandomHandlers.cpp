//===- RandomHandlers.cpp - Operators that draw random numbers -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "SizeLists.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/RandomOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

SmallVector<OpFoldResult> getSizes(NodeContext &node, Value tensor) {
  SizeArithmetic sizes(node.importer.builder, node.location);
  SmallVector<OpFoldResult> result;
  for (int64_t axis = 0; axis < neuro::detail::getTensorType(tensor).getRank();
       ++axis)
    result.push_back(sizes.getDim(tensor, axis));
  return result;
}

/// Numbers of a distribution; the seed is that of the node, if it has one.
template <typename Op>
Value draw(Decomposition &build, ArrayRef<OpFoldResult> sizes, Type element,
           ArrayRef<NamedAttribute> parameters = {}) {
  MixedList list = splitSizes(sizes);
  auto count = static_cast<int32_t>(list.dynamic.size());
  SmallVector<NamedAttribute> attributes(parameters);
  attributes.push_back(build.get("sizes", list.fixed));
  attributes.push_back(build.b.getNamedAttr(
      "operandSegmentSizes", build.b.getDenseI32ArrayAttr({count, 0, 0})));
  attributes.push_back(build.getType("to", element));
  if (const auto *seed = build.node.getAttribute("seed"))
    attributes.push_back(
        build.getFloat("seed", seed->type() == onnx::AttributeProto::INT
                                   ? static_cast<double>(seed->i())
                                   : seed->f()));
  return build.add<Op>(list.dynamic, attributes);
}

/// Numbers between 0 and 1.
Value drawUniform(Decomposition &build, ArrayRef<OpFoldResult> sizes,
                  Type element) {
  return draw<RandomUniformOp>(build, sizes, element);
}

/// A place stays with the probability that the ratio leaves, and is scaled up
/// so that the mean does.
LogicalResult importDropoutInTraining(NodeContext &node) {
  Value input = node.getInput(0);
  if (!input)
    return failure();
  Type element = getElementTypeOrSelf(input.getType());
  Decomposition build(node);
  Value ratio = node.hasInput(1) ? build.cast(node.getInput(1), element)
                                 : build.constant(0.5, element);
  Value drawn = drawUniform(build, getSizes(node, input), element);
  Value stays = build.add<GreaterOrEqualOp>({drawn, ratio});
  Value left = build.add<SubOp>({build.constant(1, element), ratio});
  Value result = build.add<WhereOp>(
      {stays, build.add<DivOp>({input, left}), build.constant(0, element)});
  if (failed(build.finish(result)))
    return failure();
  return build.finish(stays, 1);
}

/// The probability that a node leaves places out by; none if the run alone
/// knows.
std::optional<double> findRatio(NodeContext &node) {
  if (!node.hasInput(1))
    return node.getFloat("ratio", 0.5f);
  auto ratio = dyn_cast_or_null<DenseElementsAttr>(node.getConstant(1));
  if (!ratio || ratio.getNumElements() != 1 ||
      !isa<FloatType>(ratio.getElementType()))
    return std::nullopt;
  return (*ratio.getValues<APFloat>().begin()).convertToDouble();
}

/// Inference: the mean, and a mask of ones.
LogicalResult importDropout(NodeContext &node) {
  if (node.hasInput(2)) {
    auto mode = node.getConstant(2);
    auto flag = mode ? getIntegers(mode) : std::nullopt;
    if (!flag || flag->empty())
      return node.error() << "trains or not, as is known at run time only";
    if (flag->front())
      return importDropoutInTraining(node);
  }
  Value input = node.getInput(0);
  if (!input)
    return failure();
  Decomposition build(node);
  std::optional<double> ratio = findRatio(node);
  bool isProbability = ratio && *ratio >= 0 && *ratio <= 1 &&
                       isa<FloatType>(getElementTypeOrSelf(input.getType()));
  if (failed(build.finish(
          isProbability
              ? build.add<DropoutOp>(
                    input, {build.b.getNamedAttr(
                               "rate", build.b.getF64FloatAttr(*ratio))})
              : input)))
    return failure();
  if (node.node.output_size() > 1 && !node.node.output(1).empty()) {
    auto type = cast<RankedTensorType>(input.getType());
    Type flag = build.b.getI1Type();
    if (type.hasStaticShape()) {
      node.setConstant(1, DenseElementsAttr::get(type.clone(flag), true));
      return success();
    }
    MixedList list = splitSizes(getSizes(node, input));
    SmallVector<Value> operands{build.constant(1, flag)};
    operands.append(list.dynamic);
    return build.finish(
        build.add<FillOp>(operands, {build.get("sizes", list.fixed)}), 1);
  }
  return success();
}

/// The element type that `dtype` asks for, or another.
Type getAskedType(NodeContext &node, Type otherwise) {
  int64_t asked = node.getInt("dtype", 0);
  return asked ? getElementType(asked, node.importer.context) : otherwise;
}

/// Numbers of a shape that an attribute gives, or of that of the operand.
template <typename Op, bool isLike>
LogicalResult importRandom(NodeContext &node, StringRef first, double firstOf,
                           StringRef second, double secondOf) {
  Decomposition build(node);
  SmallVector<OpFoldResult> sizes;
  Type element = build.b.getF32Type();
  if (isLike) {
    RankedTensorType type = node.getInputType(0);
    if (!type)
      return failure();
    sizes = getSizes(node, node.getInput(0));
    element = type.getElementType();
  } else {
    auto shape = node.getInts("shape");
    if (!shape)
      return node.error() << "lacks its shape";
    if (auto problem = findShapeProblem(*shape, element))
      return node.error() << *problem;
    for (int64_t size : *shape)
      sizes.push_back(build.b.getIndexAttr(size));
  }
  element = getAskedType(node, element);
  if (!element || !isa<FloatType>(element))
    return node.error() << "draws numbers of a type that is no float";
  return build.finish(
      draw<Op>(build, sizes, element,
               {build.getFloat(first, node.getFloat(first, firstOf)),
                build.getFloat(second, node.getFloat(second, secondOf))}));
}

template <bool isLike> LogicalResult importNormal(NodeContext &node) {
  return importRandom<RandomNormalOp, isLike>(node, "mean", 0, "scale", 1);
}

template <bool isLike> LogicalResult importUniform(NodeContext &node) {
  return importRandom<RandomUniformOp, isLike>(node, "low", 0, "high", 1);
}

/// One where an even number is below the probability.
LogicalResult importBernoulli(NodeContext &node) {
  Value input = node.getInput(0);
  if (!input)
    return failure();
  Decomposition build(node);
  Type element = getElementTypeOrSelf(input.getType());
  Type to = getAskedType(node, element);
  if (!to)
    return node.error() << "gives an element type that is not modelled";
  Value drawn = drawUniform(build, getSizes(node, input), element);
  return build.finish(build.cast(build.add<LessOp>({drawn, input}), to));
}

/// Samples of categories by their logarithmic weights: the greatest of them
/// after noise of Gumbel's distribution (1954) was added to each.
LogicalResult importMultinomial(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  Value input = node.getInput(0);
  if (!type)
    return failure();
  int64_t count = node.getInt("sample_size", 1);
  if (type.getRank() != 2 || count < 1)
    return node.error() << "draws " << count << " samples from " << type;
  Decomposition build(node);
  Type element = type.getElementType();
  int64_t asked = node.getInt("dtype", onnx::TensorProto::INT32);
  Type to = getElementType(asked, node.importer.context);
  if (!to)
    return node.error() << "gives an element type that is not modelled";
  SizeArithmetic sizes(build.b, node.location);
  OpFoldResult rows = sizes.getDim(input, 0), classes = sizes.getDim(input, 1);
  Value drawn =
      drawUniform(build, {rows, sizes.constant(count), classes}, element);
  Value least = build.constant(1e-30, element);
  Value inner =
      build.add<NegOp>(build.add<LogOp>(build.add<MaxOp>({drawn, least})));
  Value noise =
      build.add<NegOp>(build.add<LogOp>(build.add<MaxOp>({inner, least})));
  Value scores = build.add<AddOp>(
      {build.reshape(input, {rows, sizes.constant(1), classes}), noise});
  Value best = build.add<ArgMaxOp>(
      scores, {build.get("axis", 2), build.get("keepdims", int64_t(0))});
  return build.finish(build.cast(best, to));
}

} // namespace

void neuroplast::registerRandomHandlers(HandlerTable &table) {
  table["RandomNormal"] = importNormal</*isLike=*/false>;
  table["RandomNormalLike"] = importNormal</*isLike=*/true>;
  table["RandomUniform"] = importUniform</*isLike=*/false>;
  table["RandomUniformLike"] = importUniform</*isLike=*/true>;
  table["Bernoulli"] = importBernoulli;
  table["Multinomial"] = importMultinomial;
  table["Dropout"] = importDropout;
}
