//===- PlaceLists.cpp - Places of tensors that an edit keeps --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/PlaceLists.h"

using namespace mlir;
using namespace neuroplast;

std::string neuroplast::structure::gather(const TensorElements &elements,
                                          ArrayRef<PlaceLists> places,
                                          unsigned blockAxis) {
  RankedTensorType type = elements.getType();
  size_t elementBytes = elements.getElementBytes();
  int64_t rank = type.getRank();
  SmallVector<int64_t> strides(rank, 1);
  for (int64_t axis = rank - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * type.getDimSize(axis + 1);
  int64_t blocks = 1;
  for (const PlaceLists &lists : places)
    blocks = std::max<int64_t>(blocks, lists.size());
  int64_t blockLength =
      rank == 0 ? 1 : std::max<int64_t>(1, type.getDimSize(blockAxis) / blocks);

  std::string result;
  SmallVector<int64_t> index(rank, 0);
  auto append = [&](int64_t offset, int64_t count) {
    result.append(elements.getBytes().data() + offset * elementBytes,
                  count * elementBytes);
  };
  auto descend = [&](auto &&self, int64_t axis, int64_t offset) -> void {
    if (axis == rank)
      return append(offset, 1);
    const PlaceLists &lists = places[axis];
    ArrayRef<int64_t> list =
        lists.size() == 1 ? lists[0] : lists[index[blockAxis] / blockLength];
    // Whole rows are copied at once.
    if (axis == rank - 1 &&
        static_cast<int64_t>(list.size()) == type.getDimSize(axis))
      return append(offset, list.size());
    for (int64_t place : list) {
      index[axis] = place;
      self(self, axis + 1, offset + place * strides[axis]);
    }
  };
  descend(descend, 0, 0);
  return result;
}
