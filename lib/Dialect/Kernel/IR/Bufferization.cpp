//===- Bufferization.cpp - Kernel ops on buffers --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Bufferization.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace neuroplast::kernel;

bool ContractBufferization::bufferizesToMemoryRead(
    Operation *op, OpOperand &operand, const AnalysisState &) const {
  return !cast<ContractOp>(op).isDpsInit(&operand);
}

LogicalResult
ContractBufferization::bufferize(Operation *op, RewriterBase &rewriter,
                                 const BufferizationOptions &options,
                                 BufferizationState &state) const {
  auto contract = cast<ContractOp>(op);
  if (contract.hasPureBufferSemantics())
    return success();
  SmallVector<Value> buffers;
  for (Value operand : op->getOperands()) {
    FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    buffers.push_back(*buffer);
  }
  OperationState on(op->getLoc(), op->getName(), buffers, TypeRange(),
                    op->getAttrs());
  on.addRegion()->takeBody(contract.getEpilogue());
  rewriter.create(on);
  replaceOpWithBufferizedValues(rewriter, op, buffers.back());
  return success();
}
