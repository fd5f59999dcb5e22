//===- GradientSums.cpp - Files of gradients ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GradientSums.h"

#include "EditedNetwork.h"
#include "RunnableModel.h"

#include "neuroplast/Runtime/Npz.h"

using namespace neuroplast;
using namespace neuroplast::driver;

static constexpr llvm::StringLiteral kMean = ".gradient",
                                     kSquare = ".gradient_square";

static HostTensor makeTensor(const std::vector<float> &values) {
  HostTensor tensor;
  tensor.dtype = NEUROPLAST_FLOAT32;
  tensor.shape = {static_cast<int64_t>(values.size())};
  tensor.bytes.resize(values.size() * sizeof(float));
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

llvm::Error driver::writeGradients(llvm::StringRef path,
                                   const structure::Gradients &gradients) {
  NamedTensors tensors;
  for (const auto &[name, values] : gradients) {
    tensors[(name + kMean).str()] = makeTensor(values.mean);
    tensors[(name + kSquare).str()] = makeTensor(values.square);
  }
  return writeNpz(path, tensors);
}

/// Reads such an archive. Fails if it has none.
static llvm::Expected<structure::Gradients> readArchive(llvm::StringRef path) {
  auto tensors = readNpz(path);
  if (!tensors)
    return tensors.takeError();
  structure::Gradients gradients;
  for (const auto &[key, tensor] : *tensors) {
    llvm::StringRef name = key;
    bool isSquare = name.consume_back(kSquare);
    if ((!isSquare && !name.consume_back(kMean)) ||
        tensor.dtype != NEUROPLAST_FLOAT32)
      continue;
    structure::ParamGradients &values = gradients[name];
    std::vector<float> &numbers = isSquare ? values.square : values.mean;
    numbers.resize(tensor.getNumElements());
    std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
  }
  if (gradients.empty())
    return llvm::createStringError(
        "has no gradients; 'calibrate --gradients' writes them");
  return gradients;
}

/// Adds numbers to others; none to begin with are zeros.
static bool addUp(std::vector<float> &sum, llvm::ArrayRef<float> numbers) {
  if (sum.empty())
    sum.resize(numbers.size());
  if (sum.size() != numbers.size())
    return false;
  for (auto [total, number] : llvm::zip_equal(sum, numbers))
    total += number;
  return true;
}

std::optional<structure::Gradients>
driver::readGradients(llvm::ArrayRef<std::string> paths) {
  structure::Gradients all;
  for (llvm::StringRef path : paths) {
    auto gradients = readArchive(path);
    if (!gradients)
      return reportError(path, gradients.takeError()), std::nullopt;
    for (const auto &[name, values] : *gradients)
      if (!addUp(all[name].mean, values.mean) ||
          !addUp(all[name].square, values.square))
        return reportError("'" + path +
                           "' has another number of elements of '" + name +
                           "' than the archives before it"),
               std::nullopt;
  }
  return all;
}

std::optional<std::unique_ptr<structure::Gradients>>
driver::provideGradients(const Arguments &arguments) {
  const EditedNetwork *network = arguments.getNetwork();
  llvm::StringRef path = arguments.get("--stats");
  if (path.empty() && !network)
    return nullptr;
  auto gradients =
      path.empty() ? network->measureGradients() : readArchive(path);
  if (!gradients)
    return reportError(path.empty() ? "network" : path, gradients.takeError()),
           std::nullopt;
  return std::make_unique<structure::Gradients>(std::move(*gradients));
}
