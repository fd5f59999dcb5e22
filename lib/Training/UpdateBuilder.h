//===- UpdateBuilder.h - From gradients to updates --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_TRAINING_UPDATEBUILDER_H
#define NEUROPLAST_LIB_TRAINING_UPDATEBUILDER_H

#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Units/VanishingUnits.h"
#include "neuroplast/Training/TrainStep.h"

namespace neuroplast::training {

/// A parameter that learns, and what the optimizer remembers of it.
struct Learner {
  mlir::Value parameter;
  llvm::SmallVector<mlir::Value> states;
  bool isUndecayed = false;
  mlir::Value sum; ///< of the parts of its gradient; null if there is one only
  mlir::Value movement; ///< away from zero; null if nobody asks for it
  mlir::Value mask; ///< zero where the parameter stays so; null if it has none
  mlir::Value plasticity; ///< zero where it stays as it is; null if nowhere
  neuro::ParamOp op;
  /// Where it is held, and how much each element of that matters; null if it is
  /// free.
  mlir::Value anchor, importance;
};

/// What a step reads beside parameters, scalars of f32: the learning rate, the
/// number of the step and, of an update in several parts, that of the part.
struct StepNumbers {
  mlir::Value rate, step, part;
};

/// One term where a mask is not zero, else another; the first without a mask.
neuro::Term selectWhere(mlir::Value mask, const neuro::Term &set,
                        const neuro::Term &other);

/// Builds what parameters and their states become by gradients: these are
/// averaged over processes, added up over the parts of an update, held, and
/// bounded in their norm, and change nothing where a parameter is masked or
/// stays.
class UpdateBuilder {
public:
  UpdateBuilder(const neuro::TermBuilder &at, const StepOptions &options,
                StepNumbers numbers)
      : at(at), options(options), numbers(numbers) {}

  /// For each learner the parameter, its states, the sum of its gradients and
  /// its movement, as far as it has them. The gradients change on the way.
  /// `units` are those that may be drawn to zero.
  llvm::SmallVector<mlir::Value>
  build(llvm::ArrayRef<Learner> learners,
        llvm::ArrayRef<structure::MadeUnits> units,
        llvm::MutableArrayRef<mlir::Value> gradients);

private:
  mlir::Value averageOverProcesses(mlir::Value gradient);
  neuro::Term keepPlastic(const Learner &learner, mlir::Value gradient);
  neuro::Term addUp(const Learner &learner, const neuro::Term &gradient);
  mlir::Value ifComplete(const neuro::Term &term, mlir::Value before);
  neuro::Term hold(const Learner &learner, const neuro::Term &gradient);
  neuro::Term mask(const Learner &learner, const neuro::Term &term);
  void clip(llvm::MutableArrayRef<mlir::Value> gradients);

  neuro::TermBuilder at;
  const StepOptions &options;
  StepNumbers numbers;
};

} // namespace neuroplast::training

#endif // NEUROPLAST_LIB_TRAINING_UPDATEBUILDER_H
