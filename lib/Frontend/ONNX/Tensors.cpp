//===- Tensors.cpp - Types and constant tensors of ONNX -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tensors.h"

#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"

using namespace mlir;
using namespace neuroplast;
using onnx::TensorProto;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// Bytes of one element in ONNX's raw data.
static int64_t getStorageBytes(Type type) {
  return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
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
  return makeElements(type, name, raw, std::move(owner));
}
