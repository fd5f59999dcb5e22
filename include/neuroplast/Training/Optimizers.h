//===- Optimizers.h - How parameters follow their gradients -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_OPTIMIZERS_H
#define NEUROPLAST_TRAINING_OPTIMIZERS_H

#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include <optional>

namespace neuroplast::training {

/// A rule by which parameters change; numbers have the names and the defaults
/// of PyTorch.
struct Optimizer {
  enum class Kind {
    /// v = momentum v + g; p -= rate v (Polyak 1964), or, after Nesterov
    /// (1983), p -= rate (g + momentum v).
    Sgd,
    /// Kingma and Ba, arXiv 1412.6980; weight decay is added to the gradient.
    Adam,
    /// Loshchilov and Hutter, arXiv 1711.05101; weight decay is apart from it.
    AdamW,
    /// p -= rate g / (sqrt(v) + epsilon), v = alpha v + (1 - alpha) g^2
    /// (Tieleman and Hinton 2012).
    RmsProp,
    /// p -= rate g / (sqrt(v) + epsilon), v += g^2 (Duchi et al. 2011).
    Adagrad,
    /// p -= rate sign(c), c = beta1 m + (1 - beta1) g, m = beta2 m + (1 -
    /// beta2)
    /// g (Chen et al., arXiv 2302.06675); weight decay is apart from it.
    Lion
  };
  Kind kind = Kind::Sgd;
  double momentum = 0;
  bool isNesterov = false;
  double beta1 = 0.9, epsilon = 1e-8, alpha = 0.99;
  double weightDecay = 0;
  /// Whether Adam and AdamW count the steps of each element of a parameter, not
  /// those of the training: units that joined later, whose moments begin at
  /// zero, are corrected for that as the others were.
  bool countsOwnSteps = false;

  /// By "sgd", "adam", "adamw", "rmsprop", "adagrad" or "lion".
  static std::optional<Kind> parseKind(llvm::StringRef name);
  static llvm::StringRef getKinds(); ///< for people

  double getBeta2() const { return kind == Kind::Lion ? 0.99 : 0.999; }

  /// What it remembers of each parameter, in tensors of the same shape, zero at
  /// first: how their names end.
  llvm::SmallVector<llvm::StringRef> getStates() const;
};

/// A parameter and its states, after a step.
struct Update {
  neuro::Term parameter;
  llvm::SmallVector<neuro::Term> states;
};

/// Builds a step. `rate` and `step`, the number of this step from 1 on, are
/// scalars of f32.
Update buildUpdate(const Optimizer &optimizer, const neuro::Term &parameter,
                   const neuro::Term &gradient,
                   llvm::ArrayRef<neuro::Term> states, const neuro::Term &rate,
                   const neuro::Term &step);

} // namespace neuroplast::training

#endif // NEUROPLAST_TRAINING_OPTIMIZERS_H
