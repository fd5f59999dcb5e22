//===- BlockChannels.cpp - Lay channels out in vectors --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Ops are visited in their order; one that is better on twins, or follows
// others that are, gets one of its own, and its results are unpacked for
// whoever reads them otherwise. What nobody reads so is dead then.
//
// The last block of a twin may be filled up. What stands there is finite,
// whatever the channels hold, and meets weights that are zero.

#include "BlockedSlices.h"
#include "ConvolutionRoles.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "neuroplast/Codegen/Passes.h"

namespace neuroplast {
#define GEN_PASS_DEF_BLOCKCHANNELS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

/// Whether a body makes finite numbers of finite ones, whatever they are.
bool isTotal(Block &body) {
  return llvm::all_of(body.without_terminator(), [&](Operation &op) {
    if (auto quotient = dyn_cast<arith::DivFOp>(op)) {
      Value divisor = quotient.getRhs();
      if (matchPattern(divisor, m_Constant()))
        return true;
      // 1 + exp(x), as of a sigmoid.
      auto sum = divisor.getDefiningOp<arith::AddFOp>();
      return sum && ((sum.getLhs().getDefiningOp<math::ExpOp>() &&
                      matchPattern(sum.getRhs(), m_Constant())) ||
                     (sum.getRhs().getDefiningOp<math::ExpOp>() &&
                      matchPattern(sum.getLhs(), m_Constant())));
    }
    return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::NegFOp,
               arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
               arith::MinNumFOp, arith::CmpFOp, arith::SelectOp,
               arith::ConstantOp, math::AbsFOp, math::ExpOp, math::TanhOp,
               math::ErfOp, math::FloorOp, math::CeilOp>(op);
  });
}

class ChannelBlocker {
public:
  ChannelBlocker(ModuleOp module, int64_t block)
      : constants(module), builder(module.getContext()), block(block),
        twins(builder, constants, block), slices(builder, twins, block) {}

  void run(func::FuncOp function) {
    SmallVector<Operation *> ops;
    for (Operation &op : function.getBody().front())
      ops.push_back(&op);
    if (!pays(ops))
      return;
    for (Operation *op : ops) {
      builder.setInsertionPoint(op);
      Twin twin;
      if (auto contract = dyn_cast<kernel::ContractOp>(op);
          contract && WeightGradient::match(contract))
        visitGradient(contract);
      else if (contract)
        twin = visit(contract);
      else if (auto pad = dyn_cast<tensor::PadOp>(op))
        twin = visit(pad);
      else if (auto pool = dyn_cast<kernel::PoolOp>(op))
        twin = visit(pool);
      else if (auto generic = dyn_cast<linalg::GenericOp>(op))
        twin = visit(generic);
      else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
        twin = slices.visit(insert);
      else if (auto extract = dyn_cast<tensor::ExtractSliceOp>(op))
        twin = slices.visit(extract);
      else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
        twin = visit(collapse);
      else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
        twin = visit(expand);
      if (twin.value)
        twins.replace(op->getResult(0), twin);
    }
    constants.dropUnread();
  }

private:
  /// Whether the last axis of the result is one of the data, as pixels are; the
  /// columns of a matrix product are those of its weight.
  static bool runsAlongData(kernel::ContractOp op) {
    AffineMap result = op.getResultMap();
    if (result.getNumResults() < 3)
      return false;
    auto last = dyn_cast<AffineDimExpr>(result.getResults().back());
    return last && op.getMaps()[0].isFunctionOfDim(last.getPosition());
  }

  /// Whether most of the work of convolutions is better off.
  bool pays(ArrayRef<Operation *> ops) {
    double all = 0, better = 0;
    for (Operation *op : ops) {
      auto contract = dyn_cast<kernel::ContractOp>(op);
      if (!contract || !runsAlongData(contract))
        continue;
      double work = countProducts(contract.getStaticLoopRanges());
      all += work;
      if (isBetterInBlocks(contract))
        better += work;
    }
    constexpr double kMost = 0.7;
    return better > 0 && better >= kMost * all;
  }

  /// Sizes that are not known are those of batches and images, which all ops
  /// have in common.
  static double countProducts(ArrayRef<int64_t> sizes) {
    double products = 1;
    for (int64_t size : sizes)
      products *= ShapedType::isDynamic(size) ? 1 : static_cast<double>(size);
    return products;
  }

