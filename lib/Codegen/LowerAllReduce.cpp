//===- LowerAllReduce.cpp - Sums over processes to calls ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "neuroplast/Dialect/Neuro/IR/ElementTypes.h"

namespace neuroplast {
#define GEN_PASS_DEF_LOWERALLREDUCE
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

struct LowerAllReducePass
    : neuroplast::impl::LowerAllReduceBase<LowerAllReducePass> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<kernel::StartAllReduceOp, kernel::FinishAllReduceOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(lower(op)))
        return signalPassFailure();
  }

private:
  LogicalResult lower(Operation *op) {
    Value buffer = op->getOperand(0);
    auto type = cast<MemRefType>(buffer.getType());
    if (!type.getLayout().isIdentity())
      return op->emitOpError("adds up what does not lie in one piece: ")
             << type;
    OpBuilder b(op);
    Location loc = op->getLoc();
    Value address =
        memref::ExtractAlignedPointerAsIndexOp::create(b, loc, buffer);
    SmallVector<Value> arguments{
        arith::IndexCastOp::create(b, loc, b.getI64Type(), address)};
    StringRef function = "neuroplast_finish_all_reduce";
    if (isa<kernel::StartAllReduceOp>(op)) {
      function = "neuroplast_start_all_reduce";
      Value count = arith::ConstantIndexOp::create(b, loc, 1);
      for (int64_t axis = 0; axis < type.getRank(); ++axis)
        count = arith::MulIOp::create(
            b, loc, count, memref::DimOp::create(b, loc, buffer, axis));
      arguments.push_back(
          arith::IndexCastOp::create(b, loc, b.getI64Type(), count));
      arguments.push_back(arith::ConstantIntOp::create(
          b, loc, getElementTypeNumber(type.getElementType()), 32));
    }
    declare(function, ValueRange(arguments).getTypes());
    func::CallOp::create(b, loc, function, TypeRange(), arguments);
    op->erase();
    return success();
  }

  void declare(StringRef name, TypeRange types) {
    if (getOperation().lookupSymbol(name))
      return;
    OpBuilder b(getOperation().getBodyRegion());
    func::FuncOp::create(b, getOperation().getLoc(), name,
                         b.getFunctionType(types, TypeRange()))
        .setPrivate();
  }
};

} // namespace
