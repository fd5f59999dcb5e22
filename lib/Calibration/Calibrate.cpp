//===- Calibrate.cpp - Statistics of the data in a network ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/Calibrate.h"
#include "MomentSums.h"
#include "Samples.h"
#include "neuroplast/Calibration/LayerwiseRun.h"
#include "neuroplast/Calibration/Patches.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Runtime/Npz.h"
#include "neuroplast/Structure/Units/UnitAnalysis.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::calibration;
using structure::PatchStatistics;
using structure::Statistics;

/// Adds to what another op with the same weight has seen.
static void merge(PatchStatistics &known, PatchStatistics more) {
  if (known.samples == 0) {
    known = std::move(more);
    return;
  }
  double share = static_cast<double>(more.samples) /
                 static_cast<double>(known.samples + more.samples);
  auto mix = [&](std::vector<double> &a, const std::vector<double> &b) {
    for (auto [to, from] : llvm::zip(a, b))
      to += share * (from - to);
  };
  mix(known.mean, more.mean);
  mix(known.square, more.square);
  mix(known.gram, more.gram);
  known.samples += more.samples;
}

static llvm::Expected<PatchStatistics>
collect(const Patches &patches, ArrayRef<HostTensor> data, MomentSums &sums,
        const CalibrateOptions &options) {
  PatchStatistics result;
  int64_t size = patches.getPatchSize();
  result.blocks = patches.getNumBlocks();
  result.patchSize = size;
  auto samples =
      drawSamples(data.size(), patches.getNumPositions(),
                  options.mostSamplesPerElement * size, options.seed);
  result.samples = samples.size();
  for (int64_t block = 0; block < result.blocks; ++block) {
    auto read = [&](int64_t sample, float *patch) {
      auto [batch, position] = samples[sample];
      patches.readPatch(
          reinterpret_cast<const float *>(data[batch].bytes.data()), position,
          block, patch);
    };
    std::vector<double> sum(size), square(size);
    if (options.products) {
      auto moments = sums.sum(
          size, /*outs=*/0, samples.size(),
          [&](int64_t sample, float *patch, float *) { read(sample, patch); });
      if (!moments)
        return moments.takeError();
      sum = moments->sumX;
      for (int64_t i = 0; i < size; ++i)
        square[i] = moments->gram[i * size + i];
      for (double product : moments->gram)
        result.gram.push_back(product / result.samples);
    } else {
      std::vector<float> patch(size);
      for (size_t sample = 0; sample < samples.size(); ++sample) {
        read(sample, patch.data());
        for (int64_t i = 0; i < size; ++i) {
          sum[i] += patch[i];
          square[i] += double(patch[i]) * patch[i];
        }
      }
    }
    for (int64_t i = 0; i < size; ++i) {
      result.mean.push_back(sum[i] / result.samples);
      result.square.push_back(square[i] / result.samples);
    }
  }
  return result;
}

llvm::Expected<Statistics>
neuroplast::calibration::collectStatistics(ModuleOp module,
                                           ArrayRef<NamedTensors> batches,
                                           const CalibrateOptions &options) {
  Statistics statistics;
  LayerwiseRun run(module, batches, LayerwiseRun::choose(module, batches));
  MomentSums sums(module.getContext());
  auto main = module.lookupSymbol<func::FuncOp>("main");
  for (Operation &op : main.front()) {
    auto layer = dyn_cast<neuro::LayerOpInterface>(op);
    auto map = layer ? layer.getLinearMap() : std::nullopt;
    if (!map || !run.canStopAt(&op))
      continue;
    auto weight = op.getOperand(map->weight).getDefiningOp<neuro::GetParamOp>();
    Value data = op.getOperand(map->data);
    auto type = cast<RankedTensorType>(data.getType());
    if (!weight || !type.hasStaticShape() || !type.getElementType().isF32())
      continue;
    if (options.progress)
      options.progress(structure::getNodeName(op.getLoc()));
    if (llvm::Error error = run.runUntil(&op, /*inclusive=*/false))
      return std::move(error);
    auto seen = collect(Patches(&op, *map), run.getValue(data), sums, options);
    if (!seen)
      return seen.takeError();
    merge(statistics[weight.getName()], std::move(*seen));
  }
  return statistics;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static HostTensor makeTensor(std::vector<int64_t> shape,
                             ArrayRef<double> numbers) {
  HostTensor tensor;
  tensor.dtype = NEUROPLAST_FLOAT64;
  tensor.shape = std::move(shape);
  const char *bytes = reinterpret_cast<const char *>(numbers.data());
  tensor.bytes.assign(bytes, bytes + numbers.size() * sizeof(double));
  return tensor;
}

llvm::Error
neuroplast::calibration::writeStatistics(StringRef path,
                                         const Statistics &statistics) {
  NamedTensors arrays;
  for (const auto &entry : statistics) {
    std::string name = entry.getKey().str();
    const PatchStatistics &seen = entry.getValue();
    int64_t blocks = seen.blocks, size = seen.patchSize;
    double samples = seen.samples;
    arrays[name + "/samples"] = makeTensor({}, samples);
    arrays[name + "/mean"] = makeTensor({blocks, size}, seen.mean);
    arrays[name + "/square"] = makeTensor({blocks, size}, seen.square);
    if (!seen.gram.empty())
      arrays[name + "/gram"] = makeTensor({blocks, size, size}, seen.gram);
  }
  return writeNpz(path, arrays);
}

llvm::Expected<Statistics>
neuroplast::calibration::readStatistics(StringRef path) {
  auto arrays = readNpz(path);
  if (!arrays)
    return arrays.takeError();
  Statistics statistics;
  auto fail = [&](const Twine &name) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   path + ": array '" + name +
                                       "' is none that 'calibrate' writes");
  };
  for (const auto &[name, tensor] : *arrays) {
    auto [symbol, kind] = StringRef(name).rsplit('/');
    PatchStatistics &seen = statistics[symbol];
    size_t rank = llvm::StringSwitch<size_t>(kind)
                      .Case("samples", 0)
                      .Cases({"mean", "square"}, 2)
                      .Case("gram", 3)
                      .Default(9);
    if (tensor.dtype != NEUROPLAST_FLOAT64 || tensor.shape.size() != rank)
      return fail(name);
    const auto *numbers = reinterpret_cast<const double *>(tensor.bytes.data());
    std::vector<double> list(numbers, numbers + tensor.getNumElements());
    if (kind == "samples") {
      seen.samples = static_cast<int64_t>(list[0]);
    } else if (kind == "gram") {
      seen.gram = std::move(list);
    } else {
      seen.blocks = tensor.shape[0];
      seen.patchSize = tensor.shape[1];
      (kind == "mean" ? seen.mean : seen.square) = std::move(list);
    }
  }
  // A file may claim anything.
  for (const auto &entry : statistics) {
    const PatchStatistics &seen = entry.getValue();
    size_t count = seen.blocks * seen.patchSize;
    if (seen.samples < 1 || seen.mean.size() != count ||
        seen.square.size() != count ||
        (!seen.gram.empty() && seen.gram.size() != count * seen.patchSize))
      return fail(entry.getKey());
  }
  return statistics;
}
