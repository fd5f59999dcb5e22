//===- TrainingTask.h - What is trained on what -----------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_TRAININGTASK_H
#define NEUROPLAST_TOOLS_NEUROPLAST_TRAININGTASK_H

#include "TrainOptions.h"
#include "TrainingRun.h"
#include "neuroplast/Structure/Statistics.h"

namespace neuroplast::driver {

/// What is trained, and the network that it learns from, if there is one.
struct TrainingTask {
  llvm::StringRef model, teacher;
};

/// Compiles a step for these examples, unless it has one that serves, and the
/// evaluation of others if there are any; null after a message.
std::unique_ptr<TrainingRun> prepareTraining(const TrainingTask &task,
                                             const TrainOptions &options,
                                             const Examples &examples,
                                             const Examples *validation,
                                             const CompileOptions &compile);

/// How well a model does on examples; none after a message.
std::optional<Score> scoreModel(const TrainingTask &task,
                                const TrainOptions &options,
                                const Examples &examples,
                                const CompileOptions &compile);

/// Means of the gradients of the loss over batches of examples, and of their
/// squares; none after a message.
std::optional<structure::Gradients>
measureGradients(const TrainingTask &task, const TrainOptions &options,
                 const Examples &examples, const CompileOptions &compile);

/// How many steps and evaluations this process has compiled. Those of the same
/// structure, or of one that differs in growable units, are compiled once.
int64_t getNumCompiledTasks();

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_TRAININGTASK_H
