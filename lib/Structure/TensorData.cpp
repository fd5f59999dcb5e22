//===- TensorData.cpp - The elements of parameters as bytes ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/TensorData.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"
#include <cstring>

using namespace mlir;
using namespace neuroplast::structure;

std::optional<TensorData> TensorData::read(ElementsAttr attr) {
  TensorData data;
  data.type = dyn_cast<RankedTensorType>(attr.getShapedType());
  if (!data.type || !data.type.hasStaticShape() ||
      !data.type.getElementType().isIntOrFloat())
    return std::nullopt;
  unsigned bits = data.type.getElementTypeBitWidth();
  data.elementBytes = bits == 1 ? 1 : bits / 8;
  if (bits != 1 && bits % 8 != 0)
    return std::nullopt;
  size_t size = data.type.getNumElements() * data.elementBytes;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != size)
      return std::nullopt;
    data.bytes = blob->getData();
    return data;
  }
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (!dense)
    return std::nullopt;
  data.owned.resize(size);
  if (bits == 1) {
    for (auto [index, value] : llvm::enumerate(dense.getValues<bool>()))
      data.owned[index] = value;
  } else if (dense.isSplat()) {
    ArrayRef<char> element = dense.getRawData().take_front(data.elementBytes);
    for (size_t offset = 0; offset < size; offset += element.size())
      std::memcpy(data.owned.data() + offset, element.data(), element.size());
  } else {
    std::memcpy(data.owned.data(), dense.getRawData().data(), size);
  }
  return data;
}

double TensorData::getNumber(int64_t index) const {
  ArrayRef<char> source = owned.empty() ? bytes : ArrayRef<char>(owned);
  const char *element = source.data() + index * elementBytes;
  Type elementType = type.getElementType();
  if (elementType.isF32()) {
    float value;
    std::memcpy(&value, element, sizeof(value));
    return value;
  }
  if (elementType.isF64()) {
    double value;
    std::memcpy(&value, element, sizeof(value));
    return value;
  }
  uint64_t raw = 0;
  std::memcpy(&raw, element, elementBytes);
  unsigned bits = elementType.getIntOrFloatBitWidth();
  if (auto floatType = dyn_cast<FloatType>(elementType))
    return APFloat(floatType.getFloatSemantics(), APInt(bits, raw))
        .convertToDouble();
  APInt integer(bits, raw);
  return elementType.isUnsignedInteger() || bits == 1
             ? integer.roundToDouble(false)
             : integer.roundToDouble(true);
}

std::vector<char> TensorData::gather(ArrayRef<PlaceLists> places,
                                     unsigned blockAxis) const {
  int64_t rank = type.getRank();
  SmallVector<int64_t> strides(rank, 1);
  for (int64_t axis = rank - 2; axis >= 0; --axis)
    strides[axis] = strides[axis + 1] * type.getDimSize(axis + 1);
  int64_t blocks = 1;
  for (const PlaceLists &lists : places)
    blocks = std::max<int64_t>(blocks, lists.size());
  int64_t blockLength =
      rank == 0 ? 1 : std::max<int64_t>(1, type.getDimSize(blockAxis) / blocks);

  std::vector<char> result;
  SmallVector<int64_t> index(rank, 0);
  auto append = [&](int64_t offset, int64_t count) {
    const char *first = getBytes().data() + offset * elementBytes;
    result.insert(result.end(), first, first + count * elementBytes);
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

ElementsAttr TensorData::write(RankedTensorType type, ArrayRef<char> bytes,
                               ElementsAttr like, StringRef name) {
  if (isa<DenseResourceElementsAttr>(like))
    return DenseResourceElementsAttr::get(
        type, name, HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64));
  if (type.getElementTypeBitWidth() == 1) {
    SmallVector<bool> values;
    for (char byte : bytes)
      values.push_back(byte != 0);
    return DenseElementsAttr::get(type, ArrayRef<bool>(values));
  }
  return DenseElementsAttr::getFromRawBuffer(type, bytes);
}