  static double countElements(Value value) {
    return countProducts(getTensorType(value).getShape());
  }

  static RankedTensorType getTensorType(Value value) {
    return cast<RankedTensorType>(value.getType());
  }

  bool isBetterInBlocks(kernel::ContractOp op) {
    if (auto conv = Convolution::match(op))
      return hasCheapWeight(op) && isWellFilled(op, conv->out, conv->in);
    auto gradient = WeightGradient::match(op);
    return gradient && isWellFilled(op, gradient->out, gradient->in);
  }

  /// Whether the blocks of the channels hold little but channels.
  bool isWellFilled(kernel::ContractOp op, unsigned out,
                    std::optional<unsigned> in) {
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    auto share = [&](int64_t size) {
      return static_cast<double>(size) /
             (llvm::divideCeil(size, block) * block);
    };
    double filled = share(sizes[out]);
    if (in && sizes[*in] >= block / 2)
      filled *= share(sizes[*in]);
    return filled >= 0.45;
  }

  /// Whether to lay the weight of a convolution out costs next to nothing: it
  /// is constant, or there is much to do for each of its elements.
  bool hasCheapWeight(kernel::ContractOp op) {
    constexpr double kManyPlaces = 16;
    return constants.isConstant(op.getRhs()) ||
           countProducts(op.getStaticLoopRanges()) >=
               kManyPlaces * countElements(op.getRhs());
  }

  //===--------------------------------------------------------------------===//
  // Ops
  //===--------------------------------------------------------------------===//

  Twin visit(kernel::ContractOp op) {
    std::optional<Convolution> conv = Convolution::match(op);
    if (!conv || !hasCheapWeight(op))
      return {};
    auto type = cast<RankedTensorType>(op.getInit().getType());
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    // Few channels would fill too little of a block.
    if (sizes[conv->out] < block / 2 ||
        (!twins.isFull(type, conv->axis) && !isTotal(*op.getBody())))
      return {};
    // Blocks of groups become blocks of all channels only if they are full.
    if (conv->axis == 2 &&
        (sizes[conv->out] % block || !conv->in || sizes[*conv->in] % block))
      return {};
    Location loc = op.getLoc();
    SmallVector<AffineMap> maps = op.getMaps();
    unsigned loops = op.getNumLoops();
    // A few channels, those of an image, are read as they lie.
    bool splitsIn = conv->in && (sizes[*conv->in] >= block / 2 ||
                                 twins.contains(op.getLhs()));
    // To lay out its data first pays for much work on them only.
    constexpr double kMuchWork = 64;
    if ((!conv->in || splitsIn) && !twins.contains(op.getLhs(), conv->axis) &&
        countProducts(sizes) < kMuchWork * (countElements(op.getLhs()) +
                                            countElements(op.getInit())))
      return {};
    unsigned inner = loops + (splitsIn ? 1 : 0), total = inner + 1;
    AffineExpr outLane = builder.getAffineDimExpr(inner);
    auto extend = [&](AffineMap map, ArrayRef<AffineExpr> behind) {
      SmallVector<AffineExpr> exprs(map.getResults());
      llvm::append_range(exprs, behind);
      return AffineMap::get(total, 0, exprs, builder.getContext());
    };
    SmallVector<Value> inputs;
    SmallVector<AffineMap> newMaps;
    // The data.
    if (!conv->in || splitsIn) {
      inputs.push_back(twins.get(loc, op.getLhs(), conv->axis));
      newMaps.push_back(extend(
          maps[0], conv->in ? builder.getAffineDimExpr(loops) : outLane));
    } else {
      inputs.push_back(op.getLhs());
      newMaps.push_back(extend(maps[0], {}));
    }
    // The weight.
    SmallVector<int64_t> axes;
    SmallVector<AffineExpr> lanes;
    if (splitsIn) {
      axes.push_back(*kernel::findPlainAxis(maps[1], *conv->in));
      lanes.push_back(builder.getAffineDimExpr(loops));
    }
    axes.push_back(*kernel::findPlainAxis(maps[1], conv->out));
    lanes.push_back(outLane);
    inputs.push_back(twins.pack(loc, op.getRhs(), axes));
    newMaps.push_back(extend(maps[1], lanes));
    // What the epilogue reads.
    for (auto [extra, map] : llvm::zip_equal(
             op.getExtras(), ArrayRef(maps).drop_front(2).drop_back())) {
      std::optional<int64_t> axis = kernel::findPlainAxis(map, conv->out);
      if (map.isFunctionOfDim(conv->out) &&
          (!axis || getTensorType(extra).isDynamicDim(*axis)))
        return {};
      if (!axis) {
        inputs.push_back(extra);
        newMaps.push_back(extend(map, {}));
        continue;
      }
      inputs.push_back(map == maps.back() ? twins.get(loc, extra, conv->axis)
                                          : twins.pack(loc, extra, *axis));
      newMaps.push_back(extend(map, outLane));
    }
    newMaps.push_back(extend(maps.back(), outLane));
    auto twin = kernel::ContractOp::create(
        builder, loc, inputs, twins.createEmpty(loc, op.getInit(), conv->axis),
        newMaps, [&](OpBuilder &b, Location, ValueRange args) {
          return op.cloneEpilogue(b, args);
        });
    if (int64_t ins = splitsIn ? sizes[*conv->in] : block; ins % block)
      twin.setPaddedSums(ArrayRef<int64_t>{conv->axis, ins});
    // Only sums over channels could bring anything else there.
    if (conv->in && !twins.isFull(type, conv->axis))
      twin.setPaddedBlocks(
          ArrayRef<int64_t>{conv->axis, type.getDimSize(conv->axis)});
    return {twin.getResult(0), conv->axis};
  }

