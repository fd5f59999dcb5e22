//===- AxisRuleTest.cpp - Tests of printing and parsing axis rules --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/AxisRule.h"
#include "gtest/gtest.h"

using namespace neuroplast::neuro;

namespace {

void expectRoundTrip(llvm::StringRef text) {
  AxisRule rule;
  std::string error;
  ASSERT_TRUE(AxisRule::parse(text, rule, error)) << error;
  EXPECT_EQ(rule.str(), text.str());
}

std::string getError(llvm::StringRef text) {
  AxisRule rule;
  std::string error;
  EXPECT_FALSE(AxisRule::parse(text, rule, error));
  return error;
}

TEST(AxisRule, RoundTrips) {
  expectRoundTrip(
      "n (g i) h, (g o) i k, (g o) -> n (g o) p | n=?, g=4 block, i=8, "
      "h=28 spatial, o=2, k=3 spatial, p=26 spatial");
  expectRoundTrip("a, b -> (a + b) | a=3, b=5");
  expectRoundTrip("(u + a t + v) -> ~a | u=1, a=4, t=2 fixed, v=3");
  expectRoundTrip("a b -> c d & (a b) = (c d) | a=4, b=6, c=3, d=8");
  expectRoundTrip("a 1, _ -> a 1 | a=4 nonzero pinned \"'neuro.softmax' runs "
                  "over the axis\"");
  expectRoundTrip("- -> a | a=2");
}

TEST(AxisRule, SaysWhatIsWrong) {
  EXPECT_EQ(getError("a b c"), "expected '->' at the end");
  EXPECT_EQ(getError("a -> b | a=1"), "factor 'b' has no extent at the end");
  EXPECT_EQ(getError("a -> a | a=x"), "expected an extent before 'x'");
  EXPECT_EQ(getError("a -> (a | a=1"), "expected ')' before '|'");
}

TEST(AxisRule, Extents) {
  AxisRule rule;
  std::string error;
  ASSERT_TRUE(
      AxisRule::parse("(a b + c) d -> a | a=2, b=3, c=4, d=?", rule, error));
  EXPECT_EQ(rule.getExtent(rule.operands[0][0]), 10);
  EXPECT_EQ(rule.getExtent(rule.operands[0][1]), AxisRule::kDynamic);
}

} // namespace
