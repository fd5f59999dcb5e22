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

/// An axis of an input: those of one name have one size, that of the first.
SymbolicSize lookAtInput(BlockArgument argument, int64_t axis) {
  if (StringAttr name = getSizeName(argument, axis))
    for (BlockArgument other : argument.getOwner()->getArguments()) {
      auto type = dyn_cast<RankedTensorType>(other.getType());
      for (int64_t i = 0; type && i < type.getRank(); ++i)
        if (getSizeName(other, i) == name && type.isDynamicDim(i))
          return SymbolicSize::unknown(other.getAsOpaquePointer(), i);
    }
  return SymbolicSize::unknown(argument.getAsOpaquePointer(), axis);
}

/// An axis of a list of sizes that an op is given.
Step lookAtGiven(ArrayRef<int64_t> sizes, ValueRange dynamic, int64_t axis,
                 const SymbolicSize &own) {
  if (!ShapedType::isDynamic(sizes[axis]))
    return {Step::Known, SymbolicSize(sizes[axis]), {}};
  size_t position =
      llvm::count_if(sizes.take_front(axis), ShapedType::isDynamic);
  return {Step::Same, own, {{dynamic[position], -1}}};
}

/// What is expanded has an axis of the size that was asked for, and of its own.
Step lookAtExpanded(ExpandOp op, int64_t axis, const SymbolicSize &own) {
  ArrayRef<int64_t> sizes = op.getSizes();
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t rank = cast<RankedTensorType>(op.getType()).getRank(),
          asked = axis - rank + static_cast<int64_t>(sizes.size()),
          given = axis - rank + type.getRank();
  Step step{Step::Same, own, {}};
  if (given >= 0 && type.getDimSize(given) != 1)
    step.origins.emplace_back(op.getInput(), given);
  if (asked >= 0 && ShapedType::isDynamic(sizes[asked]))
    step.origins.emplace_back(
        op.getDynamicSizes()[llvm::count_if(sizes.take_front(asked),
                                            ShapedType::isDynamic)],
        -1);
  else if (asked >= 0 && sizes[asked] != 1)
    step.origins.clear();
  if (step.origins.empty())
    step.kind = Step::Known;
  return step;
}

Step lookAtAxis(Value tensor, int64_t axis) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(axis))
    return {Step::Known, SymbolicSize(type.getDimSize(axis)), {}};
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return {Step::Known, lookAtInput(argument, axis), {}};
  SymbolicSize own = SymbolicSize::unknown(tensor.getAsOpaquePointer(), axis);
  if (auto reshape = tensor.getDefiningOp<ReshapeOp>())
    return lookAtGiven(reshape.getSizes(), reshape.getDynamicSizes(), axis,
                       own);
  if (auto slice = tensor.getDefiningOp<SliceOp>())
    return lookAtGiven(slice.getSizes(), slice.getDynamicSizes(), axis, own);
  if (auto expand = tensor.getDefiningOp<ExpandOp>())
    return lookAtExpanded(expand, axis, own);
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

SmallVector<std::pair<Value, int64_t>>
SymbolicSize::findCandidates(Value tensor, int64_t axis) {
  Step step = lookAtAxis(tensor, axis);
  SmallVector<std::pair<Value, int64_t>> candidates;
  if (step.kind == Step::Same)
    for (const Origin &origin : step.origins)
      candidates.push_back(trace(origin).getOrigin().value_or(origin));
  return candidates;
}

std::optional<std::pair<Value, int64_t>> SymbolicSize::getOrigin() const {
  if (number != 1 || unknowns.size() != 1)
    return std::nullopt;
  auto [what, axis] = unknowns.front();
  return std::pair(Value::getFromOpaquePointer(what), axis);
}

OpFoldResult neuroplast::neuro::traceSize(OpBuilder &builder, Location location,
                                          Value tensor, int64_t axis) {
  SymbolicSize size = SymbolicSize::ofAxis(tensor, axis);
  if (size.isStatic())
    return builder.getIndexAttr(size.getNumber());
  auto [origin, place] = size.getOrigin().value_or(std::pair(tensor, axis));
  return place < 0 ? OpFoldResult(origin)
                   : tensor::getMixedSize(builder, location, origin, place);
}
