//===- LayerHandlers.cpp - Layers whose ONNX form differs -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// The lists that convolutions and pools share, one entry per spatial axis.
struct WindowAttributes {
  SmallVector<int64_t> strides, dilations, pads;
  std::string autoPad;
};

/// The window of a node whose kernel has one size for each spatial axis.
FailureOr<WindowAttributes> getWindow(NodeContext &node,
                                      ArrayRef<int64_t> kernel) {
  size_t spatial = kernel.size();
  WindowAttributes window;
  window.strides =
      node.getInts("strides").value_or(SmallVector<int64_t>(spatial, 1));
  window.dilations =
      node.getInts("dilations").value_or(SmallVector<int64_t>(spatial, 1));
  window.pads =
      node.getInts("pads").value_or(SmallVector<int64_t>(2 * spatial, 0));
  window.autoPad = node.getString("auto_pad", "NOTSET");
  if (window.autoPad == "VALID") {
    window.autoPad = "NOTSET";
    window.pads.assign(2 * spatial, 0);
  }
  if (window.strides.size() != spatial || window.dilations.size() != spatial ||
      window.pads.size() != 2 * spatial)
    return node.error() << "has strides, dilations or pads of a wrong length";
  if (auto problem = neuro::detail::findWindowProblem(
          kernel, window.strides, window.dilations, window.pads))
    return node.error() << *problem;
  return window;
}

/// Automatic paddings of known sizes are written out.
void resolveAutoPad(WindowAttributes &window, RankedTensorType input,
                    ArrayRef<int64_t> kernel) {
  if (window.autoPad == "NOTSET")
    return;
  size_t spatial = kernel.size();
  for (size_t axis = 0; axis < spatial; ++axis)
    if (input.isDynamicDim(axis + 2) || ShapedType::isDynamic(kernel[axis]))
      return;
  for (size_t axis = 0; axis < spatial; ++axis) {
    int64_t size = input.getDimSize(axis + 2), stride = window.strides[axis];
    int64_t count = llvm::divideCeil(size, stride);
    int64_t extent = (kernel[axis] - 1) * window.dilations[axis] + 1;
    int64_t total = std::max<int64_t>((count - 1) * stride + extent - size, 0);
    int64_t low =
        window.autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
    window.pads[axis] = low;
    window.pads[axis + spatial] = total - low;
  }
  window.autoPad = "NOTSET";
}

SmallVector<NamedAttribute> getAttributes(Builder &b,
                                          const WindowAttributes &window) {
  return {b.getNamedAttr("strides", b.getDenseI64ArrayAttr(window.strides)),
          b.getNamedAttr("dilations", b.getDenseI64ArrayAttr(window.dilations)),
          b.getNamedAttr("pads", b.getDenseI64ArrayAttr(window.pads))};
}

/// Input, weight and kernel sizes of a convolution.
FailureOr<SmallVector<int64_t>> getKernel(NodeContext &node,
                                          RankedTensorType &input) {
  input = node.getInputType(0);
  RankedTensorType weight = node.getInputType(1);
  if (!input || !weight)
    return failure();
  if (input.getRank() < 3 || weight.getRank() != input.getRank())
    return LogicalResult(node.error()
                         << "has a weight of rank " << weight.getRank()
                         << " for an input of rank " << input.getRank());
  return SmallVector<int64_t>(weight.getShape().drop_front(2));
}

SmallVector<Value> getPresentInputs(NodeContext &node, int count) {
  SmallVector<Value> inputs;
  for (int i = 0; i < count; ++i)
    if (node.hasInput(i))
      inputs.push_back(node.getInput(i));
  return inputs;
}

LogicalResult importConv(NodeContext &node) {
  RankedTensorType input;
  auto kernel = getKernel(node, input);
  if (failed(kernel))
    return failure();
  Builder &b = node.importer.builder;
  auto window = getWindow(node, *kernel);
  if (failed(window))
    return failure();
  resolveAutoPad(*window, input, *kernel);
  SmallVector<NamedAttribute> attributes = getAttributes(b, *window);
  attributes.push_back(
      b.getNamedAttr("group", b.getI64IntegerAttr(node.getInt("group", 1))));
  attributes.push_back(
      b.getNamedAttr("auto_pad", b.getStringAttr(window->autoPad)));
  SmallVector<Value> inputs = getPresentInputs(node, 3);
  if (llvm::is_contained(inputs, Value()))
    return failure();
  return node.replace<ConvOp>(inputs, attributes);
}

