//===- Session.cpp - What the Python package calls ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Session.h"

#include "Modules.h"
#include "RecentBatches.h"
#include "RunnableModel.h"
#include "TrainOptions.h"

#include "neuroplast/Dialect/Neuro/IR/OptimizerStates.h"
#include "neuroplast/Structure/Units/Inspect.h"

using namespace neuroplast;
using namespace neuroplast::driver;
using namespace neuroplast::python;

/// What was said, without what the driver puts before it.
static Failure makeFailure(const CapturedMessages &messages) {
  llvm::StringRef text = messages.get().rtrim();
  text.consume_front("neuroplast: ");
  text.consume_front("error: ");
  return Failure(text.empty() ? "failed without a reason" : text.str());
}

static Failure makeFailure(llvm::Error error,
                           const CapturedMessages &messages) {
  if (!error.isA<ReportedError>())
    return Failure(llvm::toString(std::move(error)));
  llvm::consumeError(std::move(error));
  return makeFailure(messages);
}

static std::vector<TensorInfo> describe(const NeuroplastTensorInfo *infos,
                                        int32_t count) {
  std::vector<TensorInfo> list;
  for (const NeuroplastTensorInfo &info : llvm::ArrayRef(infos, count))
    list.push_back(
        {info.name, info.dtype, {info.shape, info.shape + info.rank}});
  return list;
}

struct Function::State {
  std::unique_ptr<Model> model;
};

Function::Function(const std::string &path,
                   const std::vector<std::string> &shapes, unsigned threads)
    : state(std::make_unique<State>()) {
  CapturedMessages messages;
  CompileOptions options;
  options.threads = threads;
  state->model = openModel(path, shapes, /*inputs=*/nullptr, options);
  if (!state->model)
    throw makeFailure(messages);
  const NeuroplastModelInfo &info = state->model->getInfo();
  inputs = describe(info.inputs, info.num_inputs);
  outputs = describe(info.outputs, info.num_outputs);
}

Function::~Function() = default;

std::vector<NeuroplastTensor>
Function::run(const std::vector<NeuroplastTensor> &given) const {
  std::vector<NeuroplastTensor> results(outputs.size());
  if (llvm::Error error = state->model->runBound(given, results)) {
    state->model->release(results);
    throw Failure(llvm::toString(std::move(error)));
  }
  return results;
}

void Function::release(void *data) const {
  std::vector<NeuroplastTensor> results(1);
  results[0].data = data;
  state->model->release(results);
}

struct LearningSession::State {
  std::unique_ptr<mlir::MLIRContext> context;
  std::unique_ptr<learning::Learner> learner;
  RecentBatches seen;
};

LearningSession::LearningSession(const std::string &path,
                                 const std::vector<std::string> &options)
    : state(std::make_unique<State>()) {
  CapturedMessages messages;
  std::vector<const char *> words{path.c_str()};
  for (const std::string &word : options)
    words.push_back(word.c_str());
  int exitCode = 0;
  auto arguments = Arguments::parse(getTrainCommand().spec, words, exitCode);
  auto read = arguments ? readTrainingOptions(*arguments, /*hasTeacher=*/false)
                        : std::nullopt;
  auto threads = arguments ? arguments->getThreads() : std::nullopt;
  state->context = std::make_unique<mlir::MLIRContext>(
      makeRegistry(), mlir::MLIRContext::Threading::DISABLED);
  auto network = read && threads ? loadModule(path, *state->context) : nullptr;
  if (!network)
    throw makeFailure(messages);
  learning::Learner::Options all;
  static_cast<learning::TrainingOptions &>(all) = std::move(*read);
  all.compile.threads = *threads;
  all.watch = reportDiagnostics;
  learning::LearningTask task = makeTask(path, {}, all);
  state->learner = std::make_unique<learning::Learner>(
      std::move(network), std::move(all), std::move(task));
}

LearningSession::~LearningSession() = default;

static NamedTensors copy(const NamedViews &views) {
  NamedTensors tensors;
  for (const auto &[name, view] : views)
    tensors[name] = copyTensor(view);
  return tensors;
}

std::vector<std::pair<std::string, OwnedTensor>>
LearningSession::act(const NamedViews &inputs) {
  CapturedMessages messages;
  auto said = state->learner->act(copy(inputs));
  if (!said)
    throw makeFailure(said.takeError(), messages);
  std::vector<std::pair<std::string, OwnedTensor>> results;
  for (auto &[name, tensor] : *said)
    results.emplace_back(
        name, OwnedTensor{tensor.dtype, tensor.shape, std::move(tensor.bytes)});
  return results;
}

std::pair<double, std::optional<double>>
LearningSession::learn(const NamedViews &examples) {
  CapturedMessages messages;
  NamedTensors batch = copy(examples);
  auto score = state->learner->learn(batch);
  if (!score)
    throw makeFailure(score.takeError(), messages);
  state->seen.add(std::move(batch));
  return {score->loss, score->accuracy};
}

void LearningSession::edit(const std::vector<std::string> &words) {
  CapturedMessages messages;
  auto command = EditCommand::parse(words);
  if (!command)
    throw makeFailure(messages);
  llvm::Error error = state->learner->edit([&](mlir::ModuleOp network) {
    return state->seen.edit(*state->learner, network, *command);
  });
  if (error)
    throw makeFailure(std::move(error), messages);
}

void LearningSession::save(const std::string &path, bool withStates) {
  CapturedMessages messages;
  mlir::OwningOpRef<mlir::ModuleOp> network =
      state->learner->getNetwork().clone();
  if (!withStates)
    neuro::removeStates(*network);
  if (mlir::failed(saveModule(*network, path)))
    throw makeFailure(messages);
}

int64_t LearningSession::getNumSteps() const {
  return state->learner->getNumSteps();
}

int64_t LearningSession::countParameters() {
  return structure::countParameters(state->learner->getNetwork());
}
