//===- Transposition.cpp - Copies that change the innermost axis ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Squares of as many vectors as these have lanes are read along the innermost
// axis of the source, transposed in registers, and written along that of the
// result.

#include "Emitters.h"
#include "SharedLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace neuroplast;

namespace {

/// The innermost loops of a copy: along the source's last axis, and along the
/// result's.
struct Innermost {
  int64_t source, result;
};

std::optional<Innermost> matchTransposition(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInputs() != 1 ||
      op.getNumDpsInits() != 1 || op.getNumReductionLoops() != 0)
    return std::nullopt;
  Block *body = op.getBody();
  if (body->getOperations().size() != 1 ||
      body->getTerminator()->getOperand(0) != body->getArgument(0))
    return std::nullopt;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges(), loops;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = cast<MemRefType>(operand.get().getType());
    AffineMap map = op.getMatchingIndexingMap(&operand);
    Type element = type.getElementType();
    if (!(element.isF32() || element.isInteger(32)) || type.getRank() == 0 ||
        !type.isLastDimUnitStride() ||
        !map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return std::nullopt;
    auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
    if (!last)
      return std::nullopt;
    loops.push_back(last.getPosition());
  }
  Innermost innermost{loops[0], loops[1]};
  // Squares that are mostly empty are no gain.
  auto isShort = [&](int64_t loop) {
    return !ShapedType::isDynamic(sizes[loop]) && sizes[loop] < 4;
  };
  if (innermost.source == innermost.result || isShort(innermost.source) ||
      isShort(innermost.result))
    return std::nullopt;
  for (AffineMap map : op.getIndexingMapsArray())
    if (!map.isFunctionOfDim(innermost.source) ||
        !map.isFunctionOfDim(innermost.result))
      return std::nullopt;
  return innermost;
}

/// How far a square reaches along a loop.
struct Reach {
  int64_t known; ///< `ShapedType::kDynamic` if only a run knows.
  Value count;   ///< Then.
};

class Transposer {
public:
  Transposer(linalg::GenericOp op, Innermost innermost, int64_t width)
      : loc(op.getLoc()), innermost(innermost), width(width), loops(op),
        type(VectorType::get(
            width, getElementTypeOrSelf(op.getDpsInits()[0].getType()))) {}

  void emit(OpBuilder &b, int64_t threads) {
    SmallVector<SharableLoop> sharable;
    for (auto [loop, size] : llvm::enumerate(loops.sizes)) {
      int64_t index = loop;
      bool isInner = index == innermost.source || index == innermost.result;
      sharable.push_back({index, size, isInner ? width : 1});
    }
    bounds = LoopBounds(b, loc, loops);
    indices = bounds.begins;
    shareLoops(b, loc, sharable, countElementWork(loops.sizes), threads, loops,
               bounds, [&](OpBuilder &inner, Value) { emitLoops(inner, 0); });
  }

private:
  Value constant(OpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value offset(OpBuilder &b, Value base, int64_t by) {
    return by ? arith::AddIOp::create(b, loc, base, constant(b, by)) : base;
  }

  template <typename Body>
  void loopOver(OpBuilder &b, int64_t loop, Value begin, Value end,
                int64_t step, Body body) {
    auto op = scf::ForOp::create(b, loc, begin, end, constant(b, step));
    OpBuilder inner = OpBuilder::atBlockTerminator(op.getBody());
    indices[loop] = op.getInductionVar();
    body(inner);
  }

  void emitLoops(OpBuilder &b, int64_t loop) {
    if (loop == static_cast<int64_t>(loops.sizes.size())) {
      overSquares(b, innermost.source, [&](OpBuilder &b1, Reach rows) {
        overSquares(b1, innermost.result, [&](OpBuilder &b2, Reach columns) {
          emitSquare(b2, rows, columns);
        });
      });
      return;
    }
    if (loop == innermost.source || loop == innermost.result)
      return emitLoops(b, loop + 1);
    loopOver(b, loop, bounds.begins[loop], bounds.ends[loop], 1,
             [&](OpBuilder &inner) { emitLoops(inner, loop + 1); });
  }

  /// Full squares along a loop, and the last one.
  template <typename Body>
  void overSquares(OpBuilder &b, int64_t loop, Body body) {
    int64_t size = loops.sizes[loop];
    if (!ShapedType::isDynamic(size)) {
      int64_t full = size - size % width;
      loopOver(b, loop, bounds.begins[loop], constant(b, full), width,
               [&](OpBuilder &inner) { body(inner, Reach{width, {}}); });
      if (full == size)
        return;
      indices[loop] = constant(b, full);
      body(b, Reach{size - full, {}});
      return;
    }
    Value length =
        arith::SubIOp::create(b, loc, bounds.ends[loop], bounds.begins[loop]);
    Value rest = arith::RemUIOp::create(b, loc, length, constant(b, width));
    Value full = arith::SubIOp::create(b, loc, bounds.ends[loop], rest);
    loopOver(b, loop, bounds.begins[loop], full, width,
             [&](OpBuilder &inner) { body(inner, Reach{width, {}}); });
    loopOver(b, loop, full, bounds.ends[loop], width, [&](OpBuilder &inner) {
      body(inner, Reach{ShapedType::kDynamic, rest});
    });
  }

  /// The mask of row `row` of a square: none if all lanes are there. Rows
  /// behind the last have none of them.
  Value getMask(OpBuilder &b, int64_t row, Reach rows, Reach lanes) {
    bool isKnown = !ShapedType::isDynamic(rows.known);
    if (isKnown && lanes.known == width)
      return {};
    Value count = ShapedType::isDynamic(lanes.known) ? lanes.count
                                                     : constant(b, lanes.known);
    if (!isKnown) {
      Value isThere = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                            constant(b, row), rows.count);
      count = arith::SelectOp::create(b, loc, isThere, count, constant(b, 0));
    }
    auto maskType = VectorType::get(width, b.getI1Type());
    return vector::CreateMaskOp::create(b, loc, maskType, count);
  }

