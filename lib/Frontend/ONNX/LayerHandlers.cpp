//===- LayerHandlers.cpp - Layers whose ONNX form differs -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// A global pool is a reduction over all spatial axes.
template <typename Op> LogicalResult importGlobalPool(NodeContext &node) {
  RankedTensorType input = node.getInputType(0);
  if (!input)
    return failure();
  if (input.getRank() < 2)
    return node.error() << "has no channels in " << input;
  Builder &b = node.importer.builder;
  auto axes = llvm::to_vector(llvm::seq<int64_t>(2, input.getRank()));
  return node.replace<Op>(node.getInput(0),
                          {b.getNamedAttr("axes", b.getDenseI64ArrayAttr(axes)),
                           b.getNamedAttr("keepdims", b.getBoolAttr(true))});
}

LogicalResult importGlobalLpPool(NodeContext &node) {
  int64_t p = node.getInt("p", 2);
  if (p == 1)
    return importGlobalPool<ReduceL1Op>(node);
  if (p == 2)
    return importGlobalPool<ReduceL2Op>(node);
  return node.error() << "has p = " << p << ", expected 1 or 2";
}

/// In training mode the statistics are those of the batch, and the running ones
/// move towards them.
LogicalResult importBatchNormOfBatch(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  SmallVector<Value> inputs = node.getPresentInputs(5);
  if (!type || inputs.size() != 5 || llvm::is_contained(inputs, Value()))
    return failure();
  if (type.getRank() < 2)
    return node.error() << "has no channels in " << type;
  Decomposition build(node);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  axes.erase(axes.begin() + 1);
  auto list = [&](Value value) {
    SizeArithmetic sizes(build.b, node.location);
    return value ? build.reshape(value, sizes.getDim(inputs[0], 1)) : value;
  };
  Value mean = build.reduce<ReduceMeanOp>(inputs[0], axes);
  Value centred = build.add<SubOp>({inputs[0], mean});
  Value variance =
      build.reduce<ReduceMeanOp>(build.add<MulOp>({centred, centred}), axes);
  Value means = list(mean), variances = list(variance);
  double momentum = node.getFloat("momentum", 0.9);
  auto move = [&](Value running, Value present) {
    Type element = getElementTypeOrSelf(running.getType());
    return build.add<AddOp>(
        {build.add<MulOp>({running, build.constant(momentum, element)}),
         build.add<MulOp>({build.cast(present, element),
                           build.constant(1 - momentum, element)})});
  };
  Type statistics = getElementTypeOrSelf(inputs[3].getType());
  Value y = build.add<BatchNormOp>(
      {inputs[0], inputs[1], inputs[2], build.cast(means, statistics),
       build.cast(variances, statistics)},
      build.getFloat("epsilon", node.getFloat("epsilon", 1e-5)));
  if (failed(build.finish(y)) ||
      failed(build.finish(move(inputs[3], means), 1)))
    return failure();
  return build.finish(move(inputs[4], variances), 2);
}

LogicalResult importBatchNorm(NodeContext &node) {
  if (node.getInt("training_mode", 0))
    return importBatchNormOfBatch(node);
  Builder &b = node.importer.builder;
  SmallVector<Value> inputs = node.getPresentInputs(5);
  if (inputs.size() != 5 || llvm::is_contained(inputs, Value()))
    return failure();
  SmallVector<NamedAttribute> attributes;
  for (StringRef name : {"epsilon", "momentum"})
    if (const auto *attribute = node.getAttribute(name))
      attributes.push_back(
          b.getNamedAttr(name, b.getF32FloatAttr(attribute->f())));
  return node.replace<BatchNormOp>(inputs, attributes);
}

