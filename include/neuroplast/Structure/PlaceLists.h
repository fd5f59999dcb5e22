//===- PlaceLists.h - Places of tensors that an edit keeps ------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_PLACELISTS_H
#define NEUROPLAST_STRUCTURE_PLACELISTS_H

#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include <string>
#include <vector>

namespace neuroplast::structure {

/// Places of an axis: one list, or one for each block of the tensor.
using PlaceLists = std::vector<std::vector<int64_t>>;

/// The bytes of the elements at the listed places of every axis. The blocks are
/// the equal parts of the tensor along `blockAxis`.
std::string gather(const TensorElements &elements,
                   llvm::ArrayRef<PlaceLists> places, unsigned blockAxis);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_PLACELISTS_H
