//===- Softmax.cpp - Write a softmax as loops over vectors ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A row is walked through three times, while it is in the nearest cache: for
// its largest element, for exponentials, of which each is computed once, and
// to make shares of these.

#include "Emitters.h"
#include "LaneSteps.h"
#include "SharedLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace neuroplast;

namespace {

class SoftmaxEmitter {
public:
  SoftmaxEmitter(OpBuilder &b, kernel::SoftmaxOp op, int64_t width)
      : op(op), loc(op.getLoc()), width(width), loops(op) {
    for (Value buffer : loops.operands)
      if (!cast<MemRefType>(buffer.getType()).isLastDimUnitStride())
        this->width = 1;
    type = VectorType::get(this->width, b.getF32Type());
    loops.joinLoops(b, loc);
  }

  void emit(OpBuilder &b, int64_t threads) {
    SmallVector<SharableLoop> rows;
    for (auto [loop, size] : llvm::enumerate(loops.sizes))
      if (loops.iterators[loop] == utils::IteratorType::parallel)
        rows.push_back({static_cast<int64_t>(loop), size, 1});
    bounds = LoopBounds(b, loc, loops);
    shareLoops(b, loc, rows, countElementWork(loops.sizes), threads, loops,
               bounds, [&](OpBuilder &inner, Value) { emitRows(inner, {}); });
  }

private:
  Value constant(OpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value scalar(OpBuilder &b, float value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  }
  Value splat(OpBuilder &b, float value) {
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(type, value));
  }
  Value broadcast(OpBuilder &b, Value value) {
    return vector::BroadcastOp::create(b, loc, type, value);
  }

  using Values = LaneSteps::Values;

  /// The loops around rows, some of which go along together at last, since each
  /// has to wait for its largest element and for its sum.
  void emitRows(OpBuilder &b, SmallVector<Value> row) {
    size_t depth = row.size();
    if (depth + 1 == bounds.ends.size())
      return emitTogether(b, row);
    constexpr int64_t kTogether = 4;
    bool isLast = depth + 2 == bounds.ends.size();
    Value begin = bounds.begins[depth];
    for (int64_t count : {isLast ? kTogether : int64_t(1), int64_t(1)}) {
      Value end = bounds.ends[depth];
      if (count > 1) {
        Value rows = arith::SubIOp::create(b, loc, end, begin);
        Value rest = arith::RemUIOp::create(b, loc, rows, constant(b, count));
        end = arith::SubIOp::create(b, loc, end, rest);
      }
      auto loop = scf::ForOp::create(b, loc, begin, end, constant(b, count));
      OpBuilder inner = OpBuilder::atBlockTerminator(loop.getBody());
      row.push_back(loop.getInductionVar());
      if (isLast)
        emitTogether(inner, row, count);
      else
        emitRows(inner, row);
      row.pop_back();
      if (!isLast)
        return;
      begin = end;
    }
  }

