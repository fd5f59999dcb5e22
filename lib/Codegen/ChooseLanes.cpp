//===- ChooseLanes.cpp - Choose what vectors of contractions run along ----===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedConstants.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "neuroplast/Codegen/Passes.h"

namespace neuroplast {
#define GEN_PASS_DEF_CHOOSELANES
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// Sizes that only a run knows count as this many.
constexpr int64_t kUnknownSize = 128;

double countPlaces(ArrayRef<int64_t> sizes) {
  double places = 1;
  for (int64_t size : sizes)
    places *=
        static_cast<double>(ShapedType::isDynamic(size) ? kUnknownSize : size);
  return places;
}

/// The order of axes in which one stands last.
SmallVector<int64_t> moveLast(int64_t rank, int64_t axis) {
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      order.push_back(i);
  order.push_back(axis);
  return order;
}

/// Whether a tensor is the same memory with its axes in another order: only
/// axes of one place move among others.
bool isSameMemory(ShapedType type, ArrayRef<int64_t> order) {
  int64_t last = -1;
  for (int64_t axis : order) {
    if (type.getDimSize(axis) == 1)
      continue;
    if (axis < last)
      return false;
    last = axis;
  }
  return true;
}

/// Groups of axes with one each that has more than one place.
SmallVector<ReassociationIndices> groupAroundPlaces(ArrayRef<int64_t> shape) {
  SmallVector<ReassociationIndices> groups(1);
  bool isTaken = false;
  for (auto [axis, size] : llvm::enumerate(shape)) {
    if (size != 1 && isTaken)
      groups.emplace_back();
    isTaken |= size != 1;
    groups.back().push_back(static_cast<int64_t>(axis));
  }
  return groups;
}

class LaneChooser {
public:
  LaneChooser(ModuleOp module, int64_t width)
      : constants(module), b(module.getContext()), width(width) {}

  void run(ModuleOp module) {
    SmallVector<kernel::ContractOp> ops;
    module.walk([&](kernel::ContractOp op) { ops.push_back(op); });
    for (kernel::ContractOp op : ops)
      visit(op);
    SmallVector<kernel::AttentionOp> attentions;
    module.walk([&](kernel::AttentionOp op) { attentions.push_back(op); });
    for (kernel::AttentionOp op : attentions)
      visit(op);
    constants.dropUnread();
  }

private:
  /// What it takes to run along a loop.
  struct Choice {
    unsigned loop = 0;
    double cycles = 0;
    SmallVector<unsigned> moved; ///< the inputs to be transposed
    bool movesResult = false;

    bool isAsItLies() const { return moved.empty() && !movesResult; }
  };

  /// None if the operands cannot be laid out for it.
  std::optional<Choice> consider(kernel::ContractOp op, unsigned loop) {
    SmallVector<AffineMap> maps = op.getMaps();
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    constexpr int64_t kFewLanes = 4;
    bool isKnown = !ShapedType::isDynamic(sizes[loop]);
    if ((isKnown && sizes[loop] < kFewLanes) ||
        !kernel::findPlainAxis(maps.back(), loop))
      return std::nullopt;
    Choice choice;
    choice.loop = loop;
    double filled = isKnown ? static_cast<double>(sizes[loop]) /
                                  (llvm::divideCeil(sizes[loop], width) * width)
                            : 1;
    choice.cycles =
        countPlaces(sizes) / (static_cast<double>(width) * 2 * filled);
    auto copy = [&](Value value, int64_t axis) {
      constexpr double kCyclesPerElement = 1;
      auto type = cast<ShapedType>(value.getType());
      if (!isSameMemory(type, moveLast(type.getRank(), axis)))
        choice.cycles += kCyclesPerElement * countPlaces(type.getShape());
    };
    bool bothMove =
        maps[0].isFunctionOfDim(loop) && maps[1].isFunctionOfDim(loop);
    for (auto [index, input] : llvm::enumerate(op.getInputs())) {
      if (!maps[index].isFunctionOfDim(loop))
        continue;
      std::optional<int64_t> step = kernel::getInnermostStep(maps[index], loop);
      if (step == 1 || (step == 2 && index < 2 && !bothMove))
        continue;
      std::optional<int64_t> axis = kernel::findPlainAxis(maps[index], loop);
      if (!axis)
        return std::nullopt;
      choice.moved.push_back(index);
      if (!constants.isConstant(input))
        copy(input, *axis);
    }
    if (kernel::getInnermostStep(maps.back(), loop) != 1) {
      choice.movesResult = true;
      copy(op.getInit(), *kernel::findPlainAxis(maps.back(), loop));
    }
    return choice;
  }

  void visit(kernel::ContractOp op) {
    auto type = cast<ShapedType>(op.getInit().getType());
    if (type.getRank() == 0 || op.getPaddedBlocks() || op.getPaddedSums())
      return;
    std::optional<Choice> best;
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
      std::optional<Choice> choice = consider(op, loop);
      if (!choice)
        continue;
      // What needs no copies was laid out by those who knew more.
      if (choice->isAsItLies())
        return;
      if (!best || choice->cycles < best->cycles)
        best = std::move(choice);
    }
    // One element after the other.
    constexpr double kCyclesPerProduct = 2;
    if (best && best->cycles <
                    kCyclesPerProduct * countPlaces(op.getStaticLoopRanges()))
      apply(op, *best);
  }

