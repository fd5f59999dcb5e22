//===- Samples.h - Where layers are looked at ------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CALIBRATION_SAMPLES_H
#define NEUROPLAST_LIB_CALIBRATION_SAMPLES_H

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace neuroplast::calibration {

/// Enough to know the moments of a few numbers well.
inline constexpr int64_t kManySamples = 32768;

/// A position of a result in one of the batches.
struct Sample {
  size_t batch;
  int64_t position;
};

/// Positions spread evenly over all batches, `kManySamples` or `most` of them
/// if there are as many.
inline std::vector<Sample> drawSamples(size_t batches, int64_t positions,
                                       int64_t most, uint64_t seed) {
  int64_t total = positions * static_cast<int64_t>(batches);
  int64_t count = std::min(total, std::max(kManySamples, most));
  std::mt19937_64 generator(seed);
  double stride = static_cast<double>(total) / static_cast<double>(count);
  std::vector<Sample> samples;
  for (int64_t i = 0; i < count; ++i) {
    double jitter = static_cast<double>(generator() >> 11) * 0x1p-53;
    auto place = static_cast<int64_t>((i + jitter) * stride);
    samples.push_back(
        {static_cast<size_t>(place / positions), place % positions});
  }
  return samples;
}

} // namespace neuroplast::calibration

#endif // NEUROPLAST_LIB_CALIBRATION_SAMPLES_H
