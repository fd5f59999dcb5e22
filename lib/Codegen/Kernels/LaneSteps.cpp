//===- LaneSteps.cpp - Vector by vector along a row -----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneSteps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace neuroplast;

static Value constant(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

/// How far whole steps lead.
Value LaneSteps::getWholeSteps(OpBuilder &b, int64_t step) {
  if (!ShapedType::isDynamic(size))
    return constant(b, loc, size - size % step);
  Value rest = arith::RemUIOp::create(b, loc, end, constant(b, loc, step));
  return arith::SubIOp::create(b, loc, end, rest);
}

/// One vector after the other, with their masks.
LaneSteps::Values LaneSteps::overRest(OpBuilder &b, Value begin, Values values,
                                      Body body) {
  auto type = VectorType::get(width, b.getI1Type());
  if (!ShapedType::isDynamic(size)) {
    for (int64_t at = *getConstantIntValue(begin); at < size; at += width) {
      SmallVector<bool> bits(width, false);
      std::fill_n(bits.begin(), std::min(width, size - at), true);
      Value mask = at + width <= size
                       ? Value()
                       : arith::ConstantOp::create(
                             b, loc, DenseElementsAttr::get(type, bits));
      values = body(b, constant(b, loc, at), mask, values);
    }
    return values;
  }
  auto loop =
      scf::ForOp::create(b, loc, begin, end, constant(b, loc, width), values);
  OpBuilder inner = values.empty()
                        ? OpBuilder::atBlockTerminator(loop.getBody())
                        : OpBuilder::atBlockEnd(loop.getBody());
  Value at = loop.getInductionVar();
  Value lanes = arith::SubIOp::create(inner, loc, end, at);
  Value mask = vector::CreateMaskOp::create(inner, loc, type, lanes);
  Values next = body(inner, at, mask, loop.getRegionIterArgs());
  if (!values.empty())
    scf::YieldOp::create(inner, loc, next);
  return Values(loop.getResults());
}

void LaneSteps::forEach(OpBuilder &b, Value begin, Body body) {
  Value whole = getWholeSteps(b, width);
  auto loop = scf::ForOp::create(b, loc, begin, whole, constant(b, loc, width));
  OpBuilder inner = OpBuilder::atBlockTerminator(loop.getBody());
  body(inner, loop.getInductionVar(), Value(), {});
  overRest(b, whole, {}, body);
}

LaneSteps::Values
LaneSteps::accumulate(OpBuilder &b, ValueRange neutral, int64_t copies,
                      Body body,
                      function_ref<Value(OpBuilder &, Value, Value)> combine) {
  int64_t count = neutral.size();
  if (!ShapedType::isDynamic(size))
    copies = std::clamp<int64_t>(size / width, 1, copies);
  Value whole = getWholeSteps(b, copies * width);
  Values begins;
  for (int64_t copy = 0; copy < copies; ++copy)
    llvm::append_range(begins, neutral);
  auto loop = scf::ForOp::create(b, loc, constant(b, loc, 0), whole,
                                 constant(b, loc, copies * width), begins);
  OpBuilder inner = OpBuilder::atBlockEnd(loop.getBody());
  Values next;
  for (int64_t copy = 0; copy < copies; ++copy) {
    Value place = arith::AddIOp::create(inner, loc, loop.getInductionVar(),
                                        constant(inner, loc, copy * width));
    llvm::append_range(
        next,
        body(inner, place, Value(),
             ValueRange(loop.getRegionIterArgs()).slice(copy * count, count)));
  }
  scf::YieldOp::create(inner, loc, next);
  ValueRange ends = loop.getResults();
  Values sums = overRest(b, whole, Values(ends.take_front(count)), body);
  for (int64_t index = count; index < count * copies; ++index)
    sums[index % count] = combine(b, sums[index % count], ends[index]);
  return sums;
}
