//===- Fuse.cpp - Join ops on tensors that walk through the same places ---===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "llvm/ADT/SetVector.h"

namespace neuroplast {
#define GEN_PASS_DEF_FUSE
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// Whether a body is as good at the end of a kernel, where it is repeated for
/// every register of a tile: a few instructions on f32.
bool isCheap(Block &body) {
  return llvm::all_of(body.without_terminator(), [](Operation &op) {
    return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
               arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp,
               arith::MaxNumFOp, arith::MinNumFOp, arith::CmpFOp,
               arith::SelectOp, arith::ConstantOp, math::AbsFOp, math::SqrtOp,
               math::RsqrtOp, math::FmaOp, math::FloorOp, math::CeilOp>(op);
  });
}

/// How many instructions a body has.
size_t countOps(Block &body) {
  return llvm::count_if(body.without_terminator(), [](Operation &op) {
    return !isa<arith::ConstantOp>(op);
  });
}

/// Marks what stands there for one of its readers alone.
constexpr llvm::StringLiteral kRepeated = "repeated";

/// Gives each reader its own copy of an elementwise op that is cheap and reads
/// one tensor of the size of its result: fused with all of them, it neither
/// writes nor makes them read more. Training steps have many of these, which
/// the way back reads once more.
struct RepeatForReaders : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    // Bounds, not measured, of what a body grows to by readers of readers.
    constexpr size_t kMostOwn = 12, kMostOfReader = 24, kMostReaders = 4;
    if (op.getNumResults() != 1 || op.getNumReductionLoops() != 0 ||
        op.hasIndexSemantics() || !isCheap(*op.getBody()) ||
        countOps(*op.getBody()) > kMostOwn ||
        op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
      return rewriter.notifyMatchFailure(op,
                                         "is not cheap, or not elementwise");
    if (!op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
        !readsOneWholeTensor(op))
      return rewriter.notifyMatchFailure(op, "reads more than it gives");
    llvm::SetVector<Operation *> readers;
    for (OpOperand &use : op.getResult(0).getUses()) {
      auto reader = dyn_cast<linalg::GenericOp>(use.getOwner());
      if (!reader || reader->getBlock() != op->getBlock() ||
          !reader.isDpsInput(&use) || reader.hasIndexSemantics() ||
          !reader.getMatchingIndexingMap(&use).isPermutation() ||
          countOps(*reader.getBody()) > kMostOfReader)
        return rewriter.notifyMatchFailure(op, "has readers of other kinds");
      readers.insert(reader);
    }
    if (readers.size() < 2 || readers.size() > kMostReaders)
      return rewriter.notifyMatchFailure(op, "has one reader, or too many");
    rewriter.modifyOpInPlace(
        op, [&] { op->setAttr(kRepeated, rewriter.getUnitAttr()); });
    for (Operation *reader : readers) {
      rewriter.setInsertionPoint(reader);
      Operation *own =
          reader == readers.front() ? op.getOperation() : rewriter.clone(*op);
      rewriter.modifyOpInPlace(reader, [&] {
        reader->replaceUsesOfWith(op.getResult(0), own->getResult(0));
        // It will do both, which fusion does not tell.
        reader->setLoc(rewriter.getFusedLoc({op->getLoc(), reader->getLoc()}));
      });
    }
    return success();
  }

private:
  /// Whether all inputs but one are repeated, and that is no sum that could end
  /// with this op.
  static bool readsOneWholeTensor(linalg::GenericOp op) {
    Value whole;
    for (OpOperand *input : op.getDpsInputOperands()) {
      if (!isa<RankedTensorType>(input->get().getType()))
        return false;
      if (!op.getMatchingIndexingMap(input).isPermutation())
        continue;
      if (whole && whole != input->get())
        return false;
      whole = input->get();
    }
    if (!whole)
      return false;
    auto sum = whole.getDefiningOp<kernel::ContractOp>();
    return !sum || !sum->hasOneUse();
  }
};

