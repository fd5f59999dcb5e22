//===- UnitOrigins.h - Where units stood before edits -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_UNITS_UNITORIGINS_H
#define NEUROPLAST_STRUCTURE_UNITS_UNITORIGINS_H

#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

namespace neuroplast::structure {

/// The edits that only the second network has had: all of its own, if those of
/// the first are not the beginning of them.
llvm::SmallVector<neuro::EditOp> listEdits(mlir::ModuleOp before,
                                           mlir::ModuleOp after);

/// An axis of a value, and for each of its places where that stood before.
struct AxisOrigins {
  mlir::Value value;
  unsigned axis = 0;
  /// -1 for newborns; none if the axis is not that of a parameter.
  std::optional<llvm::SmallVector<int64_t>> places = {};
};

/// Finds for axes of values of a network where their places stood in another
/// one, of which edits made it: these are done again there, and numbers of
/// places go along with them as shadows of parameters do. Fails, after an
/// error, if edits cannot be done again.
llvm::LogicalResult findOrigins(mlir::ModuleOp before, mlir::ModuleOp after,
                                llvm::MutableArrayRef<AxisOrigins> axes);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_UNITS_UNITORIGINS_H
