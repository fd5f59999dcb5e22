//===- UnitElements.h - Which elements belong to units ----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_GROWTH_UNITELEMENTS_H
#define NEUROPLAST_LIB_STRUCTURE_GROWTH_UNITELEMENTS_H

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Units/UnitAnalysis.h"
#include "llvm/ADT/MapVector.h"

namespace neuroplast::structure {

/// By axis, for each of some units the elements of a tensor that stand at it
/// there, in row-major order.
using UnitElements =
    llvm::MapVector<unsigned, std::vector<std::vector<int64_t>>>;

/// The elements of a parameter that stand at one of the units, for each axis
/// along which there are some. What is of two of them, as a weight between
/// them, is left out.
UnitElements listElements(const UnitAnalysis &analysis, neuro::ParamOp param,
                          const TensorPlaces &places,
                          llvm::ArrayRef<Node> units);

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_GROWTH_UNITELEMENTS_H
