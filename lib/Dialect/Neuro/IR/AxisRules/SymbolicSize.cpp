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
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"

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

namespace {

/// An axis of a tensor, or, with the axis -1, a number.
using Origin = std::pair<Value, int64_t>;

/// How a size comes of others.
struct Step {
  enum Kind { Known, Same, Product, Quotient } kind;
  /// If it is known, or cannot be told from the others.
  SymbolicSize size;
  SmallVector<Origin, 2> origins;

  SymbolicSize combine(ArrayRef<SymbolicSize> sizes) const {
    switch (kind) {
    case Known:
      return size;
    case Same:
      // Of two that may have this size, one may be broadcast.
      return llvm::all_equal(sizes) ? sizes.front() : size;
    case Product:
      return sizes[0] * sizes[1];
    case Quotient:
      return sizes[0].dividedBy(sizes[1]).value_or(size);
    }
    return size;
  }
};

Step lookAtNumber(Value index) {
  SymbolicSize own = SymbolicSize::unknown(index.getAsOpaquePointer(), -1);
  if (std::optional<int64_t> number = getConstantIntValue(index))
    return {Step::Known, SymbolicSize(*number), {}};
  Operation *op = index.getDefiningOp();
  if (auto dim = dyn_cast_or_null<tensor::DimOp>(op))
    if (std::optional<int64_t> axis = dim.getConstantIndex();
        axis && isa<RankedTensorType>(dim.getSource().getType()))
      return {Step::Same, own, {{dim.getSource(), *axis}}};
  if (isa_and_nonnull<arith::IndexCastOp>(op))
    return {Step::Same, own, {{op->getOperand(0), -1}}};
  SmallVector<Origin, 2> operands;
  for (Value operand : op ? op->getOperands() : ValueRange())
    operands.emplace_back(operand, -1);
  if (isa_and_nonnull<arith::MulIOp>(op))
    return {Step::Product, own, operands};
  if (isa_and_nonnull<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp,
                      arith::CeilDivSIOp>(op))
    return {Step::Quotient, own, operands};
  return {Step::Known, own, {}};
}

/// An axis of an input: those of one name have one size.
SymbolicSize lookAtInput(BlockArgument argument, int64_t axis) {
  if (StringAttr name = getSizeName(argument, axis))
    return SymbolicSize::unknown(name.getAsOpaquePointer(), 0);
  return SymbolicSize::unknown(argument.getAsOpaquePointer(), axis);
}

Step lookAtAxis(Value tensor, int64_t axis) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(axis))
    return {Step::Known, SymbolicSize(type.getDimSize(axis)), {}};
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return {Step::Known, lookAtInput(argument, axis), {}};
  SymbolicSize own = SymbolicSize::unknown(tensor.getAsOpaquePointer(), axis);
  if (auto reshape = tensor.getDefiningOp<ReshapeOp>()) {
    ArrayRef<int64_t> sizes = reshape.getSizes();
    if (!ShapedType::isDynamic(sizes[axis]))
      return {Step::Known, SymbolicSize(sizes[axis]), {}};
    size_t position = llvm::count_if(sizes.take_front(axis), [](int64_t size) {
      return ShapedType::isDynamic(size);
    });
    return {Step::Same, own, {{reshape.getDynamicSizes()[position], -1}}};
  }
  auto op = dyn_cast<AxisRuleOpInterface>(tensor.getDefiningOp());
  if (!op)
    return {Step::Known, own, {}};
  // The operand axes that the rule says are the same.
  AxisRule rule = op.getAxisRule();
  const AxisExpr &expr =
      rule.results[cast<OpResult>(tensor).getResultNumber()][axis];
  Step step{Step::Same, own, {}};
  if (expr.terms.size() == 1 && expr.terms[0].size() == 1)
    for (auto [operand, axes] :
         llvm::zip_equal(op->getOperands(), rule.operands))
      for (auto [index, candidate] : llvm::enumerate(axes))
        if (candidate == expr)
          step.origins.emplace_back(operand, index);
  if (step.origins.empty())
    step.kind = Step::Known;
  return step;
}

using KnownSizes = llvm::DenseMap<Origin, SymbolicSize>;

thread_local std::unique_ptr<KnownSizes> sizeMemory;

/// Follows a size back to where it comes from, without recursion: networks may
/// be deep.
SymbolicSize trace(Origin start) {
  KnownSizes own;
  KnownSizes &known = sizeMemory ? *sizeMemory : own;
  if (auto it = known.find(start); it != known.end())
    return it->second;
  SmallVector<std::pair<Origin, Step>> pending;
  auto push = [&](Origin origin) {
    pending.emplace_back(origin, origin.second < 0
                                     ? lookAtNumber(origin.first)
                                     : lookAtAxis(origin.first, origin.second));
  };
  push(start);
  while (!pending.empty()) {
    auto &[origin, step] = pending.back();
    SmallVector<SymbolicSize> sizes;
    std::optional<Origin> missing;
    for (const Origin &other : step.origins) {
      auto it = known.find(other);
      if (it == known.end())
        missing = other;
      else
        sizes.push_back(it->second);
    }
    if (missing) {
      push(*missing);
      continue;
    }
    known.try_emplace(origin, step.combine(sizes));
    pending.pop_back();
  }
  return known.at(start);
}

} // namespace

neuroplast::neuro::SizeMemory::SizeMemory() : isOutermost(!sizeMemory) {
  if (isOutermost)
    sizeMemory = std::make_unique<KnownSizes>();
}

neuroplast::neuro::SizeMemory::~SizeMemory() {
  if (isOutermost)
    sizeMemory.reset();
}

SymbolicSize SymbolicSize::ofAxis(Value tensor, int64_t axis) {
  return trace({tensor, axis});
}

SymbolicSize SymbolicSize::of(Value index) { return trace({index, -1}); }
