//===- RecurrentCells.h - The cells of recurrent layers ---------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_RECURRENTCELLS_H
#define NEUROPLAST_DIALECT_NEURO_IR_RECURRENTCELLS_H

#include "mlir/IR/BuiltinAttributes.h"

#include <string>

namespace neuroplast::neuro {

enum class CellKind { RNN, GRU, LSTM };

/// An activation function of a cell, in lower case, with its constants.
struct CellActivation {
  std::string name;
  double alpha = 0;
  double beta = 0;
};

/// How many gates of hidden size a cell has, and how many activations of its
/// own.
int64_t countGates(CellKind kind);
size_t countActivations(CellKind kind);

/// Reads the activation functions of all directions of a layer; those of the
/// cell where it names none. The lists of constants are consumed in order by
/// the functions that take them. Fails for a name that is none.
mlir::FailureOr<llvm::SmallVector<CellActivation>>
parseActivations(CellKind kind, unsigned directions,
                 std::optional<mlir::ArrayAttr> names,
                 std::optional<llvm::ArrayRef<float>> alphas,
                 std::optional<llvm::ArrayRef<float>> betas);

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_RECURRENTCELLS_H