/// Lets a contraction end with what an elementwise op does to its sums.
struct FuseEpilogue : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getNumResults() != 1 || op.getNumReductionLoops() != 0 ||
        op.hasIndexSemantics() || !isCheap(*op.getBody()) ||
        op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
      return rewriter.notifyMatchFailure(op, "is no epilogue");
    for (Value operand : op->getOperands())
      if (!getElementTypeOrSelf(operand.getType()).isF32() ||
          !isa<RankedTensorType>(operand.getType()))
        return rewriter.notifyMatchFailure(op, "is not on tensors of f32");
    AffineMap output = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    SmallVector<Value> inputs = op.getDpsInputs();
    for (Value input : llvm::reverse(inputs)) {
      auto contract = input.getDefiningOp<kernel::ContractOp>();
      if (contract && fits(op, contract, output)) {
        fuse(op, contract, output, rewriter);
        return success();
      }
    }
    return rewriter.notifyMatchFailure(op, "no operand is a sum of its own");
  }

private:
  /// Whether nobody else needs the sums, and each makes one element of the
  /// result that stands where it stood.
  static bool fits(linalg::GenericOp op, kernel::ContractOp contract,
                   AffineMap output) {
    if (!output.isPermutation() || contract->getBlock() != op->getBlock())
      return false;
    for (OpOperand &use : contract.getResult(0).getUses())
      if (use.getOwner() != op || op.getMatchingIndexingMap(&use) != output)
        return false;
    return true;
  }

  static void fuse(linalg::GenericOp op, kernel::ContractOp contract,
                   AffineMap output, PatternRewriter &rewriter) {
    SmallVector<AffineMap> maps = contract.getMaps();
    AffineMap result = maps.pop_back_val();
    // The loops of the elementwise op by those of the contraction.
    SmallVector<AffineExpr> loops(output.getNumDims());
    for (auto [axis, expr] : llvm::enumerate(output.getResults()))
      loops[cast<AffineDimExpr>(expr).getPosition()] = result.getResult(axis);
    SmallVector<Value> inputs(contract.getInputs());
    SmallVector<OpOperand *> others;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      if (operand->get() == contract.getResult(0))
        continue;
      others.push_back(operand);
      inputs.push_back(operand->get());
      maps.push_back(op.getMatchingIndexingMap(operand).replaceDimsAndSymbols(
          loops, {}, result.getNumDims(), 0));
    }
    maps.push_back(result);
    size_t known = contract.getInputs().size() - 1;
    auto fused = kernel::ContractOp::create(
        rewriter, rewriter.getFusedLoc({contract.getLoc(), op.getLoc()}),
        inputs, op.getDpsInits()[0], maps,
        [&](OpBuilder &b, Location, ValueRange elements) {
          IRMapping values;
          Value sum = contract.cloneEpilogue(b, elements.take_front(known));
          for (OpOperand *operand : op.getDpsInputOperands())
            if (operand->get() == contract.getResult(0))
              values.map(op.getMatchingBlockArgument(operand), sum);
          for (auto [operand, element] :
               llvm::zip_equal(others, elements.drop_front(known)))
            values.map(op.getMatchingBlockArgument(operand), element);
          for (Operation &inner : op.getBody()->without_terminator())
            b.clone(inner, values);
          return values.lookupOrDefault(
              op.getBody()->getTerminator()->getOperand(0));
        });
    rewriter.replaceOp(op, fused.getResults());
    rewriter.eraseOp(contract);
  }
};

