//===- LowerRequirements.cpp - Requirements to branches -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

namespace neuroplast {
#define GEN_PASS_DEF_LOWERREQUIREMENTS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast::neuro;

namespace {

/// The numbers that a message shows; `neuroplast_violate` takes as many.
constexpr size_t kNumbers = 4;

struct LowerRequirementsPass
    : neuroplast::impl::LowerRequirementsBase<LowerRequirementsPass> {
  void runOnOperation() override {
    SmallVector<RequireOp> ops;
    getOperation().walk([&](RequireOp op) { ops.push_back(op); });
    if (ops.empty())
      return;
    func::FuncOp violate = declareViolate();
    for (RequireOp op : ops)
      lower(op, violate);
  }

private:
  func::FuncOp declareViolate() {
    OpBuilder b(getOperation().getBodyRegion());
    SmallVector<Type> types{b.getI32Type(),
                            LLVM::LLVMPointerType::get(&getContext())};
    types.append(kNumbers, b.getI64Type());
    auto function =
        func::FuncOp::create(b, getOperation().getLoc(), "neuroplast_violate",
                             b.getFunctionType(types, TypeRange()));
    function.setPrivate();
    return function;
  }

  /// The address of a message, which equal messages share.
  Value getMessage(OpBuilder &b, Location loc, StringRef text) {
    LLVM::GlobalOp &global = messages[text];
    if (!global) {
      OpBuilder top(getOperation().getBodyRegion());
      std::string bytes = text.str();
      bytes.push_back('\0');
      auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
      global = LLVM::GlobalOp::create(
          top, loc, type, /*isConstant=*/true, LLVM::Linkage::Private,
          ("neuroplast_message_" + Twine(messages.size())).str(),
          b.getStringAttr(bytes));
    }
    return LLVM::AddressOfOp::create(b, loc, global);
  }

  void lower(RequireOp op, func::FuncOp violate) {
    Location loc = op.getLoc();
    OpBuilder b(op);
    Block *before = op->getBlock();
    Block *after = before->splitBlock(op);
    Region *region = before->getParent();
    Block *failed = b.createBlock(region, region->end());
    SmallVector<Value> arguments{
        arith::ConstantIntOp::create(b, loc, op.getOfData(), 32),
        getMessage(b, loc, op.getMessage())};
    for (size_t i = 0; i < kNumbers; ++i) {
      if (i < op.getNumbers().size())
        arguments.push_back(arith::IndexCastOp::create(b, loc, b.getI64Type(),
                                                       op.getNumbers()[i]));
      else
        arguments.push_back(arith::ConstantIntOp::create(b, loc, 0, 64));
    }
    func::CallOp::create(b, loc, violate, arguments);
    LLVM::UnreachableOp::create(b, loc);
    b.setInsertionPointToEnd(before);
    cf::CondBranchOp::create(b, loc, op.getCondition(), after, ValueRange(),
                             failed, ValueRange());
    op.erase();
  }

  llvm::StringMap<LLVM::GlobalOp> messages;
};

} // namespace
