//===- InlineData.cpp - Large tensors left where they are -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InlineData.h"

#include "llvm/Support/LEB128.h"
#include "llvm/Support/raw_ostream.h"
#include <onnx/onnx_pb.h>

using namespace neuroplast;

using llvm::StringRef;

namespace {

/// A field of a message: all of its bytes, and what follows its tag and length.
struct Field {
  uint32_t number = 0;
  bool isBytes = false; ///< Or a message, or a text.
  StringRef all, payload;
};

/// Takes the next field from `message`; none if it is malformed.
std::optional<Field> takeField(StringRef &message) {
  enum { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };
  StringRef start = message;
  auto takeNumber = [&]() -> std::optional<uint64_t> {
    unsigned length = 0;
    const char *error = nullptr;
    uint64_t number = llvm::decodeULEB128(message.bytes_begin(), &length,
                                          message.bytes_end(), &error);
    if (error)
      return std::nullopt;
    message = message.drop_front(length);
    return number;
  };
  std::optional<uint64_t> tag = takeNumber();
  if (!tag)
    return std::nullopt;
  Field field;
  field.number = static_cast<uint32_t>(*tag >> 3);
  uint64_t length = 0;
  switch (*tag & 7) {
  case Varint:
    if (!takeNumber())
      return std::nullopt;
    break;
  case Fixed64:
    length = 8;
    break;
  case Fixed32:
    length = 4;
    break;
  case Bytes:
    if (std::optional<uint64_t> number = takeNumber())
      length = *number;
    else
      return std::nullopt;
    field.isBytes = true;
    break;
  default:
    return std::nullopt;
  }
  if (length > message.size())
    return std::nullopt;
  field.payload = message.take_front(length);
  message = message.drop_front(length);
  field.all = start.drop_back(message.size());
  return field;
}

class Lightener {
public:
  std::optional<LightModel> run(StringRef model) {
    std::optional<std::string> bytes = rewrite(
        model, onnx::ModelProto::kGraphFieldNumber, [&](StringRef graph) {
          return rewrite(
              graph, onnx::GraphProto::kInitializerFieldNumber,
              [&](StringRef tensor) { return lightenTensor(tensor); });
        });
    if (!bytes)
      return std::nullopt;
    result.bytes = std::move(*bytes);
    return std::move(result);
  }

private:
  /// A message with every field of one number changed.
  std::optional<std::string>
  rewrite(StringRef message, int number,
          llvm::function_ref<std::optional<std::string>(StringRef)> change) {
    std::string bytes;
    llvm::raw_string_ostream os(bytes);
    while (!message.empty()) {
      std::optional<Field> field = takeField(message);
      if (!field)
        return std::nullopt;
      if (field->number != static_cast<uint32_t>(number) || !field->isBytes) {
        os << field->all;
        continue;
      }
      std::optional<std::string> changed = change(field->payload);
      if (!changed)
        return std::nullopt;
      writeBytes(os, number, *changed);
    }
    return bytes;
  }

  static void writeBytes(llvm::raw_ostream &os, int number, StringRef bytes) {
    llvm::encodeULEB128(static_cast<uint64_t>(number) << 3 | 2, os);
    llvm::encodeULEB128(bytes.size(), os);
    os << bytes;
  }

  std::optional<std::string> lightenTensor(StringRef tensor) {
    using onnx::TensorProto;
    // Below, data may be sizes or the like, which are read early.
    constexpr size_t kLarge = 4096;
    std::string rest;
    StringRef data;
    bool isElsewhere = false;
    for (StringRef fields = tensor; !fields.empty();) {
      std::optional<Field> field = takeField(fields);
      if (!field)
        return std::nullopt;
      isElsewhere |= field->number == TensorProto::kExternalDataFieldNumber ||
                     field->number == TensorProto::kDataLocationFieldNumber;
      // Of several, the last one counts.
      if (field->number == TensorProto::kRawDataFieldNumber && field->isBytes)
        data = field->payload;
      else
        rest += field->all;
    }
    if (isElsewhere || data.size() < kLarge)
      return tensor.str();
    llvm::raw_string_ostream os(rest);
    onnx::StringStringEntryProto entry;
    entry.set_key(inlineDataKey.str());
    entry.set_value(std::to_string(result.data.size()));
    writeBytes(os, TensorProto::kExternalDataFieldNumber,
               entry.SerializeAsString());
    llvm::encodeULEB128(TensorProto::kDataLocationFieldNumber << 3, os);
    llvm::encodeULEB128(TensorProto::EXTERNAL, os);
    result.data.push_back(data);
    return rest;
  }

  LightModel result;
};

} // namespace

std::optional<LightModel> neuroplast::lightenModel(StringRef model) {
  return Lightener().run(model);
}