/// Lets a contraction read what was transposed before it where that was.
struct ReadBeforeTranspose : OpRewritePattern<kernel::ContractOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kernel::ContractOp op,
                                PatternRewriter &rewriter) const override {
    SmallVector<AffineMap> maps = op.getMaps();
    bool hasChanged = false;
    for (OpOperand &operand : op.getInputsMutable()) {
      auto transpose = operand.get().getDefiningOp<linalg::TransposeOp>();
      // What is transposed once for all steps of a loop stays so.
      if (!transpose || transpose->getBlock() != op->getBlock())
        continue;
      AffineMap &map = maps[operand.getOperandNumber()];
      SmallVector<AffineExpr> exprs(map.getNumResults());
      for (auto [axis, from] : llvm::enumerate(transpose.getPermutation()))
        exprs[from] = map.getResult(axis);
      map = AffineMap::get(map.getNumDims(), 0, exprs, op.getContext());
      rewriter.modifyOpInPlace(op, [&] { operand.set(transpose.getInput()); });
      hasChanged = true;
    }
    if (!hasChanged)
      return rewriter.notifyMatchFailure(op, "reads nothing transposed");
    rewriter.modifyOpInPlace(op, [&] {
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    return success();
  }
};

/// Lets a contraction read what got axes of one place before it did. Vectors
/// stay images of one pixel, which convolutions are known by.
struct ReadWithoutUnitAxes : OpRewritePattern<kernel::ContractOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(kernel::ContractOp op,
                                PatternRewriter &rewriter) const override {
    for (OpOperand &operand : op.getInputsMutable()) {
      auto expand = operand.get().getDefiningOp<tensor::ExpandShapeOp>();
      if (!expand || expand->getBlock() != op->getBlock() ||
          expand.getSrcType().getRank() < 3)
        continue;
      SmallVector<AffineMap> maps = op.getMaps();
      AffineMap &map = maps[operand.getOperandNumber()];
      std::optional<AffineMap> before = dropUnitAxes(expand, map);
      if (!before)
        continue;
      map = *before;
      if (!inversePermutation(concatAffineMaps(maps, op.getContext())))
        continue; // the size of a loop would be lost
      rewriter.modifyOpInPlace(op, [&] {
        operand.set(expand.getSrc());
        op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      });
      return success();
    }
    return rewriter.notifyMatchFailure(op, "reads nothing with such axes");
  }

private:
  /// The map of what is expanded; none if an axis is split.
  static std::optional<AffineMap> dropUnitAxes(tensor::ExpandShapeOp expand,
                                               AffineMap map) {
    SmallVector<AffineExpr> exprs;
    for (const ReassociationIndices &group : expand.getReassociationIndices()) {
      std::optional<int64_t> own;
      for (int64_t axis : group) {
        if (expand.getResultType().getDimSize(axis) == 1)
          continue;
        if (own)
          return std::nullopt;
        own = axis;
      }
      exprs.push_back(map.getResult(own.value_or(group.front())));
    }
    return AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
  }
};

/// Lets a contraction whose result is only transposed write that.
struct WriteTransposed : OpRewritePattern<linalg::TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto contract = op.getInput().getDefiningOp<kernel::ContractOp>();
    if (!contract || !op.getInput().hasOneUse() ||
        contract->getBlock() != op->getBlock())
      return rewriter.notifyMatchFailure(op, "transposes no sum of its own");
    SmallVector<AffineMap> maps = contract.getMaps();
    AffineMap result = maps.pop_back_val();
    SmallVector<AffineExpr> exprs;
    for (int64_t from : op.getPermutation())
      exprs.push_back(result.getResult(from));
    maps.push_back(
        AffineMap::get(result.getNumDims(), 0, exprs, op.getContext()));
    auto transposed = kernel::ContractOp::create(
        rewriter, contract.getLoc(), contract.getInputs(), op.getInit(), maps,
        [&](OpBuilder &b, Location, ValueRange elements) {
          return contract.cloneEpilogue(b, elements);
        });
    rewriter.replaceOp(op, transposed.getResults());
    rewriter.eraseOp(contract);
    return success();
  }
};

struct FusePass : neuroplast::impl::FuseBase<FusePass> {
  void runOnOperation() override {
    // Before a reader may become the end of a contraction.
    if (failed(repeatForReaders()))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(
        patterns, [](OpOperand *operand) {
          auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
          auto consumer = dyn_cast<linalg::LinalgOp>(operand->getOwner());
          // A reduction would repeat what it reads more than once.
          return producer && consumer && producer->hasOneUse() &&
                 (consumer.getNumReductionLoops() == 0 ||
                  consumer.getMatchingIndexingMap(operand).isPermutation());
        });
    // The channels of a grouped convolution are split in its result.
    linalg::populateFoldReshapeOpsByExpansionPatterns(
        patterns, [](OpOperand *operand) {
          auto collapse =
              operand->get().getDefiningOp<tensor::CollapseShapeOp>();
          return collapse && collapse->hasOneUse() &&
                 collapse.getSrc().getDefiningOp<kernel::ContractOp>();
        });
    patterns.add<FuseEpilogue, ReadBeforeTranspose, ReadWithoutUnitAxes,
                 WriteTransposed>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

private:
  LogicalResult repeatForReaders() {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(
        patterns, [](OpOperand *operand) {
          Operation *producer = operand->get().getDefiningOp();
          return producer && producer->hasAttr(kRepeated) &&
                 producer->hasOneUse();
        });
    patterns.add<RepeatForReaders>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return failure();
    getOperation()->walk(
        [](linalg::GenericOp op) { op->removeAttr(kRepeated); });
    return success();
  }
};

} // namespace
