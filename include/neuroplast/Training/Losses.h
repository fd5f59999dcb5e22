//===- Losses.h - What training makes smaller -------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_LOSSES_H
#define NEUROPLAST_TRAINING_LOSSES_H

#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include <optional>

namespace neuroplast::training {

enum class Loss {
  /// The mean negative logarithm of the probability of a class: axis 1 of the
  /// output has logits, or their softmax; labels are integers.
  CrossEntropy,
  /// The mean squared difference; labels have the type of the output.
  MeanSquares,
  /// The mean magnitude of the difference.
  MeanMagnitude
};

/// By "cross-entropy", "mse" or "mae".
std::optional<Loss> parseLoss(llvm::StringRef name);

/// The type that labels need for such an output; null, with a reason, if the
/// loss is not for it.
mlir::RankedTensorType getLabelsType(Loss loss, mlir::RankedTensorType output,
                                     std::string &reason);

/// The loss of an output as a scalar.
neuro::Term buildLoss(Loss loss, const neuro::Term &output,
                      const neuro::Term &labels);

} // namespace neuroplast::training

#endif // NEUROPLAST_TRAINING_LOSSES_H
