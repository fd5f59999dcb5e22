//===- TrainingRun.cpp - Steps over examples ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/TrainingRun.h"

#include <cmath>
#include <numeric>

using namespace neuroplast;
using namespace neuroplast::learning;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static HostTensor makeScalar(float value) {
  HostTensor tensor;
  tensor.dtype = NEUROPLAST_FLOAT32;
  tensor.bytes.resize(sizeof value);
  memcpy(tensor.bytes.data(), &value, sizeof value);
  return tensor;
}

TrainingRun::TrainingRun(std::shared_ptr<Model> trained, NamedTensors params,
                         llvm::StringSet<> states,
                         std::shared_ptr<Model> evaluator,
                         std::optional<Accuracy> accuracy, int64_t parts)
    : model(std::move(trained)), evaluation(std::move(evaluator)),
      states(std::move(states)), accuracy(accuracy), parts(parts) {
  const NeuroplastModelInfo &info = model->getInfo();
  readParams(info, std::move(params));
  next = now;
  // The new values of parameters come last.
  int32_t firstUpdated = info.num_outputs;
  while (firstUpdated > 0 &&
         places.contains(info.outputs[firstUpdated - 1].name))
    --firstUpdated;
  for (int32_t i = firstUpdated; i < info.num_outputs; ++i)
    updated.push_back(places.lookup(info.outputs[i].name));
  if (evaluation) {
    const NeuroplastModelInfo &other = evaluation->getInfo();
    for (int32_t i = 0; i < other.num_params; ++i)
      evaluated.push_back(places.lookup(other.params[i].name));
  }
  makeResults(info, firstUpdated);
}

TrainingRun::TrainingRun(std::shared_ptr<Model> evaluator, NamedTensors params,
                         std::optional<Accuracy> accuracy)
    : evaluation(std::move(evaluator)), accuracy(accuracy) {
  const NeuroplastModelInfo &info = evaluation->getInfo();
  readParams(info, std::move(params));
  evaluated.resize(now.size());
  std::iota(evaluated.begin(), evaluated.end(), 0);
  makeResults(info, info.num_outputs);
}

void TrainingRun::readParams(const NeuroplastModelInfo &info,
                             NamedTensors params) {
  for (int32_t i = 0; i < info.num_params; ++i) {
    places[info.params[i].name] = i;
    now.push_back(std::move(params.at(info.params[i].name)));
  }
}

void TrainingRun::makeResults(const NeuroplastModelInfo &info, int32_t count) {
  for (const NeuroplastTensorInfo &output :
       llvm::ArrayRef(info.outputs, count)) {
    HostTensor &result = results.emplace_back();
    result.dtype = output.dtype;
    result.shape.assign(output.shape, output.shape + output.rank);
    result.bytes.resize(result.getNumElements() * output.element_bytes);
  }
}

llvm::Error TrainingRun::step(const NamedTensors &batch) {
  auto inputs = model->bindInputs(batch);
  if (!inputs)
    return inputs.takeError();
  std::vector<NeuroplastTensor> outputs, params;
  for (const HostTensor &result : results)
    outputs.push_back(viewTensor(result));
  for (size_t i : updated)
    outputs.push_back(viewTensor(next[i]));
  for (const HostTensor &param : now)
    params.push_back(viewTensor(param));
  return model->runBound(*inputs, outputs, params);
}

llvm::Error TrainingRun::evaluateBatch(const NamedTensors &batch) {
  auto inputs = evaluation->bindInputs(batch);
  if (!inputs)
    return inputs.takeError();
  std::vector<NeuroplastTensor> outputs, params;
  for (const HostTensor &result : results)
    outputs.push_back(viewTensor(result));
  for (size_t i : evaluated)
    params.push_back(viewTensor(getEvaluated()[i]));
  return evaluation->runBound(*inputs, outputs, params);
}

Score TrainingRun::Tally::getScore(Processes *others) {
  if (others) {
    auto counts = accuracy ? accuracy->getCounts() : std::array<double, 2>();
    std::array<double, 4> sums{loss, static_cast<double>(batches), counts[0],
                               counts[1]};
    others->addUp(sums);
    loss = sums[0];
    batches = static_cast<int64_t>(sums[1]);
    if (accuracy)
      accuracy->setCounts({sums[2], sums[3]});
  }
  Score score;
  score.loss = loss / static_cast<double>(std::max<int64_t>(batches, 1));
  if (accuracy)
    score.accuracy = accuracy->get();
  return score;
}

llvm::Error TrainingRun::look(NamedTensors &batch,
                              const training::Schedule *schedule,
                              Tally &tally) {
  if (schedule) {
    batch["learning_rate"] = makeScalar(
        static_cast<float>(schedule->getRate(numSteps - formerSteps)));
    batch["step"] = makeScalar(static_cast<float>(numSteps + 1));
    if (parts > 1)
      batch["part"] = makeScalar(static_cast<float>(part));
    if (processes)
      batch["process"] = makeScalar(static_cast<float>(getNumber()));
  }
  if (tally.accuracy)
    if (std::string reason = tally.accuracy->check(batch["labels"], results[1]);
        !reason.empty())
      return makeError(reason);
  if (llvm::Error error = schedule ? step(batch) : evaluateBatch(batch))
    return error;
  double loss = results[0].dtype == NEUROPLAST_FLOAT64
                    ? *reinterpret_cast<const double *>(results[0].bytes.data())
                    : *reinterpret_cast<const float *>(results[0].bytes.data());
  if (!std::isfinite(loss))
    return makeError("the loss is no finite number in step " +
                     llvm::Twine(numSteps + 1) +
                     "; a smaller learning rate may help");
  tally.loss += loss;
  ++tally.batches;
  if (tally.accuracy)
    tally.accuracy->add(batch["labels"], results[1]);
  if (!schedule)
    return llvm::Error::success();
  std::swap(now, next);
  part = (part + 1) % parts;
  if (part == 0) {
    ++numSteps;
    if (decay)
      average();
  }
  return llvm::Error::success();
}

