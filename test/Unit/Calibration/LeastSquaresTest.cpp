//===- LeastSquaresTest.cpp - Fits that are known beforehand --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/LeastSquares.h"
#include "gtest/gtest.h"

#include <random>

using namespace neuroplast::calibration;

namespace {

constexpr int64_t kSize = 5, kOuts = 3, kSamples = 200;

class LeastSquares : public testing::Test {
protected:
  LeastSquares() : moments(kSize, kOuts) {
    std::mt19937_64 generator(1);
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < kSize * kOuts; ++i)
      truth.weights.push_back(normal(generator));
    for (int64_t out = 0; out < kOuts; ++out)
      truth.offset.push_back(normal(generator));
    for (int64_t sample = 0; sample < kSamples; ++sample) {
      std::vector<double> x, t;
      for (int64_t i = 0; i < kSize; ++i)
        x.push_back(normal(generator) + i);
      for (int64_t out = 0; out < kOuts; ++out) {
        double result = truth.offset[out];
        for (int64_t i = 0; i < kSize; ++i)
          result += truth.weights[out * kSize + i] * x[i];
        t.push_back(result);
      }
      add(x, t);
    }
    start.weights.assign(kSize * kOuts, 0.25);
    start.offset.assign(kOuts, 0.5);
  }

  void add(const std::vector<double> &x, const std::vector<double> &t) {
    ++moments.samples;
    for (int64_t i = 0; i < kSize; ++i) {
      moments.sumX[i] += x[i];
      for (int64_t j = 0; j < kSize; ++j)
        moments.gram[i * kSize + j] += x[i] * x[j];
      for (int64_t out = 0; out < kOuts; ++out)
        moments.cross[i * kOuts + out] += x[i] * t[out];
    }
    for (int64_t out = 0; out < kOuts; ++out) {
      moments.sumT[out] += t[out];
      moments.squareT[out] += t[out] * t[out];
    }
  }

  Moments moments;
  LinearFit truth, start;
};

TEST_F(LeastSquares, FindWhatMadeTheSamples) {
  LinearFit fit;
  ASSERT_TRUE(solve(moments, start, /*fitsOffset=*/true, /*penalty=*/0, fit));
  for (size_t i = 0; i < fit.weights.size(); ++i)
    EXPECT_NEAR(fit.weights[i], truth.weights[i], 1e-9);
  for (size_t i = 0; i < fit.offset.size(); ++i)
    EXPECT_NEAR(fit.offset[i], truth.offset[i], 1e-9);
  EXPECT_NEAR(getResidual(moments, fit), 0, 1e-9);
}

TEST_F(LeastSquares, KeepAnOffsetThatIsNotToChange) {
  LinearFit fit;
  ASSERT_TRUE(solve(moments, start, /*fitsOffset=*/false, 0, fit));
  EXPECT_EQ(fit.offset, start.offset);
  double residual = getResidual(moments, fit);
  EXPECT_LT(residual, getResidual(moments, start));
  // No other weights do better.
  for (size_t i = 0; i < fit.weights.size(); ++i)
    for (double step : {-1e-3, 1e-3}) {
      LinearFit other = fit;
      other.weights[i] += step;
      EXPECT_LT(residual, getResidual(moments, other));
    }
}

TEST_F(LeastSquares, StayNearTheStartUnderAPenalty) {
  auto distance = [&](double penalty) {
    LinearFit fit;
    EXPECT_TRUE(solve(moments, start, true, penalty, fit));
    double sum = 0;
    for (size_t i = 0; i < fit.weights.size(); ++i)
      sum += (fit.weights[i] - start.weights[i]) *
             (fit.weights[i] - start.weights[i]);
    return sum;
  };
  EXPECT_LT(distance(1), distance(0.01));
  EXPECT_LT(distance(1e9), 1e-9);
}

TEST_F(LeastSquares, TakeInputsThatAreAlwaysZero) {
  Moments empty(kSize, kOuts);
  empty.samples = kSamples;
  LinearFit fit;
  ASSERT_TRUE(solve(empty, start, true, 0.01, fit));
  EXPECT_EQ(fit.weights, start.weights);
}

} // namespace
