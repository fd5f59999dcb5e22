//===- RuleBuilder.cpp - Writing axis rules -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

unsigned RuleBuilder::factor(StringRef name, int64_t extent, FactorRole role) {
  return rule.add(names.make(name), extent, role);
}

SmallVector<int64_t> RuleBuilder::resize(ArrayRef<int64_t> sizes,
                                         ArrayRef<AxisExpr> axes,
                                         ArrayRef<int64_t> extents) {
  SmallVector<int64_t> result(sizes);
  for (auto [size, axis] : llvm::zip(result, axes))
    if (!ShapedType::isDynamic(size))
      size = AxisRule::getExtent(axis, extents);
  return result;
}

AxisExpr RuleBuilder::axis(StringRef name, int64_t extent, FactorRole role) {
  return AxisExpr::factor(factor(name, extent, role));
}

TensorAxes RuleBuilder::axes(Value value, StringRef name, FactorRole role) {
  TensorAxes result;
  for (int64_t size : getShape(value))
    result.push_back(axis(name, size, role));
  return result;
}

TensorAxes RuleBuilder::pinnedAxes(Value value, StringRef text) {
  TensorAxes result = axes(value, "p");
  pin(result, reason(text.empty() ? "does not let its axes change" : text));
  return result;
}

void RuleBuilder::pin(const AxisExpr &expr, StringRef text) {
  for (const auto &term : expr.terms)
    for (unsigned factor : term)
      rule.pin(factor, text);
}

void RuleBuilder::markNotZeroInvariant(const AxisExpr &expr) {
  for (const auto &term : expr.terms)
    for (unsigned factor : term)
      rule.factors[factor].zeroInvariant = false;
}

TensorAxes RuleBuilder::broadcast(Value operand, ArrayRef<AxisExpr> to) {
  ArrayRef<int64_t> shape = getShape(operand);
  return shape.size() > to.size() ? pinnedAxes(operand) : broadcast(shape, to);
}

TensorAxes RuleBuilder::broadcast(ArrayRef<int64_t> shape,
                                  ArrayRef<AxisExpr> to) {
  TensorAxes result;
  for (auto [size, expr] : llvm::zip_equal(shape, to.take_back(shape.size()))) {
    int64_t extent = rule.getExtent(expr);
    if (size == 1 && extent != 1) {
      result.push_back(AxisExpr::one());
      continue;
    }
    if (ShapedType::isDynamic(size) != ShapedType::isDynamic(extent))
      pin(expr, reason("broadcasts a size known at run time only"));
    else if (size != extent)
      pin(expr, reason("reads a part of the axis"));
    result.push_back(expr);
  }
  return result;
}

/// The names of the graph inputs from which whole numbers (sizes, places) are
/// computed by steps that are whole numbers, too.
static SmallVector<StringRef> findGraphInputs(ValueRange values) {
  llvm::SetVector<Value> pending(values.begin(), values.end());
  SmallVector<StringRef> names;
  for (size_t i = 0; i < pending.size(); ++i) {
    Value value = pending[i];
    if (!value)
      continue;
    if (Operation *op = value.getDefiningOp()) {
      if (getElementTypeOrSelf(value).isIntOrIndex())
        pending.insert(op->operand_begin(), op->operand_end());
      continue;
    }
    auto argument = cast<BlockArgument>(value);
    auto func =
        dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    if (!func)
      continue;
    if (auto name = func.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      "neuro.name"))
      names.push_back(name);
  }
  return names;
}

std::string RuleBuilder::reason(StringRef text, ValueRange decidedBy) const {
  std::string result = ("'" + op->getName().getStringRef() + "' " + text).str();
  SmallVector<StringRef> inputs = findGraphInputs(decidedBy);
  for (auto [index, name] : llvm::enumerate(inputs))
    result +=
        ((index == 0 ? " (by graph input '" : ", graph input '") + name + "'")
            .str();
  return inputs.empty() ? result : result + ")";
}

AxisRule RuleBuilder::take() {
  // What nobody described, and what is shorter than its factors, stays.
  auto complete = [&](Value value, TensorAxes &axes) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type)
      return;
    if (axes.size() != static_cast<size_t>(type.getRank())) {
      axes = pinnedAxes(value);
      return;
    }
    for (auto [size, expr] : llvm::zip_equal(type.getShape(), axes)) {
      int64_t extent = rule.getExtent(expr);
      if (size == extent || ShapedType::isDynamic(size) ||
          ShapedType::isDynamic(extent))
        continue;
      pin(expr, reason("reads a part of the axis"));
      expr = axis("p", size);
      pin(expr, reason("reads a part of the axis"));
    }
  };
  for (auto [value, axes] : llvm::zip_equal(op->getOperands(), rule.operands))
    complete(value, axes);
  for (auto [value, axes] : llvm::zip_equal(op->getResults(), rule.results))
    complete(value, axes);
  return std::move(rule);
}
