//===- VectorLoops.cpp - Maps and reductions on buffers as vector loops ---===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Emitters.h"
#include "LaneSteps.h"
#include "SharedLoop.h"
#include "VectorBody.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace neuroplast;

namespace {

/// How the last loop of an op becomes vectors.
struct Vectorization {
  /// The operands that stand still while the lanes move.
  SmallVector<bool> broadcast;
  /// If the last loop is a reduction, the op that combines its steps, and what
  /// it combines with the result so far.
  Operation *combiner = nullptr;
  Value contribution;
  vector::CombiningKind kind = vector::CombiningKind::ADD;
};

/// Whether all that the last loop of `op` does is to combine its steps.
bool matchRowReduction(linalg::GenericOp op, Vectorization &result) {
  if (op.getNumDpsInits() != 1)
    return false;
  SmallVector<Operation *> combiners;
  Value contribution = matchReduction(op.getRegionOutputArgs(), 0, combiners);
  if (!contribution || combiners.size() != 1 ||
      !op.getRegionOutputArgs()[0].hasOneUse() ||
      !arith::getNeutralElement(combiners[0]))
    return false;
  std::optional<vector::CombiningKind> kind =
      linalg::getCombinerOpKind(combiners[0]);
  if (!kind)
    return false;
  result.combiner = combiners[0];
  result.contribution = contribution;
  result.kind = *kind;
  return true;
}

std::optional<Vectorization> matchVectorization(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumLoops() == 0)
    return std::nullopt;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  if (!ShapedType::isDynamic(sizes.back()) && sizes.back() < 4)
    return std::nullopt;
  int64_t lane = sizes.size() - 1;
  bool reducesLanes =
      op.getIteratorTypesArray()[lane] == utils::IteratorType::reduction;
  Vectorization result;
  if (reducesLanes && !matchRowReduction(op, result))
    return std::nullopt;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type ||
        !(type.getElementType().isF32() || type.getElementType().isInteger(32)))
      return std::nullopt;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (AffineExpr expr : map.getResults())
      if (!isa<AffineDimExpr, AffineConstantExpr>(expr))
        return std::nullopt;
    bool moves = map.isFunctionOfDim(lane);
    if (op.isDpsInit(&operand) && moves == reducesLanes)
      return std::nullopt;
    if (moves) {
      auto last = dyn_cast<AffineDimExpr>(map.getResults().back());
      if (!last || last.getPosition() != lane || !type.isLastDimUnitStride())
        return std::nullopt;
      for (AffineExpr expr : map.getResults().drop_back())
        if (expr.isFunctionOfDim(lane))
          return std::nullopt;
    }
    result.broadcast.push_back(!moves);
  }
  if (!llvm::all_of(*op.getBody(), isWidenable))
    return std::nullopt;
  return result;
}

class VectorLoopEmitter {
public:
  VectorLoopEmitter(linalg::GenericOp op, const Vectorization &plan,
                    int64_t width)
      : op(op), loc(op.getLoc()), plan(plan), width(width), loops(op) {}

