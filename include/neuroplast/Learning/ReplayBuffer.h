//===- ReplayBuffer.h - Examples that are seen again ------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_REPLAYBUFFER_H
#define NEUROPLAST_LEARNING_REPLAYBUFFER_H

#include "neuroplast/Runtime/Model.h"

#include <random>

namespace neuroplast::learning {

/// A fixed number of the examples of a stream, each of which is in it with the
/// same probability (Vitter, "Random sampling with a reservoir", 1985). What
/// they are drawn by are seeds, so that a stream is replayed the same again.
class ReplayBuffer {
public:
  ReplayBuffer(int64_t most, uint64_t seed) : most(most), random(seed) {}

  /// Shows it the examples of a batch, along the first axis of each tensor.
  void add(const NamedTensors &batch);
  /// Appends so many examples of it to a batch of the same tensors; examples
  /// may come more than once. Nothing if it has none.
  void extend(NamedTensors &batch, int64_t count);

  int64_t getCount() const { return count; }

private:
  int64_t most, count = 0, seen = 0;
  std::mt19937_64 random;
  NamedTensors examples;
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_REPLAYBUFFER_H
