//===- QuantizedHandlers.cpp - Quantized operators -----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Operators on quantized tensors are the integer product or the operator on
// what the numbers stand for, between a DequantizeLinear and a QuantizeLinear.

#include "GraphImporter.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

LogicalResult importQuantizeLinear(NodeContext &node) {
  Builder &b = node.importer.builder;
  SmallVector<Value> inputs = node.getPresentInputs(3);
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

/// The three operands of a quantized tensor: numbers, scale and zero point.
struct Quantized {
  Value numbers, scale, zeroPoint;
};

/// Those from operand `first` on; null values after a diagnostic.
Quantized getQuantized(NodeContext &node, int first) {
  return {node.getInput(first), node.getInput(first + 1),
          node.hasInput(first + 2) ? node.getInput(first + 2) : Value()};
}

Value quantize(Decomposition &build, Value real, Value scale, Value zeroPoint) {
  if (!zeroPoint)
    return Value();
  Type to = getElementTypeOrSelf(zeroPoint.getType());
  return build.add<QuantizeLinearOp>({real, scale, zeroPoint},
                                     build.getType("to", to));
}

/// A scale (one number, or one for each place of an axis of the result) with
/// axes of size 1 behind, so that it broadcasts along the axis that has
/// `behind` others after it.
Value alignScale(Decomposition &build, Value scale, int64_t behind) {
  auto type = scale ? dyn_cast<RankedTensorType>(scale.getType()) : nullptr;
  if (!type)
    return Value();
  scale = build.cast(scale, build.b.getF32Type());
  bool isSingle =
      type.getRank() == 0 || (type.getRank() == 1 && type.getDimSize(0) == 1);
  if (isSingle || behind == 0 || type.getRank() != 1)
    return scale;
  SizeArithmetic sizes(build.b, build.node.location);
  SmallVector<OpFoldResult> shape{sizes.getDim(scale, 0)};
  shape.append(behind, build.b.getIndexAttr(1));
  return build.reshape(scale, shape);
}

/// A sum of products, as 32-bit integers, with the scale that it has, in the
/// type of the result.
LogicalResult finishProduct(Decomposition &build, Value sum, Value scale,
                            Value resultScale, Value resultZero) {
  Type real = build.b.getF32Type();
  Value numbers = build.add<MulOp>({build.cast(sum, real), scale});
  return build.finish(
      quantize(build, numbers, build.cast(resultScale, real), resultZero));
}

/// The name of a zero point for all channels: the operand, or, where it has the
/// same number for each of them, a scalar. ONNX Runtime takes no other.
std::string joinZeroPoints(NodeContext &node, int index) {
  const std::string &name = node.node.input(index);
  auto numbers = node.getConstantInts(index);
  if (!numbers || numbers->size() < 2 || !llvm::all_equal(*numbers))
    return name;
  if (numbers->front() == 0)
    return "";
  Type element = node.getConstant(index).getShapedType().getElementType();
  std::string joined = name + "_of_all";
  node.importer.define(
      joined,
      GraphValue{{},
                 DenseElementsAttr::get(RankedTensorType::get({}, element),
                                        APInt(element.getIntOrFloatBitWidth(),
                                              numbers->front(), true, true)),
                 {},
                 false,
                 {}});
  return joined;
}

/// Operands: x, its scale and zero point, w, its, and those of y, bias.
LogicalResult importQLinearConv(NodeContext &node) {
  Quantized x = getQuantized(node, 0), w = getQuantized(node, 3);
  Value scale = node.getInput(6), zeroPoint = node.getInput(7);
  auto weight = w.numbers ? dyn_cast<RankedTensorType>(w.numbers.getType())
                          : RankedTensorType();
  if (!x.numbers || !weight || !x.scale || !w.scale || !scale || !zeroPoint)
    return failure();
  if (weight.getRank() < 3)
    return node.error() << "has a weight of rank " << weight.getRank();
  Decomposition build(node);
  // The importer of the integer operator reads its operands by position.
  onnx::NodeProto inner = node.node;
  inner.set_op_type("ConvInteger");
  inner.clear_input();
  for (int i : {0, 3, 2})
    inner.add_input(node.node.input(i));
  inner.add_input(joinZeroPoints(node, 5));
  std::string name = node.node.output(0) + "_sum";
  inner.set_output(0, name);
  NodeContext product(node.importer, inner, node.location);
  if (failed(node.importer.translate(product)))
    return failure();
  Value sum = node.importer.materialize(name, node.location);
  int64_t spatial = weight.getRank() - 2;
  SizeArithmetic sizes(build.b, node.location);
  if (node.hasInput(8)) {
    Value bias = node.getInput(8);
    if (!bias)
      return failure();
    if (cast<RankedTensorType>(bias.getType()).getRank() != 1)
      return node.error() << "has a bias of type " << bias.getType();
    SmallVector<OpFoldResult> shape{sizes.getDim(bias, 0)};
    shape.append(spatial, build.b.getIndexAttr(1));
    sum = build.add<AddOp>({sum, build.reshape(bias, shape)});
  }
  Value factor = build.add<MulOp>(
      {alignScale(build, x.scale, 0), alignScale(build, w.scale, spatial)});
  return finishProduct(build, sum, factor, scale, zeroPoint);
}

/// Operands: a, its scale and zero point, b, its, and those of y. The scale of
/// a may be one for each row, that of b one for each column.
LogicalResult importQLinearMatMul(NodeContext &node) {
  Quantized a = getQuantized(node, 0), b = getQuantized(node, 3);
  Value scale = node.getInput(6), zeroPoint = node.getInput(7);
  Decomposition build(node);
  SmallVector<Value> operands{a.numbers, b.numbers, a.zeroPoint, b.zeroPoint};
  Value sum = build.add<MatMulIntegerOp>(
      operands,
      build.b.getNamedAttr("operandSegmentSizes",
                           build.b.getDenseI32ArrayAttr({1, 1, 1, 1})));
  Value factor = build.add<MulOp>(
      {alignScale(build, a.scale, 1), alignScale(build, b.scale, 0)});
  return finishProduct(build, sum, factor, scale, zeroPoint);
}

} // namespace

void neuroplast::registerQuantizedHandlers(HandlerTable &table) {
  table["QuantizeLinear"] = importQuantizeLinear;
  table["QLinearConv"] = importQLinearConv;
  table["QLinearMatMul"] = importQLinearMatMul;
}
