//===- Tensors.cpp - Types and constant tensors of ONNX -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tensors.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "llvm/ADT/APFloat.h"

using namespace mlir;
using namespace neuroplast;
using onnx::TensorProto;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// Tensors of up to this many elements are plain attributes.
static constexpr int64_t smallElements = 16;

/// Bytes of one element in ONNX's raw data.
static int64_t getStorageBytes(Type type) {
  return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
}

/// Booleans are a byte each in ONNX, and in resources; plain attributes want
/// them as values.
static ElementsAttr makeDense(RankedTensorType type, StringRef bytes) {
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values;
    for (char c : bytes)
      values.push_back(c != 0);
    return DenseElementsAttr::get(type, ArrayRef<bool>(values));
  }
  return DenseElementsAttr::getFromRawBuffer(
      type, ArrayRef<char>(bytes.data(), bytes.size()));
}

static bool isSplat(StringRef bytes, size_t element) {
  for (size_t i = element; i + element <= bytes.size(); i += element)
    if (bytes.substr(i, element) != bytes.take_front(element))
      return false;
  return true;
}

static ElementsAttr makeResource(RankedTensorType type, StringRef name,
                                 StringRef bytes, std::shared_ptr<void> owner) {
  AsmResourceBlob blob(
      ArrayRef<char>(bytes.data(), bytes.size()), /*dataAlignment=*/1,
      [owner = std::move(owner)](void *, size_t, size_t) mutable {
        owner.reset();
      },
      /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

/// A splat of a large tensor; the bytes of one element.
static ElementsAttr makeSplat(RankedTensorType type, StringRef element) {
  if (type.getElementType().isInteger(1))
    return DenseElementsAttr::get(type, element[0] != 0);
  return DenseElementsAttr::getFromRawBuffer(
      type, ArrayRef<char>(element.data(), element.size()));
}

static ElementsAttr chooseForm(RankedTensorType type, StringRef name,
                               StringRef bytes, std::shared_ptr<void> owner) {
  size_t element = getStorageBytes(type.getElementType());
  if (type.getNumElements() <= smallElements ||
      type.getElementType().isInteger(1))
    return makeDense(type, bytes);
  if (isSplat(bytes, element))
    return makeSplat(type, bytes.take_front(element));
  return makeResource(type, name, bytes, std::move(owner));
}

ElementsAttr neuroplast::makeElements(RankedTensorType type, StringRef name,
                                      std::string bytes) {
  auto owner = std::make_shared<std::string>(std::move(bytes));
  return chooseForm(type, name, *owner, owner);
}

template <typename To, typename Field>
static std::string pack(const Field &values) {
  std::string bytes;
  bytes.reserve(values.size() * sizeof(To));
  for (auto value : values) {
    To element = static_cast<To>(value);
    bytes.append(reinterpret_cast<const char *>(&element), sizeof(To));
  }
  return bytes;
}

/// The typed fields of a tensor as raw bytes.
static llvm::Expected<std::string> packFields(const TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return pack<float>(tensor.float_data());
  case TensorProto::DOUBLE:
    return pack<double>(tensor.double_data());
  case TensorProto::INT64:
    return pack<int64_t>(tensor.int64_data());
  case TensorProto::UINT64:
    return pack<uint64_t>(tensor.uint64_data());
  case TensorProto::UINT32:
    return pack<uint32_t>(tensor.uint64_data());
  case TensorProto::INT32:
    return pack<int32_t>(tensor.int32_data());
  case TensorProto::INT16:
  case TensorProto::UINT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return pack<int16_t>(tensor.int32_data());
  case TensorProto::BOOL:
  case TensorProto::INT8:
  case TensorProto::UINT8:
  case TensorProto::FLOAT8E4M3FN:
  case TensorProto::FLOAT8E4M3FNUZ:
  case TensorProto::FLOAT8E5M2:
  case TensorProto::FLOAT8E5M2FNUZ:
    return pack<int8_t>(tensor.int32_data());
  default:
    return makeError("holds values of an unknown type");
  }
}

llvm::Expected<ElementsAttr>
neuroplast::convertTensor(const std::shared_ptr<LoadedModel> &model,
                          const TensorProto &tensor, StringRef name,
                          MLIRContext *context) {
  auto refuse = [&](const llvm::Twine &reason) {
    return makeError("tensor '" + name + "' " + reason);
  };
  Type element = getElementType(tensor.data_type(), context);
  if (!element || isa<neuro::StringType>(element))
    return refuse("has element type " +
                  TensorProto::DataType_Name(
                      static_cast<TensorProto::DataType>(tensor.data_type())) +
                  ", which constants cannot have");
  SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  // Sizes are checked before anything of that size is made.
  if (auto problem = neuro::findShapeProblem(shape, element))
    return refuse(*problem);
  uint64_t bytes = neuro::countElements(shape) * getStorageBytes(element);
  auto type = RankedTensorType::get(shape, element);
  StringRef raw;
  std::shared_ptr<void> owner = model;
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    auto data = mapExternalData(*model, tensor);
    if (!data)
      return data.takeError();
    owner = data->first;
    raw = data->second;
    if (raw.size() > bytes)
      raw = raw.take_front(bytes);
  } else if (tensor.has_raw_data()) {
    raw = tensor.raw_data();
  } else {
    auto packed = packFields(tensor);
    if (!packed)
      return packed.takeError();
    auto string = std::make_shared<std::string>(std::move(*packed));
    raw = *string;
    owner = string;
  }
  if (raw.size() != bytes)
    return refuse("has " + llvm::Twine(raw.size()) +
                  " bytes of data, expected " + llvm::Twine(bytes));
  return chooseForm(type, name, raw, std::move(owner));
}

