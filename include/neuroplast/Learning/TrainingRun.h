//===- TrainingRun.h - Steps over examples ----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_TRAININGRUN_H
#define NEUROPLAST_LEARNING_TRAININGRUN_H

#include "neuroplast/Learning/Accuracy.h"
#include "neuroplast/Learning/Augmentation.h"
#include "neuroplast/Learning/Examples.h"
#include "neuroplast/Learning/Processes.h"

#include "neuroplast/Training/Schedule.h"

#include "llvm/ADT/StringSet.h"

#include <random>

namespace neuroplast::learning {

/// How well a model does on examples.
struct Score {
  double loss = 0;
  /// The share of labels that are the most likely class.
  std::optional<double> accuracy;
};

/// A compiled step of training, and the parameters that it moves.
class TrainingRun {
public:
  /// Takes what `buildTrainStep` made, compiled, its parameters by name, which
  /// of these are what an optimizer remembers, and what `buildEvaluation` did,
  /// if anything is to be evaluated. Labels of classes have an accuracy, which
  /// comes with nothing counted. An update has so many batches as parts.
  TrainingRun(std::shared_ptr<Model> model, NamedTensors params,
              llvm::StringSet<> states, std::shared_ptr<Model> evaluation,
              std::optional<Accuracy> accuracy, int64_t parts);

  /// Takes an evaluation only: nothing is trained.
  TrainingRun(std::shared_ptr<Model> evaluation, NamedTensors params,
              std::optional<Accuracy> accuracy);

  /// Takes from each batch the part of this process from here on, and counts
  /// what all of them see; alone without any. Batches are so many times larger.
  void learnWith(Processes *others) { processes = others; }

  /// Goes through examples once, in an order that is drawn; those that fill no
  /// update are left out.
  llvm::Expected<Score> train(const Examples &examples, int64_t batch,
                              const training::Schedule &schedule,
                              const Augmentation &augmentation,
                              std::mt19937_64 &random);
  /// Learns from one batch.
  llvm::Expected<Score> learn(NamedTensors &batch,
                              const training::Schedule &schedule);
  /// The same in the order that they have, only to see how well it does.
  llvm::Expected<Score> evaluate(const Examples &examples, int64_t batch);
  /// Goes by means of the parameters from here on, when they are evaluated and
  /// asked for: the next step counts as `1 - decay`, or as one of the steps so
  /// far if this is more. So a decay of one gives the mean of all steps
  /// (Izmailov et al., arXiv 1803.05407), and a smaller one that of the latest,
  /// which the first does not weigh down (Polyak and Juditsky 1992).
  void averageFromHere(double decay);
  bool isAveraging() const { return decay.has_value(); }
  /// The parameters, or their means if it goes by these, and what the optimizer
  /// remembers, by name.
  NamedTensors getParameters() const;
  /// All that a training goes on from: the parameters, what the optimizer
  /// remembers of them, and means, if there are any.
  NamedTensors getState() const;
  /// The same without means, and takes it away: no step follows.
  NamedTensors takeState() &&;
  /// Goes on from a state after so many steps, of which the means, if it goes
  /// by them, are over the last `averaged`. Fails, with a reason, if it is not
  /// one of this model.
  llvm::Error setState(const NamedTensors &state, int64_t steps,
                       int64_t averaged);
  int64_t getNumAveraged() const { return numAveraged; }
  /// The steps that were taken, those of former trainings among them.
  int64_t getNumSteps() const { return numSteps; }
  /// Those that were taken before, some of them by former trainings, behind
  /// which the schedule begins.
  void setSteps(int64_t former, int64_t all) {
    formerSteps = former;
    numSteps = all;
  }
  /// What a step reads under a name; null if it is nothing.
  const HostTensor *findParameter(llvm::StringRef name) const;

private:
  /// Reads the parameters of a model.
  void readParams(const NeuroplastModelInfo &info, NamedTensors params);
  /// Makes room for so many of the first results of a model.
  void makeResults(const NeuroplastModelInfo &info, int32_t count);
  /// What batches came to.
  struct Tally {
    double loss = 0;
    int64_t batches = 0;
    std::optional<Accuracy> accuracy;

    /// With what others came to.
    Score getScore(Processes *others);
  };
  int64_t getNumber() const { return processes ? processes->getNumber() : 0; }
  int64_t getNumProcesses() const {
    return processes ? processes->getCount() : 1;
  }
  /// Looks at a batch, with a model whose results are the loss and those of the
  /// network first, and learns from it if there is a schedule.
  llvm::Error look(NamedTensors &batch, const training::Schedule *schedule,
                   Tally &tally);
  /// Lets the means follow the parameters.
  void average();
  /// What is evaluated.
  llvm::ArrayRef<HostTensor> getEvaluated() const {
    return means.empty() ? now : means;
  }
  /// Runs a step on a batch; the new parameters are in `next`.
  llvm::Error step(const NamedTensors &batch);
  /// Runs the network on a batch.
  llvm::Error evaluateBatch(const NamedTensors &batch);

  std::shared_ptr<Model> model, evaluation;
  Processes *processes = nullptr; ///< with which it learns; null if alone
  llvm::StringSet<> states;
  std::optional<Accuracy> accuracy; ///< with nothing seen yet
  int64_t parts = 1, part = 0;      ///< of an update; the next one
  int64_t numSteps = 0, formerSteps = 0, numAveraged = 0;
  std::optional<double> decay;    ///< of means, once it goes by them
  llvm::StringMap<size_t> places; ///< of what a step reads, by name
  /// What a step reads, and what it writes; the same where it writes nothing.
  std::vector<HostTensor> now, next;
  /// Of these, what a step writes, in its order.
  std::vector<size_t> updated;
  std::vector<HostTensor> means; ///< of what it reads; none until there are any
  /// Of these, what the evaluation reads, in its order.
  std::vector<size_t> evaluated;
  /// The loss, and the results of the model.
  std::vector<HostTensor> results;
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_TRAININGRUN_H
