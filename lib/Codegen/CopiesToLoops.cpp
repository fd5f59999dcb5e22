//===- CopiesToLoops.cpp - Copies of short runs as loops ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace neuroplast {
#define GEN_PASS_DEF_COPIESTOLOOPS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;

namespace {

/// The elements that stand next to each other in a buffer, at least.
int64_t getRun(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset = 0, run = 1;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return run;
  for (int64_t axis = type.getRank() - 1; axis >= 0; --axis) {
    if (strides[axis] != run || type.isDynamicDim(axis))
      break;
    run *= type.getDimSize(axis);
  }
  return run;
}

struct CopiesToLoopsPass
    : neuroplast::impl::CopiesToLoopsBase<CopiesToLoopsPass> {
  void runOnOperation() override {
    SmallVector<memref::CopyOp> copies;
    getOperation()->walk([&](memref::CopyOp op) { copies.push_back(op); });
    for (memref::CopyOp op : copies) {
      auto from = dyn_cast<MemRefType>(op.getSource().getType());
      auto to = dyn_cast<MemRefType>(op.getTarget().getType());
      // Below, a call of the C library for each run takes longer than the run.
      constexpr int64_t kShortRun = 128;
      if (!from || !to || from.getRank() == 0)
        continue;
      int64_t run = std::min(getRun(from), getRun(to));
      if (run >= kShortRun ||
          (from.hasStaticShape() && run == from.getNumElements()))
        continue;
      OpBuilder b(op);
      AffineMap same = b.getMultiDimIdentityMap(from.getRank());
      linalg::GenericOp::create(
          b, op.getLoc(), TypeRange(), op.getSource(), op.getTarget(),
          ArrayRef<AffineMap>{same, same},
          SmallVector<utils::IteratorType>(from.getRank(),
                                           utils::IteratorType::parallel),
          [](OpBuilder &nested, Location loc, ValueRange elements) {
            linalg::YieldOp::create(nested, loc, elements[0]);
          });
      op.erase();
    }
  }
};

} // namespace
