//===- Patches.cpp - What a linear op sees of its data --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/Patches.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::calibration;

static SmallVector<int64_t> getShape(Value value) {
  return llvm::to_vector(cast<RankedTensorType>(value.getType()).getShape());
}

Patches::Patches(Operation *op, const neuro::LinearMap &map)
    : map(map), resultShape(getShape(op->getResult(0))),
      resultStrides(computeStrides(resultShape)),
      dataShape(getShape(op->getOperand(map.data))),
      dataStrides(computeStrides(dataShape)) {
  for (auto [axis, size] : llvm::enumerate(resultShape))
    if (axis != map.outAxisOfResult)
      numPositions *= size;
  SmallVector<int64_t> weightShape = getShape(op->getOperand(map.weight));
  SmallVector<int64_t> weightStrides = computeStrides(weightShape);
  outs = weightShape[map.outAxisOfWeight] / map.blocks;
  outStride = weightStrides[map.outAxisOfWeight];
  for (auto [axis, entry] : llvm::enumerate(map.axes)) {
    if (entry.isBlocked)
      blockStride = dataShape[axis] / map.blocks * dataStrides[axis];
    if (entry.resultAxis && entry.weightAxis)
      windowAxes.push_back(axis);
  }
  // The weight without its out axis lists the elements of a patch.
  SmallVector<int64_t> patchShape(weightShape);
  patchShape[map.outAxisOfWeight] = 1;
  SmallVector<int64_t> patchStrides = computeStrides(patchShape);
  patchSize = computeProduct(patchShape);
  for (int64_t number = 0; number < patchSize; ++number) {
    SmallVector<int64_t> index = delinearize(number, patchStrides);
    Element &element = elements.emplace_back();
    element.offset = 0;
    element.weightOffset = linearize(index, weightStrides);
    for (auto [axis, entry] : llvm::enumerate(map.axes)) {
      int64_t place = entry.offset;
      if (entry.weightAxis)
        place += entry.dilation * index[*entry.weightAxis];
      element.offset += place * dataStrides[axis];
      if (llvm::is_contained(windowAxes, axis))
        element.places.push_back(place);
    }
  }
}

SmallVector<int64_t> Patches::getIndex(int64_t position) const {
  SmallVector<int64_t> index(resultShape.size(), 0);
  for (size_t axis = resultShape.size(); axis-- > 0;) {
    if (axis == map.outAxisOfResult)
      continue;
    index[axis] = position % resultShape[axis];
    position /= resultShape[axis];
  }
  return index;
}

void Patches::readPatch(const float *data, int64_t position, int64_t block,
                        float *patch) const {
  SmallVector<int64_t> index = getIndex(position);
  int64_t start = block * blockStride;
  SmallVector<int64_t, 2> starts, sizes;
  for (auto [axis, entry] : llvm::enumerate(map.axes)) {
    int64_t place =
        entry.resultAxis ? index[*entry.resultAxis] * entry.stride : 0;
    start += place * dataStrides[axis];
    if (llvm::is_contained(windowAxes, axis)) {
      starts.push_back(place);
      sizes.push_back(dataShape[axis]);
    }
  }
  for (auto [number, element] : llvm::enumerate(elements)) {
    bool isInside = true;
    for (size_t i = 0; i < starts.size(); ++i) {
      int64_t place = starts[i] + element.places[i];
      isInside &= place >= 0 && place < sizes[i];
    }
    patch[number] = isInside ? data[start + element.offset] : 0.0f;
  }
}

void Patches::readResults(const float *results, int64_t position,
                          ArrayRef<int64_t> chosen, float *row) const {
  int64_t stride = resultStrides[map.outAxisOfResult];
  int64_t start = linearize(getIndex(position), resultStrides);
  for (auto [number, out] : llvm::enumerate(chosen))
    row[number] = results[start + out * stride];
}

int64_t Patches::getWeightIndex(int64_t block, int64_t out,
                                int64_t element) const {
  return (block * outs + out) * outStride + elements[element].weightOffset;
}
