//===- SignalsTest.cpp - Numbers that are known beforehand ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Plasticity/Signals.h"
#include "gtest/gtest.h"

using namespace neuroplast;
using namespace neuroplast::plasticity;

namespace {

/// A layer that reads `size` elements with these covariances and means.
structure::PatchStatistics makeLayer(int64_t size,
                                     const std::vector<double> &covariances,
                                     const std::vector<double> &mean) {
  structure::PatchStatistics layer;
  layer.patchSize = size;
  layer.mean = mean;
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      layer.gram.push_back(covariances[i * size + j] + mean[i] * mean[j]);
  return layer;
}

TEST(Signals, NamesAreRead) {
  for (Signal signal :
       {Signal::Loss, Signal::Accuracy, Signal::Progress, Signal::Drift,
        Signal::Dormant, Signal::Rank, Signal::Gain})
    EXPECT_EQ(parseSignal(getName(signal)), signal);
  EXPECT_EQ(parseSignal("mood"), std::nullopt);
}

TEST(Signals, RankCountsDirections) {
  structure::Statistics statistics;
  EXPECT_EQ(measureRank(statistics), 0);
  statistics["all alike"] =
      makeLayer(3, {4, 0, 0, 0, 4, 0, 0, 0, 4}, {1, 2, 3});
  EXPECT_DOUBLE_EQ(measureRank(statistics), 1);
  statistics["one direction"] = makeLayer(2, {1, 2, 2, 4}, {5, 0});
  EXPECT_DOUBLE_EQ(measureRank(statistics), (1 + 0.5) / 2);
  // What never changes says nothing.
  statistics["constant"] = makeLayer(2, {0, 0, 0, 0}, {3, 4});
  EXPECT_DOUBLE_EQ(measureRank(statistics), (1 + 0.5) / 2);
}

TEST(Signals, GainIsWhatBatchesHaveInCommon) {
  structure::Gradients gradients;
  gradients["agree"] = {{3, -2}, {9, 4}};
  EXPECT_DOUBLE_EQ(measureGain(gradients), 1);
  gradients["differ"] = {{0, 1, 0}, {1, 4, 0}};
  EXPECT_DOUBLE_EQ(measureGain(gradients), (1 + 1 + 0 + 0.25) / 4);
}

} // namespace
