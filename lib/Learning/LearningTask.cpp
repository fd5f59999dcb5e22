//===- LearningTask.cpp - What learns, and from what
//------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/LearningTask.h"

#include "CompiledTask.h"

#include <map>
#include <numeric>

using namespace neuroplast;
using namespace neuroplast::learning;

std::optional<Accuracy>
neuroplast::learning::makeAccuracy(const LearningTask &task,
                                   const TrainingOptions &options) {
  if (task.teacher || !options.step.loss.hasClasses())
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
  return std::make_unique<TrainingRun>(
      std::move(step->model), step->params, std::move(step->states),
      std::move(evaluation), makeAccuracy(task, options), options.step.parts);
}

llvm::Expected<Score> neuroplast::learning::scoreNetwork(
    const LearningTask &task, const TrainingOptions &options,
    const Examples &examples, const CompileOptions &compile) {
  auto evaluation = compileTask(task, TaskKind::Evaluation, options,
                                examples.getForm(options.batch), compile);
  if (!evaluation)
    return evaluation.takeError();
  TrainingRun run(std::move(evaluation->model), evaluation->params,
                  makeAccuracy(task, options));
  return run.evaluate(examples, options.batch);
}

template <typename T>
static void addUp(const HostTensor &gradient, std::vector<double> &sums,
                  std::vector<double> &squares) {
  const T *numbers = reinterpret_cast<const T *>(gradient.bytes.data());
  sums.resize(gradient.getNumElements(), 0);
  squares.resize(gradient.getNumElements(), 0);
  for (size_t i = 0; i < sums.size(); ++i) {
    auto number = static_cast<double>(numbers[i]);
    sums[i] += number;
    squares[i] += number * number;
  }
}

llvm::Expected<structure::Gradients> neuroplast::learning::measureGradients(
    const LearningTask &task, const TrainingOptions &options,
    const Examples &examples, const CompileOptions &compile) {
  auto step = compileTask(task, TaskKind::Gradients, options,
                          examples.getForm(options.batch), compile);
  if (!step)
    return step.takeError();
  if (llvm::Error error = step->model->setParams(step->params))
    return std::move(error);
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>>
      sums;
  std::vector<int64_t> places(options.batch);
  int64_t batches = examples.getCount() / options.batch;
  NamedTensors batch;
  for (int64_t number = 0; number < batches; ++number) {
    std::iota(places.begin(), places.end(), number * options.batch);
    examples.gather(places, batch);
    auto results = step->model->run(batch);
    if (!results)
      return results.takeError();
    for (const auto &[name, gradient] : *results) {
      if (!step->params.count(name))
        continue;
      auto &[mean, square] = sums[name];
      if (gradient.dtype == NEUROPLAST_FLOAT64)
        addUp<double>(gradient, mean, square);
      else if (gradient.dtype == NEUROPLAST_FLOAT32)
        addUp<float>(gradient, mean, square);
    }
  }
  structure::Gradients gradients;
  for (const auto &[name, pair] : sums) {
    structure::ParamGradients &found = gradients[name];
    for (auto [from, to] :
         {std::pair(&pair.first, &found.mean), {&pair.second, &found.square}})
      for (double sum : *from)
        to->push_back(static_cast<float>(sum / static_cast<double>(batches)));
  }
  return gradients;
}
