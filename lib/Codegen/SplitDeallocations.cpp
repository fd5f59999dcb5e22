//===- SplitDeallocations.cpp - Buffers that end one by one ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace neuroplast {
#define GEN_PASS_DEF_SPLITDEALLOCATIONS
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;

namespace {

/// Whether no other such value is the same buffer.
bool isBufferOfItsOwn(Value value) {
  return value.getDefiningOp<memref::AllocOp>() != nullptr;
}

void split(bufferization::DeallocOp op) {
  ValueRange memrefs = op.getMemrefs(), retained = op.getRetained();
  llvm::SmallDenseMap<Value, Value> conditions;
  for (auto [memref, condition] : llvm::zip_equal(memrefs, op.getConditions()))
    conditions[memref] = condition;
  if (!llvm::all_of(memrefs, isBufferOfItsOwn) ||
      !llvm::all_of(retained, isBufferOfItsOwn) ||
      conditions.size() != memrefs.size())
    return;
  OpBuilder builder(op);
  Value never;
  for (auto [value, isOwned] :
       llvm::zip_equal(retained, op.getUpdatedConditions())) {
    Value condition = conditions.lookup(value);
    if (!condition && !never)
      never = arith::ConstantOp::create(builder, op.getLoc(),
                                        builder.getBoolAttr(false));
    isOwned.replaceAllUsesWith(condition ? condition : never);
  }
  for (Value value : retained)
    conditions.erase(value);
  for (Value memref : memrefs)
    if (Value condition = conditions.lookup(memref))
      bufferization::DeallocOp::create(builder, op.getLoc(), memref, condition,
                                       ValueRange());
  op.erase();
}

struct SplitDeallocationsPass
    : neuroplast::impl::SplitDeallocationsBase<SplitDeallocationsPass> {
  void runOnOperation() override { getOperation().walk(split); }
};

} // namespace
