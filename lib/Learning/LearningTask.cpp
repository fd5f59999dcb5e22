//===- LearningTask.cpp - What learns, and from what ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/LearningTask.h"

#include "CompiledTask.h"
#include "GradientMeans.h"

#include <numeric>

using namespace neuroplast;
using namespace neuroplast::learning;

std::optional<Accuracy>
neuroplast::learning::makeAccuracy(const LearningTask &task,
                                   const TrainingOptions &options) {
  if (task.teacher || !options.step.loss.saysClasses())
    return std::nullopt;
  return Accuracy(options.step.loss);
}

llvm::Expected<std::unique_ptr<TrainingRun>>
neuroplast::learning::prepareTraining(const LearningTask &task,
                                      const TrainingOptions &options,
                                      const Examples &examples,
                                      const Examples *validation,
                                      const CompileOptions &compile) {
  auto step = compileTask(task, TaskKind::Step, options,
                          examples.getForm(options.batch), compile);
  if (!step)
    return step.takeError();
  std::shared_ptr<Model> evaluation;
  if (validation) {
    auto compiled = compileTask(task, TaskKind::Evaluation, options,
                                validation->getForm(options.batch), compile);
    if (!compiled)
      return compiled.takeError();
    evaluation = std::move(compiled->model);
  }
  auto run = std::make_unique<TrainingRun>(
      std::move(step->model), std::move(step->params), std::move(step->states),
      std::move(evaluation), makeAccuracy(task, options), options.step.parts);
  run->learnWith(options.processes);
  return run;
}

llvm::Expected<Score> neuroplast::learning::scoreNetwork(
    const LearningTask &task, const TrainingOptions &options,
    const Examples &examples, const CompileOptions &compile) {
  auto evaluation = compileTask(task, TaskKind::Evaluation, options,
                                examples.getForm(options.batch), compile);
  if (!evaluation)
    return evaluation.takeError();
  TrainingRun run(std::move(evaluation->model), std::move(evaluation->params),
                  makeAccuracy(task, options));
  return run.evaluate(examples, options.batch);
}

llvm::Expected<structure::Gradients> neuroplast::learning::measureGradients(
    const LearningTask &task, const TrainingOptions &options,
    const Examples &examples, const CompileOptions &compile) {
  auto step = compileTask(task, TaskKind::Gradients, options,
                          examples.getForm(options.batch), compile);
  if (!step)
    return step.takeError();
  GradientMeans means(std::move(*step));
  std::vector<int64_t> places(options.batch);
  NamedTensors batch;
  for (int64_t number = 0; number < examples.getCount() / options.batch;
       ++number) {
    std::iota(places.begin(), places.end(), number * options.batch);
    examples.gather(places, batch);
    if (llvm::Error error = means.add(batch))
      return std::move(error);
  }
  return means.get();
}
