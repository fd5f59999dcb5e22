//===- TrainingRun.cpp - Steps over examples ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TrainingRun.h"

#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"

#include <cmath>
#include <numeric>

using namespace neuroplast;
using namespace neuroplast::driver;

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

TrainingRun::TrainingRun(std::unique_ptr<Model> trained,
                         std::unique_ptr<Model> evaluator,
                         std::optional<Accuracy> accuracy)
    : model(std::move(trained)), evaluation(std::move(evaluator)),
      accuracy(accuracy) {
  for (const NeuroplastTensor &param : model->getParams())
    now.push_back(copyTensor(param));
  next = now;
  const NeuroplastModelInfo &info = model->getInfo();
  if (evaluation) {
    llvm::StringMap<size_t> places;
    for (int32_t i = 0; i < info.num_params; ++i)
      places[info.params[i].name] = i;
    const NeuroplastModelInfo &other = evaluation->getInfo();
    for (int32_t i = 0; i < other.num_params; ++i)
      evaluated.push_back(places.lookup(other.params[i].name));
  }
  for (int32_t i = 0; i < info.num_outputs - info.num_params; ++i) {
    const NeuroplastTensorInfo &output = info.outputs[i];
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
  for (const HostTensor &param : next)
    outputs.push_back(viewTensor(param));
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
    params.push_back(viewTensor(now[i]));
  return evaluation->runBound(*inputs, outputs, params);
}

llvm::Expected<Score>
TrainingRun::run(const Examples &examples, int64_t batch,
                 llvm::ArrayRef<int64_t> order,
                 const training::Schedule *schedule,
                 llvm::function_ref<void(NamedTensors &)> change) {
  NamedTensors tensors;
  Score score;
  int64_t batches = 0;
  std::optional<Accuracy> seen = accuracy;
  for (; !order.empty() && static_cast<int64_t>(order.size()) >= batch;
       order = order.drop_front(batch)) {
    examples.gather(order.take_front(batch), tensors);
    change(tensors);
    if (schedule) {
      tensors["learning_rate"] = makeScalar(
          static_cast<float>(schedule->getRate(numSteps - formerSteps)));
      tensors["step"] = makeScalar(static_cast<float>(numSteps + 1));
    }
    if (seen)
      if (std::string reason = seen->check(tensors["labels"], results[1]);
          !reason.empty())
        return makeError(reason);
    if (llvm::Error error = schedule ? step(tensors) : evaluateBatch(tensors))
      return std::move(error);
    double loss =
        results[0].dtype == NEUROPLAST_FLOAT64
            ? *reinterpret_cast<const double *>(results[0].bytes.data())
            : *reinterpret_cast<const float *>(results[0].bytes.data());
    if (!std::isfinite(loss))
      return makeError("the loss is no finite number in step " +
                       llvm::Twine(numSteps + 1) +
                       "; a smaller learning rate may help");
    score.loss += loss;
    ++batches;
    if (seen)
      seen->add(tensors["labels"], results[1]);
    if (schedule) {
      std::swap(now, next);
      ++numSteps;
    }
  }
  score.loss /= static_cast<double>(std::max<int64_t>(batches, 1));
  if (seen)
    score.accuracy = seen->get();
  return score;
}

llvm::Expected<Score> TrainingRun::train(const Examples &examples,
                                         int64_t batch,
                                         const training::Schedule &schedule,
                                         const Augmentation &augmentation,
                                         std::mt19937_64 &random) {
  std::vector<int64_t> order(examples.getCount());
  std::iota(order.begin(), order.end(), 0);
  // Fisher and Yates by remainders, the same with every standard library.
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random() % i]);
  return run(examples, batch, order, &schedule, [&](NamedTensors &tensors) {
    augmentation.apply(tensors, random);
  });
}

llvm::Expected<Score> TrainingRun::evaluate(const Examples &examples,
                                            int64_t batch) {
  std::vector<int64_t> order(examples.getCount());
  std::iota(order.begin(), order.end(), 0);
  return run(examples, batch, order, nullptr, [](NamedTensors &) {});
}

NamedTensors TrainingRun::getParameters() const {
  const NeuroplastModelInfo &info = model->getInfo();
  NamedTensors params;
  for (int32_t i = 0; i < info.num_params; ++i)
    params[info.params[i].name] = now[i];
  return params;
}

llvm::Error TrainingRun::setParameters(const NamedTensors &params,
                                       int64_t steps) {
  const NeuroplastModelInfo &info = model->getInfo();
  for (int32_t i = 0; i < info.num_params; ++i) {
    auto it = params.find(info.params[i].name);
    if (it == params.end() || it->second.dtype != now[i].dtype ||
        it->second.shape != now[i].shape)
      return makeError("has no parameter '" +
                       llvm::StringRef(info.params[i].name) +
                       "' as this model has it");
    now[i].bytes = it->second.bytes;
  }
  numSteps = steps;
  return llvm::Error::success();
}

void neuroplast::driver::writeParameters(const NamedTensors &params,
                                         mlir::ModuleOp module) {
  for (auto param : module.getOps<neuro::ParamOp>()) {
    auto it = params.find(neuro::getUserName(param).str());
    if (it == params.end())
      continue;
    const std::vector<char> &bytes = it->second.bytes;
    param.setValueAttr(makeElements(param.getType(), param.getSymName(),
                                    std::string(bytes.begin(), bytes.end())));
  }
}
