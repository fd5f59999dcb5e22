//===- TensorElements.cpp - The elements of constants ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringSet.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace neuroplast;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Bytes of one element; 0 for types whose elements share bytes or have none.
static unsigned getStorageBytes(Type elementType) {
  if (!elementType.isIntOrFloat())
    return 0;
  unsigned bits = elementType.getIntOrFloatBitWidth();
  return bits == 1 ? 1 : bits % 8 ? 0 : bits / 8;
}

void TensorElements::setType(RankedTensorType newType) {
  type = newType;
  elementBytes = getStorageBytes(type.getElementType());
  isSingle = type.getElementType().isF32();
}

std::optional<TensorElements> TensorElements::read(ElementsAttr attr) {
  TensorElements elements;
  auto type = dyn_cast<RankedTensorType>(attr.getShapedType());
  if (!type || !type.hasStaticShape())
    return std::nullopt;
  elements.setType(type);
  if (elements.elementBytes == 0)
    return std::nullopt;
  size_t size = elements.type.getNumElements() * elements.elementBytes;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != size)
      return std::nullopt;
    elements.bytes = blob->getData();
    return elements;
  }
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (!dense)
    return std::nullopt;
  if (elements.type.getElementType().isInteger(1)) {
    elements.owned.reserve(size);
    for (bool value : dense.getValues<bool>())
      elements.owned.push_back(value);
  } else if (dense.isSplat()) {
    elements.owned.reserve(size);
    ArrayRef<char> element = dense.getRawData();
    while (elements.owned.size() < size)
      elements.owned.append(element.data(), element.size());
  } else {
    elements.bytes = dense.getRawData();
  }
  return elements;
}

TensorElements TensorElements::view(RankedTensorType type,
                                    ArrayRef<char> bytes) {
  TensorElements elements;
  elements.setType(type);
  elements.bytes = bytes;
  return elements;
}

void neuroplast::writeNumber(Type elementType, double number, char *element) {
  uint64_t bits;
  if (auto real = dyn_cast<FloatType>(elementType)) {
    APFloat value(number);
    bool losesInfo;
    value.convert(real.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    bits = value.bitcastToAPInt().getZExtValue();
  } else {
    bits = static_cast<uint64_t>(std::llround(number));
  }
  std::memcpy(element, &bits, getStorageBytes(elementType));
}

uint64_t TensorElements::getBits(int64_t index) const {
  uint64_t bits = 0;
  std::memcpy(&bits, getBytes().data() + index * elementBytes, elementBytes);
  return bits;
}

int64_t TensorElements::getInteger(int64_t index) const {
  auto integer = cast<IntegerType>(type.getElementType());
  uint64_t bits = getBits(index);
  return integer.isUnsigned() || integer.getWidth() == 1
             ? bits
             : llvm::SignExtend64(bits, integer.getWidth());
}

double TensorElements::convertNumber(int64_t index) const {
  Type elementType = type.getElementType();
  uint64_t bits = getBits(index);
  if (elementType.isF64())
    return llvm::bit_cast<double>(bits);
  if (auto real = dyn_cast<FloatType>(elementType))
    return APFloat(real.getFloatSemantics(), APInt(real.getWidth(), bits))
        .convertToDouble();
  if (elementType.isUnsignedInteger())
    return static_cast<double>(bits);
  return static_cast<double>(getInteger(index));
}

/// All elements of a constant of a kind of type; none if it is of another.
template <typename ElementType, typename T>
static std::optional<SmallVector<T>>
readAll(ElementsAttr value, T (TensorElements::*get)(int64_t) const) {
  if (!isa<ElementType>(value.getShapedType().getElementType()))
    return std::nullopt;
  std::optional<TensorElements> elements = TensorElements::read(value);
  if (!elements)
    return std::nullopt;
  SmallVector<T> result;
  for (int64_t i = 0, e = elements->getType().getNumElements(); i < e; ++i)
    result.push_back(((*elements).*get)(i));
  return result;
}

std::optional<SmallVector<int64_t>>
neuroplast::getIntegers(ElementsAttr value) {
  return readAll<IntegerType>(value, &TensorElements::getInteger);
}

std::optional<SmallVector<double>> neuroplast::getFloats(ElementsAttr value) {
  return readAll<FloatType>(value, &TensorElements::getNumber);
}

bool neuroplast::isLargeSplat(ElementsAttr value) {
  constexpr int64_t kMostData = int64_t(1) << 20;
  auto dense = dyn_cast<DenseElementsAttr>(value);
  return dense && dense.isSplat() && dense.getNumElements() > kMostData;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Tensors of up to this many elements are plain attributes.
static constexpr int64_t kMostPlainElements = 16;

static bool isSplat(StringRef bytes, size_t element) {
  for (size_t i = element; i + element <= bytes.size(); i += element)
    if (bytes.substr(i, element) != bytes.take_front(element))
      return false;
  return true;
}

ElementsAttr neuroplast::makeElements(RankedTensorType type, StringRef name,
                                      StringRef bytes,
                                      std::shared_ptr<void> owner) {
  // Plain attributes want booleans as values.
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values;
    for (char c : bytes)
      values.push_back(c != 0);
    return DenseElementsAttr::get(type, ArrayRef<bool>(values));
  }
  size_t element = getStorageBytes(type.getElementType());
  bool isPlain = type.getNumElements() <= kMostPlainElements;
  if (!isPlain && isSplat(bytes, element)) {
    bytes = bytes.take_front(element);
    isPlain = true;
  }
  if (isPlain)
    return DenseElementsAttr::getFromRawBuffer(
        type, ArrayRef<char>(bytes.data(), bytes.size()));
  AsmResourceBlob blob(
      ArrayRef<char>(bytes.data(), bytes.size()), /*dataAlignment=*/1,
      [owner = std::move(owner)](void *, size_t, size_t) mutable {
        owner.reset();
      },
      /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

ElementsAttr neuroplast::makeElements(RankedTensorType type, StringRef name,
                                      std::string bytes) {
  auto owner = std::make_shared<std::string>(std::move(bytes));
  return makeElements(type, name, *owner, owner);
}

void neuroplast::releaseUnusedElements(MLIRContext *context,
                                       ArrayRef<ModuleOp> needed) {
  llvm::StringSet<> used;
  for (ModuleOp module : needed)
    module.walk([&](Operation *op) {
      op->getAttrDictionary().walk([&](DenseResourceElementsAttr attr) {
        used.insert(attr.getRawHandle().getKey());
      });
    });
  DialectResourceBlobManager &manager =
      DenseResourceElementsHandle::getManagerInterface(context)
          .getBlobManager();
  std::vector<std::string> unused;
  manager.getBlobMap([&](const auto &blobs) {
    for (StringRef key : blobs.keys())
      if (!used.contains(key))
        unused.push_back(key.str());
  });
  for (const std::string &key : unused)
    manager.update(key, AsmResourceBlob());
}
