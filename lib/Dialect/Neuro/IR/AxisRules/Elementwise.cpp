//===- Elementwise.cpp - Axis rules of elementwise ops and reductions -----===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/RandomOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

/// The axis along which a constant of integers counts 0, 1, 2, .., if it does.
static std::optional<size_t> findCounting(Value value) {
  ElementsAttr elements;
  if (auto constant = value.getDefiningOp<ConstantOp>())
    elements = constant.getValue();
  else if (auto read = value.getDefiningOp<GetParamOp>())
    if (auto param = SymbolTable::lookupNearestSymbolFrom<ParamOp>(
            read, read.getNameAttr()))
      elements = param.getValue();
  if (!elements || !isVector(value))
    return std::nullopt;
  auto numbers = neuroplast::getIntegers(elements);
  if (!numbers || !llvm::equal(*numbers, llvm::seq<int64_t>(numbers->size())))
    return std::nullopt;
  ArrayRef<int64_t> shape = RuleBuilder::getShape(value);
  return llvm::find_if(shape, [](int64_t size) { return size != 1; }) -
         shape.begin();
}

AxisRule neuroplast::neuro::detail::getElementwiseAxisRule(Operation *op) {
  RuleBuilder build(op);
  ArrayRef<int64_t> shape = RuleBuilder::getShape(op->getResult(0));
  TensorAxes axes = build.axes(op->getResult(0));
  build.set(op->getResult(0), axes);
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    ArrayRef<int64_t> sizes = RuleBuilder::getShape(operand.get());
    if (sizes.size() > shape.size())
      continue;
    build.set(operand, build.broadcast(operand.get(), axes));
  }
  // The places of a one-hot stand for the values of the other side.
  if (isa<EqualOp>(op))
    for (OpOperand &operand : op->getOpOperands())
      if (std::optional<size_t> axis = findCounting(operand.get()))
        build.pin(build.rule.operands[operand.getOperandNumber()][*axis],
                  build.reason("compares with the values of a vocabulary"));
  return build.take();
}

AxisRule neuroplast::neuro::detail::getReductionAxisRule(Operation *op,
                                                         ArrayRef<int64_t> axes,
                                                         bool keepdims) {
  // A zero adds nothing to a sum, but shifts a mean and may be a maximum.
  bool zeroIsNeutral = isa<ReduceSumOp, ReduceSumSquareOp, ReduceLogSumOp,
                           ReduceL1Op, ReduceL2Op>(op);
  RuleBuilder build(op);
  TensorAxes input = build.axes(op->getOperand(0)), result;
  for (auto [index, axis] : llvm::enumerate(input)) {
    if (!llvm::is_contained(axes, static_cast<int64_t>(index))) {
      result.push_back(axis);
      continue;
    }
    if (!zeroIsNeutral)
      build.markNotZeroInvariant(axis);
    if (keepdims)
      result.push_back(AxisExpr::one());
  }
  build.set(op->getOpOperand(0), input);
  build.set(op->getResult(0), result);
  return build.take();
}

namespace {

/// The result has the axes of the first operand; `axis` cannot be edited.
AxisRule getPinnedAxisRule(Operation *op, int64_t axis, StringRef reason) {
  RuleBuilder build(op);
  TensorAxes axes = build.axes(op->getOperand(0));
  if (size_t place = RuleBuilder::getPlace(axis, axes.size());
      place < axes.size())
    build.pin(axes[place], build.reason(reason));
  build.set(op->getOpOperand(0), axes);
  build.set(op->getResult(0), axes);
  return build.take();
}

AxisRule getArgRule(Operation *op, int64_t axis, bool keepdims) {
  RuleBuilder build(op);
  TensorAxes axes = build.axes(op->getOperand(0)), result;
  size_t place = RuleBuilder::getPlace(axis, axes.size());
  for (auto [index, expr] : llvm::enumerate(axes)) {
    if (index != place) {
      result.push_back(expr);
      continue;
    }
    build.pin(expr, build.reason("numbers the indices of the axis"));
    if (keepdims)
      result.push_back(AxisExpr::one());
  }
  build.set(op->getOpOperand(0), axes);
  build.set(op->getResult(0), result);
  return build.take();
}

/// Scale and zero point are scalars or run along `axis`.
AxisRule getQuantRule(Operation *op, int64_t axis, int64_t blockSize) {
  RuleBuilder build(op);
  TensorAxes axes = build.axes(op->getOperand(0));
  size_t place = RuleBuilder::getPlace(axis, axes.size());
  for (OpOperand &operand : op->getOpOperands().drop_front()) {
    ArrayRef<int64_t> shape = RuleBuilder::getShape(operand.get());
    if (shape.size() == 1 && blockSize == 0 && place < axes.size())
      build.set(operand, build.broadcast(operand.get(), axes[place]));
    else if (!shape.empty())
      build.pin(axes, build.reason("scales blocks of the axis"));
  }
  build.set(op->getOpOperand(0), axes);
  build.set(op->getResult(0), axes);
  return build.take();
}

} // namespace

AxisRule ArgMaxOp::getAxisRule() {
  return getArgRule(*this, getAxis(), getKeepdims());
}
AxisRule ArgMinOp::getAxisRule() {
  return getArgRule(*this, getAxis(), getKeepdims());
}
AxisRule AllReduceOp::getAxisRule() {
  return detail::getElementwiseAxisRule(*this);
}

AxisRule DropoutOp::getAxisRule() {
  return detail::getElementwiseAxisRule(*this);
}
AxisRule JoinOp::getAxisRule() { return detail::getElementwiseAxisRule(*this); }
AxisRule ConcreteDropoutOp::getAxisRule() {
  return detail::getElementwiseAxisRule(*this);
}
AxisRule SoftmaxOp::getAxisRule() {
  return getPinnedAxisRule(*this, getAxis(), "runs over the axis");
}
AxisRule LogSoftmaxOp::getAxisRule() {
  return getPinnedAxisRule(*this, getAxis(), "runs over the axis");
}
AxisRule HardmaxOp::getAxisRule() {
  return getPinnedAxisRule(*this, getAxis(), "runs over the axis");
}
AxisRule CumSumOp::getAxisRule() {
  return getPinnedAxisRule(*this, getAxis(), "runs along the axis");
}
AxisRule CumProdOp::getAxisRule() {
  return getPinnedAxisRule(*this, getAxis(), "runs along the axis");
}
AxisRule QuantizeLinearOp::getAxisRule() {
  return getQuantRule(*this, getAxis(), getBlockSize());
}
AxisRule DequantizeLinearOp::getAxisRule() {
  return getQuantRule(*this, getAxis(), getBlockSize());
}

AxisRule TopKOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes axes = build.axes(getInput());
  build.set(getOperation()->getOpOperand(0), axes);
  size_t axis = RuleBuilder::getPlace(getAxis(), axes.size());
  if (axis < axes.size()) {
    std::string reason = build.reason("sorts the axis");
    build.pin(axes[axis], reason);
    axes[axis] = build.axis("k", RuleBuilder::getShape(getValues())[axis]);
    build.pin(axes[axis], reason);
  }
  build.set(getValues(), axes);
  build.set(getIndices(), axes);
  return build.take();
}