  void emit(OpBuilder &b, int64_t threads) {
    SmallVector<SharableLoop> sharable;
    for (auto [loop, size] : llvm::enumerate(loops.sizes))
      if (loops.iterators[loop] == utils::IteratorType::parallel)
        sharable.push_back({static_cast<int64_t>(loop), size,
                            loop + 1 == loops.sizes.size() ? width : 1});
    bounds = LoopBounds(b, loc, loops);
    shareLoops(b, loc, sharable, countElementWork(loops.sizes, op.getBody()),
               threads, loops, bounds,
               [&](OpBuilder &inner, Value) { emitLoops(inner, {}); });
  }

private:
  Value constant(OpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  void emitLoops(OpBuilder &b, SmallVector<Value> indices) {
    size_t depth = indices.size();
    bool isLane = depth + 1 == bounds.ends.size();
    if (isLane && plan.combiner)
      return emitRowReduction(b, indices);
    SmallVector<Value> at(indices);
    at.emplace_back();
    if (isLane) {
      getLaneSteps().forEach(
          b, bounds.begins[depth],
          [&](OpBuilder &inner, Value place, Value mask, ValueRange) {
            at.back() = place;
            emitStep(inner, at, mask);
            return LaneSteps::Values();
          });
      return;
    }
    auto loop = scf::ForOp::create(b, loc, bounds.begins[depth],
                                   bounds.ends[depth], constant(b, 1));
    OpBuilder inner = OpBuilder::atBlockTerminator(loop.getBody());
    at.back() = loop.getInductionVar();
    emitLoops(inner, at);
  }

  LaneSteps getLaneSteps() const {
    return LaneSteps(loc, loops.sizes.back(), bounds.ends.back(), width);
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

  /// Computes the op's body on vectors whose first lane is at `at`, and writes
  /// the results; on all lanes if there is no mask.
  void emitStep(OpBuilder &b, ArrayRef<Value> at, Value mask) {
    SmallVector<Value> results =
        emitValues(b, at, mask, op.getBody()->getTerminator()->getOperands());
    for (auto [init, value] :
         llvm::zip_equal(op.getDpsInitsMutable(), results)) {
      SmallVector<Value> to = indicesOf(b, init, at);
      if (!mask)
        vector::StoreOp::create(b, loc, value, init.get(), to);
      else
        vector::MaskedStoreOp::create(b, loc, init.get(), to, mask, value);
    }
  }

  /// Combines the steps of the last loop.
  void emitRowReduction(OpBuilder &b, ArrayRef<Value> outer) {
    OpOperand &init = *op.getDpsInitsMutable().begin();
    VectorType type = widen(getElementTypeOrSelf(init.get().getType()));
    Value neutral = arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(
            type, Attribute(*arith::getNeutralElement(plan.combiner))));
    auto combine = [&](OpBuilder &at, Value lhs, Value rhs) {
      return vector::makeArithReduction(at, loc, plan.kind, lhs, rhs);
    };
    auto step = [&](OpBuilder &at, Value place, Value mask, ValueRange soFar) {
      SmallVector<Value> indices(outer);
      indices.push_back(place);
      Value value = emitValues(at, indices, mask, plan.contribution).front();
      if (mask)
        value = arith::SelectOp::create(at, loc, mask, value, neutral);
      return LaneSteps::Values{combine(at, value, soFar[0])};
    };
    constexpr int64_t kCopies = 4;
    Value sum =
        getLaneSteps().accumulate(b, neutral, kCopies, step, combine).front();
    SmallVector<Value> to = indicesOf(b, init, outer);
    Value before = memref::LoadOp::create(b, loc, init.get(), to);
    Value result = vector::ReductionOp::create(b, loc, plan.kind, sum, before,
                                               arith::FastMathFlags::reassoc);
    memref::StoreOp::create(b, loc, result, init.get(), to);
  }

  /// The values of the body on vectors whose first lane is at `at`.
  SmallVector<Value> emitValues(OpBuilder &b, ArrayRef<Value> at, Value mask,
                                ValueRange wanted) {
    IRMapping values;
    Block *body = op.getBody();
    for (OpOperand &operand : op->getOpOperands()) {
      BlockArgument argument = op.getMatchingBlockArgument(&operand);
      if (argument.use_empty() || (plan.combiner && op.isDpsInit(&operand)))
        continue;
      SmallVector<Value> from = indicesOf(b, operand, at);
      Type type = argument.getType();
      Value value;
      if (plan.broadcast[operand.getOperandNumber()]) {
        value = memref::LoadOp::create(b, loc, operand.get(), from);
        value = vector::BroadcastOp::create(b, loc, widen(type), value);
      } else if (!mask) {
        value =
            vector::LoadOp::create(b, loc, widen(type), operand.get(), from);
      } else {
        Value zeros =
            arith::ConstantOp::create(b, loc, b.getZeroAttr(widen(type)));
        value = vector::MaskedLoadOp::create(b, loc, widen(type), operand.get(),
                                             from, mask, zeros);
      }
      values.map(argument, value);
    }
    return emitBody(b, loc, *body, values, width, wanted, plan.combiner);
  }

  linalg::GenericOp op;
  Location loc;
  const Vectorization &plan;
  int64_t width;
  LoopNest loops;
  LoopBounds bounds;
};

} // namespace

bool neuroplast::emitVectorLoops(linalg::GenericOp op, int64_t width,
                                 int64_t threads) {
  std::optional<Vectorization> plan = matchVectorization(op);
  if (!plan)
    return false;
  OpBuilder builder(op);
  VectorLoopEmitter(op, *plan, width).emit(builder, threads);
  op.erase();
  return true;
}
