//===- LayerUnits.h - What a layer makes its units of -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_UNITS_LAYERUNITS_H
#define NEUROPLAST_STRUCTURE_UNITS_LAYERUNITS_H

#include "mlir/IR/Operation.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"

namespace neuroplast::structure {

/// Whether an axis has a factor of which something holds.
bool hasFactor(const neuro::AxisExpr &axis,
               llvm::function_ref<bool(unsigned)> holds);
/// Whether a factor is one of some axes.
bool isFactorOf(unsigned factor, llvm::ArrayRef<neuro::AxisExpr> axes);

/// What a layer reads beside parameters, and what ops make of one alone; null
/// if there is nothing.
mlir::OpOperand *findData(mlir::Operation &layer);

/// The axis of a parameter, as a layer reads it, along which it has the units
/// that the layer makes: one of the result, and rather none of the data; none
/// if there is none. Directions, as of recurrent layers, are no units.
std::optional<int64_t> findUnitAxis(mlir::OpOperand &parameter);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_UNITS_LAYERUNITS_H
