//===- ReturnInPlace.cpp - Results in the memory of the caller ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Codegen/Passes.h"

namespace neuroplast {
#define GEN_PASS_DEF_RETURNINPLACE
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;

namespace {

bool isDense(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref && memref.hasStaticShape() && memref.getNumElements() > 0 &&
         memref.getLayout().isIdentity();
}

/// The buffer that a result is, under another shape perhaps; null if it is
/// something else, or not all of it.
memref::AllocOp findBuffer(Value result) {
  while (isDense(result.getType())) {
    Operation *op = result.getDefiningOp();
    if (auto alloc = dyn_cast_or_null<memref::AllocOp>(op))
      return alloc;
    if (!isa_and_present<memref::ExpandShapeOp, memref::CollapseShapeOp,
                         memref::CastOp>(op))
      break;
    result = op->getOperand(0);
  }
  return {};
}

struct ReturnInPlacePass
    : neuroplast::impl::ReturnInPlaceBase<ReturnInPlacePass> {
  void runOnOperation() override {
    func::FuncOp main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || !main.getBody().hasOneBlock())
      return;
    Operation *end = main.front().getTerminator();
    OpBuilder b(&getContext());
    BufferViewFlowAnalysis views(main);
    SmallVector<memref::AllocOp> buffers;
    for (auto [number, result] : llvm::enumerate(end->getOperands())) {
      memref::AllocOp buffer = findBuffer(result);
      // Texts are moved to where they live on.
      if (buffer && (buffer->getBlock() != &main.front() ||
                     main.getResultAttr(number, "neuro.texts")))
        buffer = {};
      // Who else gets a part of it would own memory of the caller.
      if (buffer) {
        auto aliases = views.resolve(buffer);
        if (llvm::count_if(end->getOperands(), [&](Value other) {
              return aliases.contains(other);
            }) > 1)
          buffer = {};
      }
      buffers.push_back(buffer);
    }
    llvm::BitVector returned(end->getNumOperands());
    for (auto [number, buffer] : llvm::enumerate(buffers)) {
      if (!buffer)
        continue;
      auto type = cast<MemRefType>(end->getOperand(number).getType());
      unsigned index = main.getNumArguments();
      auto attributes = b.getDictionaryAttr(
          b.getNamedAttr("neuro.output", b.getI64IntegerAttr(number)));
      if (failed(main.insertArgument(index, type, attributes, main.getLoc())))
        return signalPassFailure();
      Value argument = main.getArgument(index);
      if (buffer.getType() != type) {
        b.setInsertionPoint(buffer);
        auto [strides, offset] = buffer.getType().getStridesAndOffset();
        argument = memref::ReinterpretCastOp::create(
            b, buffer.getLoc(), buffer.getType(), argument, offset,
            buffer.getType().getShape(), strides);
      }
      buffer.replaceAllUsesWith(argument);
      buffer.erase();
      returned.set(number);
    }
    end->eraseOperands(returned);
    if (failed(main.eraseResults(returned)))
      return signalPassFailure();
  }
};

} // namespace
