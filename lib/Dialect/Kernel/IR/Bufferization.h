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
    // Of a destination some ops keep the middle, or change what is in it.
    return llvm::is_one_of<Op, FillMarginsOp, FinishAllReduceOp>::value ||
           !llvm::cast<Op>(op).isDpsInit(&operand);
  }
  llvm::LogicalResult
  bufferize(mlir::Operation *op, mlir::RewriterBase &rewriter,
            const mlir::bufferization::BufferizationOptions &options,
            mlir::bufferization::BufferizationState &state) const {
    return bufferizeKernel(op, rewriter, options, state);
  }
};

/// A sum over processes is one of elements that lie one behind the other: a
/// part of something larger is copied.
struct StartAllReduceBufferization
    : mlir::bufferization::DstBufferizableOpInterfaceExternalModel<
          StartAllReduceBufferization, StartAllReduceOp> {
  mlir::bufferization::AliasingValueList
  getAliasingValues(mlir::Operation *op, mlir::OpOperand &,
                    const mlir::bufferization::AnalysisState &) const {
    return {{op->getResult(0), mlir::bufferization::BufferRelation::Unknown,
             /*isDefinite=*/false}};
  }
  llvm::LogicalResult
  bufferize(mlir::Operation *op, mlir::RewriterBase &rewriter,
            const mlir::bufferization::BufferizationOptions &options,
            mlir::bufferization::BufferizationState &state) const;
};

} // namespace neuroplast::kernel

#endif // NEUROPLAST_LIB_DIALECT_KERNEL_IR_BUFFERIZATION_H
