//===- Indexing.cpp - Axis rules of gathers and scatters ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TextOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

namespace {

constexpr StringLiteral kIndexed = "picks places of the axis by index values";

/// Data and indices agree in every axis but one, in which values are indices.
AxisRule getElementsRule(Operation *op, int64_t axis, bool scatters) {
  RuleBuilder build(op);
  Value data = op->getOperand(0), indices = op->getOperand(1);
  TensorAxes dataAxes = build.axes(data), indexAxes = build.axes(indices, "i");
  size_t indexed = RuleBuilder::getPlace(axis, data);
  std::string reason = build.reason(kIndexed, indices);
  for (size_t i = 0; i < dataAxes.size() && i < indexAxes.size(); ++i) {
    int64_t size = RuleBuilder::getShape(data)[i];
    if (i == indexed) {
      build.pin(dataAxes[i], reason);
      // Left-out updates would leave the old data, whatever they are.
      if (scatters)
        build.pin(indexAxes[i], reason);
    } else if (size == RuleBuilder::getShape(indices)[i] &&
               !ShapedType::isDynamic(size)) {
      indexAxes[i] = dataAxes[i];
    } else {
      build.pin(dataAxes[i], reason);
      build.pin(indexAxes[i], reason);
    }
  }
  build.set(op->getOpOperand(0), dataAxes);
  build.set(op->getOpOperand(1), indexAxes);
  if (scatters)
    build.set(op->getOpOperand(2), indexAxes);
  build.set(op->getResult(0), scatters ? dataAxes : indexAxes);
  return build.take();
}

} // namespace

AxisRule GatherOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes data = build.axes(getData()),
             indices = build.axes(getIndices(), "i");
  size_t axis = RuleBuilder::getPlace(getAxis(), getData());
  if (axis >= data.size())
    return build.take();
  build.pin(data[axis], build.reason(kIndexed, getIndices()));
  TensorAxes result(data.begin(), data.begin() + axis);
  llvm::append_range(result, indices);
  result.append(data.begin() + axis + 1, data.end());
  build.set(getDataMutable(), data);
  build.set(getIndicesMutable(), indices);
  build.set(getResult(), result);
  return build.take();
}

AxisRule GatherElementsOp::getAxisRule() {
  return getElementsRule(*this, getAxis(), /*scatters=*/false);
}
AxisRule ScatterElementsOp::getAxisRule() {
  return getElementsRule(*this, getAxis(), /*scatters=*/true);
}

AxisRule GatherNDOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes data = build.axes(getData()),
             indices = build.axes(getIndices(), "i");
  ArrayRef<int64_t> shape = RuleBuilder::getShape(getIndices());
  if (indices.empty() || ShapedType::isDynamic(shape.back()))
    return build.take();
  size_t batch = getBatchDims(), indexed = batch + shape.back();
  if (indexed > data.size() || batch >= indices.size())
    return build.take();
  for (size_t i = 0; i < batch; ++i)
    indices[i] = data[i];
  build.pin(indices.back(), build.reason(kIndexed, getIndices()));
  build.pin(ArrayRef<AxisExpr>(data).slice(batch, indexed - batch),
            build.reason(kIndexed, getIndices()));
  TensorAxes result(indices.begin(), indices.end() - 1);
  result.append(data.begin() + indexed, data.end());
  build.set(getDataMutable(), data);
  build.set(getIndicesMutable(), indices);
  build.set(getResult(), result);
  return build.take();
}

AxisRule ScatterNDOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes data = build.axes(getData()),
             indices = build.axes(getIndices(), "i");
  ArrayRef<int64_t> shape = RuleBuilder::getShape(getIndices());
  if (indices.empty() || ShapedType::isDynamic(shape.back()) ||
      shape.back() > static_cast<int64_t>(data.size()))
    return build.take();
  size_t indexed = shape.back();
  build.pin(indices, build.reason(kIndexed, getIndices()));
  build.pin(ArrayRef<AxisExpr>(data).take_front(indexed),
            build.reason(kIndexed, getIndices()));
  TensorAxes updates(indices.begin(), indices.end() - 1);
  updates.append(data.begin() + indexed, data.end());
  build.set(getDataMutable(), data);
  build.set(getIndicesMutable(), indices);
  build.set(getUpdatesMutable(), updates);
  build.set(getResult(), data);
  return build.take();
}

AxisRule TensorScatterOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes cache = build.axes(getPastCache());
  size_t axis = RuleBuilder::getPlace(getAxis(), getPastCache());
  if (axis >= cache.size())
    return build.take();
  TensorAxes update = cache;
  build.pin(cache[axis], build.reason(kIndexed, getWriteIndices()));
  update[axis] = build.axis("u", RuleBuilder::getShape(getUpdate())[axis]);
  build.pin(update[axis], build.reason(kIndexed, getWriteIndices()));
  build.set(getPastCacheMutable(), cache);
  build.set(getUpdateMutable(), update);
  build.set(getWriteIndicesMutable(), {cache[0]});
  build.set(getResult(), cache);
  return build.take();
}

AxisRule OneHotOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes indices = build.axes(getIndices());
  ArrayRef<int64_t> shape = RuleBuilder::getShape(getResult());
  size_t axis = RuleBuilder::getPlace(getAxis(), shape.size());
  if (axis >= shape.size())
    return build.take();
  AxisExpr depth = build.axis("d", shape[axis]);
  build.pin(depth, build.reason("numbers the indices of the axis"));
  TensorAxes result = indices;
  result.insert(result.begin() + axis, depth);
  build.set(getIndicesMutable(), indices);
  build.set(getResult(), result);
  return build.take();
}

AxisRule CompressOp::getAxisRule() {
  RuleBuilder build(*this);
  if (!getAxis())
    return build.take();
  TensorAxes axes = build.axes(getInput());
  size_t axis = RuleBuilder::getPlace(*getAxis(), getInput());
  if (axis >= axes.size())
    return build.take();
  build.pin(axes[axis], build.reason(kIndexed, getCondition()));
  build.set(getInputMutable(), axes);
  axes[axis] = build.axis("c", RuleBuilder::getShape(getResult())[axis]);
  build.pin(axes[axis], build.reason(kIndexed, getCondition()));
  build.set(getResult(), axes);
  return build.take();
}

AxisRule NonZeroOp::getAxisRule() { return RuleBuilder(*this).take(); }
AxisRule UniqueOp::getAxisRule() { return RuleBuilder(*this).take(); }
AxisRule OpaqueOp::getAxisRule() {
  RuleBuilder build(*this);
  std::string text = ("is the unknown operator '" + getOpType() + "'").str();
  for (OpOperand &operand : getOperation()->getOpOperands())
    if (isa<RankedTensorType>(operand.get().getType()))
      build.set(operand, build.pinnedAxes(operand.get(), text));
  for (OpResult result : getOperation()->getResults())
    if (isa<RankedTensorType>(result.getType()))
      build.set(result, build.pinnedAxes(result, text));
  return build.take();
}

AxisRule TfIdfVectorizerOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes input = build.axes(getInput()), result(input);
  build.rule.factors[input.back().terms[0][0]].role = FactorRole::Spatial;
  ArrayRef<int64_t> out = RuleBuilder::getShape(getResult());
  result.back() = build.axis("g", out.back(), FactorRole::Fixed);
  build.set(getInputMutable(), input);
  build.set(getResult(), result);
  return build.take();
}

AxisRule StringNormalizerOp::getAxisRule() { return RuleBuilder(*this).take(); }
