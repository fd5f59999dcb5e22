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

/// Lets a kernel op work on the buffers of its operands.
llvm::LogicalResult
bufferizeKernel(mlir::Operation *op, mlir::RewriterBase &rewriter,
                const mlir::bufferization::BufferizationOptions &options,
                mlir::bufferization::BufferizationState &state);

template <typename Op>
struct KernelBufferization
    : mlir::bufferization::DstBufferizableOpInterfaceExternalModel<
          KernelBufferization<Op>, Op> {
  bool
  bufferizesToMemoryRead(mlir::Operation *op, mlir::OpOperand &operand,
                         const mlir::bufferization::AnalysisState &) const {
    // Of the destination, only margins are written by an op that fills these.
    return std::is_same_v<Op, FillMarginsOp> ||
           !llvm::cast<Op>(op).isDpsInit(&operand);
  }
  llvm::LogicalResult
  bufferize(mlir::Operation *op, mlir::RewriterBase &rewriter,
            const mlir::bufferization::BufferizationOptions &options,
            mlir::bufferization::BufferizationState &state) const {
    return bufferizeKernel(op, rewriter, options, state);
  }
};

} // namespace neuroplast::kernel

#endif // NEUROPLAST_LIB_DIALECT_KERNEL_IR_BUFFERIZATION_H
