//===- BlockImportance.cpp - What residual blocks do ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/BlockImportance.h"
#include "neuroplast/Calibration/LayerwiseRun.h"
#include <Eigen/Dense>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::calibration;
using structure::ResidualBlock;

using Matrix =
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Samples take the square of their number times the features.
static constexpr int64_t kMostSamples = 256;

/// The samples of a value as rows.
static Matrix readSamples(ArrayRef<HostTensor> batches) {
  int64_t rows = 0, features = 1;
  for (const HostTensor &batch : batches)
    rows += batch.shape.empty() ? 1 : batch.shape.front();
  rows = std::min(rows, kMostSamples);
  for (int64_t size : ArrayRef(batches.front().shape).drop_front())
    features *= size;
  Matrix samples(rows, features);
  int64_t row = 0;
  for (const HostTensor &batch : batches) {
    int64_t count = std::min(rows - row, batch.getNumElements() /
                                             std::max<int64_t>(features, 1));
    samples.middleRows(row, count) = Eigen::Map<const Matrix>(
        reinterpret_cast<const float *>(batch.bytes.data()), count, features);
    row += count;
  }
  return samples;
}

/// The similarities of all pairs of samples, about their mean.
static Eigen::MatrixXd getKernel(Matrix samples) {
  samples.rowwise() -= samples.colwise().mean().eval();
  return (samples * samples.transpose()).cast<double>();
}

static double getAlignment(const Matrix &a, const Matrix &b) {
  Eigen::MatrixXd left = getKernel(a), right = getKernel(b);
  double norm = left.norm() * right.norm();
  return norm > 0 ? left.cwiseProduct(right).sum() / norm : 1;
}

llvm::Expected<std::vector<std::optional<BlockImportance>>>
neuroplast::calibration::measureBlocks(
    ModuleOp module, ArrayRef<ResidualBlock> blocks,
    ArrayRef<NamedTensors> batches,
    std::function<void(llvm::StringRef)> progress) {
  std::vector<std::optional<BlockImportance>> result(blocks.size());
  LayerwiseRun run(module, batches, LayerwiseRun::choose(module, batches));
  for (auto [block, importance] : llvm::zip_equal(blocks, result)) {
    auto type = cast<RankedTensorType>(block.sum->getResult(0).getType());
    if (!run.canStopAt(block.sum) || !type.hasStaticShape() ||
        !type.getElementType().isF32() || type.getNumElements() == 0)
      continue;
    if (progress)
      progress(block.node);
    if (llvm::Error error = run.runUntil(block.sum, /*inclusive=*/false))
      return std::move(error);
    Matrix input = readSamples(run.getValue(block.getInput()));
    Matrix added = readSamples(run.getValue(block.getBranch()));
    Matrix output = input + added;
    importance = BlockImportance();
    importance->similarity = getAlignment(input, output);
    double norm = output.cast<double>().squaredNorm();
    importance->change =
        norm > 0 ? added.cast<double>().squaredNorm() / norm : 0;
  }
  return result;
}
