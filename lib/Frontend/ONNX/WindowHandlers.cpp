//===- WindowHandlers.cpp - Convolutions and pools -----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "SizeLists.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

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

/// Window, padding and groups of a convolution, as attributes of its op.
FailureOr<SmallVector<NamedAttribute>> getConvAttributes(NodeContext &node) {
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
  return attributes;
}

LogicalResult importConv(NodeContext &node) {
  auto attributes = getConvAttributes(node);
  if (failed(attributes))
    return failure();
  SmallVector<Value> inputs = node.getPresentInputs(3);
  if (llvm::is_contained(inputs, Value()))
    return failure();
  return node.replace<ConvOp>(inputs, *attributes);
}

LogicalResult importConvInteger(NodeContext &node) {
  auto attributes = getConvAttributes(node);
  if (failed(attributes))
    return failure();
  SmallVector<int32_t> segments{1, 1, node.hasInput(2), node.hasInput(3)};
  attributes->push_back(node.importer.builder.getNamedAttr(
      "operandSegmentSizes",
      node.importer.builder.getDenseI32ArrayAttr(segments)));
  SmallVector<Value> inputs = node.getPresentInputs(4);
  if (llvm::is_contained(inputs, Value()))
    return failure();
  return node.replace<ConvIntegerOp>(inputs, *attributes);
}

LogicalResult importDeformConv(NodeContext &node) {
  RankedTensorType input;
  auto kernel = getKernel(node, input);
  if (failed(kernel))
    return failure();
  Builder &b = node.importer.builder;
  auto window = getWindow(node, *kernel);
  if (failed(window))
    return failure();
  SmallVector<NamedAttribute> attributes = getAttributes(b, *window);
  for (StringRef name : {"group", "offset_group"})
    attributes.push_back(
        b.getNamedAttr(name, b.getI64IntegerAttr(node.getInt(name, 1))));
  SmallVector<int32_t> segments{1, 1, 1, node.hasInput(3), node.hasInput(4)};
  attributes.push_back(
      b.getNamedAttr("operandSegmentSizes", b.getDenseI32ArrayAttr(segments)));
  SmallVector<Value> inputs = node.getPresentInputs(5);
  if (inputs.size() < 3 || llvm::is_contained(inputs, Value()))
    return failure();
  return node.replace<DeformConvOp>(inputs, attributes);
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
  SmallVector<Value> inputs = node.getPresentInputs(3);
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

/// Without an output shape the result has the size of what was pooled.
LogicalResult importMaxUnpool(NodeContext &node) {
  Value input = node.getInput(0), indices = node.getInput(1);
  RankedTensorType type = node.getInputType(0);
  auto kernel = node.getInts("kernel_shape");
  if (!input || !indices || !type)
    return failure();
  if (!kernel || static_cast<int64_t>(kernel->size()) != type.getRank() - 2)
    return node.error() << "has no kernel size for each spatial axis of "
                        << type;
  auto window = getWindow(node, *kernel);
  if (failed(window))
    return failure();
  SmallVector<OpFoldResult> sizes;
  if (node.hasInput(2)) {
    auto asked = node.getSizes(2);
    if (!asked || static_cast<int64_t>(asked->size()) != type.getRank())
      return node.error() << "has an output shape of another rank than its "
                             "input";
    sizes = *asked;
  } else {
    SizeArithmetic a(node.importer.builder, node.location);
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      OpFoldResult size = a.getDim(input, axis);
      if (axis >= 2) {
        int64_t place = axis - 2, spatial = kernel->size();
        int64_t stride = window->strides[place];
        size =
            a.add(a.mul(size, a.constant(stride)),
                  a.constant((*kernel)[place] - stride - window->pads[place] -
                             window->pads[place + spatial]));
      }
      sizes.push_back(size);
    }
  }
  MixedList list = splitSizes(sizes);
  if (auto problem = findShapeProblem(list.fixed, type.getElementType()))
    return node.error() << "has a result that " << *problem;
  SmallVector<Value> operands{input, indices};
  operands.append(list.dynamic);
  Builder &b = node.importer.builder;
  return node.replace<MaxUnpoolOp>(
      operands,
      {b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(list.fixed)),
       b.getNamedAttr("kernel_shape", b.getDenseI64ArrayAttr(*kernel)),
       b.getNamedAttr("strides", b.getDenseI64ArrayAttr(window->strides)),
       b.getNamedAttr("pads", b.getDenseI64ArrayAttr(window->pads))});
}

LogicalResult importCol2Im(NodeContext &node) {
  auto image = node.getConstantInts(1), block = node.getConstantInts(2);
  if (!image || !block)
    return node.error()
           << "has an image or a block whose size is known at run time only";
  if (image->size() != block->size() || image->empty())
    return node.error() << "has an image of " << image->size()
                        << " axes and a block of " << block->size();
  auto window = getWindow(node, *block);
  Value input = node.getInput(0);
  if (failed(window) || !input)
    return failure();
  Builder &b = node.importer.builder;
  SmallVector<NamedAttribute> attributes = getAttributes(b, *window);
  attributes.push_back(
      b.getNamedAttr("image_shape", b.getDenseI64ArrayAttr(*image)));
  attributes.push_back(
      b.getNamedAttr("block_shape", b.getDenseI64ArrayAttr(*block)));
  return node.replace<Col2ImOp>(input, attributes);
}

} // namespace

void neuroplast::registerWindowHandlers(HandlerTable &table) {
  table["Conv"] = importConv;
  table["ConvInteger"] = importConvInteger;
  table["ConvTranspose"] = importConvTranspose;
  table["DeformConv"] = importDeformConv;
  table["MaxPool"] = importPool<MaxPoolOp>;
  table["AveragePool"] = importPool<AveragePoolOp>;
  table["LpPool"] = importPool<LpPoolOp>;
  table["MaxUnpool"] = importMaxUnpool;
  table["Col2Im"] = importCol2Im;
}
