//===- LearningTask.h - What learns, and from what --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_LEARNINGTASK_H
#define NEUROPLAST_LEARNING_LEARNINGTASK_H

#include "mlir/IR/OwningOpRef.h"
#include "neuroplast/Learning/TrainingOptions.h"
#include "neuroplast/Learning/TrainingRun.h"
#include "neuroplast/Structure/Statistics.h"

namespace neuroplast::learning {

/// Gives a network in a context, for inputs of these shapes, by name; null
/// after a diagnostic.
using NetworkSource = std::function<mlir::OwningOpRef<mlir::ModuleOp>(
    mlir::MLIRContext &, const InputShapes &)>;

/// The network that learns, the one that it learns from, and the one that is
/// its loss, as far as there are any.
struct LearningTask {
  NetworkSource network, teacher = {}, loss = {};
};

/// What counts labels that are classes; none if there are none.
std::optional<Accuracy> makeAccuracy(const LearningTask &task,
                                     const TrainingOptions &options);

/// Compiles a step for batches of these examples, unless it has one that
/// serves, and the evaluation of others if there are any. An error may have
/// been reported.
llvm::Expected<std::unique_ptr<TrainingRun>>
prepareTraining(const LearningTask &task, const TrainingOptions &options,
                const Examples &examples, const Examples *validation,
                const CompileOptions &compile);

/// How well a network does on examples.
llvm::Expected<Score> scoreNetwork(const LearningTask &task,
                                   const TrainingOptions &options,
                                   const Examples &examples,
                                   const CompileOptions &compile);

/// Means of the gradients of the loss over batches of examples, and of their
/// squares.
llvm::Expected<structure::Gradients>
measureGradients(const LearningTask &task, const TrainingOptions &options,
                 const Examples &examples, const CompileOptions &compile);

/// How many steps and evaluations this process has compiled. Those of the same
/// structure, or of one that differs in growable units, are compiled once.
int64_t getNumCompiledTasks();

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_LEARNINGTASK_H
