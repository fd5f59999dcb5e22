//===- Examples.cpp - Labelled examples -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Examples.h"

#include "neuroplast/Runtime/Npz.h"

using namespace neuroplast;
using namespace neuroplast::driver;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// Integers of any kind as those of 64 bits, which labels of classes are.
static void widen(HostTensor &tensor) {
  auto convert = [&](auto sample) {
    using T = decltype(sample);
    std::vector<char> bytes(tensor.getNumElements() * sizeof(int64_t));
    for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
      T value;
      memcpy(&value, tensor.bytes.data() + i * sizeof(T), sizeof(T));
      auto wide = static_cast<int64_t>(value);
      memcpy(bytes.data() + i * sizeof wide, &wide, sizeof wide);
    }
    tensor.bytes = std::move(bytes);
    tensor.dtype = NEUROPLAST_INT64;
  };
  switch (tensor.dtype) {
  case NEUROPLAST_UINT8:
    return convert(uint8_t());
  case NEUROPLAST_INT8:
    return convert(int8_t());
  case NEUROPLAST_INT16:
    return convert(int16_t());
  case NEUROPLAST_UINT16:
    return convert(uint16_t());
  case NEUROPLAST_INT32:
    return convert(int32_t());
  case NEUROPLAST_UINT32:
    return convert(uint32_t());
  default:
    return;
  }
}

llvm::Expected<Examples>
Examples::read(llvm::StringRef path, llvm::StringRef labels, bool needsLabels) {
  auto arrays = readNpz(path);
  if (!arrays)
    return arrays.takeError();
  Examples examples;
  if (!needsLabels)
    arrays->erase(labels.str());
  else if (!arrays->count(labels.str()))
    return makeError("has no array '" + labels + "' of labels");
  if (arrays->empty())
    return makeError("has no arrays");
  bool isFirst = true;
  for (auto &[name, tensor] : *arrays) {
    if (tensor.dtype == NEUROPLAST_STRING || tensor.shape.empty())
      return makeError("array '" + name + "' has no examples");
    if (!isFirst && tensor.shape[0] != examples.count)
      return makeError(
          "array '" + name + "' has " + llvm::Twine(tensor.shape[0]) +
          " examples, and others have " + llvm::Twine(examples.count));
    examples.count = tensor.shape[0];
    isFirst = false;
    HostTensor &kept =
        examples.arrays[name == labels ? std::string("labels") : name];
    kept = std::move(tensor);
    if (name == labels)
      widen(kept);
  }
  return examples;
}

int64_t Examples::getMostLabels() const {
  auto labels = arrays.find("labels");
  bool areLists = labels != arrays.end() && labels->second.shape.size() == 2;
  return areLists ? labels->second.shape[1] : 0;
}

std::vector<std::string> Examples::describeShapes(int64_t batch) const {
  std::vector<std::string> shapes;
  for (const auto &[name, tensor] : arrays) {
    if (name == "labels")
      continue;
    std::string shape = name + "=" + std::to_string(batch);
    for (int64_t size : llvm::ArrayRef(tensor.shape).drop_front())
      shape += "x" + std::to_string(size);
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

void Examples::gather(llvm::ArrayRef<int64_t> examples,
                      NamedTensors &batch) const {
  for (const auto &[name, tensor] : arrays) {
    HostTensor &rows = batch[name];
    rows.dtype = tensor.dtype;
    rows.shape = tensor.shape;
    rows.shape[0] = examples.size();
    size_t bytes = count ? tensor.bytes.size() / count : 0;
    rows.bytes.resize(bytes * examples.size());
    for (auto [place, example] : llvm::enumerate(examples))
      memcpy(rows.bytes.data() + place * bytes,
             tensor.bytes.data() + example * bytes, bytes);
  }
}
