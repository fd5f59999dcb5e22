//===- CountedLoop.cpp - Loops that count and stack ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/CountedLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast::neuro;

/// What is added to a stack that starts empty; null if it is none.
static Value findRow(scf::WhileOp op, unsigned place) {
  auto empty = op.getInits()[place].getDefiningOp<tensor::EmptyOp>();
  auto type = dyn_cast<RankedTensorType>(op.getInits()[place].getType());
  if (!empty || !type || type.getRank() < 1)
    return Value();
  if (llvm::any_of(empty.getDynamicSizes(),
                   [](Value size) { return !isConstantIntValue(size, 0); }))
    return Value();
  if (!type.isDynamicDim(0) && type.getDimSize(0) != 0)
    return Value();
  Value next = op.getYieldOp().getResults()[place];
  if (auto cast = next.getDefiningOp<tensor::CastOp>())
    next = cast.getSource();
  auto concat = next.getDefiningOp<ConcatOp>();
  BlockArgument stack = op.getAfterArguments()[place];
  if (!concat || concat.getAxis() != 0 || concat.getInputs().size() != 2 ||
      concat.getInputs()[0] != stack || !stack.hasOneUse() ||
      !concat->hasOneUse())
    return Value();
  auto reshape = concat.getInputs()[1].getDefiningOp<ReshapeOp>();
  if (!reshape || reshape.getSizes().empty() || reshape.getSizes()[0] != 1)
    return Value();
  auto row = cast<RankedTensorType>(reshape.getInput().getType());
  bool isAxisAdded =
      row.getRank() + 1 == static_cast<int64_t>(reshape.getSizes().size());
  if (!isAxisAdded)
    return Value();
  size_t dynamic = 0;
  for (int64_t axis = 0; axis < row.getRank(); ++axis) {
    int64_t size = reshape.getSizes()[axis + 1];
    if (!ShapedType::isDynamic(size)) {
      if (size != row.getDimSize(axis))
        return Value();
      continue;
    }
    auto dim =
        reshape.getDynamicSizes()[dynamic++].getDefiningOp<tensor::DimOp>();
    if (!dim || dim.getSource() != reshape.getInput() ||
        dim.getConstantIndex() != axis)
      return Value();
  }
  return reshape.getInput();
}

std::optional<CountedLoop>
neuroplast::neuro::matchCountedLoop(scf::WhileOp op) {
  Block &before = *op.getBeforeBody();
  scf::ConditionOp condition = op.getConditionOp();
  if (!llvm::equal(condition.getArgs(), before.getArguments()))
    return std::nullopt;
  CountedLoop loop;
  Value flag = condition.getCondition();
  auto isArgument = [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner() == &before;
  };
  std::optional<unsigned> count;
  if (auto both = flag.getDefiningOp<arith::AndIOp>()) {
    auto compare = both.getRhs().getDefiningOp<arith::CmpIOp>();
    flag = both.getLhs();
    if (!compare || compare.getPredicate() != arith::CmpIPredicate::slt ||
        !isArgument(compare.getLhs()) || isArgument(compare.getRhs()))
      return std::nullopt;
    count = cast<BlockArgument>(compare.getLhs()).getArgNumber();
    loop.trip = compare.getRhs();
    // The limit is the same all along.
    if (op.getBefore().isAncestor(loop.trip.getParentRegion()) &&
        !loop.trip.getDefiningOp<arith::ConstantOp>())
      return std::nullopt;
  }
  if (!isArgument(flag))
    return std::nullopt;
  loop.flag = cast<BlockArgument>(flag).getArgNumber();
  // What starts at 0 and is one more each time counts.
  auto isCounter = [&](unsigned place) {
    auto next =
        op.getYieldOp().getResults()[place].getDefiningOp<arith::AddIOp>();
    return isConstantIntValue(op.getInits()[place], 0) && next &&
           next.getLhs() == op.getAfterArguments()[place] &&
           isConstantIntValue(next.getRhs(), 1) &&
           op.getResult(place).use_empty();
  };
  for (unsigned i = 0; i < op.getNumResults() && !count; ++i)
    if (op.getInits()[i].getType().isIndex() && isCounter(i))
      count = i;
  if (!count || !isCounter(*count) || !op.getResult(loop.flag).use_empty())
    return std::nullopt;
  loop.count = *count;
  for (unsigned i = 0; i < op.getNumResults(); ++i) {
    if (i == loop.count || i == loop.flag)
      continue;
    if (Value row = findRow(op, i)) {
      loop.stacks.push_back(i);
      loop.rows.push_back(row);
    } else {
      loop.states.push_back(i);
    }
  }
  return loop;
}
