//===- Elementwise.cpp - Elementwise ops on buffers as vector loops -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace neuroplast;

/// Whether a body op works on vectors as it does on scalars.
static bool isWidenable(Operation &op) {
  if (isa<linalg::YieldOp>(op))
    return true;
  if (op.getNumRegions() || op.getNumResults() != 1)
    return false;
  // Integers that a masked lane would divide by zero.
  if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
          arith::FloorDivSIOp, arith::CeilDivSIOp, arith::CeilDivUIOp>(op))
    return false;
  auto isScalar = [](Type type) {
    return type.isF32() || type.isInteger(1) || type.isInteger(32);
  };
  if (!llvm::all_of(op.getOperandTypes(), isScalar) ||
      !isScalar(op.getResult(0).getType()))
    return false;
  return isa<arith::ConstantOp>(op) ||
         OpTrait::hasElementwiseMappableTraits(&op);
}

static bool isVectorized(linalg::GenericOp op, SmallVector<bool> &broadcast) {
  if (!op.hasPureBufferSemantics() || op.getNumLoops() == 0 ||
      op.getNumReductionLoops() != 0)
    return false;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  if (llvm::any_of(sizes, ShapedType::isDynamic) || sizes.back() < 4)
    return false;
  int64_t lane = sizes.size() - 1;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type ||
        !(type.getElementType().isF32() || type.getElementType().isInteger(32)))
      return false;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (AffineExpr expr : map.getResults())
      if (!isa<AffineDimExpr, AffineConstantExpr>(expr))
        return false;
    bool moves = map.isFunctionOfDim(lane);
    if (!moves && op.isDpsInit(&operand))
      return false;
    if (moves) {
      auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
      if (!last || last.getPosition() != lane || !type.isLastDimUnitStride())
        return false;
      for (AffineExpr expr : map.getResults().drop_back())
        if (expr.isFunctionOfDim(lane))
          return false;
    }
    broadcast.push_back(!moves);
  }
  return llvm::all_of(*op.getBody(), isWidenable);
}

namespace {

class ElementwiseEmitter {
public:
  ElementwiseEmitter(linalg::GenericOp op, ArrayRef<bool> broadcast,
                     int64_t width)
      : op(op), loc(op.getLoc()), broadcast(broadcast), width(width),
        sizes(op.getStaticLoopRanges()) {}

  void emit(OpBuilder &b) {
    SmallVector<Value> indices;
    emitLoops(b, indices);
  }

private:
  Value constant(OpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  void emitLoops(OpBuilder &b, SmallVector<Value> indices) {
    size_t depth = indices.size();
    bool isLane = depth + 1 == sizes.size();
    int64_t size = sizes[depth], step = isLane ? width : 1;
    if (int64_t full = size - size % step) {
      auto loop = scf::ForOp::create(b, loc, constant(b, 0), constant(b, full),
                                     constant(b, step));
      OpBuilder inner = OpBuilder::atBlockTerminator(loop.getBody());
      SmallVector<Value> at(indices);
      at.push_back(loop.getInductionVar());
      if (isLane)
        emitBody(inner, at, width);
      else
        emitLoops(inner, at);
    }
    if (int64_t rest = size % step) {
      indices.push_back(constant(b, size - rest));
      emitBody(b, indices, rest);
    }
  }

  SmallVector<Value> indicesOf(OpBuilder &b, OpOperand &operand,
                               ArrayRef<Value> at) {
    SmallVector<Value> result;
    for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults()) {
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        result.push_back(at[dim.getPosition()]);
      else
        result.push_back(
            constant(b, cast<AffineConstantExpr>(expr).getValue()));
    }
    return result;
  }

  VectorType widen(Type type) { return VectorType::get(width, type); }

  Value mask(OpBuilder &b, int64_t lanes) {
    SmallVector<bool> bits(width, false);
    std::fill_n(bits.begin(), lanes, true);
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(widen(b.getI1Type()), bits));
  }

  void emitBody(OpBuilder &b, ArrayRef<Value> at, int64_t lanes) {
    IRMapping values;
    Block *body = op.getBody();
    for (OpOperand &operand : op->getOpOperands()) {
      BlockArgument argument = op.getMatchingBlockArgument(&operand);
      if (argument.use_empty())
        continue;
      SmallVector<Value> from = indicesOf(b, operand, at);
      Type type = argument.getType();
      Value value;
      if (broadcast[operand.getOperandNumber()]) {
        value = memref::LoadOp::create(b, loc, operand.get(), from);
        value = vector::BroadcastOp::create(b, loc, widen(type), value);
      } else if (lanes == width) {
        value =
            vector::LoadOp::create(b, loc, widen(type), operand.get(), from);
      } else {
        Value zeros =
            arith::ConstantOp::create(b, loc, b.getZeroAttr(widen(type)));
        value = vector::MaskedLoadOp::create(b, loc, widen(type), operand.get(),
                                             from, mask(b, lanes), zeros);
      }
      values.map(argument, value);
    }
    auto lookup = [&](Value value) -> Value {
      if (Value known = values.lookupOrNull(value))
        return known;
      Value wide =
          vector::BroadcastOp::create(b, loc, widen(value.getType()), value);
      values.map(value, wide);
      return wide;
    };
    for (Operation &inner : body->without_terminator()) {
      if (auto number = dyn_cast<arith::ConstantOp>(inner)) {
        auto type = widen(number.getType());
        Value wide = arith::ConstantOp::create(
            b, loc, DenseElementsAttr::get(type, number.getValue()));
        values.map(number.getResult(), wide);
        continue;
      }
      SmallVector<Value> operands =
          llvm::map_to_vector(inner.getOperands(), lookup);
      OperationState state(loc, inner.getName());
      state.addOperands(operands);
      state.addTypes(widen(inner.getResult(0).getType()));
      state.addAttributes(inner.getAttrs());
      values.map(inner.getResult(0), b.create(state)->getResult(0));
    }
    for (auto [init, yielded] : llvm::zip_equal(
             op.getDpsInitsMutable(), body->getTerminator()->getOperands())) {
      Value value = lookup(yielded);
      SmallVector<Value> to = indicesOf(b, init, at);
      if (lanes == width)
        vector::StoreOp::create(b, loc, value, init.get(), to);
      else
        vector::MaskedStoreOp::create(b, loc, init.get(), to, mask(b, lanes),
                                      value);
    }
  }

  linalg::GenericOp op;
  Location loc;
  ArrayRef<bool> broadcast;
  int64_t width;
  SmallVector<int64_t> sizes;
};

} // namespace

bool neuroplast::emitElementwise(linalg::GenericOp op, int64_t width) {
  SmallVector<bool> broadcast;
  if (!isVectorized(op, broadcast))
    return false;
  OpBuilder builder(op);
  ElementwiseEmitter(op, broadcast, width).emit(builder);
  op.erase();
  return true;
}
