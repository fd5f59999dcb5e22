//===- PadInPlace.cpp - Write results where they are padded ---------------===//
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
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/RegionUtils.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"

namespace neuroplast {
#define GEN_PASS_DEF_PADINPLACE
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

class Padder {
public:
  Padder(tensor::PadOp op, Value number, IRRewriter &builder)
      : op(op), loc(op.getLoc()), number(number), builder(builder) {}

  void run() {
    SmallVector<OpFoldResult> low = op.getMixedLowPad(),
                              high = op.getMixedHighPad();
    // What is padded can be written into the middle only if that is there
    // before it.
    Operation *source = op.getSource().getDefiningOp();
    Value shaped = op.getSource();
    builder.setInsertionPoint(op);
    if (Value known = findShapeBefore(source);
        known && moveBefore(source, low, high)) {
      builder.setInsertionPoint(source);
      shaped = known;
    }
    SmallVector<OpFoldResult> inner = getSizes(shaped);
    SmallVector<OpFoldResult> shape;
    for (auto [size, before, after] : llvm::zip_equal(inner, low, high))
      shape.push_back(add(add(size, before), after));
    Value empty = tensor::EmptyOp::create(builder, loc, shape,
                                          op.getResultType().getElementType());
    Value margins =
        kernel::FillMarginsOp::create(builder, loc, number, empty, low, high)
            .getResult(0);
    builder.setInsertionPoint(op);
    SmallVector<OpFoldResult> ones(shape.size(), builder.getIndexAttr(1));
    Value padded = tensor::InsertSliceOp::create(builder, loc, op.getSource(),
                                                 margins, low, inner, ones);
    if (padded.getType() != op.getType())
      padded = tensor::CastOp::create(builder, loc, op.getType(), padded);
    op.replaceAllUsesWith(padded);
    op.erase();
  }

private:
  /// What has the shape of the only result of an op of the same block, and is
  /// there before it, if sizes have to be asked for; null if there is nothing.
  Value findShapeBefore(Operation *source) {
    if (!source || source->getBlock() != op->getBlock())
      return {};
    if (op.getSourceType().hasStaticShape())
      return op.getSource();
    auto styled = dyn_cast<DestinationStyleOpInterface>(source);
    return styled && styled.getNumDpsInits() == 1 ? styled.getDpsInits()[0]
                                                  : Value();
  }

  /// Computes the margins and what they are filled with before `source`; false
  /// if they hang on it.
  bool moveBefore(Operation *source, ArrayRef<OpFoldResult> low,
                  ArrayRef<OpFoldResult> high) {
    SmallVector<Value> needed{number};
    for (OpFoldResult size : llvm::concat<const OpFoldResult>(low, high))
      if (auto computed = dyn_cast<Value>(size))
        needed.push_back(computed);
    DominanceInfo dominance(op->getParentOfType<func::FuncOp>());
    return succeeded(moveValueDefinitions(builder, needed, source, dominance));
  }

  /// Sizes as what they were made of, so that the tensor may go.
  SmallVector<OpFoldResult> getSizes(Value tensor) {
    if (auto empty = tensor.getDefiningOp<tensor::EmptyOp>())
      return empty.getMixedSizes();
    return tensor::getMixedSizes(builder, loc, tensor);
  }

  OpFoldResult add(OpFoldResult lhs, OpFoldResult rhs) {
    AffineExpr sum =
        builder.getAffineSymbolExpr(0) + builder.getAffineSymbolExpr(1);
    return affine::makeComposedFoldedAffineApply(builder, loc, sum, {lhs, rhs});
  }

  tensor::PadOp op;
  Location loc;
  Value number;
  IRRewriter &builder;
};

/// Whether nothing is cut off instead of added.
bool onlyAdds(tensor::PadOp op) {
  return llvm::all_of(op.getMixedLowPad(), neuro::isNonNegative) &&
         llvm::all_of(op.getMixedHighPad(), neuro::isNonNegative);
}

struct PadInPlacePass : neuroplast::impl::PadInPlaceBase<PadInPlacePass> {
  void runOnOperation() override {
    SmallVector<tensor::PadOp> pads;
    getOperation()->walk([&](tensor::PadOp op) { pads.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (tensor::PadOp op : pads)
      if (Value number = op.getConstantPaddingValue(); number && onlyAdds(op))
        Padder(op, number, rewriter).run();
  }
};

} // namespace
