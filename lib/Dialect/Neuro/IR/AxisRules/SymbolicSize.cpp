//===- SymbolicSize.cpp - Sizes as products of unknowns -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SymbolicSize.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

SymbolicSize SymbolicSize::unknown(const void *what, int64_t axis) {
  SymbolicSize size;
  size.unknowns.emplace_back(what, axis);
  return size;
}

SymbolicSize SymbolicSize::operator*(const SymbolicSize &other) const {
  SymbolicSize product = *this;
  product.number *= other.number;
  llvm::append_range(product.unknowns, other.unknowns);
  llvm::sort(product.unknowns);
  return product;
}

std::optional<SymbolicSize>
SymbolicSize::dividedBy(const SymbolicSize &other) const {
  if (other.number == 0 || number % other.number != 0)
    return std::nullopt;
  SymbolicSize quotient = *this;
  quotient.number /= other.number;
  for (const Unknown &unknown : other.unknowns) {
    auto *it = llvm::find(quotient.unknowns, unknown);
    if (it == quotient.unknowns.end())
      return std::nullopt;
    quotient.unknowns.erase(it);
  }
  return quotient;
}

/// The operand axis that has the size of an axis of a result in every run; none
/// if nobody says that there is one.
static std::optional<std::pair<Value, int64_t>> findSameAxis(OpResult result,
                                                             int64_t axis) {
  auto op = dyn_cast<AxisRuleOpInterface>(result.getOwner());
  if (!op)
    return std::nullopt;
  AxisRule rule = op.getAxisRule();
  const AxisExpr &expr = rule.results[result.getResultNumber()][axis];
  if (expr.terms.size() != 1 || expr.terms[0].size() != 1)
    return std::nullopt;
  std::optional<std::pair<Value, int64_t>> found;
  for (auto [operand, axes] : llvm::zip_equal(op->getOperands(), rule.operands))
    for (auto [index, candidate] : llvm::enumerate(axes)) {
      if (!(candidate == expr))
        continue;
      // Of two that may have this size, one may be broadcast.
      if (found && !(SymbolicSize::ofAxis(found->first, found->second) ==
                     SymbolicSize::ofAxis(operand, index)))
        return std::nullopt;
      found = {operand, index};
    }
  return found;
}

SymbolicSize SymbolicSize::ofAxis(Value tensor, int64_t axis) {
  while (true) {
    auto type = cast<RankedTensorType>(tensor.getType());
    if (!type.isDynamicDim(axis))
      return SymbolicSize(type.getDimSize(axis));
    if (auto argument = dyn_cast<BlockArgument>(tensor)) {
      auto func =
          dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
      auto dims = func ? func.getArgAttrOfType<ArrayAttr>(
                             argument.getArgNumber(), "neuro.dims")
                       : ArrayAttr();
      // Axes of one name have one size.
      if (dims && axis < static_cast<int64_t>(dims.size()))
        if (auto name = dyn_cast<StringAttr>(dims[axis]);
            name && !name.getValue().empty())
          return unknown(name.getAsOpaquePointer(), 0);
      return unknown(tensor.getAsOpaquePointer(), axis);
    }
    if (auto reshape = tensor.getDefiningOp<ReshapeOp>()) {
      ArrayRef<int64_t> sizes = reshape.getSizes();
      if (!ShapedType::isDynamic(sizes[axis]))
        return SymbolicSize(sizes[axis]);
      size_t position =
          llvm::count_if(sizes.take_front(axis), [](int64_t size) {
            return ShapedType::isDynamic(size);
          });
      return of(reshape.getDynamicSizes()[position]);
    }
    auto same = findSameAxis(cast<OpResult>(tensor), axis);
    if (!same)
      return unknown(tensor.getAsOpaquePointer(), axis);
    std::tie(tensor, axis) = *same;
  }
}

SymbolicSize SymbolicSize::of(Value index) {
  if (std::optional<int64_t> number = getConstantIntValue(index))
    return SymbolicSize(*number);
  if (auto dim = index.getDefiningOp<tensor::DimOp>())
    if (std::optional<int64_t> axis = dim.getConstantIndex();
        axis && isa<RankedTensorType>(dim.getSource().getType()))
      return ofAxis(dim.getSource(), *axis);
  Operation *op = index.getDefiningOp();
  if (isa_and_nonnull<arith::MulIOp>(op))
    return of(op->getOperand(0)) * of(op->getOperand(1));
  if (isa_and_nonnull<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp,
                      arith::CeilDivSIOp>(op))
    if (auto quotient = of(op->getOperand(0)).dividedBy(of(op->getOperand(1))))
      return *quotient;
  if (isa_and_nonnull<arith::IndexCastOp>(op))
    return of(op->getOperand(0));
  return unknown(index.getAsOpaquePointer(), -1);
}
