//===- Examples.cpp - Labelled examples -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/Examples.h"

#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace neuroplast;
using namespace neuroplast::learning;

/// The bytes of files that stay in memory after they were read, and how many
/// come with a row: systems map what lies around it, too.
static constexpr uint64_t kMostMapped = uint64_t(64) << 20, kAround = 1 << 19;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

void neuroplast::learning::widenIntegers(HostTensor &tensor) {
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

/// The archives of a folder, by their names.
static llvm::Expected<std::vector<std::string>>
listArchives(llvm::StringRef path) {
  std::vector<std::string> paths;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(path, code), end;
       it != end && !code; it.increment(code))
    if (llvm::sys::path::extension(it->path()) == ".npz")
      paths.push_back(it->path());
  if (code)
    return makeError(code.message());
  llvm::sort(paths);
  return paths;
}

llvm::Expected<Examples> Examples::read(llvm::StringRef path,
                                        llvm::StringRef labels, Need need) {
  std::vector<std::string> paths;
  if (llvm::sys::fs::is_directory(path)) {
    auto listed = listArchives(path);
    if (!listed)
      return listed.takeError();
    paths = std::move(*listed);
  }
  if (paths.empty())
    paths.push_back(path.str());
  Examples examples;
  examples.labels = labels.str();
  for (const std::string &file : paths) {
    auto arrays = mapArrays(file);
    if (!arrays)
      return arrays.takeError();
    if (llvm::Error error = examples.add(std::move(*arrays), need))
      return file == path ? std::move(error)
                          : makeError("'" + llvm::sys::path::filename(file) +
                                      "' " + llvm::toString(std::move(error)));
  }
  return examples;
}

llvm::Error Examples::add(MappedArrays arrays, Need need) {
  if (need == Need::None)
    arrays.erase(labels);
  else if (need == Need::Labels && !arrays.count(labels))
    return makeError("has no array '" + labels + "' of labels");
  if (arrays.empty())
    return makeError("has no arrays");
  std::optional<int64_t> own;
  for (const auto &[name, array] : arrays)
    total += array.bytes.size();
  for (const auto &[name, array] : arrays) {
    if (array.dtype == NEUROPLAST_STRING || array.shape.empty())
      return makeError("array '" + name + "' has no examples");
    if (own && array.shape[0] != *own)
      return makeError("array '" + name + "' has " +
                       llvm::Twine(array.shape[0]) +
                       " examples, and others have " + llvm::Twine(*own));
    own = array.shape[0];
    if (parts.empty())
      continue;
    auto first = getFirst().find(name);
    if (first == getFirst().end() || first->second.dtype != array.dtype ||
        llvm::ArrayRef(first->second.shape).drop_front() !=
            llvm::ArrayRef(array.shape).drop_front())
      return makeError("array '" + name +
                       "' is none that the first file has in this form");
  }
  if (!parts.empty() && arrays.size() != getFirst().size())
    return makeError("does not have all arrays that the first file has");
  parts.push_back({count, std::move(arrays)});
  count += *own;
  return llvm::Error::success();
}

BatchForm Examples::getForm(int64_t batch) const {
  BatchForm form;
  for (const auto &[name, array] : getFirst()) {
    std::vector<int64_t> shape = array.shape;
    shape.front() = batch;
    if (name != labels) {
      form.inputs[name] = llvm::to_vector(llvm::ArrayRef<int64_t>(shape));
      continue;
    }
    form.mostLabels = shape.size() == 2 ? shape[1] : 0;
    form.labels = std::move(shape);
  }
  return form;
}

const Examples::Part &Examples::findPart(int64_t example) const {
  return *std::prev(
      llvm::upper_bound(parts, example, [](int64_t place, const Part &part) {
        return place < part.first;
      }));
}

void Examples::gather(llvm::ArrayRef<int64_t> examples,
                      NamedTensors &batch) const {
  for (const auto &[name, first] : getFirst()) {
    HostTensor &rows = batch[name == labels ? std::string("labels") : name];
    rows.dtype = first.dtype;
    rows.shape = first.shape;
    rows.shape[0] = examples.size();
    size_t bytes = getElementBytes(first.dtype);
    for (int64_t size : llvm::ArrayRef(first.shape).drop_front())
      bytes *= size;
    rows.bytes.resize(bytes * examples.size());
    for (auto [place, example] : llvm::enumerate(examples)) {
      const Part &part = findPart(example);
      const MappedArray &array = part.arrays.find(name)->second;
      memcpy(rows.bytes.data() + place * bytes,
             array.bytes.data() + (example - part.first) * bytes, bytes);
    }
    gathered += examples.size() * (bytes + kAround);
    if (name == labels)
      widenIntegers(rows);
  }
  if (gathered < kMostMapped || total < kMostMapped)
    return;
  gathered = 0;
  for (const Part &part : parts)
    for (const auto &[name, array] : part.arrays)
      releasePages(array.bytes);
}
