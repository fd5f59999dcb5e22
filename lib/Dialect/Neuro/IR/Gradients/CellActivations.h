//===- CellActivations.h - Activations of cells, with slopes ----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_DIALECT_NEURO_IR_GRADIENTS_CELLACTIVATIONS_H
#define NEUROPLAST_LIB_DIALECT_NEURO_IR_GRADIENTS_CELLACTIVATIONS_H

#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include "neuroplast/Dialect/Neuro/IR/RecurrentCells.h"

namespace neuroplast::neuro {

/// What a function made of its argument, and how fast that changes with it.
struct Activated {
  Term value, slope;
};

/// An activation function of a recurrent cell, applied.
Activated apply(const CellActivation &activation, const Term &x);

} // namespace neuroplast::neuro

#endif // NEUROPLAST_LIB_DIALECT_NEURO_IR_GRADIENTS_CELLACTIVATIONS_H
