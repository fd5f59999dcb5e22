//===- CountedLoop.h - Loops that count and stack ---------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_COUNTEDLOOP_H
#define NEUROPLAST_DIALECT_NEURO_IR_COUNTEDLOOP_H

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace neuroplast::neuro {

/// The parts of a loop as the importer makes it of a Loop or a Scan: it goes on
/// while a flag is set and a count is below a limit, carries states, and puts a
/// row of each iteration on top of stacks, which are tensors that start empty
/// and grow along their first axis by a `neuro.concat`.
struct CountedLoop {
  /// Places among what the loop carries. Nothing reads the flag behind it.
  unsigned count, flag;
  mlir::Value trip; ///< The same in all iterations; null if nothing limits it.
  llvm::SmallVector<unsigned> states, stacks;
  /// What each iteration adds to the stacks.
  llvm::SmallVector<mlir::Value> rows;
};

/// None for any other loop.
std::optional<CountedLoop> matchCountedLoop(mlir::scf::WhileOp op);

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_COUNTEDLOOP_H