  /// The gradient of a weight, whose channels become blocks, too. What it is
  /// needed for finds it as it was.
  void visitGradient(kernel::ContractOp op) {
    WeightGradient gradient = *WeightGradient::match(op);
    auto type = cast<RankedTensorType>(op.getInit().getType());
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    bool splitsIn = gradient.in && sizes[*gradient.in] >= block / 2;
    double toCopy = countElements(op.getInit());
    auto count = [&](Value operand) {
      if (!twins.contains(operand))
        toCopy += countElements(operand);
    };
    count(op.getRhs());
    if (splitsIn || !gradient.in)
      count(op.getLhs());
    constexpr double kMuchWork = 16;
    if (sizes[gradient.out] < block / 2 ||
        countProducts(sizes) < kMuchWork * toCopy)
      return;
    SmallVector<AffineMap> maps = op.getMaps();
    // The lanes are the last axes, those of the data before the others.
    SmallVector<unsigned> channels{gradient.out};
    if (splitsIn)
      channels.insert(channels.begin(), *gradient.in);
    unsigned loops = op.getNumLoops(), total = loops + channels.size();
    Location loc = op.getLoc();
    SmallVector<Value> inputs;
    SmallVector<AffineMap> newMaps;
    auto getAxes = [&](AffineMap map) {
      SmallVector<int64_t> axes;
      for (unsigned channel : channels)
        if (std::optional<int64_t> axis = kernel::findPlainAxis(map, channel))
          axes.push_back(*axis);
      return axes;
    };
    auto extend = [&](AffineMap map) {
      SmallVector<AffineExpr> exprs(map.getResults());
      for (auto [lane, channel] : llvm::enumerate(channels))
        if (map.isFunctionOfDim(channel))
          exprs.push_back(builder.getAffineDimExpr(loops + lane));
      return AffineMap::get(total, 0, exprs, builder.getContext());
    };
    for (auto [index, input] : llvm::enumerate(op.getInputs())) {
      SmallVector<int64_t> axes = getAxes(maps[index]);
      for (unsigned channel : channels)
        if (maps[index].isFunctionOfDim(channel) &&
            !kernel::findPlainAxis(maps[index], channel))
          return;
      inputs.push_back(axes.empty() ? input
                       : index < 2  ? twins.get(loc, input, 1)
                                    : twins.pack(loc, input, axes));
      newMaps.push_back(extend(maps[index]));
    }
    newMaps.push_back(extend(maps.back()));
    SmallVector<int64_t> shape(type.getShape()), axes = getAxes(maps.back());
    for (int64_t axis : axes)
      shape[axis] = twins.countBlocks(shape[axis]);
    shape.append(axes.size(), block);
    Value empty =
        tensor::EmptyOp::create(builder, loc, shape, type.getElementType());
    auto blocked = kernel::ContractOp::create(
        builder, loc, inputs, empty, newMaps,
        [&](OpBuilder &b, Location, ValueRange args) {
          return op.cloneEpilogue(b, args);
        });
    op.getResult(0).replaceAllUsesWith(
        twins.unpack(loc, blocked.getResult(0), axes, type));
  }

