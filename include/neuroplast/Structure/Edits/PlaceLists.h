//===- PlaceLists.h - Elements at listed places of a tensor -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_EDITS_PLACELISTS_H
#define NEUROPLAST_STRUCTURE_EDITS_PLACELISTS_H

#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "neuroplast/Structure/Axes/AxisEdit.h"
#include <string>

namespace neuroplast::structure {

/// Calls `visit(element, index)` for all elements of a tensor, in row-major
/// order.
template <typename Visit>
void forEachElement(llvm::ArrayRef<int64_t> shape, Visit visit) {
  llvm::SmallVector<int64_t> index(shape.size(), 0);
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  for (int64_t element = 0; element < count; ++element) {
    visit(element, llvm::ArrayRef<int64_t>(index));
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis])
        break;
      index[axis] = 0;
    }
  }
}

/// In which of the equal parts of a tensor along an axis an element is.
inline size_t findBlock(llvm::ArrayRef<int64_t> index,
                        llvm::ArrayRef<int64_t> shape, unsigned blockAxis,
                        size_t blocks) {
  return blocks == 1 ? 0 : index[blockAxis] * blocks / shape[blockAxis];
}

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

#endif // NEUROPLAST_STRUCTURE_EDITS_PLACELISTS_H