/// Before opset 21 there was a factor and a summand for each group, not for
/// each channel.
LogicalResult importGroupNorm(NodeContext &node) {
  RankedTensorType type = node.getInputType(0), list = node.getInputType(1);
  int64_t groups = node.getInt("num_groups", 0);
  if (!type || !list)
    return failure();
  SmallVector<Value> inputs = node.getPresentInputs(3);
  if (inputs.size() != 3 || llvm::is_contained(inputs, Value()))
    return failure();
  OpBuilder &b = node.importer.builder;
  if (node.importer.model->originalOpset < 21 && groups > 0 &&
      type.getRank() > 1 && list.getRank() == 1 &&
      list.getDimSize(0) == groups && type.getDimSize(1) != groups) {
    int64_t channels = type.getDimSize(1);
    if (ShapedType::isDynamic(channels) || channels % groups)
      return node.error() << "has " << groups
                          << " groups, which do not divide its channels";
    for (Value &input : MutableArrayRef(inputs).drop_front()) {
      Value column = ReshapeOp::create(b, node.location, input, ValueRange(),
                                       ArrayRef<int64_t>{groups, 1});
      Value copies =
          ExpandOp::create(b, node.location, column, ValueRange(),
                           ArrayRef<int64_t>{groups, channels / groups});
      input = ReshapeOp::create(b, node.location, copies, ValueRange(),
                                ArrayRef<int64_t>(channels));
    }
  }
  SmallVector<NamedAttribute> attributes{
      b.getNamedAttr("num_groups", b.getI64IntegerAttr(groups))};
  if (const auto *attribute = node.getAttribute("epsilon"))
    attributes.push_back(
        b.getNamedAttr("epsilon", b.getF32FloatAttr(attribute->f())));
  if (const auto *attribute = node.getAttribute("stash_type"))
    attributes.push_back(
        b.getNamedAttr("stash_type", b.getI64IntegerAttr(attribute->i())));
  return node.replace<GroupNormOp>(inputs, attributes);
}

/// Numbers as elements of a float type.
ElementsAttr makeFloats(ArrayRef<double> numbers, RankedTensorType type,
                        StringRef name) {
  std::string bytes;
  auto element = cast<FloatType>(type.getElementType());
  for (double number : numbers) {
    APFloat converted(number);
    bool lossy = false;
    converted.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                      &lossy);
    uint64_t raw = converted.bitcastToAPInt().getZExtValue();
    bytes.append(reinterpret_cast<const char *>(&raw),
                 llvm::divideCeil(element.getWidth(), 8));
  }
  return makeElements(type, name, std::move(bytes));
}

/// A list of sizes stays one; null after nothing was done.
bool castSizes(NodeContext &node, Type to) {
  GraphValue known = *node.importer.lookup(node.node.input(0));
  if (!known.elements)
    return false;
  if (to.isInteger(1) && !known.elementType.isInteger(1)) {
    SizeArithmetic sizes(node.importer.builder, node.location);
    for (OpFoldResult &size : *known.elements)
      size = sizes.notEqual(size, sizes.constant(0));
  } else if (!to.isInteger(1) && !to.isInteger(64) && !to.isInteger(32)) {
    return false;
  }
  known.value = Value();
  known.elementType = to;
  node.importer.define(node.node.output(0), known);
  return true;
}

/// Constants between integers, as sizes are often written as one type and used
/// as another, and between floats.
bool castConstant(NodeContext &node, Type to) {
  ElementsAttr constant = node.getConstant(0);
  if (!constant)
    return false;
  auto from = cast<RankedTensorType>(constant.getShapedType());
  if (from.getElementType() == to) {
    node.setConstantOf(0, constant);
    return true;
  }
  if (to.isInteger(64) || to.isInteger(32))
    if (auto ints = getIntegers(constant);
        ints && isa<IntegerType>(from.getElementType())) {
      SmallVector<APInt> values;
      for (int64_t value : *ints)
        values.emplace_back(to.getIntOrFloatBitWidth(), value, true, true);
      node.setConstant(0, DenseElementsAttr::get(from.clone(to), values));
      return true;
    }
  if (!isa<FloatType>(to))
    return false;
  std::optional<SmallVector<double>> numbers = getFloats(constant);
  if (numbers)
    node.setConstantOf(0, makeFloats(*numbers,
                                     RankedTensorType::get(from.getShape(), to),
                                     node.node.output(0)));
  return numbers.has_value();
}