  Twin visit(tensor::PadOp op) {
    std::optional<int64_t> axis = twins.getAxis(op.getSource());
    Value number = op.getConstantPaddingValue();
    auto isKept = [&](ArrayRef<int64_t> sizes) {
      return llvm::all_of(sizes.take_front(*axis + 1),
                          [](int64_t size) { return size == 0; });
    };
    if (!axis || !number || !isKept(op.getStaticLow()) ||
        !isKept(op.getStaticHigh()))
      return {};
    SmallVector<OpFoldResult> low = op.getMixedLowPad(),
                              high = op.getMixedHighPad();
    low.push_back(builder.getIndexAttr(0));
    high.push_back(builder.getIndexAttr(0));
    Value twin = tensor::PadOp::create(
        builder, op.getLoc(), twins.getType(op.getResultType(), *axis),
        twins.lookup(op.getSource(), *axis), low, high, number);
    return {twin, *axis};
  }

  /// Places that become one axis, as of a transposed convolution, or groups
  /// that are joined.
  Twin visit(tensor::CollapseShapeOp op) {
    std::optional<int64_t> axis = twins.getAxis(op.getSrc());
    SmallVector<ReassociationIndices> groups = op.getReassociationIndices();
    if (!axis || groups.size() < 3 || groups[0].size() != 1 ||
        static_cast<int64_t>(groups[1].size()) != *axis)
      return {};
    groups.push_back({op.getSrcType().getRank()});
    return {tensor::CollapseShapeOp::create(
        builder, op.getLoc(), twins.lookup(op.getSrc(), *axis), groups)};
  }

  /// Channels that are split into groups of whole blocks, or places.
  Twin visit(tensor::ExpandShapeOp op) {
    Value twin = twins.lookup(op.getSrc());
    SmallVector<ReassociationIndices> groups = op.getReassociationIndices();
    RankedTensorType type = op.getResultType();
    if (twin && groups.size() > 2 && groups[0].size() == 1 &&
        groups[1].size() == 1) {
      groups.push_back({type.getRank()});
      return {tensor::ExpandShapeOp::create(
          builder, op.getLoc(), twins.getType(type), twin, groups,
          twins.getSizes(op.getMixedOutputShape(), 1))};
    }
    if (!twin || groups.size() < 3 || groups[0].size() != 1 ||
        groups[1].size() != 2 || ShapedType::isDynamic(type.getDimSize(2)) ||
        type.getDimSize(2) % block)
      return {};
    groups.push_back({type.getRank()});
    return {tensor::ExpandShapeOp::create(
                builder, op.getLoc(), twins.getType(type, 2), twin, groups,
                twins.getSizes(op.getMixedOutputShape(), 2)),
            2};
  }

  Twin visit(kernel::PoolOp op) {
    std::optional<int64_t> axis = twins.getAxis(op.getInput());
    auto type = cast<RankedTensorType>(op.getInit().getType());
    AffineMap map = op.getInputMap();
    if (!axis || type.isDynamicDim(*axis) ||
        kernel::getPlainLoop(map, *axis) != *axis)
      return {};
    // The lanes are the last axis of the result, before those of the window.
    int64_t rank = type.getRank(), loops = op.getNumLoops();
    SmallVector<AffineExpr> moved, exprs;
    for (int64_t loop = 0; loop < loops; ++loop)
      moved.push_back(builder.getAffineDimExpr(loop < rank ? loop : loop + 1));
    for (AffineExpr expr : map.getResults())
      exprs.push_back(expr.replaceDims(moved));
    exprs.push_back(builder.getAffineDimExpr(rank));
    auto twin = kernel::PoolOp::create(
        builder, op.getLoc(), twins.lookup(op.getInput(), *axis),
        twins.createEmpty(op.getLoc(), op.getInit(), *axis),
        AffineMap::get(loops + 1, 0, exprs, builder.getContext()),
        op.getWindow(), op.getLargest());
    return {twin.getResult(0), *axis};
  }

