//===- Checkpoint.cpp - Where a training stands ---------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// An archive of arrays: parameters by their names behind a prefix, and what is
// no parameter behind another one.

#include "Checkpoint.h"

#include "neuroplast/Runtime/Npz.h"

using namespace neuroplast;
using namespace neuroplast::driver;

static constexpr llvm::StringLiteral kState = "state:", kNow = "now:",
                                     kBest = "best:";

template <typename T>
static HostTensor makeArray(int32_t dtype, llvm::ArrayRef<T> values) {
  HostTensor tensor;
  tensor.dtype = dtype;
  tensor.shape = {static_cast<int64_t>(values.size())};
  const auto *bytes = reinterpret_cast<const char *>(values.data());
  tensor.bytes.assign(bytes, bytes + values.size() * sizeof(T));
  return tensor;
}

static HostTensor makeText(llvm::StringRef text) {
  return makeArray<char>(NEUROPLAST_UINT8, {text.data(), text.size()});
}

llvm::Error Checkpoint::write(llvm::StringRef path) const {
  NamedTensors all;
  all[(kState + "counts").str()] =
      makeArray<int64_t>(NEUROPLAST_INT64, {epoch, step, waited, averaged});
  all[(kState + "random").str()] = makeText(random);
  all[(kState + "recipe").str()] = makeText(recipe);
  if (bestLoss)
    all[(kState + "best-loss").str()] =
        makeArray<double>(NEUROPLAST_FLOAT64, *bestLoss);
  for (const auto &[name, tensor] : params)
    all[kNow.str() + name] = tensor;
  for (const auto &[name, tensor] : best)
    all[kBest.str() + name] = tensor;
  return writeNpz(path, all);
}

llvm::Expected<Checkpoint> Checkpoint::read(llvm::StringRef path) {
  auto all = readNpz(path);
  if (!all)
    return all.takeError();
  Checkpoint checkpoint;
  int found = 0;
  for (auto &[name, tensor] : *all) {
    llvm::StringRef rest = name;
    auto getText = [&] {
      return std::string(tensor.bytes.begin(), tensor.bytes.end());
    };
    if (rest.consume_front(kNow)) {
      checkpoint.params[rest.str()] = std::move(tensor);
    } else if (rest.consume_front(kBest)) {
      checkpoint.best[rest.str()] = std::move(tensor);
    } else if (name == (kState + "counts").str() &&
               tensor.dtype == NEUROPLAST_INT64 &&
               tensor.getNumElements() == 4) {
      int64_t counts[4];
      memcpy(counts, tensor.bytes.data(), sizeof counts);
      checkpoint.epoch = counts[0];
      checkpoint.step = counts[1];
      checkpoint.waited = counts[2];
      checkpoint.averaged = counts[3];
      ++found;
    } else if (name == (kState + "random").str()) {
      checkpoint.random = getText();
      ++found;
    } else if (name == (kState + "recipe").str()) {
      checkpoint.recipe = getText();
      ++found;
    } else if (name == (kState + "best-loss").str() &&
               tensor.dtype == NEUROPLAST_FLOAT64 &&
               tensor.getNumElements() == 1) {
      double loss;
      memcpy(&loss, tensor.bytes.data(), sizeof loss);
      checkpoint.bestLoss = loss;
    }
  }
  if (found != 3 || checkpoint.params.empty())
    return llvm::createStringError("is no checkpoint");
  return checkpoint;
}
