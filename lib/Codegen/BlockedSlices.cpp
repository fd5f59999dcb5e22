//===- BlockedSlices.cpp - Parts of tensors with channels in blocks -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BlockedSlices.h"

using namespace mlir;
using namespace neuroplast;

Twin BlockedSlices::visit(tensor::ExtractSliceOp op) {
  Value twin = twins.lookup(op.getSource());
  RankedTensorType type = op.getResultType();
  if (!twin || type.getRank() != op.getSourceType().getRank() ||
      op.getStaticOffset(1) != 0 || op.getStaticStride(1) != 1 ||
      type.getDimSize(1) != op.getSourceType().getDimSize(1))
    return {};
  SmallVector<OpFoldResult> offsets = op.getMixedOffsets(),
                            strides = op.getMixedStrides();
  offsets.push_back(builder.getIndexAttr(0));
  strides.push_back(builder.getIndexAttr(1));
  return {tensor::ExtractSliceOp::create(builder, op.getLoc(), twin, offsets,
                                         twins.getSizes(op.getMixedSizes(), 1),
                                         strides)};
}

Twin BlockedSlices::insertPlaces(tensor::InsertSliceOp op, Value source) {
  std::optional<Value> filling = ChannelTwins::getFilling(op.getDest());
  if (!filling)
    return {};
  SmallVector<OpFoldResult> offsets = op.getMixedOffsets(),
                            strides = op.getMixedStrides();
  offsets.push_back(builder.getIndexAttr(0));
  strides.push_back(builder.getIndexAttr(1));
  Location loc = op.getLoc();
  Value into =
      twins.fill(loc, twins.createEmpty(loc, op.getDest(), 1), *filling);
  return {tensor::InsertSliceOp::create(builder, loc, source, into, offsets,
                                        twins.getSizes(op.getMixedSizes(), 1),
                                        strides)};
}

Twin BlockedSlices::visit(tensor::InsertSliceOp op) {
  Value source = twins.lookup(op.getSource());
  RankedTensorType type = op.getResultType();
  int64_t offset = op.getStaticOffset(1), size = op.getStaticSize(1);
  if (source && type.getRank() == op.getSourceType().getRank() && offset == 0 &&
      op.getStaticStride(1) == 1 && !ShapedType::isDynamic(size) &&
      size == type.getDimSize(1) && !twins.contains(op.getDest()))
    return insertPlaces(op, source);
  if (!source || type.getRank() != op.getSourceType().getRank() ||
      !op.hasUnitStride() || type.isDynamicDim(1) ||
      ShapedType::isDynamic(offset) || ShapedType::isDynamic(size) ||
      type.getDimSize(1) < block / 2)
    return {};
  Value into = twins.lookup(op.getDest());
  if (!into) {
    if (!op.getDest().getDefiningOp<tensor::EmptyOp>())
      return {};
    into = twins.createEmpty(op.getLoc(), op.getDest(), 1);
    if (!twins.isFull(type, 1))
      into = clearLastBlock(op.getLoc(), into);
  }
  // Channels of a block of the source may stand in two of the result, as many
  // in one as there is room behind those before.
  int64_t room = block - offset % block, whole = size / block * block;
  auto insert = [&](int64_t from, int64_t count) {
    if (count > 0)
      into = insertChannels(op, source, into, from, offset + from, count);
  };
  bool isLast = offset + size == type.getDimSize(1);
  if (room == block && (isLast || size == whole))
    return {insertLanes(op, source, into, 0, offset, block,
                        twins.countBlocks(size))};
  if (room == block) {
    insert(0, whole);
  } else if (whole > 0) {
    into = insertLanes(op, source, into, 0, offset, room, whole / block);
    into = insertLanes(op, source, into, room, offset + room, block - room,
                       whole / block);
  }
  insert(whole, std::min(room, size - whole));
  insert(whole + room, size - whole - room);
  return {into};
}

Value BlockedSlices::insertChannels(tensor::InsertSliceOp op, Value source,
                                    Value into, int64_t from, int64_t to,
                                    int64_t count) {
  return insertLanes(op, source, into, from, to, std::min(count, block),
                     llvm::divideCeil(count, block));
}

Value BlockedSlices::insertLanes(tensor::InsertSliceOp op, Value source,
                                 Value into, int64_t from, int64_t to,
                                 int64_t lanes, int64_t blocks) {
  Location loc = op.getLoc();
  auto number = [&](int64_t value) { return builder.getIndexAttr(value); };
  int64_t rank = op.getType().getRank();
  SmallVector<OpFoldResult> ones(rank + 1, number(1)),
      zeros(rank + 1, number(0)), sizes = op.getMixedSizes(),
                                  offsets = op.getMixedOffsets();
  zeros[1] = number(from / block);
  zeros[rank] = number(from % block);
  sizes[1] = number(blocks);
  sizes.push_back(number(lanes));
  offsets[1] = number(to / block);
  offsets.push_back(number(to % block));
  source =
      tensor::ExtractSliceOp::create(builder, loc, source, zeros, sizes, ones);
  return tensor::InsertSliceOp::create(builder, loc, source, into, offsets,
                                       sizes, ones);
}

Value BlockedSlices::clearLastBlock(Location loc, Value twin) {
  RankedTensorType type = cast<RankedTensorType>(twin.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, twin),
                            offsets(type.getRank(), builder.getIndexAttr(0)),
                            ones(type.getRank(), builder.getIndexAttr(1));
  offsets[1] = builder.getIndexAttr(type.getDimSize(1) - 1);
  sizes[1] = ones[1];
  Value last =
      tensor::ExtractSliceOp::create(builder, loc, twin, offsets, sizes, ones);
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0));
  return tensor::InsertSliceOp::create(
      builder, loc, twins.fill(loc, last, zero), twin, offsets, sizes, ones);
}
