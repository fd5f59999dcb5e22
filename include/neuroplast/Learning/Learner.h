//===- Learner.h - A network that lives in memory ---------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_LEARNER_H
#define NEUROPLAST_LEARNING_LEARNER_H

#include "neuroplast/Learning/LearningTask.h"

namespace neuroplast::learning {

struct CompiledTask;
enum class TaskKind;

/// A network that answers, learns and changes its structure, one step after the
/// other, and stays in memory all the time.
///
/// Its units that are growable (see `TrainingOptions`) come and go within what
/// is compiled once; after any other edit the next step is compiled anew. What
/// the optimizer remembers of units stays with them.
class Learner {
public:
  struct Options : TrainingOptions {
    CompileOptions compile;
    /// Is shown each context that something is compiled in, for its
    /// diagnostics.
    std::function<void(mlir::MLIRContext &)> watch = {};
  };

  /// Takes a network as it was read, with the steps that it learned in already.
  /// `others` are its teacher and its loss, if there are any. The context of
  /// the network must outlive the learner.
  Learner(mlir::OwningOpRef<mlir::ModuleOp> network, Options options,
          LearningTask others = {});
  Learner(const Learner &) = delete;
  Learner &operator=(const Learner &) = delete;

  /// What the network says to inputs, by their names. What is compiled for
  /// inputs of some sizes serves until these change.
  llvm::Expected<NamedTensors> act(const NamedTensors &inputs);

  /// Takes one step of learning from examples, inputs by their names and
  /// "labels", and says how well the network did before it.
  llvm::Expected<Score> learn(NamedTensors examples);

  /// Lets an edit change the network, which has all that it learned until now,
  /// with what its optimizer remembers. An edit that fails, after a diagnostic,
  /// has to leave it as it was.
  llvm::Error
  edit(llvm::function_ref<llvm::LogicalResult(mlir::ModuleOp)> change);

  /// Means of the gradients of its loss over batches of one form, and of their
  /// squares, as it is now: within an edit, too.
  llvm::Expected<structure::Gradients>
  measureGradients(llvm::ArrayRef<NamedTensors> batches);

  /// The network with all that it learned until now; it has what the optimizer
  /// remembers, too. It is not to be changed but by an edit.
  mlir::ModuleOp getNetwork();

  /// Those taken before it was read among them.
  int64_t getNumSteps() const { return numSteps; }

private:
  /// Writes what was learned since it was last done into the network.
  void writeDown();
  /// The same, and ends the run.
  void endRun();
  void write(NamedTensors state);
  /// Makes the next steps ones of batches of this form.
  llvm::Error prepare(const BatchForm &form);
  /// A compiled task and the parameters that it has now.
  llvm::Expected<CompiledTask> provide(TaskKind kind, const BatchForm &form);
  /// The network for inputs of some shapes, in a context of its own.
  mlir::OwningOpRef<mlir::ModuleOp> specialize(mlir::MLIRContext &context,
                                               const InputShapes &shapes);

  Options options;
  LearningTask task;
  mlir::OwningOpRef<mlir::ModuleOp> network;
  int64_t formerSteps, numSteps;
  bool isWritten = true; ///< Nothing was learned since.
  /// What goes on from the network; null until it learns.
  std::unique_ptr<TrainingRun> run;
  BatchForm runForm, actingForm;
  /// What answers, and the parameters that no step changes; null until it acts.
  std::shared_ptr<Model> acting;
  NamedTensors actingParams;
  static constexpr size_t kMostCompiled = 16;
  /// What was compiled, by what it was compiled from.
  llvm::StringMap<std::shared_ptr<Model>> compiled;
  /// What the structure of the network is; empty while nobody asked.
  std::string structure;
  bool isEditing = false;
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_LEARNER_H
