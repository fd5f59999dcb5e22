//===- ReplayBufferTest.cpp - Examples that are seen again ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/ReplayBuffer.h"
#include "gtest/gtest.h"

using namespace neuroplast;
using namespace neuroplast::learning;

namespace {

/// Examples that are their numbers, once as they are and once with a row.
NamedTensors makeExamples(int64_t first, int64_t count) {
  NamedTensors examples;
  HostTensor &number = examples["number"], &row = examples["row"];
  number.dtype = row.dtype = NEUROPLAST_INT64;
  number.shape = {count};
  row.shape = {count, 3};
  number.bytes.resize(count * sizeof(int64_t));
  row.bytes.resize(3 * count * sizeof(int64_t));
  for (int64_t i = 0; i < count; ++i) {
    reinterpret_cast<int64_t *>(number.bytes.data())[i] = first + i;
    for (int64_t j = 0; j < 3; ++j)
      reinterpret_cast<int64_t *>(row.bytes.data())[3 * i + j] = first + i + j;
  }
  return examples;
}

llvm::ArrayRef<int64_t> getNumbers(const NamedTensors &examples,
                                   const std::string &name) {
  const HostTensor &tensor = examples.at(name);
  return {reinterpret_cast<const int64_t *>(tensor.bytes.data()),
          static_cast<size_t>(tensor.getNumElements())};
}

TEST(ReplayBuffer, NothingOfNothing) {
  ReplayBuffer buffer(4, 0);
  NamedTensors batch = makeExamples(0, 2);
  buffer.extend(batch, 3);
  EXPECT_EQ(batch.at("number").shape.front(), 2);
}

TEST(ReplayBuffer, ExamplesStayWhole) {
  ReplayBuffer buffer(5, 1);
  for (int64_t first = 0; first < 40; first += 4)
    buffer.add(makeExamples(first, 4));
  EXPECT_EQ(buffer.getCount(), 5);
  NamedTensors batch = makeExamples(100, 2);
  buffer.extend(batch, 50);
  llvm::ArrayRef<int64_t> numbers = getNumbers(batch, "number"),
                          rows = getNumbers(batch, "row");
  ASSERT_EQ(numbers.size(), 52u);
  ASSERT_EQ(rows.size(), 3 * 52u);
  EXPECT_EQ(numbers[1], 101);
  std::set<int64_t> drawn(numbers.begin() + 2, numbers.end());
  EXPECT_EQ(drawn.size(), 5u);
  for (auto [i, number] : llvm::enumerate(numbers))
    for (int64_t j = 0; j < 3; ++j)
      EXPECT_EQ(rows[3 * i + j], number + j);
}

// With each of many seeds, every example of the stream is in it as often as any
// other one, within four deviations.
TEST(ReplayBuffer, AllAreEquallyLikely) {
  constexpr int64_t kSeen = 30, kKept = 6, kSeeds = 4000;
  std::vector<int64_t> counts(kSeen);
  for (int64_t seed = 0; seed < kSeeds; ++seed) {
    ReplayBuffer buffer(kKept, seed);
    for (int64_t first = 0; first < kSeen; first += 3)
      buffer.add(makeExamples(first, 3));
    NamedTensors batch = makeExamples(0, 0);
    buffer.extend(batch, 200);
    std::set<int64_t> kept;
    for (int64_t number : getNumbers(batch, "number"))
      kept.insert(number);
    EXPECT_EQ(kept.size(), static_cast<size_t>(kKept));
    for (int64_t number : kept)
      ++counts[number];
  }
  double share = static_cast<double>(kKept) / kSeen;
  double deviation = std::sqrt(kSeeds * share * (1 - share));
  for (int64_t count : counts)
    EXPECT_NEAR(count, kSeeds * share, 4 * deviation);
}

} // namespace