llvm::Expected<std::string> neuroplast::getRawBytes(ElementsAttr value) {
  auto type = cast<RankedTensorType>(value.getShapedType());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return makeError("the data of a tensor was elided");
    return std::string(blob->getData().data(), blob->getData().size());
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return makeError("a tensor is of an unknown form");
  std::string bytes;
  if (type.getElementType().isInteger(1)) {
    for (bool element : dense.getValues<bool>())
      bytes.push_back(element);
    return bytes;
  }
  ArrayRef<char> raw = dense.getRawData();
  int64_t copies = dense.isSplat() ? type.getNumElements() : 1;
  for (int64_t i = 0; i < copies; ++i)
    bytes.append(raw.data(), raw.size());
  return bytes;
}

std::optional<SmallVector<int64_t>>
neuroplast::getIntegers(ElementsAttr value) {
  auto type = dyn_cast<IntegerType>(value.getShapedType().getElementType());
  if (!type)
    return std::nullopt;
  auto bytes = getRawBytes(value);
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return std::nullopt;
  }
  size_t width = getStorageBytes(type);
  SmallVector<int64_t> result;
  for (size_t at = 0; at + width <= bytes->size(); at += width) {
    uint64_t bits = 0;
    memcpy(&bits, bytes->data() + at, width);
    if (!type.isUnsigned() && type.getWidth() > 1)
      bits = static_cast<uint64_t>(llvm::SignExtend64(bits, width * 8));
    result.push_back(static_cast<int64_t>(bits));
  }
  return result;
}

std::optional<SmallVector<double>> neuroplast::getFloats(ElementsAttr value) {
  auto type = dyn_cast<FloatType>(value.getShapedType().getElementType());
  if (!type)
    return std::nullopt;
  auto bytes = getRawBytes(value);
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return std::nullopt;
  }
  size_t width = getStorageBytes(type);
  SmallVector<double> result;
  for (size_t at = 0; at + width <= bytes->size(); at += width) {
    uint64_t bits = 0;
    memcpy(&bits, bytes->data() + at, width);
    APFloat number(type.getFloatSemantics(), APInt(width * 8, bits));
    bool lossy = false;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
    result.push_back(number.convertToDouble());
  }
  return result;
}
