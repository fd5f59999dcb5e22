//===- Schedule.h - Learning rates over time --------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_SCHEDULE_H
#define NEUROPLAST_TRAINING_SCHEDULE_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>

namespace neuroplast::training {

/// How the learning rate goes from step to step.
struct Schedule {
  enum class Kind {
    Constant,
    /// By a factor less after every so many steps.
    Step,
    /// Down to nothing, along a line.
    Linear,
    /// Down to nothing, along half a cosine (Loshchilov and Hutter, arXiv
    /// 1608.03983, without restarts).
    Cosine,
    /// Up from a 25th, and down to a 250,000th, both along half a cosine, the
    /// first over three tenths of the time (Smith and Topin, arXiv 1708.07120,
    /// with the numbers of PyTorch).
    OneCycle
  };
  Kind kind = Kind::Constant;
  double rate = 0.01;
  /// Of all steps, and of those in which the rate rises from zero first.
  int64_t steps = 1, warmup = 0;
  int64_t every = 1;   ///< of Kind::Step
  double factor = 0.1; ///< of Kind::Step

  /// By "constant", "step", "linear", "cosine" or "one-cycle".
  static std::optional<Kind> parseKind(llvm::StringRef name);

  /// The rate of a step, from 0 on.
  double getRate(int64_t step) const;
};

} // namespace neuroplast::training

#endif // NEUROPLAST_TRAINING_SCHEDULE_H
