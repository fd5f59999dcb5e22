//===- VectorLoops.cpp - Maps and reductions on buffers as vector loops ---===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
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
    for (auto [loop, size] : llvm::enumerate(loops.sizes)) {
      begins.push_back(constant(b, 0));
      ends.push_back(loops.createSize(b, loc, loop));
      if (loops.iterators[loop] == utils::IteratorType::parallel)
        sharable.push_back({static_cast<int64_t>(loop), size,
                            loop + 1 == loops.sizes.size() ? width : 1});
    }
    std::optional<SharableLoop> shared =
        chooseSharedLoop(sharable, countElementWork(loops.sizes), threads);
    if (!shared)
      return emitLoops(b, {});
    shareLoop(b, loc, *shared, ends[shared->loop], threads,
              [&](OpBuilder &inner, Value begin, Value end) {
                begins[shared->loop] = begin;
                ends[shared->loop] = end;
                loops.sizes[shared->loop] = ShapedType::kDynamic;
                emitLoops(inner, {});
              });
  }

private:
  Value constant(OpBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  void emitLoops(OpBuilder &b, SmallVector<Value> indices) {
    size_t depth = indices.size();
    bool isLane = depth + 1 == ends.size();
    if (isLane && plan.combiner)
      return emitRowReduction(b, indices);
    Value full = isLane ? getWholeSteps(b, width) : ends[depth];
    auto loop = scf::ForOp::create(b, loc, begins[depth], full,
                                   constant(b, isLane ? width : 1));
    OpBuilder inner = OpBuilder::atBlockTerminator(loop.getBody());
    SmallVector<Value> at(indices);
    at.push_back(loop.getInductionVar());
    if (!isLane)
      return emitLoops(inner, at);
    emitStep(inner, at, Value());
    overRest(b, full, Value(),
             [&](OpBuilder &rest, Value place, Value mask, Value) {
               SmallVector<Value> last(indices);
               last.push_back(place);
               emitStep(rest, last, mask);
               return Value();
             });
  }

  /// How far whole steps lead along the lanes.
  Value getWholeSteps(OpBuilder &b, int64_t step) {
    int64_t size = loops.sizes.back();
    if (!ShapedType::isDynamic(size))
      return constant(b, size - size % step);
    Value rest = arith::RemUIOp::create(b, loc, ends.back(), constant(b, step));
    return arith::SubIOp::create(b, loc, ends.back(), rest);
  }

  /// Goes along the lanes from `begin` on, vector by vector, with their masks;
  /// none where all lanes are there. `body` changes a value, if there is one.
  Value overRest(OpBuilder &b, Value begin, Value value,
                 function_ref<Value(OpBuilder &, Value, Value, Value)> body) {
    auto type = widen(b.getI1Type());
    int64_t size = loops.sizes.back();
    if (!ShapedType::isDynamic(size)) {
      for (int64_t at = *getConstantIntValue(begin); at < size; at += width) {
        SmallVector<bool> bits(width, false);
        std::fill_n(bits.begin(), std::min(width, size - at), true);
        Value mask = at + width <= size
                         ? Value()
                         : arith::ConstantOp::create(
                               b, loc, DenseElementsAttr::get(type, bits));
        value = body(b, constant(b, at), mask, value);
      }
      return value;
    }
    auto loop =
        scf::ForOp::create(b, loc, begin, ends.back(), constant(b, width),
                           value ? ValueRange(value) : ValueRange());
    OpBuilder inner = OpBuilder::atBlockBegin(loop.getBody());
    Value at = loop.getInductionVar();
    Value lanes = arith::SubIOp::create(inner, loc, ends.back(), at);
    Value mask = vector::CreateMaskOp::create(inner, loc, type, lanes);
    if (!value) {
      body(inner, at, mask, Value());
      return Value();
    }
    scf::YieldOp::create(inner, loc,
                         body(inner, at, mask, loop.getRegionIterArgs()[0]));
    return loop.getResult(0);
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

  /// Combines the steps of the last loop: each lane of `accumulators` vectors
  /// takes its share, so that no step waits for the one before.
  void emitRowReduction(OpBuilder &b, ArrayRef<Value> outer) {
    int64_t size = loops.sizes.back();
    int64_t accumulators = ShapedType::isDynamic(size)
                               ? 4
                               : std::clamp<int64_t>(size / width, 1, 4);
    int64_t step = accumulators * width;
    Value full = getWholeSteps(b, step);
    OpOperand &init = *op.getDpsInitsMutable().begin();
    VectorType type = widen(getElementTypeOrSelf(init.get().getType()));
    Value neutral = arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(
            type, Attribute(*arith::getNeutralElement(plan.combiner))));
    SmallVector<Value> sums(accumulators, neutral);
    auto accumulate = [&](OpBuilder &at, Value place, Value mask, Value sum) {
      SmallVector<Value> indices(outer);
      indices.push_back(place);
      Value value = emitValues(at, indices, mask, plan.contribution).front();
      if (mask)
        value = arith::SelectOp::create(at, loc, mask, value, neutral);
      return vector::makeArithReduction(at, loc, plan.kind, value, sum);
    };
    auto loop = scf::ForOp::create(b, loc, constant(b, 0), full,
                                   constant(b, step), sums);
    OpBuilder inner = OpBuilder::atBlockEnd(loop.getBody());
    sums = llvm::to_vector_of<Value>(loop.getRegionIterArgs());
    for (auto [index, sum] : llvm::enumerate(sums)) {
      Value offset = constant(inner, index * width);
      Value place =
          arith::AddIOp::create(inner, loc, loop.getInductionVar(), offset);
      sum = accumulate(inner, place, Value(), sum);
    }
    scf::YieldOp::create(inner, loc, sums);
    sums = llvm::to_vector_of<Value>(loop.getResults());
    sums.front() = overRest(b, full, sums.front(), accumulate);
    Value sum = sums.front();
    for (Value other : ArrayRef(sums).drop_front())
      sum = vector::makeArithReduction(b, loc, plan.kind, sum, other);
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
  SmallVector<Value> begins, ends; ///< of the loops
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
