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

#include "neuroplast/Dialect/Kernel/IR/KernelDialect.h.inc"

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Kernel/IR/KernelOps.h.inc"

namespace neuroplast::kernel {

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
