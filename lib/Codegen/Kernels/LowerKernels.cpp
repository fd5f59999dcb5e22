//===- LowerKernels.cpp - Give contractions kernels of their own ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
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

/// Joins two neighbouring loops that every operand either walks through as one
/// contiguous run or does not walk through at all: the pixels of a 1 x 1
/// convolution. Returns the op in its new form.
linalg::GenericOp joinLoops(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.hasIndexSemantics())
    return op;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  MLIRContext *context = op.getContext();
  if (llvm::any_of(sizes, ShapedType::isDynamic))
    return op;
  auto iterators = op.getIteratorTypesArray();
  int64_t loops = sizes.size();
  for (int64_t first = 0; first + 1 < loops; ++first) {
    int64_t second = first + 1;
    if (iterators[first] != iterators[second] || sizes[first] == 1)
      continue;
    AffineExpr x = getAffineDimExpr(first, context),
               y = getAffineDimExpr(second, context);
    SmallVector<int64_t> axes; // of the first loop in each operand, or -1
    bool fits = true;
    for (auto [operand, map] : llvm::zip_equal(op->getOperands(), maps)) {
      auto type = dyn_cast<MemRefType>(operand.getType());
      if (!type || !type.getLayout().isIdentity() || !type.hasStaticShape()) {
        fits = false;
        break;
      }
      int64_t axis = -1;
      for (int64_t i = 0, e = map.getNumResults(); i < e; ++i)
        if (map.getResult(i) == x)
          axis = i;
      if (axis < 0) {
        fits &= !map.isFunctionOfDim(first) && !map.isFunctionOfDim(second);
      } else {
        fits &= axis + 1 < map.getNumResults() &&
                map.getResult(axis + 1) == y &&
                type.getDimSize(axis) == sizes[first] &&
                type.getDimSize(axis + 1) == sizes[second];
        for (int64_t i = 0, e = map.getNumResults(); i < e && fits; ++i)
          if (i != axis && i != axis + 1)
            fits &= !map.getResult(i).isFunctionOfDim(first) &&
                    !map.getResult(i).isFunctionOfDim(second);
      }
      axes.push_back(axis);
    }
    if (!fits || !llvm::any_of(axes, [](int64_t a) { return a >= 0; }))
      continue;
    OpBuilder b(op);
    SmallVector<Value> operands;
    SmallVector<AffineMap> joined;
    SmallVector<AffineExpr> renumber;
    for (int64_t loop = 0; loop < loops; ++loop)
      renumber.push_back(
          getAffineDimExpr(loop <= first ? loop : loop - 1, context));
    for (auto [operand, map, axis] :
         llvm::zip_equal(op->getOperands(), maps, axes)) {
      SmallVector<AffineExpr> exprs;
      SmallVector<ReassociationIndices> groups;
      for (int64_t i = 0, e = map.getNumResults(); i < e; ++i) {
        if (axis >= 0 && i == axis + 1) {
          groups.back().push_back(i);
          continue;
        }
        groups.push_back({i});
        exprs.push_back(map.getResult(i).replaceDims(renumber));
      }
      Value value = operand;
      if (axis >= 0)
        value =
            memref::CollapseShapeOp::create(b, op.getLoc(), operand, groups);
      operands.push_back(value);
      joined.push_back(AffineMap::get(loops - 1, 0, exprs, context));
    }
    SmallVector<utils::IteratorType> kept(iterators);
    kept.erase(kept.begin() + second);
    auto inputs = ValueRange(operands).take_front(op.getNumDpsInputs());
    auto outputs = ValueRange(operands).drop_front(op.getNumDpsInputs());
    auto replacement = linalg::GenericOp::create(b, op.getLoc(), TypeRange(),
                                                 inputs, outputs, joined, kept);
    replacement.getRegion().takeBody(op.getRegion());
    op.erase();
    return joinLoops(replacement);
  }
  return op;
}

/// Drops reduction loops of one step: the taps of a 1 x 1 convolution, which
/// hide that its input is read as it lies.
linalg::GenericOp dropUnitReductions(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || op.hasIndexSemantics())
    return op;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  auto iterators = op.getIteratorTypesArray();
  MLIRContext *context = op.getContext();
  SmallVector<AffineExpr> renumber;
  SmallVector<utils::IteratorType> kept;
  for (auto [size, iterator] : llvm::zip_equal(sizes, iterators)) {
    if (size == 1 && iterator == utils::IteratorType::reduction) {
      renumber.push_back(getAffineConstantExpr(0, context));
      continue;
    }
    renumber.push_back(getAffineDimExpr(kept.size(), context));
    kept.push_back(iterator);
  }
  if (kept.size() == iterators.size() ||
      !llvm::is_contained(kept, utils::IteratorType::reduction))
    return op;
  SmallVector<AffineMap> maps;
  for (AffineMap map : op.getIndexingMapsArray())
    maps.push_back(map.replaceDimsAndSymbols(renumber, {}, kept.size(), 0));
  OpBuilder b(op);
  auto replacement =
      linalg::GenericOp::create(b, op.getLoc(), TypeRange(), op.getDpsInputs(),
                                op.getDpsInits(), maps, kept);
  replacement.getRegion().takeBody(op.getRegion());
  op.erase();
  return replacement;
}

