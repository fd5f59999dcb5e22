//===- TrainingRun.h - Steps over examples ----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_TRAININGRUN_H
#define NEUROPLAST_TOOLS_NEUROPLAST_TRAININGRUN_H

#include "Accuracy.h"
#include "Augmentation.h"
#include "Examples.h"

#include "neuroplast/Training/Schedule.h"

#include <random>

namespace neuroplast::driver {

/// How well a model does on examples.
struct Score {
  double loss = 0;
  /// The share of labels that are the most likely class.
  std::optional<double> accuracy;
};

/// A compiled step of training, and the parameters that it moves.
class TrainingRun {
public:
  /// Takes what `buildTrainStep` made, compiled, and what `buildEvaluation`
  /// did, if anything is to be evaluated. Labels of classes have an accuracy,
  /// which comes with nothing counted.
  TrainingRun(std::unique_ptr<Model> model, std::unique_ptr<Model> evaluation,
              std::optional<Accuracy> accuracy);

  /// Goes through examples once, in an order that is drawn; those that fill no
  /// batch are left out.
  llvm::Expected<Score> train(const Examples &examples, int64_t batch,
                              const training::Schedule &schedule,
                              const Augmentation &augmentation,
                              std::mt19937_64 &random);
  /// The same in the order that they have, only to see how well it does.
  llvm::Expected<Score> evaluate(const Examples &examples, int64_t batch);
  /// The parameters, with what the optimizer remembers of them, by name.
  NamedTensors getParameters() const;
  /// Goes on with others after so many steps. Fails, with a reason, if they are
  /// not those of this model.
  llvm::Error setParameters(const NamedTensors &params, int64_t steps);
  /// The steps that were taken, those of former trainings among them.
  int64_t getNumSteps() const { return numSteps; }
  /// Those that former trainings took; the schedule begins behind them.
  void setFormerSteps(int64_t steps) { formerSteps = numSteps = steps; }

private:
  /// Goes through batches of examples, with a model whose results are the loss
  /// and those of the network first.
  llvm::Expected<Score> run(const Examples &examples, int64_t batch,
                            llvm::ArrayRef<int64_t> order,
                            const training::Schedule *schedule,
                            llvm::function_ref<void(NamedTensors &)> change);
  /// Runs a step on a batch; the new parameters are in `next`.
  llvm::Error step(const NamedTensors &batch);
  /// Runs the network on a batch.
  llvm::Error evaluateBatch(const NamedTensors &batch);

  std::unique_ptr<Model> model, evaluation;
  std::optional<Accuracy> accuracy; ///< with nothing seen yet
  int64_t numSteps = 0, formerSteps = 0;
  /// What a step reads, and what it writes.
  std::vector<HostTensor> now, next;
  /// Of these, what the evaluation reads, in its order.
  std::vector<size_t> evaluated;
  /// The loss, and the results of the model.
  std::vector<HostTensor> results;
};

/// Gives a module parameters by their names.
void writeParameters(const NamedTensors &params, mlir::ModuleOp module);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_TRAININGRUN_H
