//===- Kernel.h - The kernel dialect ----------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_KERNEL_IR_KERNEL_H
#define NEUROPLAST_DIALECT_KERNEL_IR_KERNEL_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include <optional>

namespace neuroplast::kernel {

/// Loops around each other, and what each step of the innermost does.
struct LoopWork {
  /// How often each loop goes around; `ShapedType::kDynamic` if only a run
  /// knows.
  llvm::SmallVector<int64_t> sizes;
  double operations = 0; ///< floating point operations of a step
  /// Whether a step loads and stores what it works on; sums are in registers.
  bool isElementwise = false;
};

/// What a softmax does with an element: to compare, to subtract, to raise, to
/// add and to multiply.
constexpr double kSoftmaxOperations = 5;

namespace detail {

/// Reads inputs and writes destinations, where these are buffers.
void getEffects(mlir::DestinationStyleOpInterface op,
                llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<
                    mlir::MemoryEffects::Effect>> &effects);
/// Reads and writes destinations that are buffers.
void getUpdateEffects(mlir::DestinationStyleOpInterface op,
                      llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<
                          mlir::MemoryEffects::Effect>> &effects);
/// Results have the shapes of their destinations.
llvm::LogicalResult
reifyResultShapes(mlir::DestinationStyleOpInterface op,
                  mlir::OpBuilder &builder,
                  mlir::ReifiedRankedShapedTypeDims &shapes);

} // namespace detail

} // namespace neuroplast::kernel

#include "neuroplast/Dialect/Kernel/IR/KernelDialect.h.inc"

#include "neuroplast/Dialect/Kernel/IR/KernelInterfaces.h.inc"

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Kernel/IR/KernelOps.h.inc"

namespace neuroplast::kernel {

/// How often each loop goes around, by the axes of operands that run along it;
/// `ShapedType::kDynamic` where no type says.
llvm::SmallVector<int64_t> getLoopSizes(mlir::ValueRange operands,
                                        llvm::ArrayRef<mlir::AffineMap> maps);
/// The loop that an axis of an operand runs along by itself, and no other axis
/// of it does; none if there is none.
std::optional<unsigned> getPlainLoop(mlir::AffineMap map, int64_t axis);
/// The axis of an operand of which that is so for a loop.
std::optional<int64_t> findPlainAxis(mlir::AffineMap map, unsigned loop);
/// How far a step of a loop leads along the innermost axis of an operand; none
/// if it leads along others, too.
std::optional<int64_t> getInnermostStep(mlir::AffineMap map, unsigned loop);

} // namespace neuroplast::kernel

#endif // NEUROPLAST_DIALECT_KERNEL_IR_KERNEL_H
