//===- Explain.h - What belongs together, in sentences ----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_UNITS_EXPLAIN_H
#define NEUROPLAST_STRUCTURE_UNITS_EXPLAIN_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace neuroplast::structure {

/// Says of a set of units, by its number, or of those that a node or a
/// parameter, by its name, has to do with: where they stand, whose number goes
/// with theirs, and what pins them. Fails after a diagnostic if there is
/// nothing of that name.
llvm::LogicalResult explain(mlir::ModuleOp module, llvm::StringRef name,
                            llvm::raw_ostream &os);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_UNITS_EXPLAIN_H
