//===- OptimizerStates.h - What optimizers remember -------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_OPTIMIZERSTATES_H
#define NEUROPLAST_DIALECT_NEURO_IR_OPTIMIZERSTATES_H

#include "mlir/IR/SymbolTable.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

namespace neuroplast::neuro {

/// States are shadows of parameters, of floats, called by their names and what
/// they are: edits of units take them along.
bool isOptimizerState(ParamOp param);
/// What a state is: how its name ends.
llvm::StringRef getStateKind(ParamOp state);
/// Whether a state sums up gradients, as moments do and how often they were
/// seen, rather than values of the parameter.
bool sumsGradients(ParamOp state);
/// The kind that says how far elements have moved away from zero: the sum over
/// steps of an element times how its gradient moves it.
inline constexpr llvm::StringLiteral kMovement = "movement";

/// The state of this kind of a parameter; a new one has this value, or is zero.
ParamOp getOrCreateState(mlir::SymbolTable &symbols, ParamOp param,
                         llvm::StringRef kind, mlir::ElementsAttr value = {});
/// Erases all states, and the number of steps that were taken.
void removeStates(mlir::ModuleOp module);

/// The number of steps that made the states of a module what they are.
int64_t getTrainingSteps(mlir::ModuleOp module);
void setTrainingSteps(mlir::ModuleOp module, int64_t steps);

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_OPTIMIZERSTATES_H
