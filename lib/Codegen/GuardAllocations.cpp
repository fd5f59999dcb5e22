//===- GuardAllocations.cpp - Check sizes before memory is asked for ----===//
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
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

namespace neuroplast {
#define GEN_PASS_DEF_GUARDALLOCATIONS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast::neuro;

namespace {

void guard(memref::AllocOp op) {
  MemRefType type = op.getType();
  OpBuilder b(op);
  Location loc = op.getLoc();
  int64_t bytes = llvm::divideCeil(
      type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth(), 8);
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      bytes = mulSizes(bytes, size);
  // Floats do not wrap; that they round does not matter this far out.
  Type real = b.getF64Type();
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value limit = arith::ConstantOp::create(
      b, loc, b.getFloatAttr(real, double(maxTensorBytes)));
  Value total =
      arith::ConstantOp::create(b, loc, b.getFloatAttr(real, double(bytes)));
  Value fits;
  auto add = [&](Value condition) {
    fits = fits ? Value(arith::AndIOp::create(b, loc, fits, condition))
                : condition;
  };
  std::string message;
  if (auto node = dyn_cast<NameLoc>(loc))
    message = ("node '" + node.getName().strref() + "': ").str();
  message += "asks for a tensor of open sizes";
  SmallVector<Value> sizes(op.getDynamicSizes());
  for (auto [index, size] : llvm::enumerate(sizes)) {
    message += index ? " x {}" : " {}";
    add(arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, size, zero));
    Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), size);
    Value number = arith::SIToFPOp::create(b, loc, real, wide);
    total = arith::MulFOp::create(b, loc, total, number);
  }
  add(arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLE, total, limit));
  RequireOp::create(b, loc, fits, sizes, /*of_data=*/false, message);
}

struct GuardAllocationsPass
    : neuroplast::impl::GuardAllocationsBase<GuardAllocationsPass> {
  void runOnOperation() override {
    getOperation().walk([](memref::AllocOp op) {
      if (!op.getDynamicSizes().empty())
        guard(op);
    });
  }
};

} // namespace