LogicalResult importConvInteger(NodeContext &node) {
  RankedTensorType input;
  auto kernel = getKernel(node, input);
  if (failed(kernel))
    return failure();
  Builder &b = node.importer.builder;
  auto window = getWindow(node, *kernel);
  if (failed(window))
    return failure();
  resolveAutoPad(*window, input, *kernel);
  SmallVector<NamedAttribute> attributes = getAttributes(b, *window);
  attributes.push_back(
      b.getNamedAttr("group", b.getI64IntegerAttr(node.getInt("group", 1))));
  attributes.push_back(
      b.getNamedAttr("auto_pad", b.getStringAttr(window->autoPad)));
  SmallVector<int32_t> segments{1, 1, node.hasInput(2), node.hasInput(3)};
  attributes.push_back(
      b.getNamedAttr("operandSegmentSizes", b.getDenseI32ArrayAttr(segments)));
  SmallVector<Value> inputs = getPresentInputs(node, 4);
  if (llvm::is_contained(inputs, Value()))
    return failure();
  return node.replace<ConvIntegerOp>(inputs, attributes);
}

LogicalResult importConvTranspose(NodeContext &node) {
  RankedTensorType input;
  auto kernel = getKernel(node, input);
  if (failed(kernel))
    return failure();
  Builder &b = node.importer.builder;
  size_t spatial = kernel->size();
  auto window = getWindow(node, *kernel);
  if (failed(window))
    return failure();
  SmallVector<int64_t> outputPadding =
      node.getInts("output_padding").value_or(SmallVector<int64_t>(spatial, 0));
  if (outputPadding.size() != spatial ||
      neuro::detail::findWindowProblem({}, {}, {}, outputPadding))
    return node.error() << "has an output padding that does not fit";
  auto outputShape = node.getInts("output_shape");
  // Some writers give the sizes of all axes, others those of the spatial ones.
  if (outputShape &&
      (outputShape->size() < spatial || outputShape->size() > spatial + 2))
    return node.error() << "has " << outputShape->size()
                        << " output sizes, expected " << spatial;
  if (outputShape)
    if (auto problem = findShapeProblem(*outputShape, input.getElementType()))
      return node.error() << "has an output shape that " << *problem;
  bool same = window->autoPad != "NOTSET";
  if (outputShape || same) {
    for (size_t axis = 0; axis < spatial; ++axis) {
      int64_t size = input.getDimSize(axis + 2);
      if (ShapedType::isDynamic(size) || ShapedType::isDynamic((*kernel)[axis]))
        return node.error() << "has automatic paddings of an unknown size";
      int64_t stride = window->strides[axis];
      int64_t full =
          addSizes(mulSizes(stride, size - 1),
                   outputPadding[axis] +
                       ((*kernel)[axis] - 1) * window->dilations[axis] + 1);
      int64_t wanted =
          outputShape ? (*outputShape)[axis + outputShape->size() - spatial]
                      : mulSizes(size, stride);
      int64_t total = addSizes(full, -wanted);
      if (total < 0) {
        // Nothing to crop: the missing rows are added behind.
        outputPadding[axis] -= total;
        total = 0;
      }
      int64_t half = total / 2;

      // SAME_UPPER crops less before than after.
      window->pads[axis] =
          window->autoPad == "SAME_UPPER" ? half : total - half;
      window->pads[axis + spatial] = total - window->pads[axis];
    }
  }
  SmallVector<NamedAttribute> attributes = getAttributes(b, *window);
  attributes.push_back(
      b.getNamedAttr("output_padding", b.getDenseI64ArrayAttr(outputPadding)));
  attributes.push_back(
      b.getNamedAttr("group", b.getI64IntegerAttr(node.getInt("group", 1))));
  SmallVector<Value> inputs = getPresentInputs(node, 3);
  if (llvm::is_contained(inputs, Value()))
    return failure();
  return node.replace<ConvTransposeOp>(inputs, attributes);
}

template <typename Op> LogicalResult importPool(NodeContext &node) {
  RankedTensorType input = node.getInputType(0);
  auto kernel = node.getInts("kernel_shape");
  if (!input)
    return failure();
  if (!kernel || static_cast<int64_t>(kernel->size()) != input.getRank() - 2)
    return node.error() << "has no kernel size for each spatial axis of "
                        << input;
  Builder &b = node.importer.builder;
  auto window = getWindow(node, *kernel);
  if (failed(window))
    return failure();
  resolveAutoPad(*window, input, *kernel);
  SmallVector<NamedAttribute> attributes = getAttributes(b, *window);
  attributes.push_back(
      b.getNamedAttr("kernel_shape", b.getDenseI64ArrayAttr(*kernel)));
  attributes.push_back(
      b.getNamedAttr("auto_pad", b.getStringAttr(window->autoPad)));
  for (StringRef name :
       {"ceil_mode", "storage_order", "count_include_pad", "p"})
    if (const auto *attribute = node.getAttribute(name))
      if (llvm::is_contained(Op::getAttributeNames(), name))
        attributes.push_back(
            b.getNamedAttr(name, b.getI64IntegerAttr(attribute->i())));
  return node.replace<Op>(node.getInput(0), attributes);
}