  static bool isBehind(int64_t row, Reach rows) {
    return !ShapedType::isDynamic(rows.known) && row >= rows.known;
  }

  /// The indices of an operand, `by` steps further along a loop.
  SmallVector<Value> getPlace(OpBuilder &b, size_t operand, int64_t loop,
                              int64_t by) {
    SmallVector<Value> place;
    for (AffineExpr expr : loops.maps[operand].getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        place.push_back(constant(b, 0));
      else if (dim.getPosition() == loop)
        place.push_back(offset(b, indices[loop], by));
      else
        place.push_back(indices[dim.getPosition()]);
    }
    return place;
  }

  void emitSquare(OpBuilder &b, Reach inSource, Reach inResult) {
    SmallVector<Value> rows;
    Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    for (int64_t row = 0; row < width; ++row) {
      if (isBehind(row, inResult)) {
        rows.push_back(zeros);
        continue;
      }
      SmallVector<Value> from = getPlace(b, 0, innermost.result, row);
      Value mask = getMask(b, row, inResult, inSource);
      rows.push_back(
          mask ? Value(vector::MaskedLoadOp::create(
                     b, loc, type, loops.operands[0], from, mask, zeros))
               : Value(vector::LoadOp::create(b, loc, type, loops.operands[0],
                                              from)));
    }
    transpose(b, rows);
    for (int64_t row = 0; row < width && !isBehind(row, inSource); ++row) {
      SmallVector<Value> to = getPlace(b, 1, innermost.source, row);
      if (Value mask = getMask(b, row, inSource, inResult))
        vector::MaskedStoreOp::create(b, loc, loops.operands[1], to, mask,
                                      rows[row]);
      else
        vector::StoreOp::create(b, loc, rows[row], loops.operands[1], to);
    }
  }

  /// Exchanges off-diagonal blocks, of one lane first, then of two, and so on
  /// (Eklundh, "A fast computer method for matrix transposing", 1972).
  void transpose(OpBuilder &b, SmallVector<Value> &rows) {
    for (int64_t block = 1; block < width; block *= 2) {
      SmallVector<int64_t> upper, lower;
      for (int64_t lane = 0; lane < width; ++lane) {
        bool isRight = lane & block;
        upper.push_back(isRight ? width + lane - block : lane);
        lower.push_back(isRight ? width + lane : lane + block);
      }
      for (int64_t row = 0; row < width; ++row) {
        if (row & block)
          continue;
        Value first = rows[row], second = rows[row + block];
        rows[row] =
            vector::ShuffleOp::create(b, loc, type, first, second, upper);
        rows[row + block] =
            vector::ShuffleOp::create(b, loc, type, first, second, lower);
      }
    }
  }

  Location loc;
  Innermost innermost;
  int64_t width;
  LoopNest loops;
  VectorType type;
  LoopBounds bounds;
  SmallVector<Value> indices; ///< of the loops
};

} // namespace

bool neuroplast::emitTransposition(linalg::GenericOp op, int64_t width,
                                   int64_t threads) {
  std::optional<Innermost> innermost = matchTransposition(op);
  if (!innermost)
    return false;
  OpBuilder builder(op);
  Transposer(op, *innermost, width).emit(builder, threads);
  op.erase();
  return true;
}