llvm::Expected<Score> TrainingRun::train(const Examples &examples,
                                         int64_t batch,
                                         const training::Schedule &schedule,
                                         const Augmentation &augmentation,
                                         std::mt19937_64 &random) {
  std::vector<int64_t> all(examples.getCount());
  std::iota(all.begin(), all.end(), 0);
  // Fisher and Yates by remainders, the same with every standard library.
  for (size_t i = all.size(); i > 1; --i)
    std::swap(all[i - 1], all[random() % i]);
  NamedTensors tensors;
  Tally tally{0, 0, accuracy};
  llvm::ArrayRef<int64_t> order(all);
  int64_t whole = batch * getNumProcesses(), first = batch * getNumber();
  std::vector<uint64_t> seeds(augmentation.changesAny() ? whole : 0);
  for (int64_t updates = examples.getCount() / (whole * parts),
               left = updates * parts;
       left > 0; --left, order = order.drop_front(whole)) {
    examples.gather(order.slice(first, batch), tensors);
    for (uint64_t &seed : seeds)
      seed = random();
    if (!seeds.empty())
      augmentation.apply(tensors, llvm::ArrayRef(seeds).slice(first, batch));
    if (llvm::Error error = look(tensors, &schedule, tally))
      return std::move(error);
  }
  return tally.getScore(processes);
}

llvm::Expected<Score> TrainingRun::learn(NamedTensors &batch,
                                         const training::Schedule &schedule) {
  Tally tally{0, 0, accuracy};
  if (llvm::Error error = look(batch, &schedule, tally))
    return std::move(error);
  return tally.getScore(processes);
}

llvm::Expected<Score> TrainingRun::evaluate(const Examples &examples,
                                            int64_t batch) {
  std::vector<int64_t> order(batch);
  NamedTensors tensors;
  Tally tally{0, 0, accuracy};
  int64_t whole = batch * getNumProcesses();
  for (int64_t first = 0; first + whole <= examples.getCount();
       first += whole) {
    std::iota(order.begin(), order.end(), first + batch * getNumber());
    examples.gather(order, tensors);
    if (llvm::Error error = look(tensors, nullptr, tally))
      return std::move(error);
  }
  return tally.getScore(processes);
}

void TrainingRun::averageFromHere(double newDecay) { decay = newDecay; }

template <typename T>
static void moveTowards(HostTensor &mean, const HostTensor &value,
                        double share) {
  auto *to = reinterpret_cast<T *>(mean.bytes.data());
  const auto *from = reinterpret_cast<const T *>(value.bytes.data());
  auto part = static_cast<T>(share);
  for (int64_t i = 0, count = value.getNumElements(); i < count; ++i)
    to[i] += part * (from[i] - to[i]);
}

void TrainingRun::average() {
  ++numAveraged;
  if (numAveraged == 1) {
    means = now;
    return;
  }
  double share = std::max(1 - *decay, 1.0 / static_cast<double>(numAveraged));
  for (auto [mean, value] : llvm::zip_equal(means, now)) {
    if (value.dtype == NEUROPLAST_FLOAT32)
      moveTowards<float>(mean, value, share);
    else if (value.dtype == NEUROPLAST_FLOAT64)
      moveTowards<double>(mean, value, share);
    else
      mean = value;
  }
}

const HostTensor *TrainingRun::findParameter(llvm::StringRef name) const {
  auto it = places.find(name);
  return it == places.end() ? nullptr : &now[it->second];
}

static constexpr llvm::StringLiteral kMean = "mean:";

NamedTensors TrainingRun::getParameters() const {
  const NeuroplastModelInfo &info = model->getInfo();
  NamedTensors params;
  for (int32_t i = 0; i < info.num_params; ++i)
    params[info.params[i].name] =
        states.contains(info.params[i].name) ? now[i] : getEvaluated()[i];
  return params;
}

NamedTensors TrainingRun::getState() const {
  const NeuroplastModelInfo &info = model->getInfo();
  NamedTensors state;
  for (int32_t i = 0; i < info.num_params; ++i) {
    state[info.params[i].name] = now[i];
    if (!means.empty())
      state[kMean.str() + info.params[i].name] = means[i];
  }
  return state;
}

NamedTensors TrainingRun::takeState() && {
  NamedTensors state;
  for (const auto &entry : places)
    state[entry.getKey().str()] = std::move(now[entry.getValue()]);
  return state;
}

llvm::Error TrainingRun::setState(const NamedTensors &state, int64_t steps,
                                  int64_t averaged) {
  const NeuroplastModelInfo &info = model->getInfo();
  auto read = [&](const std::string &name, HostTensor &tensor) -> llvm::Error {
    auto it = state.find(name);
    if (it == state.end() || it->second.dtype != tensor.dtype ||
        it->second.shape != tensor.shape)
      return makeError("has no parameter '" + name + "' as this model has it");
    tensor.bytes = it->second.bytes;
    return llvm::Error::success();
  };
  if (averaged > 0)
    means = now;
  for (int32_t i = 0; i < info.num_params; ++i) {
    if (llvm::Error error = read(info.params[i].name, now[i]))
      return error;
    if (averaged == 0)
      continue;
    if (llvm::Error error = read(kMean.str() + info.params[i].name, means[i]))
      return error;
  }
  next = now;
  numSteps = steps;
  numAveraged = averaged;
  return llvm::Error::success();
}
