//===- PlaceLists.h - Elements at listed places of a tensor -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_PLACELISTS_H
#define NEUROPLAST_STRUCTURE_PLACELISTS_H

#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/AxisEdit.h"
#include <string>

namespace neuroplast::structure {

/// The bytes of the elements at the listed places of every axis, zeros where
/// one of them is fresh. The blocks are the equal parts of the new tensor along
/// `blockAxis`.
std::string gather(const TensorElements &elements,
                   llvm::ArrayRef<PlaceLists> places, unsigned blockAxis);

/// The bytes of all elements that are not at listed places, in row-major order;
/// of all if nothing is listed. The blocks are those of the old tensor.
std::string gatherRemoved(const TensorElements &elements,
                          llvm::ArrayRef<PlaceLists> places,
                          unsigned blockAxis);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_PLACELISTS_H
