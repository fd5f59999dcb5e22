//===- ChannelTwins.cpp - Tensors with channels in blocks -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelTwins.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace neuroplast;

RankedTensorType ChannelTwins::getType(RankedTensorType type,
                                       int64_t axis) const {
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = countBlocks(shape[axis]);
  shape.push_back(block);
  return type.clone(shape);
}

SmallVector<OpFoldResult> ChannelTwins::getSizes(ArrayRef<OpFoldResult> sizes,
                                                 int64_t axis) const {
  SmallVector<OpFoldResult> result(sizes);
  int64_t channels = *getConstantIntValue(sizes[axis]);
  result[axis] = builder.getIndexAttr(countBlocks(channels));
  result.push_back(builder.getIndexAttr(block));
  return result;
}

std::optional<int64_t> ChannelTwins::getAxis(Value value) const {
  for (int64_t axis : {1, 2})
    if (twins[axis].contains(value))
      return axis;
  return std::nullopt;
}

Value ChannelTwins::get(Location loc, Value value, int64_t axis) {
  if (Value twin = twins[axis].lookup(value))
    return twin;
  return twins[axis][value] = pack(loc, value, axis);
}

void ChannelTwins::replace(Value value, Twin twin) {
  // Who asks for a size other than the channels need not wait for more.
  for (Operation *user : llvm::make_early_inc_range(value.getUsers()))
    if (auto dim = dyn_cast<tensor::DimOp>(user))
      if (std::optional<int64_t> axis = dim.getConstantIndex();
          axis && *axis != twin.axis)
        dim.getSourceMutable().assign(twin.value);
  Value unpacked = unpack(value.getLoc(), twin.value, twin.axis,
                          cast<RankedTensorType>(value.getType()));
  value.replaceAllUsesWith(unpacked);
  twins[twin.axis][unpacked] = twin.value;
}

Value ChannelTwins::createEmpty(Location loc, Value value, int64_t axis) {
  return tensor::EmptyOp::create(
      builder, loc, getSizes(tensor::getMixedSizes(builder, loc, value), axis),
      getElementTypeOrSelf(value.getType()));
}

Value ChannelTwins::pack(Location loc, Value value, ArrayRef<int64_t> axes) {
  if (constants.isConstant(value))
    return constants.pack(builder, value, axes, block);
  auto type = cast<RankedTensorType>(value.getType());
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> low(rank, builder.getIndexAttr(0)), high(low);
  SmallVector<int64_t> padded(type.getShape());
  for (int64_t axis : axes) {
    padded[axis] = countBlocks(padded[axis]) * block;
    high[axis] = builder.getIndexAttr(padded[axis] - type.getDimSize(axis));
  }
  if (ArrayRef(padded) != type.getShape()) {
    Value zero =
        arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0));
    value = tensor::PadOp::create(builder, loc, type.clone(padded), value, low,
                                  high, zero);
  }
  SmallVector<int64_t> split, order, lanes;
  SmallVector<OpFoldResult> old = tensor::getMixedSizes(builder, loc, value),
                            sizes;
  SmallVector<ReassociationIndices> groups;
  auto add = [&](int64_t size, OpFoldResult mixed) {
    groups.back().push_back(static_cast<int64_t>(split.size()));
    split.push_back(size);
    sizes.push_back(mixed);
  };
  lanes.resize(axes.size());
  for (int64_t axis = 0; axis < rank; ++axis) {
    groups.emplace_back();
    order.push_back(static_cast<int64_t>(split.size()));
    const int64_t *cut = llvm::find(axes, axis);
    if (cut == axes.end()) {
      add(padded[axis], old[axis]);
      continue;
    }
    int64_t blocks = padded[axis] / block;
    add(blocks, builder.getIndexAttr(blocks));
    lanes[cut - axes.begin()] = static_cast<int64_t>(split.size());
    add(block, builder.getIndexAttr(block));
  }
  llvm::append_range(order, lanes);
  value = tensor::ExpandShapeOp::create(builder, loc, type.clone(split), value,
                                        groups, sizes);
  return llvm::is_sorted(order) ? value : transpose(loc, value, order);
}

Value ChannelTwins::cutChannels(Location loc, Value value, int64_t channels,
                                int64_t axis) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getDimSize(axis) == channels)
    return value;
  SmallVector<OpFoldResult> zeros(type.getRank(), builder.getIndexAttr(0)),
      ones(type.getRank(), builder.getIndexAttr(1)),
      sizes = tensor::getMixedSizes(builder, loc, value);
  sizes[axis] = builder.getIndexAttr(channels);
  return tensor::ExtractSliceOp::create(builder, loc, value, zeros, sizes,
                                        ones);
}

Value ChannelTwins::transpose(Location loc, Value value,
                              ArrayRef<int64_t> order) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> old = tensor::getMixedSizes(builder, loc, value),
                            sizes;
  SmallVector<AffineExpr> from(rank);
  for (auto [axis, source] : llvm::enumerate(order)) {
    sizes.push_back(old[source]);
    from[source] = builder.getAffineDimExpr(axis);
  }
  SmallVector<AffineMap> maps{
      AffineMap::get(rank, 0, from, builder.getContext()),
      builder.getMultiDimIdentityMap(rank)};
  Value empty =
      tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
  return linalg::GenericOp::create(
             builder, loc, empty.getType(), value, empty, maps,
             SmallVector<utils::IteratorType>(rank,
                                              utils::IteratorType::parallel),
             [](OpBuilder &b, Location l, ValueRange args) {
               linalg::YieldOp::create(b, l, args[0]);
             })
      .getResult(0);
}

Value ChannelTwins::unpack(Location loc, Value packed, ArrayRef<int64_t> axes,
                           RankedTensorType type) {
  int64_t rank = type.getRank();
  SmallVector<int64_t> order;
  SmallVector<ReassociationIndices> groups;
  for (int64_t axis = 0; axis < rank; ++axis) {
    groups.push_back({static_cast<int64_t>(order.size())});
    order.push_back(axis);
    const int64_t *cut = llvm::find(axes, axis);
    if (cut == axes.end())
      continue;
    groups.back().push_back(static_cast<int64_t>(order.size()));
    order.push_back(rank + (cut - axes.begin()));
  }
  Value value = llvm::is_sorted(order) ? packed : transpose(loc, packed, order);
  value = tensor::CollapseShapeOp::create(builder, loc, value, groups);
  for (int64_t axis : axes)
    value = cutChannels(loc, value, type.getDimSize(axis), axis);
  return value;
}

std::optional<Value> ChannelTwins::getFilling(Value destination) {
  if (destination.getDefiningOp<tensor::EmptyOp>())
    return Value();
  if (auto fill = destination.getDefiningOp<linalg::FillOp>())
    return fill.getInputs()[0];
  return std::nullopt;
}

Value ChannelTwins::fill(Location loc, Value empty, Value number) {
  if (!number)
    return empty;
  return linalg::FillOp::create(builder, loc, number, empty).getResult(0);
}
