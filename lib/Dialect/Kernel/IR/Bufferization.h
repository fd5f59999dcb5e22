//===- Bufferization.h - Kernel ops on buffers ------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_DIALECT_KERNEL_IR_BUFFERIZATION_H
#define NEUROPLAST_LIB_DIALECT_KERNEL_IR_BUFFERIZATION_H

#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

namespace neuroplast::kernel {

/// Reads its inputs, writes its destination, and works on their buffers then.
struct ContractBufferization
    : mlir::bufferization::DstBufferizableOpInterfaceExternalModel<
          ContractBufferization, ContractOp> {
  bool bufferizesToMemoryRead(mlir::Operation *op, mlir::OpOperand &operand,
                              const mlir::bufferization::AnalysisState &) const;
  llvm::LogicalResult
  bufferize(mlir::Operation *op, mlir::RewriterBase &rewriter,
            const mlir::bufferization::BufferizationOptions &options,
            mlir::bufferization::BufferizationState &state) const;
};

} // namespace neuroplast::kernel

#endif // NEUROPLAST_LIB_DIALECT_KERNEL_IR_BUFFERIZATION_H