bool isZero(Value value) { return matchPattern(value, m_AnyZeroFloat()); }

/// The one op that mentions `buffer` before `op` does; null if there are none
/// or several.
Operation *findOnlyPreviousUse(Operation *op, Value buffer) {
  Operation *previous = nullptr;
  for (Operation *user : buffer.getUsers()) {
    Operation *ancestor = op->getBlock()->findAncestorOpInBlock(*user);
    if (!ancestor)
      return nullptr;
    if (!ancestor->isBeforeInBlock(op))
      continue;
    if (previous || ancestor != user)
      return nullptr;
    previous = user;
  }
  return previous;
}

/// Whether a buffer holds zeros for as long as it lives.
bool isAlwaysZero(Value buffer) {
  if (!buffer.getDefiningOp<memref::AllocOp>())
    return false;
  bool isFilled = false;
  for (Operation *user : buffer.getUsers()) {
    auto fill = dyn_cast<linalg::FillOp>(user);
    auto copy = dyn_cast<memref::CopyOp>(user);
    if (fill && isZero(fill.getInputs()[0]))
      isFilled = true;
    else if (!(copy && copy.getSource() == buffer &&
               copy.getTarget() != buffer) &&
             !isa<memref::DeallocOp>(user))
      return false;
  }
  return isFilled;
}

/// Removes what fills the result of a contraction with zeros just before it,
/// so that the kernel starts from zero instead of reading it.
bool takeZeros(linalg::GenericOp op) {
  Value result = op.getDpsInits()[0];
  if (!result.getDefiningOp<memref::AllocOp>())
    return false;
  Operation *previous = findOnlyPreviousUse(op, result);
  if (!previous)
    return false;
  auto fill = dyn_cast<linalg::FillOp>(previous);
  auto copy = dyn_cast<memref::CopyOp>(previous);
  bool isZeroed =
      (fill && isZero(fill.getInputs()[0]) && !isAlwaysZero(result)) ||
      (copy && copy.getTarget() == result && isAlwaysZero(copy.getSource()));
  if (isZeroed)
    previous->erase();
  return isZeroed;
}

struct LowerKernelsPass : neuroplast::impl::LowerKernelsBase<LowerKernelsPass> {
  using LowerKernelsBase::LowerKernelsBase;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> ops;
    // Which results start from zero is seen before their buffers are reshaped.
    auto marker = UnitAttr::get(&getContext());
    StringRef markerName = "neuro.starts_at_zero";
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](linalg::ReduceOp op) {
      rewriter.setInsertionPoint(op);
      // It is a generic op in other words, so this cannot fail.
      (void)linalg::generalizeNamedOp(rewriter, op);
    });
    getOperation()->walk([&](linalg::GenericOp op) { ops.push_back(op); });
    for (linalg::GenericOp op : ops) {
      FailureOr<Contraction> contraction = Contraction::match(op);
      bool startsAtZero = succeeded(contraction) &&
                          contraction->combination != Combination::Maximum &&
                          takeZeros(op);
      op = joinLoops(dropUnitReductions(op));
      if (startsAtZero)
        op->setAttr(markerName, marker);
    }
    ops.clear();
    getOperation()->walk([&](linalg::GenericOp op) { ops.push_back(op); });
    for (linalg::GenericOp op : ops) {
      FailureOr<Contraction> contraction = Contraction::match(op);
      OpBuilder builder(op);
      bool startsAtZero = op->hasAttr(markerName);
      if (failed(contraction)) {
        if (startsAtZero) { // no kernel after all: fill what was taken away
          Value zero = arith::ConstantOp::create(builder, op.getLoc(),
                                                 builder.getF32FloatAttr(0));
          linalg::FillOp::create(builder, op.getLoc(), zero,
                                 op.getDpsInits()[0]);
          op->removeAttr(markerName);
        }
        emitVectorLoops(op, vectorBits / 32);
        continue;
      }
      contraction->startsAtZero = startsAtZero;
      emitKernel(builder, *contraction, vectorBits / 32);
      op.erase();
    }
  }
};

} // namespace
