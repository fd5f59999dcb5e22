//===- TrainStep.h - A step of training as one function ---------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_TRAINSTEP_H
#define NEUROPLAST_TRAINING_TRAINSTEP_H

#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Training/Dropout.h"
#include "neuroplast/Training/Hints.h"
#include "neuroplast/Training/Losses.h"
#include "neuroplast/Training/Optimizers.h"

#include "llvm/ADT/StringSet.h"

#include <functional>
#include <vector>

namespace neuroplast::training {

struct StepOptions {
  Loss loss;
  /// A network whose first result, a single number, is the loss instead; null
  /// if there is none. It may have inputs of the names of inputs and results of
  /// the network, "output", which is the first result, and "labels".
  mlir::ModuleOp lossNetwork = {};
  Optimizer optimizer;
  /// The most that all gradients together may have as their norm; those of more
  /// become shorter (Pascanu et al., arXiv 1211.5063). Zero for no bound.
  double clipNorm = 0;
  /// How many batches the gradient of an update is the mean over.
  int64_t parts = 1;
  /// How many processes learn together, each from a batch of its own: what they
  /// have is added up, so that a step is one with all of these batches.
  int64_t processes = 1;
  /// A network that says what the labels are, and stays as it is; null if they
  /// are given. It has inputs of the same names, and its first result that of
  /// the network's.
  mlir::ModuleOp teacher = {};
  /// What the network has in common with its teacher besides, added to the
  /// loss.
  std::vector<Hint> hints = {};
  /// What is left out while it learns, beside what the network itself says.
  std::vector<Dropout> dropouts = {};
  /// Of what is drawn in a step.
  uint32_t seed = 0;
  /// Which parameters, by name, stay as they are; none if it is empty.
  std::function<bool(llvm::StringRef)> isFrozen = {};
  /// Which parameters, by name, learn although nothing reads them as a weight
  /// or a bias: tables, as of positions. None if it is empty.
  std::function<bool(llvm::StringRef)> isUnfrozen = {};
  /// How strongly parameters are held near where they are, by the square of the
  /// distance of each element, times its importance, times half of this:
  /// elastic weight consolidation (Kirkpatrick et al., arXiv 1612.00796). With
  /// `importance`, which says how much each element of a parameter matters, by
  /// its name; those of which it knows nothing are free.
  double holdStrength = 0;
  std::function<llvm::ArrayRef<float>(llvm::StringRef)> importance = {};
  /// Whether the step adds up how parameters move away from zero, as a state.
  bool sumsMovement = false;
  /// Which parameters have no weight decay, and no lasso; none if it is empty.
  std::function<bool(llvm::StringRef)> isUndecayed = {};
  /// How strongly each element is drawn to zero, by its magnitude times this
  /// (the lasso), and how strongly all together that makes a unit, by the norm
  /// of that times the root of how many elements it has times this (the group
  /// lasso). Like a decay that is decoupled, it is a way of its own behind the
  /// optimizer's, by the learning rate times that, and ends at zero.
  double lasso = 0, groupLasso = 0;
};

/// Makes `main` a step of training. Behind its inputs it takes "labels", unless
/// a teacher, which becomes a part of it, says what they are, "learning_rate",
/// "step" and, if an update has several parts, "part", which counts these from
/// zero, and, with several processes, "process", the number of this one from
/// zero (scalars of f32), and then every parameter that learns, with its
/// states, as arguments marked `neuro.param`; states are new parameters that
/// are zero and shadows of theirs. It returns "loss", what it returned before,
/// and the new value of each of those arguments, by their names. The loss is
/// that of the first result. Parameters that are arguments already may be of
/// open size (see `openParams`); so are their states and masks then. Fails
/// after an error.
///
/// What remembers statistics of its data (see `RunningStatistics`) goes by
/// those of the batch, and the remembered ones are arguments and results, too;
/// one whose statistics are frozen does as it did. Dropout (see
/// `StochasticOpInterface`) is a draw that the number of the step decides.
llvm::LogicalResult buildTrainStep(mlir::ModuleOp module,
                                   const StepOptions &options);

/// Gives a module the states that a step of training would have, as far as it
/// has none, and the sums of gradients, if there are any, on request: they are
/// zero between updates.
void addStates(mlir::ModuleOp module, const StepOptions &options,
               bool withSums = false);

/// The symbols of the parameters that a step of training takes and gives back,
/// without states.
llvm::StringSet<> listChangingParams(mlir::ModuleOp module,
                                     const StepOptions &options);

/// Makes `main` say how well it does: it takes "labels" behind its inputs, and
/// the parameters that a step of training would change, and returns "loss"
/// before what it returned.
llvm::LogicalResult buildEvaluation(mlir::ModuleOp module,
                                    const StepOptions &options);

/// Lets `main` take the parameters that a step of training would change.
llvm::LogicalResult buildAnswer(mlir::ModuleOp module,
                                const StepOptions &options);

/// Makes `main` say how its loss changes with its parameters: as
/// `buildEvaluation`, and behind that the gradient of each parameter that
/// learns, under its name. Fails after an error.
llvm::LogicalResult buildGradientStep(mlir::ModuleOp module,
                                      const StepOptions &options);

} // namespace neuroplast::training

#endif // NEUROPLAST_TRAINING_TRAINSTEP_H
