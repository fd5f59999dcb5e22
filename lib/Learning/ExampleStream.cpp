//===- ExampleStream.cpp - Examples that come and go ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/ExampleStream.h"

#include "neuroplast/Learning/Examples.h"
#include "neuroplast/Runtime/Npz.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <numeric>
#include <thread>

using namespace neuroplast;
using namespace neuroplast::learning;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

namespace {

class FolderStream : public ExampleStream {
public:
  FolderStream(llvm::StringRef path, llvm::StringRef labels, bool needsLabels,
               double patience)
      : path(path), labels(labels), needsLabels(needsLabels),
        patience(patience) {}

  llvm::Expected<std::optional<NamedTensors>> read(int64_t most) override {
    while (!examples || next == examples->getCount()) {
      auto opened = openNext();
      if (!opened)
        return opened.takeError();
      if (!*opened)
        return std::nullopt;
    }
    std::vector<int64_t> places(std::min(most, examples->getCount() - next));
    std::iota(places.begin(), places.end(), next);
    next += static_cast<int64_t>(places.size());
    NamedTensors read;
    examples->gather(places, read);
    return read;
  }

private:
  /// Opens the archive behind the last one, once there is one; false if none
  /// came.
  llvm::Expected<bool> openNext() {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::milliseconds pause(50);
    examples.reset();
    next = 0;
    auto start = Clock::now();
    while (true) {
      auto files = listFiles(path, ".npz");
      if (!files)
        return files.takeError();
      auto found = llvm::upper_bound(*files, last);
      if (found != files->end()) {
        last = *found;
        break;
      }
      if (std::chrono::duration<double>(Clock::now() - start).count() >=
          patience)
        return false;
      std::this_thread::sleep_for(pause);
    }
    auto read = Examples::read(last, labels,
                               needsLabels ? Examples::Need::Labels
                                           : Examples::Need::Any);
    if (!read)
      return makeError("'" + llvm::sys::path::filename(last) + "' " +
                       llvm::toString(read.takeError()));
    examples.emplace(std::move(*read));
    return true;
  }

  std::string path, labels;
  bool needsLabels;
  double patience;
  std::string last; ///< that was opened
  std::optional<Examples> examples;
  int64_t next = 0; ///< of the examples
};

class PipeStream : public ExampleStream {
public:
  PipeStream(std::FILE *file, std::vector<std::string> names)
      : file(file), names(std::move(names)) {}

  llvm::Expected<std::optional<NamedTensors>> read(int64_t) override {
    NamedTensors read;
    for (const std::string &name : names) {
      auto array = readArray();
      if (!array)
        return makeError("array " + llvm::Twine(number) + ", '" + name + "', " +
                         llvm::toString(array.takeError()));
      if (!*array && read.empty())
        return std::nullopt;
      if (!*array)
        return makeError("ends before '" + name + "' of its last examples");
      ++number;
      if (name == "labels")
        widenIntegers(**array);
      read[name] = std::move(**array);
    }
    return read;
  }

private:
  /// Reads so many bytes more; false if there are not as many.
  bool append(std::string &bytes, size_t count) {
    // As they come: a header may claim more than memory holds.
    constexpr size_t kPiece = size_t(1) << 20;
    while (count > 0) {
      size_t before = bytes.size(), piece = std::min(count, kPiece);
      bytes.resize(before + piece);
      size_t got = std::fread(bytes.data() + before, 1, piece, file);
      bytes.resize(before + got);
      if (got < piece)
        return false;
      count -= got;
    }
    return true;
  }

  /// The next array; none at the end.
  llvm::Expected<std::optional<HostTensor>> readArray() {
    std::string bytes;
    if (!append(bytes, kNpyPrefix)) {
      if (bytes.empty())
        return std::nullopt;
      return makeError("is truncated");
    }
    size_t header = getNpyHeaderBytes(bytes);
    if (header < kNpyPrefix)
      return makeError("is no numpy array");
    if (!append(bytes, header - kNpyPrefix))
      return makeError("is truncated");
    auto layout = parseNpyHeader(bytes);
    if (!layout)
      return layout.takeError();
    if (!append(bytes, layout->elementBytes))
      return makeError("is truncated");
    auto array = parseNpy(bytes);
    if (!array)
      return array.takeError();
    return std::optional(std::move(*array));
  }

  std::FILE *file;
  std::vector<std::string> names;
  int64_t number = 1; ///< of the next array
};

} // namespace

std::unique_ptr<ExampleStream>
neuroplast::learning::readFolder(llvm::StringRef path, llvm::StringRef labels,
                                 bool needsLabels, double patience) {
  return std::make_unique<FolderStream>(path, labels, needsLabels, patience);
}

std::unique_ptr<ExampleStream>
neuroplast::learning::readPipe(std::FILE *file,
                               std::vector<std::string> names) {
  return std::make_unique<PipeStream>(file, std::move(names));
}

/// How many examples there are; none if arrays do not agree on that.
static llvm::Expected<int64_t> countExamples(const NamedTensors &examples) {
  std::optional<int64_t> count;
  for (const auto &[name, tensor] : examples) {
    if (tensor.dtype == NEUROPLAST_STRING || tensor.shape.empty())
      return makeError("array '" + name + "' has no examples");
    if (count && tensor.shape[0] != *count)
      return makeError("array '" + name + "' has " +
                       llvm::Twine(tensor.shape[0]) +
                       " examples, and others have " + llvm::Twine(*count));
    count = tensor.shape[0];
  }
  return count.value_or(0);
}

/// Adds examples behind others of the same form.
static llvm::Error append(NamedTensors &to, NamedTensors from) {
  if (to.empty()) {
    to = std::move(from);
    return llvm::Error::success();
  }
  for (auto &[name, tensor] : from) {
    auto it = to.find(name);
    if (it == to.end() || it->second.dtype != tensor.dtype ||
        llvm::ArrayRef(it->second.shape).drop_front() !=
            llvm::ArrayRef(tensor.shape).drop_front())
      return makeError("array '" + name +
                       "' is none that examples before it have in this form");
    it->second.shape[0] += tensor.shape[0];
    llvm::append_range(it->second.bytes, tensor.bytes);
  }
  if (to.size() != from.size())
    return makeError("examples do not have all arrays that others before them "
                     "have");
  return llvm::Error::success();
}

/// Takes the first examples away.
static NamedTensors takeFront(NamedTensors &examples, int64_t count) {
  NamedTensors taken;
  for (auto &[name, tensor] : examples) {
    HostTensor &front = taken[name];
    front.dtype = tensor.dtype;
    front.shape = tensor.shape;
    front.shape[0] = count;
    auto end =
        tensor.bytes.begin() +
        static_cast<int64_t>(tensor.bytes.size()) / tensor.shape[0] * count;
    front.bytes.assign(tensor.bytes.begin(), end);
    tensor.bytes.erase(tensor.bytes.begin(), end);
    tensor.shape[0] -= count;
  }
  return taken;
}

llvm::Expected<std::optional<NamedTensors>> StreamBatches::read() {
  while (true) {
    auto count = countExamples(rest);
    if (!count)
      return count.takeError();
    if (*count >= size)
      return takeFront(rest, size);
    auto more = stream->read(size - *count);
    if (!more)
      return more.takeError();
    if (!*more)
      return std::nullopt;
    if (auto counted = countExamples(**more); !counted)
      return counted.takeError();
    if (llvm::Error error = append(rest, std::move(**more)))
      return std::move(error);
  }
}
