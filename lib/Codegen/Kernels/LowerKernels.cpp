//===- LowerKernels.cpp - Give contractions kernels of their own ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Emitters.h"

#include "mlir/IR/IRMapping.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "neuroplast/Codegen/Passes.h"

namespace neuroplast {
#define GEN_PASS_DEF_LOWERKERNELS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// The op with its loops joined where they can be; without those of one step
/// that are summed over.
linalg::GenericOp simplifyLoops(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.hasIndexSemantics())
    return op;
  LoopNest loops(op);
  OpBuilder b(op);
  bool isSimpler = loops.dropUnitReductions();
  isSimpler |= loops.joinLoops(b, op.getLoc());
  if (!isSimpler)
    return op;
  auto inputs = ValueRange(loops.operands).take_front(op.getNumDpsInputs());
  auto outputs = ValueRange(loops.operands).drop_front(op.getNumDpsInputs());
  auto replacement =
      linalg::GenericOp::create(b, op.getLoc(), TypeRange(), inputs, outputs,
                                loops.maps, loops.iterators);
  replacement.getRegion().takeBody(op.getRegion());
  op.erase();
  return replacement;
}

/// Makes the epilogue an op of its own, which finds the sums in the result.
/// Returns the contraction that ends with the sums.
kernel::ContractOp splitEpilogue(kernel::ContractOp op) {
  OpBuilder b(op->getContext());
  b.setInsertionPointAfter(op);
  SmallVector<AffineMap> all = op.getMaps();
  AffineMap result = all.back();
  // The loops of the result in its order; an axis of one place has one too.
  int64_t rank = result.getNumResults();
  SmallVector<AffineExpr> places(result.getNumDims(),
                                 getAffineConstantExpr(0, op.getContext()));
  for (auto [axis, expr] : llvm::enumerate(result.getResults()))
    if (auto loop = dyn_cast<AffineDimExpr>(expr))
      places[loop.getPosition()] = b.getAffineDimExpr(axis);
  SmallVector<AffineMap> maps;
  for (AffineMap map : ArrayRef(all).drop_front(2).drop_back())
    maps.push_back(map.replaceDimsAndSymbols(places, {}, rank, 0));
  maps.push_back(b.getMultiDimIdentityMap(rank));
  Block *body = op.getBody();
  linalg::GenericOp::create(
      b, op.getLoc(), TypeRange(), op.getExtras(), op.getInit(), maps,
      SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        IRMapping values;
        values.map(body->getArgument(0), args.back());
        for (auto [from, to] : llvm::zip_equal(
                 body->getArguments().drop_front(), args.drop_back()))
          values.map(from, to);
        for (Operation &inner : body->without_terminator())
          nested.clone(inner, values);
        linalg::YieldOp::create(
            nested, loc,
            values.lookupOrDefault(body->getTerminator()->getOperand(0)));
      });
  SmallVector<Value> operands{op.getLhs(), op.getRhs()};
  b.setInsertionPoint(op);
  auto sums = kernel::ContractOp::create(b, op.getLoc(), operands, op.getInit(),
                                         {all[0], all[1], result});
  sums.setPaddedBlocksAttr(op.getPaddedBlocksAttr());
  sums.setPaddedSumsAttr(op.getPaddedSumsAttr());
  sums.setKeptAttr(op.getKeptAttr());
  op.erase();
  return sums;
}

/// The loops over elements that a contraction without an epilogue stands for.
void lowerToGeneric(kernel::ContractOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  linalg::FillOp::create(b, loc, zero, op.getInit());
  SmallVector<Value> inputs{op.getLhs(), op.getRhs()};
  linalg::GenericOp::create(
      b, loc, TypeRange(), inputs, op.getInit(), op.getMaps(),
      LoopNest(op).iterators,
      [&](OpBuilder &nested, Location l, ValueRange args) {
        Value product = arith::MulFOp::create(nested, l, args[0], args[1]);
        Value sum = arith::AddFOp::create(nested, l, args[2], product);
        linalg::YieldOp::create(nested, l, sum);
      });
}

/// The fills of each margin: before and behind the middle of an axis, as far as
/// the margins of the axes before leave something.
void lowerToFills(kernel::FillMarginsOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> low = op.getMixedLow(), high = op.getMixedHigh(),
                            sizes = memref::getMixedSizes(b, loc, op.getInit());
  SmallVector<OpFoldResult> offsets(low.size(), b.getIndexAttr(0)),
      ones(low.size(), b.getIndexAttr(1));
  auto subtract = [&](OpFoldResult lhs, OpFoldResult rhs) {
    return affine::makeComposedFoldedAffineApply(
        b, loc, b.getAffineSymbolExpr(0) - b.getAffineSymbolExpr(1),
        {lhs, rhs});
  };
  auto fill = [&](size_t axis, OpFoldResult offset, OpFoldResult size) {
    if (isConstantIntValue(size, 0))
      return;
    SmallVector<OpFoldResult> from(offsets), count(sizes);
    from[axis] = offset;
    count[axis] = size;
    Value margin =
        memref::SubViewOp::create(b, loc, op.getInit(), from, count, ones);
    linalg::FillOp::create(b, loc, op.getNumber(), margin);
  };
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    fill(axis, b.getIndexAttr(0), low[axis]);
    OpFoldResult end = subtract(sizes[axis], high[axis]);
    fill(axis, end, high[axis]);
    offsets[axis] = low[axis];
    sizes[axis] = subtract(end, low[axis]);
  }
  op.erase();
}

