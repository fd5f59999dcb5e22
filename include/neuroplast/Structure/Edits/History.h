//===- History.h - Undoing and repeating edits ------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_EDITS_HISTORY_H
#define NEUROPLAST_STRUCTURE_EDITS_HISTORY_H

#include "neuroplast/Dialect/Neuro/IR/History.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Structure/Edits/Edit.h"
#include "llvm/ADT/DenseSet.h"

namespace neuroplast::structure {

/// The number of edits in the history of a module.
int64_t countEdits(mlir::ModuleOp module);

/// Takes back the edits after the first `to`, the last one first. Units that
/// are gone come back with the weights that the history keeps of them; all
/// others keep the weights that they have now. Fails with an error, after as
/// many steps as were possible, if it keeps none, or if the network has changed
/// otherwise.
llvm::LogicalResult undo(mlir::ModuleOp module, int64_t to);

/// What an edit of a history is to the units of a network. Fails with an error
/// if it does not fit.
llvm::FailureOr<Edit> findEdit(const UnitAnalysis &analysis,
                               neuro::EditOp edit);

/// The units that joined with the last edit of a history; none if it did
/// something else. Fails with an error if it does not fit.
llvm::FailureOr<llvm::DenseSet<Node>>
findNewborns(const UnitAnalysis &analysis);

/// Does one edit of a history again. Fails with an error if it does not fit.
llvm::LogicalResult replay(mlir::ModuleOp module, neuro::EditOp edit,
                           bool keepRemoved = false);

/// Does the edits of a history to a module that has had none of them. On
/// failure an error has been emitted, and the edits before the one that failed
/// are done.
llvm::LogicalResult replay(mlir::ModuleOp module, neuro::HistoryOp history,
                           bool keepRemoved = false);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_EDITS_HISTORY_H
