//===- PreallocateStacks.cpp - Room for what a loop stacks ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/CountedLoop.h"

namespace neuroplast {
#define GEN_PASS_DEF_PREALLOCATESTACKS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast::neuro;

namespace {

/// Whether so many rows are certainly few: as many as a tensor has, or a number
/// that the model names. A limit that data bring may only mean "none".
bool isBounded(Value trip) {
  constexpr int64_t kMostRows = int64_t(1) << 24;
  if (auto known = getConstantIntValue(trip))
    return *known <= kMostRows;
  return trip.getDefiningOp<tensor::DimOp>();
}

void preallocate(scf::WhileOp op, const CountedLoop &loop, unsigned place,
                 Value row) {
  auto rowType = cast<RankedTensorType>(row.getType());
  auto type = cast<RankedTensorType>(op.getInits()[place].getType());
  Location loc = op.getLoc();
  OpBuilder b(op);
  auto makeSizes = [&](OpFoldResult rows) {
    SmallVector<OpFoldResult> sizes{rows};
    for (int64_t size : rowType.getShape())
      sizes.push_back(b.getIndexAttr(size));
    return sizes;
  };
  Value none = arith::ConstantIndexOp::create(b, loc, 0);
  Value rows = arith::MaxSIOp::create(b, loc, loop.trip, none);
  Value room =
      tensor::EmptyOp::create(b, loc, makeSizes(rows), type.getElementType());
  op->setOperand(place, tensor::CastOp::create(b, loc, type, room));

  Operation *yield = op.getYieldOp();
  b.setInsertionPoint(yield);
  SmallVector<OpFoldResult> starts(type.getRank(), b.getIndexAttr(0)),
      steps(type.getRank(), b.getIndexAttr(1));
  starts[0] = op.getAfterArguments()[loop.count];
  Value next = tensor::InsertSliceOp::create(
      b, loc, row, op.getAfterArguments()[place], starts,
      makeSizes(b.getIndexAttr(1)), steps);
  yield->setOperand(place, next);

  // What was not reached stays behind.
  b.setInsertionPointAfter(op);
  Value result = op.getResult(place);
  starts[0] = b.getIndexAttr(0);
  Value reached = tensor::ExtractSliceOp::create(
      b, loc, result, starts, makeSizes(op.getResult(loop.count)), steps);
  Operation *slice = reached.getDefiningOp();
  if (reached.getType() != type)
    reached = tensor::CastOp::create(b, loc, type, reached);
  result.replaceAllUsesExcept(reached, slice);
}

struct PreallocateStacksPass
    : neuroplast::impl::PreallocateStacksBase<PreallocateStacksPass> {
  void runOnOperation() override {
    SmallVector<scf::WhileOp> loops;
    getOperation().walk([&](scf::WhileOp op) { loops.push_back(op); });
    for (scf::WhileOp op : loops) {
      std::optional<CountedLoop> loop = matchCountedLoop(op);
      if (!loop || !loop->trip || !isBounded(loop->trip))
        continue;
      for (auto [place, row] : llvm::zip_equal(loop->stacks, loop->rows))
        if (cast<RankedTensorType>(row.getType()).hasStaticShape())
          preallocate(op, *loop, place, row);
    }
  }
};

} // namespace
