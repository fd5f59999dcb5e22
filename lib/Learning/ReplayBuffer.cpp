//===- ReplayBuffer.cpp - Examples that are seen again --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/ReplayBuffer.h"

using namespace neuroplast;
using namespace neuroplast::learning;

static int64_t countExamples(const NamedTensors &batch) {
  return batch.empty() ? 0 : batch.begin()->second.shape.front();
}

/// The bytes of one example.
static size_t getStride(const HostTensor &tensor) {
  return tensor.bytes.size() / std::max<int64_t>(tensor.shape.front(), 1);
}

void ReplayBuffer::add(const NamedTensors &batch) {
  for (int64_t i = 0, size = countExamples(batch); i < size; ++i) {
    int64_t place = count;
    if (count < most)
      ++count;
    else
      place = static_cast<int64_t>(random() % (seen + 1));
    ++seen;
    if (place >= most)
      continue;
    for (const auto &[name, tensor] : batch) {
      HostTensor &kept = examples[name];
      size_t stride = getStride(tensor);
      kept.dtype = tensor.dtype;
      kept.shape = tensor.shape;
      kept.shape.front() = count;
      kept.bytes.resize(count * stride);
      memcpy(kept.bytes.data() + place * stride,
             tensor.bytes.data() + i * stride, stride);
    }
  }
}

void ReplayBuffer::extend(NamedTensors &batch, int64_t more) {
  if (count == 0)
    return;
  for (int64_t i = 0; i < more; ++i) {
    auto place = static_cast<int64_t>(random() % count);
    for (auto &[name, tensor] : batch) {
      const HostTensor &kept = examples.at(name);
      size_t stride = getStride(kept);
      const char *from = kept.bytes.data() + place * stride;
      tensor.bytes.insert(tensor.bytes.end(), from, from + stride);
    }
  }
  for (auto &[name, tensor] : batch)
    tensor.shape.front() += more;
}
