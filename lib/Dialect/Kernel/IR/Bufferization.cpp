//===- Bufferization.cpp - Kernel ops on buffers --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Bufferization.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace neuroplast::kernel;

LogicalResult
neuroplast::kernel::bufferizeKernel(Operation *op, RewriterBase &rewriter,
                                    const BufferizationOptions &options,
                                    BufferizationState &state) {
  auto styled = cast<DestinationStyleOpInterface>(op);
  if (styled.hasPureBufferSemantics())
    return success();
  SmallVector<Value> operands(op->getOperands());
  for (Value &operand : operands) {
    if (!isa<TensorType>(operand.getType()))
      continue;
    FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    operand = *buffer;
  }
  SmallVector<Value> results;
  for (OpOperand &init : styled.getDpsInitsMutable())
    results.push_back(operands[init.getOperandNumber()]);
  OperationState on(op->getLoc(), op->getName(), operands, TypeRange(),
                    op->getAttrs());

  for (Region &region : op->getRegions())
    on.addRegion()->takeBody(region);
  rewriter.create(on);
  replaceOpWithBufferizedValues(rewriter, op, results);
  return success();
}

LogicalResult
StartAllReduceBufferization::bufferize(Operation *op, RewriterBase &rewriter,
                                       const BufferizationOptions &options,
                                       BufferizationState &state) const {
  auto start = cast<StartAllReduceOp>(op);
  Location loc = op->getLoc();
  if (start.hasPureBufferSemantics())
    return success();
  FailureOr<Value> buffer =
      getBuffer(rewriter, start.getInit(), options, state);
  if (failed(buffer))
    return failure();
  auto type = cast<MemRefType>(buffer->getType());
  if (!type.getLayout().isIdentity()) {
    SmallVector<Value> sizes;
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis))
        sizes.push_back(memref::DimOp::create(rewriter, loc, *buffer, axis));
    FailureOr<Value> own = options.createAlloc(
        rewriter, loc, MemRefType::get(type.getShape(), type.getElementType()),
        sizes);
    if (failed(own) ||
        failed(options.createMemCpy(rewriter, loc, *buffer, *own)))
      return failure();
    buffer = own;
  }
  StartAllReduceOp::create(rewriter, loc, TypeRange(), *buffer);
  replaceOpWithBufferizedValues(rewriter, op, *buffer);
  return success();
}