LogicalResult importCastTo(NodeContext &node, Type to) {
  Builder &b = node.importer.builder;
  if (!to || isa<StringType>(to))
    return node.error() << "casts to an element type that is not modelled";
  if (castSizes(node, to) || castConstant(node, to))
    return success();
  RankedTensorType type = node.getInputType(0);
  if (!type)
    return failure();
  if (type.getElementType() == to) {
    node.setResult(0, node.getInput(0));
    return success();
  }
  GraphValue known = *node.importer.lookup(node.node.input(0));
  if (failed(node.replace<CastOp>(
          node.getInput(0),
          {b.getNamedAttr("to", TypeAttr::get(to)),
           b.getNamedAttr("saturate",
                          b.getBoolAttr(node.getInt("saturate", 1)))})))
    return failure();
  // Floats that come from integers are no parameters, so the cast stays; but
  // what needs to know the numbers may.
  if (known.constant && isa<FloatType>(to))
    if (auto ints = getIntegers(known.constant))
      if (GraphValue *result = node.importer.lookup(node.node.output(0)))
        result->constant = makeFloats(
            llvm::to_vector_of<double>(*ints),
            RankedTensorType::get(type.getShape(), to), node.node.output(0));
  return success();
}

LogicalResult importCast(NodeContext &node) {
  return importCastTo(
      node, getElementType(node.getInt("to", 0), node.importer.context));
}

/// Takes the element type of another operand, whose values do not matter.
LogicalResult importCastLike(NodeContext &node) {
  if (ElementsAttr like = node.getConstant(1))
    return importCastTo(node, like.getShapedType().getElementType());
  RankedTensorType like = node.getInputType(1);
  return like ? importCastTo(node, like.getElementType()) : failure();
}

/// Before opset 7 a list of slopes stood for the channels, not the last axis.
LogicalResult importPRelu(NodeContext &node) {
  RankedTensorType input = node.getInputType(0), slope = node.getInputType(1);
  if (!input || !slope)
    return failure();
  Value slopes = node.getInput(1);
  if (node.importer.model->originalOpset < 7 && slope.getRank() == 1 &&
      slope.getDimSize(0) != 1 && input.getRank() > 2) {
    SmallVector<int64_t> shape(input.getRank() - 1, 1);
    shape[0] = slope.getDimSize(0);
    if (ShapedType::isDynamic(shape[0]))
      return node.error()
             << "has slopes whose number is known at run time only";
    slopes = ReshapeOp::create(node.importer.builder, node.location, slopes,
                               ValueRange(), shape);
  }
  return node.replace<PReluOp>({node.getInput(0), slopes}, {});
}

LogicalResult importEyeLike(NodeContext &node) {
  Builder &b = node.importer.builder;
  RankedTensorType type = node.getInputType(0);
  if (!type)
    return failure();
  Type to = type.getElementType();
  if (int64_t dtype = node.getInt("dtype", 0))
    to = getElementType(dtype, b.getContext());
  if (!to)
    return node.error() << "has an element type that is not modelled";
  return node.replace<EyeLikeOp>(
      node.getInput(0),
      {b.getNamedAttr("k", b.getI64IntegerAttr(node.getInt("k", 0))),
       b.getNamedAttr("to", TypeAttr::get(to))});
}

} // namespace

void neuroplast::registerLayerHandlers(HandlerTable &table) {
  table["GlobalAveragePool"] = importGlobalPool<ReduceMeanOp>;
  table["GlobalMaxPool"] = importGlobalPool<ReduceMaxOp>;
  table["GlobalLpPool"] = importGlobalLpPool;
  table["BatchNormalization"] = importBatchNorm;
  table["GroupNormalization"] = importGroupNorm;
  table["Cast"] = importCast;
  table["PRelu"] = importPRelu;
  table["CastLike"] = importCastLike;
  table["EyeLike"] = importEyeLike;
}
