//===- NestConcatenations.cpp - Concatenations that go on in larger ones --===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

namespace neuroplast {
#define GEN_PASS_DEF_NESTCONCATENATIONS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// Whether an insertion is one of a concatenation: a block of its own size.
bool isPlain(tensor::InsertSliceOp op) {
  return op.hasUnitStride() &&
         op.getSourceType().getRank() == op.getType().getRank();
}

/// The insertions, the first first, that make up a tensor from nothing, each of
/// which only the next one reads; none if it is not made so.
SmallVector<tensor::InsertSliceOp> getParts(Value tensor) {
  SmallVector<tensor::InsertSliceOp> parts;
  Block *block = tensor.getParentBlock();
  while (auto part = tensor.getDefiningOp<tensor::InsertSliceOp>()) {
    if (!isPlain(part) || part->getBlock() != block ||
        (!parts.empty() && !part->hasOneUse()))
      return {};
    parts.insert(parts.begin(), part);
    tensor = part.getDest();
  }
  return tensor.getDefiningOp<tensor::EmptyOp>()
             ? parts
             : SmallVector<tensor::InsertSliceOp>();
}

class Nester {
public:
  explicit Nester(MLIRContext *context) : builder(context) {}

  void run(ArrayRef<tensor::InsertSliceOp> insertions) {
    // The largest come last; what begins one may itself begin with another.
    for (tensor::InsertSliceOp whole : llvm::reverse(insertions))
      while (whole && !erased.contains(whole))
        whole = nest(whole);
  }

private:
  /// Lets what `whole` puts into an empty tensor first be made there from the
  /// beginning. Returns the first insertion into it now; null if nothing was
  /// done.
  tensor::InsertSliceOp nest(tensor::InsertSliceOp whole) {
    auto empty = whole.getDest().getDefiningOp<tensor::EmptyOp>();
    SmallVector<tensor::InsertSliceOp> parts = getParts(whole.getSource());
    if (!empty || !isPlain(whole) || parts.empty() ||
        parts[0]->getBlock() != whole->getBlock())
      return {};
    SmallVector<Value> needed(empty.getDynamicSizes());
    llvm::append_range(needed, whole.getOffsets());
    if (failed(moveValueDefinitions(builder, needed, parts[0])))
      return {};
    builder.setInsertionPoint(parts[0]);
    Value made =
        tensor::EmptyOp::create(builder, whole.getLoc(), empty.getMixedSizes(),
                                empty.getType().getElementType());
    SmallVector<OpFoldResult> offsets = whole.getMixedOffsets();
    tensor::InsertSliceOp first;
    for (tensor::InsertSliceOp part : parts) {
      builder.setInsertionPoint(part);
      made = tensor::InsertSliceOp::create(
          builder, part.getLoc(), part.getSource(), made,
          add(part.getLoc(), offsets, part.getMixedOffsets()),
          part.getMixedSizes(), part.getMixedStrides());
      if (!first)
        first = made.getDefiningOp<tensor::InsertSliceOp>();
    }
    tensor::InsertSliceOp last = parts.back();
    auto begun = parts.front().getDest().getDefiningOp<tensor::EmptyOp>();
    Value slice = tensor::ExtractSliceOp::create(
        builder, last.getLoc(), last.getType(), made, offsets,
        begun.getMixedSizes(), whole.getMixedStrides());
    replace(whole, made);
    replace(last, slice);
    for (tensor::InsertSliceOp part : llvm::reverse(parts))
      if (part != last)
        replace(part, {});
    return first;
  }

  SmallVector<OpFoldResult> add(Location loc, ArrayRef<OpFoldResult> lhs,
                                ArrayRef<OpFoldResult> rhs) {
    AffineExpr sum =
        builder.getAffineSymbolExpr(0) + builder.getAffineSymbolExpr(1);
    SmallVector<OpFoldResult> sums;
    for (auto [left, right] : llvm::zip_equal(lhs, rhs))
      sums.push_back(affine::makeComposedFoldedAffineApply(builder, loc, sum,
                                                           {left, right}));
    return sums;
  }

  void replace(tensor::InsertSliceOp op, Value value) {
    erased.insert(op);
    if (value)
      builder.replaceOp(op, value);
    else
      builder.eraseOp(op);
  }

  IRRewriter builder;
  llvm::SmallPtrSet<Operation *, 16> erased;
};

struct NestConcatenationsPass
    : neuroplast::impl::NestConcatenationsBase<NestConcatenationsPass> {
  void runOnOperation() override {
    SmallVector<tensor::InsertSliceOp> insertions;
    getOperation()->walk(
        [&](tensor::InsertSliceOp op) { insertions.push_back(op); });
    Nester(&getContext()).run(insertions);
  }
};

} // namespace
