//===- ResidualBlocks.h - Depth that can go ---------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_UNITS_RESIDUALBLOCKS_H
#define NEUROPLAST_STRUCTURE_UNITS_RESIDUALBLOCKS_H

#include "neuroplast/Structure/Units/UnitAnalysis.h"

namespace neuroplast::structure {

/// x + f(x): without f, what comes after goes on with x.
struct ResidualBlock {
  /// The sum.
  mlir::Operation *sum;
  /// Which operand is x; the other one is f(x).
  unsigned skip;
  /// The name of the sum in the file; empty if it has none.
  std::string node;
  /// Elements of the parameters that f alone reads.
  int64_t parameters = 0;
  /// Why the block has to stay: what is inside it is used outside, too. Empty
  /// if it can go.
  std::string obstacle;

  mlir::Value getInput() const { return sum->getOperand(skip); }
  mlir::Value getBranch() const { return sum->getOperand(1 - skip); }
};

/// All of them, in the order of their sums. One may hold others.
std::vector<ResidualBlock> listResidualBlocks(mlir::ModuleOp module);

/// Takes blocks out of a module, with all that nothing uses any more, and
/// writes down in the history that `command` did so. Those inside others go
/// with them.
void removeBlocks(mlir::ModuleOp module, llvm::ArrayRef<ResidualBlock> blocks,
                  llvm::StringRef command);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_UNITS_RESIDUALBLOCKS_H
