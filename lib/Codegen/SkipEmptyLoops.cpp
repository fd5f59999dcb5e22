//===- SkipEmptyLoops.cpp - Do not go around what has no iterations -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

namespace neuroplast {
#define GEN_PASS_DEF_SKIPEMPTYLOOPS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;

namespace {

/// The loop that is all that a loop does; null if there is none, or its bounds
/// depend on the outer one.
scf::ForOp getOnlyLoop(scf::ForOp outer) {
  scf::ForOp inner;
  for (Operation &op : outer.getBody()->without_terminator()) {
    if (isPure(&op))
      continue;
    if (inner || !isa<scf::ForOp>(op))
      return {};
    inner = cast<scf::ForOp>(op);
  }
  if (!inner || outer.getNumResults() || inner.getNumResults() ||
      !outer.isDefinedOutsideOfLoop(inner.getLowerBound()) ||
      !outer.isDefinedOutsideOfLoop(inner.getUpperBound()))
    return {};
  return inner;
}

struct SkipEmptyLoopsPass
    : neuroplast::impl::SkipEmptyLoopsBase<SkipEmptyLoopsPass> {
  void runOnOperation() override {
    // Inner loops come first, and the bounds that they get move out of the next
    // loop before it is looked at.
    getOperation()->walk([](scf::ForOp outer) {
      moveLoopInvariantCode(outer);
      scf::ForOp inner = getOnlyLoop(outer);
      if (!inner)
        return;
      std::optional<APInt> trips = inner.getStaticTripCount();
      if (trips && !trips->isZero())
        return;
      OpBuilder b(outer);
      Location loc = outer.getLoc();
      bool isUnsigned = inner.getUnsignedCmp();
      Value isAny = arith::CmpIOp::create(
          b, loc,
          isUnsigned ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt,
          inner.getLowerBound(), inner.getUpperBound());
      outer.setUpperBound(arith::SelectOp::create(
          b, loc, isAny, outer.getUpperBound(), outer.getLowerBound()));
    });
  }
};

} // namespace
