//===- PlaceLists.cpp - Elements at listed places of a tensor
//--------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Edits/PlaceLists.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::structure;

std::string neuroplast::structure::gather(const TensorElements &elements,
                                          ArrayRef<PlaceLists> places,
                                          unsigned blockAxis) {
  RankedTensorType type = elements.getType();
  size_t elementBytes = elements.getElementBytes();
  int64_t rank = type.getRank();
  int64_t blocks = 1;
  for (const PlaceLists &lists : places)
    blocks = std::max<int64_t>(blocks, lists.size());
  int64_t blockLength =
      rank == 0 ? 1
                : std::max<int64_t>(1, places[blockAxis][0].size() *
                                           places[blockAxis].size() / blocks);

  // What is beneath the last axis that is edited moves as a whole.
  auto isWhole = [&](int64_t axis) {
    return places[axis].size() == 1 &&
           llvm::equal(places[axis][0],
                       llvm::seq<int64_t>(0, type.getDimSize(axis)));
  };
  while (rank > 1 && isWhole(rank - 1))
    elementBytes *= type.getDimSize(--rank);

  std::string result;
  // Elements of the result beneath a place of each axis.
  SmallVector<int64_t> beneath(rank, 1), strides(rank, 1);
  for (int64_t axis = rank - 2; axis >= 0; --axis) {
    beneath[axis] = beneath[axis + 1] * places[axis + 1][0].size();
    strides[axis] = strides[axis + 1] * type.getDimSize(axis + 1);
  }
  if (rank)
    result.reserve(beneath[0] * places[0][0].size() * elementBytes);
  int64_t block = 0;
  auto append = [&](int64_t offset, int64_t count) {
    result.append(elements.getBytes().data() + offset * elementBytes,
                  count * elementBytes);
  };
  auto descend = [&](auto &&self, int64_t axis, int64_t offset) -> void {
    if (axis == rank)
      return append(offset, 1);
    const PlaceLists &lists = places[axis];
    ArrayRef<int64_t> list = lists.size() == 1 ? lists[0] : lists[block];
    for (size_t i = 0; i < list.size(); ++i) {
      if (axis == static_cast<int64_t>(blockAxis))
        block = i / blockLength;
      if (list[i] == IndexMap::kFresh) {
        result.append(beneath[axis] * elementBytes, '\0');
        continue;
      }
      if (axis + 1 < rank) {
        self(self, axis + 1, offset + list[i] * strides[axis]);
        continue;
      }
      // Neighbours are copied at once.
      size_t end = i + 1;
      while (end < list.size() && list[end] == list[end - 1] + 1)
        ++end;
      append(offset + list[i], end - i);
      i = end - 1;
    }
  };
  descend(descend, 0, 0);
  return result;
}

std::string neuroplast::structure::gatherRemoved(const TensorElements &elements,
                                                 ArrayRef<PlaceLists> places,
                                                 unsigned blockAxis) {
  RankedTensorType type = elements.getType();
  size_t elementBytes = elements.getElementBytes();
  ArrayRef<char> bytes = elements.getBytes();
  if (places.empty())
    return std::string(bytes.data(), bytes.size());
  // By axis, block and place: whether it stays.
  SmallVector<std::vector<std::vector<bool>>> stays;
  for (auto [axis, lists] : llvm::enumerate(places)) {
    auto &blocks = stays.emplace_back();
    for (const std::vector<int64_t> &list : lists) {
      auto &flags = blocks.emplace_back(type.getDimSize(axis), false);
      for (int64_t place : list)
        if (place != IndexMap::kFresh)
          flags[place] = true;
    }
  }
  std::string result;
  forEachElement(type.getShape(), [&](int64_t i, ArrayRef<int64_t> index) {
    bool isKept = true;
    for (auto [axis, blocks] : llvm::enumerate(stays)) {
      size_t block =
          findBlock(index, type.getShape(), blockAxis, blocks.size());
      isKept &= blocks[block][index[axis]];
    }
    if (!isKept)
      result.append(bytes.data() + i * elementBytes, elementBytes);
  });
  return result;
}
