//===- NewHead.h - Heads of further tasks -----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_GROWTH_NEWHEAD_H
#define NEUROPLAST_LIB_STRUCTURE_GROWTH_NEWHEAD_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace neuroplast::structure {

/// The name of a result; empty if it has none.
llvm::StringRef getResultName(mlir::func::FuncOp function, unsigned index);

/// A head that is asked for, with random weights.
struct NewHead {
  std::string name; ///< of its output, which becomes the first
  int64_t outputs = 1;
  uint64_t seed = 0;
};

struct AddedHead {
  /// The layer that it is like, or the output on which it is.
  std::string layer;
  bool isOnTop = false;
  int64_t parameters = 0; ///< their elements
};

/// Adds a head beside the one that makes the first output: a layer like that,
/// and what follows it. Where that output is of no layer, the head is one on
/// its last axis. Fails, after an error, if that is no batch of vectors of a
/// known size.
llvm::FailureOr<AddedHead> addHead(mlir::ModuleOp module,
                                   const NewHead &wanted);

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_GROWTH_NEWHEAD_H
