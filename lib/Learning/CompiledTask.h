//===- CompiledTask.h - Steps that were compiled ----------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_LEARNING_COMPILEDTASK_H
#define NEUROPLAST_LIB_LEARNING_COMPILEDTASK_H

#include "neuroplast/Learning/LearningTask.h"

namespace neuroplast::learning {

/// What is made of a network before it is compiled.
enum class TaskKind { Step, Evaluation, Gradients, Answer };

/// A compiled step or evaluation, its parameters, and which of these are what
/// an optimizer remembers.
struct CompiledTask {
  std::shared_ptr<Model> model;
  NamedTensors params;
  llvm::StringSet<> states;
};

/// Compiles what is made of a network for batches of this form, unless this
/// process has compiled it already. An error may have been reported.
llvm::Expected<CompiledTask> compileTask(const LearningTask &task,
                                         TaskKind kind,
                                         const TrainingOptions &options,
                                         const BatchForm &form,
                                         const CompileOptions &compile);

} // namespace neuroplast::learning

#endif // NEUROPLAST_LIB_LEARNING_COMPILEDTASK_H
