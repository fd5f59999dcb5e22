//===- CycleRun.h - A plan carried out --------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_CYCLERUN_H
#define NEUROPLAST_TOOLS_NEUROPLAST_CYCLERUN_H

#include "Arguments.h"

#include "neuroplast/Learning/LearningTask.h"
#include "neuroplast/Plasticity/CyclePlan.h"
#include "neuroplast/Structure/Units/Inspect.h"

namespace neuroplast::driver {

/// The commands that phases may be.
std::vector<llvm::StringRef> getPhaseCommands();

/// A model file in the course of a cycle, and how well it does.
struct Stage {
  std::string path;
  std::optional<learning::Score> score; ///< if there are data to see it on
  int64_t parameters = 0;
  int64_t steps = 0; ///< of training, so far
};

/// A plan carried out. Each phase goes from a file of the folder to the next
/// one, which appears only once it is complete: what is there already is not
/// done again, so that a cycle that was ended goes on.
class Cycle {
public:
  Cycle(const Arguments &arguments, const plasticity::CyclePlan &plan,
        std::string folder)
      : arguments(arguments), plan(plan), folder(std::move(folder)) {}

  /// Reads the data and the model; false after a message.
  bool start();

  /// Carries phases out, one after the other; false after a message.
  bool perform(llvm::ArrayRef<plasticity::Phase> phases);

  const Stage &getStage() const { return now; }

private:
  /// Whether there is anything to train from labels.
  bool needsLabels() const;
  static bool usesCommand(llvm::ArrayRef<plasticity::Phase> phases);

  bool perform(const plasticity::Phase &phase);

  bool repeat(const plasticity::Phase &phase);
  /// What networks are compared by.
  static double getCost(const Stage &stage, double price);
  /// Goes by the best of several ways on.
  bool choose(const plasticity::Phase &phase);
  /// Goes one way or the other, by signals.
  bool decide(const plasticity::Phase &phase);
  /// What a condition looks at is now; none after a message.
  std::optional<double> measure(const plasticity::Condition &condition);

  /// The weights of a mark in the structure of now.
  bool rewind(const plasticity::Phase &phase);
  bool perturb(const plasticity::Phase &phase);

  /// Of what the phase with this number draws.
  int64_t getSeed(int64_t index) const {
    return *arguments.getInteger("--seed", 0) + index;
  }

  /// Calls a command on the model of now.
  bool call(llvm::StringRef command, llvm::ArrayRef<std::string> options,
            llvm::StringRef place);

  /// What a phase writes.
  struct Files {
    int64_t index; ///< of the phase, as they are done
    std::string target, part, checkpoint;
  };

  Files nameFiles();

  /// Makes the next file of the one of now, unless it is there already.
  bool advance(llvm::StringRef what, llvm::StringRef place,
               llvm::ArrayRef<std::string> options,
               llvm::function_ref<bool(const Files &)> make);

  /// Adds up what trainings cost, ways that were not gone on among them: a step
  /// takes about three times the operations of an answer, and a teacher
  /// answers.
  void countTraining(llvm::ArrayRef<std::string> options, int64_t steps,
                     bool hasTeacher);

  /// Adds what all calls of a command in a cycle say, and the plan does not.
  void addCommonOptions(llvm::StringRef command, const Files &files,
                        std::vector<std::string> &words) const;

  /// Writes down what cuts are fitted to, some of the inputs, and the same with
  /// labels, if there are any, for gradients.
  bool writeInputs();

  /// Adds options of the loss that all trainings of the plan have in common.
  void addLoss(std::vector<std::string> &words) const;
  /// Writes gradients of the network of now; false after a message.
  bool writeGradients(llvm::StringRef target);
  /// Lets a command go by gradients, if its criterion or its newborns do; false
  /// after a message.
  bool addGradients(const Files &files, std::vector<std::string> &words);

  /// Sees how well a model does, and how large it is.
  bool judge(Stage &stage);

  /// What all trainings of the plan have in common: their loss, and their
  /// batch.
  std::optional<learning::TrainingOptions> readOptions() const;

  /// Writes down what a phase came to, for people and for programs.
  bool log(llvm::StringRef event, llvm::StringRef place, double seconds,
           llvm::json::Object line = llvm::json::Object());

  const Arguments &arguments;
  const plasticity::CyclePlan &plan;
  std::string folder, inputs, labelled;
  std::optional<learning::Examples> data, validation;
  Stage now;
  structure::NetworkSize size; ///< of the stage of now
  int64_t startFlops = 0;
  double trainingFlops = 0; ///< so far
  int64_t compiled = 0;     ///< steps and evaluations, as of the last event
  llvm::StringMap<Stage> marks;
  int64_t next = 0;
};

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_CYCLERUN_H
