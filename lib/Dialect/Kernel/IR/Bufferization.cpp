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
