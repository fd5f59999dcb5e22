//===- Window.cpp - Windows that move over spatial axes -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Window.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace neuroplast;

static OpFoldResult fold(OpBuilder &b, OpFoldResult value) {
  if (auto constant = getConstantIntValue(value))
    return b.getIndexAttr(*constant);
  return value;
}

WindowAxis neuroplast::computeWindowAxis(OpBuilder &b, Location loc,
                                         OpFoldResult size, int64_t kernel,
                                         int64_t stride, int64_t dilation,
                                         int64_t low, int64_t high,
                                         StringRef autoPad, bool ceilMode) {
  auto attr = [&](int64_t value) {
    return OpFoldResult(b.getIndexAttr(value));
  };
  auto max = [&](OpFoldResult lhs, OpFoldResult rhs) {
    return fold(b, b.createOrFold<arith::MaxSIOp>(loc, toIndex(b, loc, lhs),
                                                  toIndex(b, loc, rhs)));
  };
  auto sub = [&](OpFoldResult lhs, OpFoldResult rhs) {
    return fold(b, b.createOrFold<arith::SubIOp>(loc, toIndex(b, loc, lhs),
                                                 toIndex(b, loc, rhs)));
  };
  int64_t extent = (kernel - 1) * dilation + 1;
  WindowAxis axis;
  if (autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER") {
    axis.count = divSizes(b, loc, addSizes(b, loc, size, attr(stride - 1)),
                          attr(stride));
    OpFoldResult reach = addSizes(
        b, loc, mulSizes(b, loc, sub(axis.count, attr(1)), attr(stride)),
        attr(extent));
    OpFoldResult total = max(sub(reach, size), attr(0));
    OpFoldResult half = divSizes(b, loc, total, attr(2));
    OpFoldResult rest = sub(total, half);
    bool upper = autoPad == "SAME_UPPER";
    axis.low = upper ? half : rest;
    axis.high = upper ? rest : half;
    return axis;
  }
  axis.low = attr(low);
  axis.high = attr(high);
  OpFoldResult padded = addSizes(b, loc, size, attr(low + high));
  OpFoldResult room = sub(padded, attr(extent));
  // A window that is longer than what it stands on still counts once, if it
  // starts inside, and reads padding; that is what ONNX Runtime does.
  auto reachEnd = [&] {
    OpFoldResult reach = addSizes(
        b, loc, mulSizes(b, loc, sub(axis.count, attr(1)), attr(stride)),
        attr(extent));
    axis.high = max(attr(high), sub(sub(reach, size), attr(low)));
  };
  if (!ceilMode) {
    axis.count =
        max(addSizes(b, loc, divSizes(b, loc, room, attr(stride)), attr(1)),
            attr(0));
    std::optional<int64_t> known = getConstantIntValue(room);
    if (extent > 1 && (!known || *known < 0))
      reachEnd();
    return axis;
  }
  // Rounded up where there is room, cut off (to no window at all) where not.
  Value hasRoom = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::sgt,
                                                toIndex(b, loc, room),
                                                toIndex(b, loc, attr(0)));
  Value more = b.createOrFold<arith::SelectOp>(
      loc, hasRoom, toIndex(b, loc, attr(stride - 1)),
      toIndex(b, loc, attr(0)));
  OpFoldResult count =
      max(addSizes(b, loc,
                   divSizes(b, loc, addSizes(b, loc, room, more), attr(stride)),
                   attr(1)),
          attr(0));
  // The last window must start inside the input or the padding before it.
  OpFoldResult inside = divSizes(
      b, loc, addSizes(b, loc, size, attr(low + stride - 1)), attr(stride));
  axis.count =
      fold(b, b.createOrFold<arith::MinSIOp>(loc, toIndex(b, loc, count),
                                             toIndex(b, loc, inside)));
  reachEnd();
  return axis;
}

Value neuroplast::padSpatial(OpBuilder &b, Location loc, Value input,
                             ArrayRef<WindowAxis> window, Value scalar) {
  SmallVector<OpFoldResult> low(2, b.getIndexAttr(0)), high(low);
  bool isNone = true;
  for (const WindowAxis &axis : window) {
    low.push_back(axis.low);
    high.push_back(axis.high);
    isNone = isNone && isConstantIntValue(axis.low, 0) &&
             isConstantIntValue(axis.high, 0);
  }
  if (isNone)
    return input;
  return tensor::PadOp::create(b, loc, Type(), input, low, high, scalar)
      .getResult();
}