/// A global pool is a reduction over all spatial axes.
template <typename Op> LogicalResult importGlobalPool(NodeContext &node) {
  RankedTensorType input = node.getInputType(0);
  if (!input)
    return failure();
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

LogicalResult importBatchNorm(NodeContext &node) {
  if (node.getInt("training_mode", 0))
    return node.error() << "is in training mode";
  Builder &b = node.importer.builder;
  SmallVector<Value> inputs = getPresentInputs(node, 5);
  if (inputs.size() != 5 || llvm::is_contained(inputs, Value()))
    return failure();
  SmallVector<NamedAttribute> attributes;
  for (StringRef name : {"epsilon", "momentum"})
    if (const auto *attribute = node.getAttribute(name))
      attributes.push_back(
          b.getNamedAttr(name, b.getF32FloatAttr(attribute->f())));
  // Running statistics follow the data; they are not trained.
  for (Value statistics : ArrayRef(inputs).drop_front(3))
    if (auto read = statistics.getDefiningOp<GetParamOp>())
      if (auto param =
              dyn_cast_or_null<ParamOp>(node.importer.getParam(read.getName())))
        param.setTrainable(false);
  return node.replace<BatchNormOp>(inputs, attributes);
}

/// Before opset 21 there was a factor and a summand for each group, not for
/// each channel.
LogicalResult importGroupNorm(NodeContext &node) {
  RankedTensorType type = node.getInputType(0), list = node.getInputType(1);
  int64_t groups = node.getInt("num_groups", 0);
  if (!type || !list)
    return failure();
  SmallVector<Value> inputs = getPresentInputs(node, 3);
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

/// Inference: the input itself, and a mask of ones.
LogicalResult importDropout(NodeContext &node) {
  if (node.hasInput(2)) {
    auto mode = node.getConstant(2);
    auto flag = mode ? getIntegers(mode) : std::nullopt;
    if (!flag || flag->empty() || flag->front())
      return node.error() << "is in training mode";
  }
  Value input = node.getInput(0);
  if (!input)
    return failure();
  node.setResult(0, input);
  if (node.node.output_size() > 1 && !node.node.output(1).empty()) {
    auto type = cast<RankedTensorType>(input.getType());
    if (!type.hasStaticShape())
      return node.error() << "asks for the mask of an unknown shape";
    Builder &b = node.importer.builder;
    node.setConstant(1,
                     DenseElementsAttr::get(type.clone(b.getI1Type()), true));
  }
  return success();
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
    node.setConstant(0, constant);
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
    node.setConstant(0, makeFloats(*numbers,
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

LogicalResult importQuantizeLinear(NodeContext &node) {
  Builder &b = node.importer.builder;
  SmallVector<Value> inputs = getPresentInputs(node, 3);
  if (inputs.size() < 2 || llvm::is_contained(inputs, Value()))
    return failure();
  Type to = IntegerType::get(b.getContext(), 8, IntegerType::Unsigned);
  if (int64_t type = node.getInt("output_dtype", 0))
    to = getElementType(type, b.getContext());
  else if (inputs.size() == 3)
    to = getElementTypeOrSelf(inputs[2].getType());
  if (!to)
    return node.error() << "quantizes to a type that is not modelled";
  if (node.getInt("precision", 0))
    return node.error() << "has a precision, which is not modelled";
  return node.replace<QuantizeLinearOp>(
      inputs,
      {b.getNamedAttr("axis", b.getI64IntegerAttr(node.getInt("axis", 1))),
       b.getNamedAttr("block_size",
                      b.getI64IntegerAttr(node.getInt("block_size", 0))),
       b.getNamedAttr("saturate", b.getBoolAttr(node.getInt("saturate", 1))),
       b.getNamedAttr("to", TypeAttr::get(to))});
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
  table["Conv"] = importConv;
  table["ConvInteger"] = importConvInteger;
  table["ConvTranspose"] = importConvTranspose;
  table["MaxPool"] = importPool<MaxPoolOp>;
  table["AveragePool"] = importPool<AveragePoolOp>;
  table["LpPool"] = importPool<LpPoolOp>;
  table["GlobalAveragePool"] = importGlobalPool<ReduceMeanOp>;
  table["GlobalMaxPool"] = importGlobalPool<ReduceMaxOp>;
  table["GlobalLpPool"] = importGlobalLpPool;
  table["BatchNormalization"] = importBatchNorm;
  table["Dropout"] = importDropout;
  table["GroupNormalization"] = importGroupNorm;
  table["Cast"] = importCast;
  table["PRelu"] = importPRelu;
  table["CastLike"] = importCastLike;
  table["QuantizeLinear"] = importQuantizeLinear;
  table["EyeLike"] = importEyeLike;
}
