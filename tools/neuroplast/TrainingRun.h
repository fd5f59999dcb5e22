//===- TrainingRun.h - Steps over examples ----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_TRAININGRUN_H
#define NEUROPLAST_TOOLS_NEUROPLAST_TRAININGRUN_H

#include "Examples.h"

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
  /// did, if anything is to be evaluated. Labels of classes have an accuracy.
  TrainingRun(std::unique_ptr<Model> model, std::unique_ptr<Model> evaluation,
              bool hasClasses);

  /// Goes through examples once, in an order that is drawn; those that fill no
  /// batch are left out.
  llvm::Expected<Score> train(const Examples &examples, int64_t batch,
                              double rate, std::mt19937_64 &random);
  /// The same in the order that they have, only to see how well it does.
  llvm::Expected<Score> evaluate(const Examples &examples, int64_t batch);
  /// Gives a module the parameters as they are now, by their names.
  void writeParameters(mlir::ModuleOp module) const;

private:
  /// Goes through batches of examples, with a model whose results are the loss
  /// and those of the network first.
  llvm::Expected<Score> run(const Examples &examples, int64_t batch,
                            llvm::ArrayRef<int64_t> order,
                            std::optional<double> rate);
  /// Runs a step on a batch; the new parameters are in `next`.
  llvm::Error step(const NamedTensors &batch);
  /// Runs the network on a batch.
  llvm::Error evaluateBatch(const NamedTensors &batch);
  /// Why labels are none for the output; empty if they are.
  std::string checkLabels(const HostTensor &labels) const;
  /// How many of the labels the output of the last step has right.
  int64_t countRight(const HostTensor &labels) const;

  std::unique_ptr<Model> model, evaluation;
  bool hasClasses;
  int64_t numSteps = 0;
  /// What a step reads, and what it writes.
  std::vector<HostTensor> now, next;
  /// Of these, what the evaluation reads, in its order.
  std::vector<size_t> evaluated;
  /// The loss, and the results of the model.
  std::vector<HostTensor> results;
};

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_TRAININGRUN_H
