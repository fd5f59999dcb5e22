//===- PadInPlace.cpp - Write results where they are padded ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace neuroplast {
#define GEN_PASS_DEF_PADINPLACE
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

class Padder {
public:
  Padder(tensor::PadOp op, Value number)
      : op(op), loc(op.getLoc()), number(number), builder(op) {}

  void run() {
    // What is padded can be written into the middle only if that is there
    // before it.
    Operation *source = op.getSource().getDefiningOp();
    Operation *filling = number.getDefiningOp();
    if (source && source->getBlock() == op->getBlock()) {
      builder.setInsertionPoint(source);
      if (filling && filling->getBlock() == op->getBlock() &&
          source->isBeforeInBlock(filling))
        filling->moveBefore(source);
    }
    ArrayRef<int64_t> shape = op.getResultType().getShape(),
                      inner = op.getSourceType().getShape(),
                      low = op.getStaticLow(), high = op.getStaticHigh();
    value = tensor::EmptyOp::create(builder, loc, shape,
                                    op.getResultType().getElementType());
    // Of the axes before, the margins are filled already.
    SmallVector<int64_t> offsets(shape.size(), 0), sizes(shape);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      fill(offsets, sizes, axis, 0, low[axis]);
      fill(offsets, sizes, axis, shape[axis] - high[axis], high[axis]);
      offsets[axis] = low[axis];
      sizes[axis] = inner[axis];
    }
    builder.setInsertionPoint(op);
    Value padded = tensor::InsertSliceOp::create(builder, loc, op.getSource(),
                                                 value, attributes(offsets),
                                                 attributes(sizes), ones());
    op.replaceAllUsesWith(padded);
    op.erase();
  }

private:
  SmallVector<OpFoldResult> attributes(ArrayRef<int64_t> numbers) {
    return llvm::map_to_vector(numbers, [&](int64_t number) -> OpFoldResult {
      return builder.getIndexAttr(number);
    });
  }
  SmallVector<OpFoldResult> ones() {
    return SmallVector<OpFoldResult>(op.getResultType().getRank(),
                                     builder.getIndexAttr(1));
  }

  /// Fills a margin along an axis.
  void fill(SmallVector<int64_t> offsets, SmallVector<int64_t> sizes,
            size_t axis, int64_t offset, int64_t size) {
    if (size == 0)
      return;
    offsets[axis] = offset;
    sizes[axis] = size;
    Value margin = tensor::ExtractSliceOp::create(
        builder, loc, value, attributes(offsets), attributes(sizes), ones());
    margin = linalg::FillOp::create(builder, loc, number, margin).getResult(0);
    value = tensor::InsertSliceOp::create(builder, loc, margin, value,
                                          attributes(offsets),
                                          attributes(sizes), ones());
  }

  tensor::PadOp op;
  Location loc;
  Value number;
  OpBuilder builder;
  Value value;
};

/// Whether a pad has margins of known sizes, none of which is cut off.
bool isSimple(tensor::PadOp op) {
  auto isKnown = [](ArrayRef<int64_t> sizes) {
    return llvm::all_of(sizes, [](int64_t size) {
      return !ShapedType::isDynamic(size) && size >= 0;
    });
  };
  return op.getResultType().hasStaticShape() &&
         op.getSourceType().hasStaticShape() && isKnown(op.getStaticLow()) &&
         isKnown(op.getStaticHigh());
}

struct PadInPlacePass : neuroplast::impl::PadInPlaceBase<PadInPlacePass> {
  void runOnOperation() override {
    SmallVector<tensor::PadOp> pads;
    getOperation()->walk([&](tensor::PadOp op) { pads.push_back(op); });
    for (tensor::PadOp op : pads)
      if (Value number = op.getConstantPaddingValue(); number && isSimple(op))
        Padder(op, number).run();
  }
};

} // namespace