/// The scalar loops that a pool stands for.
void lowerToLoops(kernel::PoolOp op) {
  OpBuilder b(op);
  Location loc = op.getLoc();
  LoopNest loops(op);
  float start =
      op.getLargest() ? -std::numeric_limits<float>::infinity() : 0.0f;
  Value neutral = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(start));
  linalg::FillOp::create(b, loc, neutral, op.getInit());
  SmallVector<Value> begins, ends, steps;
  for (size_t loop = 0; loop < loops.sizes.size(); ++loop) {
    begins.push_back(arith::ConstantIndexOp::create(b, loc, 0));
    ends.push_back(loops.createSize(b, loc, loop));
    steps.push_back(arith::ConstantIndexOp::create(b, loc, 1));
  }
  scf::buildLoopNest(
      b, loc, begins, ends, steps,
      [&](OpBuilder &n, Location l, ValueRange at) {
        auto locate = [&](AffineMap map) {
          SmallVector<Value> place;
          for (AffineExpr expr : map.getResults())
            place.push_back(affine::AffineApplyOp::create(
                n, l, AffineMap::get(map.getNumDims(), 0, expr), at));
          return place;
        };
        SmallVector<Value> to = locate(op.getResultMap());
        Value x = memref::LoadOp::create(n, l, op.getInput(),
                                         locate(op.getInputMap()));
        Value soFar = memref::LoadOp::create(n, l, op.getInit(), to);
        Value next = op.getLargest()
                         ? Value(arith::MaximumFOp::create(n, l, soFar, x))
                         : Value(arith::AddFOp::create(n, l, soFar, x));
        memref::StoreOp::create(n, l, next, op.getInit(), to);
      });
  op.erase();
}

struct LowerKernelsPass : neuroplast::impl::LowerKernelsBase<LowerKernelsPass> {
  using LowerKernelsBase::LowerKernelsBase;

  void runOnOperation() override {
    for (auto op : collect<kernel::AttentionOp>())
      lower(op);
    for (auto op : collect<kernel::ContractOp>())
      lower(op, threads);
    for (auto op : collect<kernel::SoftmaxOp>())
      lower(op, threads);
    for (auto op : collect<kernel::PoolOp>())
      lower(op);
    for (auto op : collect<kernel::FillMarginsOp>())
      lowerToFills(op);
    if (!kernels)
      return;
    IRRewriter rewriter(&getContext());
    for (auto op : collect<linalg::TransposeOp>()) {
      rewriter.setInsertionPoint(op);
      if (failed(linalg::generalizeNamedOp(rewriter, op)))
        return signalPassFailure();
    }
    for (auto op : collect<linalg::GenericOp>())
      lower(op);
  }

private:
  template <typename Op> SmallVector<Op> collect() {
    SmallVector<Op> ops;
    getOperation()->walk([&](Op op) { ops.push_back(op); });
    return ops;
  }

  int64_t getWidth() const { return vectorBits / 32; }

  /// Replaces a kernel op by vector code; false if there is none for it.
  template <typename Op> bool emitPlanned(Op op, int64_t threads) {
    if (!kernels)
      return false;
    OpBuilder builder(op);
    LoopNest loops(op);
    loops.dropUnitReductions();
    loops.joinLoops(builder, op.getLoc());
    if constexpr (std::is_same_v<Op, kernel::ContractOp>)
      Contraction::splitLongSum(op, builder, loops);
    FailureOr<Contraction> plan = Contraction::plan(op, std::move(loops));
    if (failed(plan))
      return false;
    if constexpr (std::is_same_v<Op, kernel::ContractOp>)
      if (plan->accumulated && plan->epilogue)
        return emitPlanned(splitEpilogue(op), threads);
    emitKernel(builder, *plan, getWidth(), threads);
    op.erase();
    return true;
  }

  void lower(kernel::AttentionOp op) {
    AttentionSteps steps = emitAttention(op, threads);
    lower(steps.scores, /*threads=*/1);
    lower(steps.shares, /*threads=*/1);
    lower(steps.sums, /*threads=*/1);
  }

  void lower(kernel::ContractOp op, int64_t threads) {
    if (emitPlanned(op, threads))
      return;
    if (op.getBody()->getOperations().size() > 1)
      return lower(splitEpilogue(op), threads);
    lowerToGeneric(op);
    op.erase();
  }

  void lower(kernel::SoftmaxOp op, int64_t threads) {
    OpBuilder builder(op);
    emitSoftmax(builder, op, kernels ? getWidth() : 1, threads);
    op.erase();
  }

  void lower(kernel::PoolOp op) {
    if (!emitPlanned(op, threads))
      lowerToLoops(op);
  }

  void lower(linalg::GenericOp op) {
    op = simplifyLoops(op);
    if (!emitTransposition(op, getWidth(), threads))
      emitVectorLoops(op, getWidth(), threads);
  }
};

} // namespace
