//===- GradientMeans.cpp - Gradients of many batches ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GradientMeans.h"

using namespace neuroplast;
using namespace neuroplast::learning;

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

GradientMeans::GradientMeans(CompiledTask taken) : task(std::move(taken)) {
  const NeuroplastModelInfo &info = task.model->getInfo();
  for (int32_t i = 0; i < info.num_params; ++i)
    params.push_back(viewTensor(task.params.at(info.params[i].name)));
}

llvm::Error GradientMeans::add(const NamedTensors &batch) {
  auto results = task.model->run(batch, params);
  if (!results)
    return results.takeError();
  for (const auto &[name, gradient] : *results) {
    if (!task.params.count(name))
      continue;
    Sums &own = sums[name];
    if (gradient.dtype == NEUROPLAST_FLOAT64)
      addUp<double>(gradient, own.gradient, own.square);
    else if (gradient.dtype == NEUROPLAST_FLOAT32)
      addUp<float>(gradient, own.gradient, own.square);
  }
  ++batches;
  return llvm::Error::success();
}

structure::Gradients GradientMeans::get() const {
  auto average = [&](const std::vector<double> &from, std::vector<float> &to) {
    for (double sum : from)
      to.push_back(static_cast<float>(sum / static_cast<double>(batches)));
  };
  structure::Gradients gradients;
  for (const auto &[name, own] : sums) {
    average(own.gradient, gradients[name].mean);
    average(own.square, gradients[name].square);
  }
  return gradients;
}
