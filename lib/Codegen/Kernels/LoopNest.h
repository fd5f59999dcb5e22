//===- LoopNest.h - Loops around operands on buffers ------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_KERNELS_LOOPNEST_H
#define NEUROPLAST_LIB_CODEGEN_KERNELS_LOOPNEST_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

namespace neuroplast {

/// The loops of an op on buffers, and how its operands are indexed by them.
struct LoopNest {
  llvm::SmallVector<mlir::Value> operands;
  llvm::SmallVector<mlir::AffineMap> maps;
  llvm::SmallVector<mlir::utils::IteratorType> iterators;
  /// `ShapedType::kDynamic` where the types do not say.
  llvm::SmallVector<int64_t> sizes;

  explicit LoopNest(mlir::linalg::GenericOp op);
  explicit LoopNest(kernel::ContractOp op);
  explicit LoopNest(kernel::PoolOp op);
  /// Along a row is the last loop, which counts as a reduction.
  explicit LoopNest(kernel::SoftmaxOp op);
  /// Without the room for scores.
  explicit LoopNest(kernel::AttentionOp op);

  /// How often a loop goes around, where the types do not say by a buffer's
  /// size.
  mlir::Value createSize(mlir::OpBuilder &builder, mlir::Location location,
                         int64_t loop) const;

  /// Joins neighbouring loops that every operand either walks through as one
  /// contiguous run or does not walk through at all: the pixels of a 1 x 1
  /// convolution. Whether any were.
  bool joinLoops(mlir::OpBuilder &builder, mlir::Location location);
  /// Drops loops of one step that are summed over, the taps of a 1 x 1
  /// convolution, which hide that its input is read as it lies; not the last
  /// one. Whether any were.
  bool dropUnitReductions();

  /// Makes two of a loop of known size, of which the inner goes around `inner`
  /// times, a divisor. Nothing changes, and the answer is no, if an operand
  /// does not walk along it by itself.
  bool splitLoop(mlir::OpBuilder &builder, mlir::Location location,
                 int64_t loop, int64_t inner);

private:
  bool joinTwo(mlir::OpBuilder &builder, mlir::Location location,
               int64_t first);
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_KERNELS_LOOPNEST_H
