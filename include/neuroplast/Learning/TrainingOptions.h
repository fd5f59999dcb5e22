//===- TrainingOptions.h - What a training is asked to do -------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_TRAININGOPTIONS_H
#define NEUROPLAST_LEARNING_TRAININGOPTIONS_H

#include "neuroplast/Learning/Augmentation.h"
#include "neuroplast/Learning/Processes.h"
#include "neuroplast/Training/Schedule.h"
#include "neuroplast/Training/TrainStep.h"

namespace neuroplast::learning {

struct TrainingOptions {
  training::StepOptions step;
  /// What a network that is the loss is called; empty if there is none.
  std::string lossNetwork;
  training::Schedule schedule; ///< by epochs, until `scheduleFor`
  Augmentation augmentation;
  int64_t batch = 32, epochs = 1, seed = 0;
  /// Of the memory that a step would take, by computing some of it again.
  double memoryShare = 1;
  /// By which means of the parameters it goes, and after how many epochs; see
  /// `TrainingRun::averageFromHere`.
  std::optional<double> averagingDecay;
  int64_t averagingStart = 0;
  /// The units whose number is no part of a compiled step, by names of tensors.
  std::vector<std::string> growable;
  /// After how many epochs without a better validation it ends; 0 for never.
  int64_t patience = 0;
  /// What `step` goes by, as it was asked for.
  std::vector<std::string> frozen, unfrozen, undecayed, dropouts;

  /// Those that learn together, each from batches of its own; null if there is
  /// one only.
  Processes *processes = nullptr;

  int64_t getNumProcesses() const {
    return processes ? processes->getCount() : 1;
  }
  /// The examples that all processes look at in a step.
  int64_t getWholeBatch() const { return batch * getNumProcesses(); }
  /// The examples that an update regards.
  int64_t getUpdateBatch() const { return getWholeBatch() * step.parts; }
  /// The schedule of so many steps in an epoch.
  training::Schedule scheduleFor(int64_t stepsPerEpoch) const;
  /// All that decides what comes of a training, but for its model and its data.
  std::string describe() const;
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_TRAININGOPTIONS_H
