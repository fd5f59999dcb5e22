//===- SignalHandlers.cpp - Fourier transforms, bits and n-grams ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/SignalOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// One number, known or not; none after a diagnostic that calls it `what`.
FailureOr<OpFoldResult> getNumber(NodeContext &node, int index,
                                  StringRef what) {
  auto sizes = node.getSizes(index);
  if (sizes && sizes->size() == 1)
    return sizes->front();
  return LogicalResult(node.error() << "has no number as its " << what);
}

LogicalResult importDFT(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  Value input = node.getInput(0);
  if (!type)
    return failure();
  // Since opset 20 the axis is an operand.
  int64_t axis = node.getInt("axis", -2);
  if (node.hasInput(2)) {
    auto known = node.getConstantInts(2);
    if (!known || known->size() != 1)
      return node.error() << "has an axis that is known at run time only";
    axis = known->front();
  }
  if (axis < -type.getRank() || axis >= type.getRank())
    return node.error() << "axis " << axis << " is outside its operand of rank "
                        << type.getRank();
  axis = neuro::detail::normalizeAxis(axis, type.getRank());
  bool isInverse = node.getInt("inverse", 0),
       isOnesided = node.getInt("onesided", 0);
  SizeArithmetic sizes(node.importer.builder, node.location);
  OpFoldResult length = sizes.getDim(input, axis);
  if (isInverse && isOnesided) // half of the numbers are there, and one more
    length = sizes.mul(sizes.constant(2), sizes.sub(length, sizes.constant(1)));
  if (node.hasInput(1)) {
    auto asked = getNumber(node, 1, "length");
    if (failed(asked))
      return failure();
    length = *asked;
  }
  std::optional<int64_t> known = getConstantIntValue(length);
  SmallVector<Value> operands{input};
  if (!known)
    operands.push_back(cast<Value>(length));
  Decomposition build(node);
  return build.finish(build.add<DFTOp>(
      operands, {build.get("length", known.value_or(ShapedType::kDynamic)),
                 build.get("axis", axis), build.getFlag("inverse", isInverse),
                 build.getFlag("onesided", isOnesided)}));
}

LogicalResult importSTFT(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  Value signal = node.getInput(0);
  if (!type)
    return failure();
  auto step = node.getConstantInts(1);
  if (!step || step->size() != 1)
    return node.error() << "has a step that is known at run time only";
  std::optional<int64_t> length;
  SmallVector<Value> operands{signal};
  if (node.hasInput(2)) {
    Value window = node.getInput(2);
    auto list = window ? dyn_cast<RankedTensorType>(window.getType())
                       : RankedTensorType();
    if (!list)
      return failure();
    operands.push_back(window);
    if (list.getRank() == 1 && !list.isDynamicDim(0))
      length = list.getDimSize(0);
  }
  if (node.hasInput(3)) {
    auto known = node.getConstantInts(3);
    if (!known || known->size() != 1)
      return node.error()
             << "has a frame length that is known at run time only";
    if (length && *length != known->front())
      return node.error() << "has a window of " << *length
                          << " numbers for frames of " << known->front();
    length = known->front();
  }
  if (!length)
    return node.error() << "has no frame length that is known";
  Decomposition build(node);
  // A real signal may come without an axis for its parts.
  if (type.getRank() == 2) {
    SizeArithmetic sizes(build.b, node.location);
    operands[0] =
        build.reshape(signal, {sizes.getDim(signal, 0), sizes.getDim(signal, 1),
                               sizes.constant(1)});
  }
  return build.finish(build.add<STFTOp>(
      operands, {build.get("frame_step", step->front()),
                 build.get("frame_length", *length),
                 build.getFlag("onesided", node.getInt("onesided", 1))}));
}

LogicalResult importBitCast(NodeContext &node) {
  Type to = getElementType(node.getInt("to", 0), node.importer.context);
  if (!to || !to.isIntOrFloat())
    return node.error() << "gives an element type that is not modelled";
  Decomposition build(node);
  return build.finish(
      build.add<BitCastOp>(node.getInput(0), build.getType("to", to)));
}

} // namespace

void neuroplast::registerSignalHandlers(HandlerTable &table) {
  table["DFT"] = importDFT;
  table["STFT"] = importSTFT;
  table["BitCast"] = importBitCast;
}