  /// `count` rows, of which the first is given.
  void emitTogether(OpBuilder &b, ArrayRef<Value> first, int64_t count = 1) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    // Whether a row has company must not change its sum.
    constexpr int64_t kCopies = 1;
    LaneSteps lanes(loc, loops.sizes.back(), bounds.ends.back(), width);
    Value input = loops.operands[0], result = loops.operands[1];
    SmallVector<Values> rows;
    for (int64_t row = 0; row < count; ++row) {
      rows.emplace_back(first);
      if (row > 0)
        rows.back().back() =
            arith::AddIOp::create(b, loc, rows.back().back(), constant(b, row));
    }
    auto locate = [&](ArrayRef<Value> row, Value place) {
      Values at(row);
      at.push_back(place);
      return at;
    };
    // What is no number needs no care: it is none after all steps.
    auto getLarger = [&](OpBuilder &at, Value lhs, Value rhs) -> Value {
      Value isLarger =
          arith::CmpFOp::create(at, loc, arith::CmpFPredicate::OGT, lhs, rhs);
      return arith::SelectOp::create(at, loc, isLarger, lhs, rhs);
    };
    auto add = [&](OpBuilder &at, Value lhs, Value rhs) -> Value {
      return arith::AddFOp::create(at, loc, lhs, rhs);
    };
    Values most = lanes.accumulate(
        b, Values(count, splat(b, -kInfinity)), kCopies,
        [&](OpBuilder &at, Value place, Value mask, ValueRange soFar) {
          Values next;
          for (auto [row, largest] : llvm::zip_equal(rows, soFar))
            next.push_back(getLarger(
                at, load(at, input, locate(row, place), mask, -kInfinity),
                largest));
          return next;
        },
        getLarger);
    for (Value &largest : most)
      largest = broadcast(b, finishMost(b, largest));
    Values sums = lanes.accumulate(
        b, Values(count, splat(b, 0)), kCopies,
        [&](OpBuilder &at, Value place, Value mask, ValueRange soFar) {
          Values next;
          for (auto [row, largest, sum] : llvm::zip_equal(rows, most, soFar)) {
            Value x = load(at, input, locate(row, place), mask, 0);
            x = arith::SubFOp::create(at, loc, x, largest);
            x = math::ExpOp::create(at, loc, x);
            store(at, x, result, locate(row, place), mask);
            if (mask)
              x = arith::SelectOp::create(at, loc, mask, x, splat(at, 0));
            next.push_back(add(at, sum, x));
          }
          return next;
        },
        add);
    for (Value &sum : sums)
      sum = broadcast(b, invertSum(b, sum));
    lanes.forEach(b, constant(b, 0),
                  [&](OpBuilder &at, Value place, Value mask, ValueRange) {
                    for (auto [row, share] : llvm::zip_equal(rows, sums)) {
                      Value x = load(at, result, locate(row, place), mask, 0);
                      x = arith::MulFOp::create(at, loc, x, share);
                      store(at, x, result, locate(row, place), mask);
                    }
                    return Values();
                  });
  }

  /// What is taken off a row, of its largest elements by lanes.
  Value finishMost(OpBuilder &b, Value lanes) {
    Value most = vector::ReductionOp::create(
        b, loc, vector::CombiningKind::MAXNUMF, lanes);
    if (!op.getMasked())
      return most;
    Value lowest = scalar(b, -std::numeric_limits<float>::infinity());
    Value isEmpty =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, most, lowest);
    return arith::SelectOp::create(b, loc, isEmpty, scalar(b, 0), most);
  }

  /// What a row is multiplied by, of its sums by lanes.
  Value invertSum(OpBuilder &b, Value lanes) {
    Value sum =
        vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, lanes,
                                    Value(), arith::FastMathFlags::reassoc);
    if (op.getMasked()) {
      Value isEmpty = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ,
                                            sum, scalar(b, 0));
      sum = arith::SelectOp::create(b, loc, isEmpty, scalar(b, 1), sum);
    }
    return arith::DivFOp::create(b, loc, scalar(b, 1), sum);
  }

  /// A vector, with a number where the mask has no lanes.
  Value load(OpBuilder &b, Value buffer, ValueRange at, Value mask,
             float missing) {
    if (width == 1)
      return broadcast(b, memref::LoadOp::create(b, loc, buffer, at));
    if (mask)
      return vector::MaskedLoadOp::create(b, loc, type, buffer, at, mask,
                                          splat(b, missing));
    return vector::LoadOp::create(b, loc, type, buffer, at);
  }
  void store(OpBuilder &b, Value value, Value buffer, ValueRange at,
             Value mask) {
    if (width == 1)
      memref::StoreOp::create(
          b, loc, vector::ExtractOp::create(b, loc, value, int64_t(0)), buffer,
          at);
    else if (mask)
      vector::MaskedStoreOp::create(b, loc, buffer, at, mask, value);
    else
      vector::StoreOp::create(b, loc, value, buffer, at);
  }

  kernel::SoftmaxOp op;
  Location loc;
  int64_t width;
  LoopNest loops;
  VectorType type;
  LoopBounds bounds;
};

} // namespace

void neuroplast::emitSoftmax(OpBuilder &builder, kernel::SoftmaxOp op,
                             int64_t width, int64_t threads) {
  SoftmaxEmitter(builder, op, width).emit(builder, threads);
}
