//===- SharedLoop.h - Loops whose steps threads share -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_KERNELS_SHAREDLOOP_H
#define NEUROPLAST_LIB_CODEGEN_KERNELS_SHAREDLOOP_H

#include "LoopNest.h"

namespace neuroplast {

/// A loop whose steps do not hang on each other.
struct SharableLoop {
  int64_t loop;
  int64_t size; ///< `ShapedType::kDynamic` if only a run knows.
  int64_t step; ///< What is not to be divided among threads.
};

/// The loop that threads share most evenly, the first among equals; none if the
/// whole work, in multiply-adds or what takes as long, is not worth waking
/// them.
std::optional<SharableLoop> chooseSharedLoop(llvm::ArrayRef<SharableLoop> loops,
                                             double work, int64_t threads);

/// Lets every thread do `body`, by its number, from a beginning to an end of
/// its own, both multiples of the step but for the end of the last. Who does
/// which part, and how many there are, never changes what is computed.
void shareLoop(mlir::OpBuilder &builder, mlir::Location location,
               const SharableLoop &loop, mlir::Value size, int64_t threads,
               llvm::function_ref<void(mlir::OpBuilder &, mlir::Value thread,
                                       mlir::Value begin, mlir::Value end)>
                   body);

/// Where loops around each other begin and end; for a thread that shares one of
/// them, its own part of that.
struct LoopBounds {
  llvm::SmallVector<mlir::Value> begins, ends;

  LoopBounds() = default;
  LoopBounds(mlir::OpBuilder &builder, mlir::Location location,
             const LoopNest &loops);
};

/// Lets `body` go around loops within bounds, or every thread, by its number,
/// if their work is worth it: one of `sharable`, whose size then only the
/// bounds know, is divided among them.
void shareLoops(
    mlir::OpBuilder &builder, mlir::Location location,
    llvm::ArrayRef<SharableLoop> sharable, double work, int64_t threads,
    LoopNest &loops, LoopBounds &bounds,
    llvm::function_ref<void(mlir::OpBuilder &, mlir::Value thread)> body);

/// The number of steps of loops around each other; sizes that only a run knows
/// count as a few.
double countSteps(llvm::ArrayRef<int64_t> sizes);
/// The work of loops that read and write an element in every step, and do what
/// a body says with it, if that is known.
double countElementWork(llvm::ArrayRef<int64_t> sizes,
                        mlir::Block *body = nullptr);
/// The work of all loops of an op.
double countWork(kernel::KernelOpInterface op);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_KERNELS_SHAREDLOOP_H
