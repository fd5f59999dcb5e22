//===- Schedule.cpp - Learning rates over time ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/Schedule.h"

#include "llvm/ADT/StringSwitch.h"

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace neuroplast::training;

std::optional<Schedule::Kind> Schedule::parseKind(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<Kind>>(name)
      .Case("constant", Kind::Constant)
      .Case("step", Kind::Step)
      .Case("linear", Kind::Linear)
      .Case("cosine", Kind::Cosine)
      .Case("one-cycle", Kind::OneCycle)
      .Default(std::nullopt);
}

/// From one number to another, along half a cosine; `share` goes from 0 to 1.
static double moveSmoothly(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

double Schedule::getRate(int64_t step) const {
  if (step < warmup)
    return rate * static_cast<double>(step + 1) / static_cast<double>(warmup);
  auto rest = static_cast<double>(std::max<int64_t>(steps - warmup, 1));
  double share = std::min(static_cast<double>(step - warmup) / rest, 1.0);
  switch (kind) {
  case Kind::Constant:
    return rate;
  case Kind::Step:
    return rate *
           std::pow(factor, static_cast<double>((step - warmup) / every));
  case Kind::Linear:
    return rate * (1 - share);
  case Kind::Cosine:
    return moveSmoothly(rate, 0, share);
  case Kind::OneCycle: {
    constexpr double kRising = 0.3;
    double first = rate / 25, last = first / 1e4;
    return share < kRising
               ? moveSmoothly(first, rate, share / kRising)
               : moveSmoothly(rate, last, (share - kRising) / (1 - kRising));
  }
  }
  return rate;
}
