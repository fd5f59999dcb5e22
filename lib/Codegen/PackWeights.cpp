//===- PackWeights.cpp - Lay weights of products out in vectors -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedConstants.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "neuroplast/Codegen/Passes.h"

namespace neuroplast {
#define GEN_PASS_DEF_PACKWEIGHTS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

class WeightPacker {
public:
  WeightPacker(ModuleOp module, int64_t block)
      : constants(module), builder(module.getContext()), block(block) {}

  void run(ModuleOp module) {
    SmallVector<kernel::ContractOp> ops;
    module.walk([&](kernel::ContractOp op) { ops.push_back(op); });
    for (kernel::ContractOp op : ops)
      pack(op);
    constants.dropUnread();
  }

private:
  void pack(kernel::ContractOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getInit().getType());
    SmallVector<AffineMap> maps = op.getMaps();
    AffineMap result = maps.back();
    if (!type || type.getRank() == 0 || !constants.isConstant(op.getRhs()))
      return;
    int64_t last = type.getRank() - 1, columns = type.getDimSize(last);
    auto column = dyn_cast<AffineDimExpr>(result.getResult(last));
    if (!column || ShapedType::isDynamic(columns) || columns < block / 2 ||
        maps[0].isFunctionOfDim(column.getPosition()))
      return;
    // Packed already, or no panel: the columns must be one axis of the weight
    // and not the only one.
    std::optional<int64_t> axis =
        kernel::findPlainAxis(maps[1], column.getPosition());
    if (!axis || maps[1].getNumResults() < 2 || columns == block)
      return;
    // What does not end with a panel has to be cut out, which pays for few
    // rows.
    constexpr int64_t kFewRows = 16;
    bool isWhole = columns % block == 0;
    if (!isWhole &&
        (!type.hasStaticShape() || type.getNumElements() / columns > kFewRows))
      return;
    for (auto [extra, map] : llvm::zip_equal(
             op.getExtras(), ArrayRef(maps).drop_front(2).drop_back())) {
      if (!map.isFunctionOfDim(column.getPosition()))
        continue;
      std::optional<int64_t> own =
          kernel::findPlainAxis(map, column.getPosition());
      if (!own || (!constants.isConstant(extra) &&
                   (!isWhole || *own + 1 != map.getNumResults())))
        return;
    }
    replace(op, type, maps, column, *axis);
  }

  void replace(kernel::ContractOp op, RankedTensorType type,
               ArrayRef<AffineMap> maps, AffineDimExpr column, int64_t axis) {
    builder.setInsertionPoint(op);
    Location loc = op.getLoc();
    AffineMap result = maps.back();
    unsigned loops = op.getNumLoops();
    AffineExpr lane = builder.getAffineDimExpr(loops);
    int64_t last = type.getRank() - 1, columns = type.getDimSize(last);
    auto extend = [&](AffineMap map, bool hasLane,
                      ArrayRef<int64_t> order = {}) {
      SmallVector<AffineExpr> exprs(map.getResults());
      for (auto [to, from] : llvm::enumerate(order))
        exprs[to] = map.getResult(from);
      if (hasLane)
        exprs.push_back(lane);
      return AffineMap::get(loops + 1, 0, exprs, builder.getContext());
    };
    // The panels first, so that each is one run.
    SmallVector<int64_t> order{axis};
    for (int64_t other = 0; other < maps[1].getNumResults(); ++other)
      if (other != axis)
        order.push_back(other);
    SmallVector<Value> inputs{
        op.getLhs(), constants.pack(builder, op.getRhs(), axis, block, order)};
    SmallVector<AffineMap> newMaps{extend(maps[0], false),
                                   extend(maps[1], true, order)};
    for (auto [extra, map] :
         llvm::zip_equal(op.getExtras(), maps.drop_front(2).drop_back())) {
      std::optional<int64_t> own =
          kernel::findPlainAxis(map, column.getPosition());
      Value value = extra;
      if (own && constants.isConstant(value))
        value = constants.pack(builder, value, *own, block);
      else if (own)
        value = splitLast(loc, value);
      inputs.push_back(value);
      newMaps.push_back(extend(map, own.has_value()));
    }
    newMaps.push_back(extend(result, true));
    Value empty = tensor::EmptyOp::create(
        builder, loc,
        splitLastSize(tensor::getMixedSizes(builder, loc, op.getInit())),
        type.getElementType());
    auto packed = kernel::ContractOp::create(
        builder, loc, inputs, empty, newMaps,
        [&](OpBuilder &b, Location, ValueRange args) {
          return op.cloneEpilogue(b, args);
        });
    Value joined = tensor::CollapseShapeOp::create(
        builder, loc, packed.getResult(0), getSplit(last + 1));
    if (columns % block) {
      SmallVector<OpFoldResult> sizes, zeros(last + 1, builder.getIndexAttr(0)),
          ones(last + 1, builder.getIndexAttr(1));
      for (int64_t size : type.getShape())
        sizes.push_back(builder.getIndexAttr(size));
      joined = tensor::ExtractSliceOp::create(builder, loc, joined, zeros,
                                              sizes, ones);
    }
    op.getResult(0).replaceAllUsesWith(joined);
    op.erase();
  }

  /// Each axis by itself, the last as two.
  static SmallVector<ReassociationIndices> getSplit(int64_t rank) {
    SmallVector<ReassociationIndices> groups;
    for (int64_t axis = 0; axis < rank; ++axis)
      groups.push_back({axis});
    groups.back().push_back(rank);
    return groups;
  }

  /// Sizes of which the last, which is known, is in panels.
  SmallVector<OpFoldResult> splitLastSize(SmallVector<OpFoldResult> sizes) {
    int64_t panels =
        llvm::divideCeil(*getConstantIntValue(sizes.back()), block);
    sizes.back() = builder.getIndexAttr(panels);
    sizes.push_back(builder.getIndexAttr(block));
    return sizes;
  }

  /// The same memory, its last axis in panels.
  Value splitLast(Location loc, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.back() /= block;
    shape.push_back(block);
    return tensor::ExpandShapeOp::create(
        builder, loc, type.clone(shape), value, getSplit(type.getRank()),
        splitLastSize(tensor::getMixedSizes(builder, loc, value)));
  }

  PackedConstants constants;
  OpBuilder builder;
  int64_t block;
};

struct PackWeightsPass : neuroplast::impl::PackWeightsBase<PackWeightsPass> {
  using PackWeightsBase::PackWeightsBase;

  void runOnOperation() override {
    WeightPacker(getOperation(), vectorBits / 32).run(getOperation());
  }
};

} // namespace