  Value transpose(Location loc, Value value, ArrayRef<int64_t> order) {
    if (constants.isConstant(value))
      return constants.pack(b, value, {}, width, order);
    SmallVector<OpFoldResult> old = tensor::getMixedSizes(b, loc, value), sizes;
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape;
    for (int64_t axis : order) {
      sizes.push_back(old[axis]);
      shape.push_back(type.getDimSize(axis));
    }
    if (isSameMemory(type, order)) {
      value = tensor::CollapseShapeOp::create(
          b, loc, value, groupAroundPlaces(type.getShape()));
      return tensor::ExpandShapeOp::create(b, loc, type.clone(shape), value,
                                           groupAroundPlaces(shape), sizes);
    }
    Value empty = tensor::EmptyOp::create(
        b, loc, sizes, getElementTypeOrSelf(value.getType()));
    return linalg::TransposeOp::create(b, loc, value, empty, order)
        .getResult()[0];
  }

  /// Changes a map such that the axis of a loop stands last; the order of axes.
  SmallVector<int64_t> makeInnermost(AffineMap &map, unsigned loop) {
    SmallVector<int64_t> order =
        moveLast(map.getNumResults(), *kernel::findPlainAxis(map, loop));
    SmallVector<AffineExpr> exprs;
    for (int64_t axis : order)
      exprs.push_back(map.getResult(axis));
    map = AffineMap::get(map.getNumDims(), 0, exprs, b.getContext());
    return order;
  }

  /// A destination like another one, with its axes in an order.
  Value createEmpty(Location loc, Value other, ArrayRef<int64_t> order) {
    SmallVector<OpFoldResult> old = tensor::getMixedSizes(b, loc, other), sizes;
    for (int64_t axis : order)
      sizes.push_back(old[axis]);
    return tensor::EmptyOp::create(b, loc, sizes,
                                   getElementTypeOrSelf(other.getType()));
  }

  void apply(kernel::ContractOp op, const Choice &choice) {
    b.setInsertionPoint(op);
    Location loc = op.getLoc();
    SmallVector<AffineMap> maps = op.getMaps();
    SmallVector<Value> inputs(op.getInputs());
    for (unsigned index : choice.moved) {
      SmallVector<int64_t> order = makeInnermost(maps[index], choice.loop);
      inputs[index] = transpose(loc, inputs[index], order);
    }
    Value init = op.getInit();
    SmallVector<int64_t> order;
    if (choice.movesResult) {
      order = makeInnermost(maps.back(), choice.loop);
      init = createEmpty(loc, init, order);
    }
    auto contract = kernel::ContractOp::create(
        b, loc, inputs, init, maps,
        [&](OpBuilder &nested, Location, ValueRange elements) {
          return op.cloneEpilogue(nested, elements);
        });
    Value result = contract.getResult(0);
    if (choice.movesResult)
      result = transpose(loc, result, invertPermutationVector(order));
    op.getResult(0).replaceAllUsesWith(result);
    op.erase();
  }

  /// Scores run along keys, as their softmax does, and the result along what
  /// values hold.
  void visit(kernel::AttentionOp op) {
    b.setInsertionPoint(op);
    Location loc = op.getLoc();
    SmallVector<AffineMap> maps = op.getMaps();
    unsigned keys = op.getKeyLoop();
    std::optional<unsigned> held;
    for (AffineExpr expr : maps.back().getResults())
      if (auto loop = dyn_cast<AffineDimExpr>(expr);
          loop && maps[2].isFunctionOfDim(loop.getPosition()) &&
          !llvm::is_contained(op.getScoreLoops(), loop.getPosition()))
        held = loop.getPosition();
    for (auto [index, operand] : llvm::enumerate(op.getInputsMutable())) {
      std::optional<unsigned> loop = index == 2 ? held : keys;
      if (!loop || !maps[index].isFunctionOfDim(*loop) ||
          kernel::getInnermostStep(maps[index], *loop) == 1)
        continue;
      SmallVector<int64_t> order = makeInnermost(maps[index], *loop);
      operand.set(transpose(loc, operand.get(), order));
    }
    if (held && kernel::getInnermostStep(maps.back(), *held) != 1) {
      SmallVector<int64_t> order = makeInnermost(maps.back(), *held);
      Value init = createEmpty(loc, op.getInit(), order);
      op.getInitMutable().assign(init);
      Value result = op.getResult(0);
      SmallVector<OpOperand *> uses(llvm::make_pointer_range(result.getUses()));
      result.setType(cast<RankedTensorType>(init.getType()));
      b.setInsertionPointAfter(op);
      Value back = transpose(loc, result, invertPermutationVector(order));
      for (OpOperand *use : uses)
        use->set(back);
    }
    op.setIndexingMapsAttr(b.getAffineMapArrayAttr(maps));
  }

  PackedConstants constants;
  OpBuilder b;
  int64_t width;
};

struct ChooseLanesPass : neuroplast::impl::ChooseLanesBase<ChooseLanesPass> {
  using ChooseLanesBase::ChooseLanesBase;

  void runOnOperation() override {
    LaneChooser(getOperation(), vectorBits / 32).run(getOperation());
  }
};

} // namespace