  /// Elementwise ops along twins, and sums or the like over places and batches.
  Twin visit(linalg::GenericOp op) {
    if (op.getNumResults() != 1 || op.hasIndexSemantics())
      return {};
    auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
    OpOperand *init = op.getDpsInitOperand(0);
    AffineMap output = op.getMatchingIndexingMap(init);
    if (!type || !type.getElementType().isF32() ||
        !output.isProjectedPermutation())
      return {};
    OpOperand *first = nullptr;
    std::optional<int64_t> blocked;
    for (OpOperand *operand : op.getDpsInputOperands())
      if (!blocked && (blocked = twins.getAxis(operand->get())))
        first = operand;
    std::optional<Value> filling = ChannelTwins::getFilling(init->get());
    if (!filling || !blocked)
      return {};
    int64_t rank = getTensorType(first->get()).getRank();
    std::optional<unsigned> channel =
        kernel::getPlainLoop(op.getMatchingIndexingMap(first), *blocked);
    std::optional<int64_t> resultAxis =
        channel ? kernel::findPlainAxis(output, *channel) : std::nullopt;
    if (!resultAxis || type.isDynamicDim(*resultAxis) ||
        (!twins.isFull(type, *resultAxis) && !isTotal(*op.getBody())))
      return {};
    bool isTwin = resultAxis == blocked && type.getRank() > 2;
    if (!isTwin && (op.getNumReductionLoops() == 0 || !*filling))
      return {};
    auto hasTwin = [&](Value value) { return twins.contains(value, *blocked); };
    double known = 0, toCopy = 0;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(operand);
      if (!map.isFunctionOfDim(*channel))
        continue;
      std::optional<int64_t> axis = kernel::findPlainAxis(map, *channel);
      if (!axis)
        return {};
      RankedTensorType operandType = getTensorType(operand->get());
      if (operandType.isDynamicDim(*axis))
        return {};
      bool isLarge = operandType.getRank() == rank && *axis == *blocked &&
                     llvm::any_of(llvm::seq<int64_t>(1, rank), [&](int64_t i) {
                       return i != *axis && operandType.getDimSize(i) != 1;
                     });
      if (!operandType.getElementType().isF32())
        return {};
      if (hasTwin(operand->get()))
        known += countElements(operand->get());
      else if (isLarge)
        toCopy += countElements(operand->get());
    }
    // To unpack the others takes as long.
    if (known == 0 || toCopy > known)
      return {};
    Location loc = op.getLoc();
    unsigned lane = op.getNumLoops();
    auto extend = [&](AffineMap map, bool hasLane) {
      SmallVector<AffineExpr> exprs(map.getResults());
      if (hasLane)
        exprs.push_back(builder.getAffineDimExpr(lane));
      return AffineMap::get(lane + 1, 0, exprs, builder.getContext());
    };
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (OpOperand *operand : op.getDpsInputOperands()) {
      AffineMap map = op.getMatchingIndexingMap(operand);
      std::optional<int64_t> axis = kernel::findPlainAxis(map, *channel);
      Value input = operand->get();
      if (axis)
        input = *axis == *blocked && (hasTwin(input) ||
                                      getTensorType(input).getRank() == rank)
                    ? twins.get(loc, input, *blocked)
                    : twins.pack(loc, input, *axis);
      inputs.push_back(input);
      maps.push_back(extend(map, axis.has_value()));
    }
    maps.push_back(extend(output, true));
    SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
    iterators.push_back(utils::IteratorType::parallel);
    Value into = twins.fill(
        loc, twins.createEmpty(loc, init->get(), *resultAxis), *filling);
    auto twin = linalg::GenericOp::create(builder, loc, into.getType(), inputs,
                                          into, maps, iterators);
    IRMapping values;
    op.getRegion().cloneInto(&twin.getRegion(), values);
    if (isTwin)
      return {twin.getResult(0), *blocked};
    op.getResult(0).replaceAllUsesWith(
        twins.unpack(loc, twin.getResult(0), *resultAxis, type));
    return {};
  }

  PackedConstants constants;
  OpBuilder builder;
  int64_t block;
  ChannelTwins twins;
  BlockedSlices slices;
};

struct BlockChannelsPass
    : neuroplast::impl::BlockChannelsBase<BlockChannelsPass> {
  using BlockChannelsBase::BlockChannelsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>("main");
    if (main && llvm::hasSingleElement(main.getBody()))
      ChannelBlocker(module, vectorBits / 32).run(main);
  }
};

} // namespace
