//===- History.h - How a structure came about -------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_HISTORY_H
#define NEUROPLAST_DIALECT_NEURO_IR_HISTORY_H

#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "llvm/Support/JSON.h"

namespace neuroplast::neuro {

/// "0..4+7+new": indices and runs of them; -1 is written `new`.
std::string formatIndexList(llvm::ArrayRef<int64_t> list);
/// Reads what `formatIndexList` writes, up to a length that tensors can have.
std::optional<llvm::SmallVector<int64_t>> parseIndexList(llvm::StringRef text);

/// A list of indices in quotes, as ops write it.
void printIndexList(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                    llvm::ArrayRef<int64_t> list);
mlir::ParseResult parseIndexList(mlir::OpAsmParser &parser,
                                 llvm::SmallVector<int64_t> &list);

/// The history of a module; null if it has none.
HistoryOp findHistory(mlir::ModuleOp module);
/// The same; an empty one is made if there is none.
HistoryOp getOrCreateHistory(mlir::ModuleOp module);

/// The last edit in it; null if there is none.
EditOp getLastEdit(mlir::ModuleOp module);

/// A JSON list of the edits, without what they removed. `getName` says how a
/// parameter is called there.
llvm::json::Array
toJson(HistoryOp history,
       llvm::function_ref<std::string(mlir::FlatSymbolRefAttr)> getName);
/// Appends the edits of such a list to a history; `getSymbol` turns names into
/// symbols. Whether it is well-formed.
bool fromJson(const llvm::json::Array &edits, HistoryOp history,
              llvm::function_ref<mlir::StringAttr(llvm::StringRef)> getSymbol);

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_HISTORY_H
