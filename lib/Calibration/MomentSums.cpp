//===- MomentSums.cpp - Adding up products of samples ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MomentSums.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Runtime/Model.h"
#include "llvm/Support/Parallel.h"
#include <mutex>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::calibration;

/// Samples that are multiplied at once.
static constexpr int64_t kChunk = 1024;
/// Products of fewer elements are not worth compiling code for.
static constexpr int64_t kFewProducts = 2048;

/// What numbers of columns are rounded up to; the rest is zero.
static constexpr int64_t kRounding = 64;

/// Code for xᵀ y, where both have `kChunk` rows.
static llvm::Expected<std::unique_ptr<Model>>
compileProduct(MLIRContext *context, int64_t columnsX, int64_t columnsY) {
  Location location = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module(ModuleOp::create(location));
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  Type f32 = builder.getF32Type();
  SmallVector<Type> inputs = {RankedTensorType::get({kChunk, columnsX}, f32),
                              RankedTensorType::get({kChunk, columnsY}, f32)};
  auto result = RankedTensorType::get({columnsX, columnsY}, f32);
  auto func = func::FuncOp::create(builder, location, "main",
                                   builder.getFunctionType(inputs, result));
  Block *body = func.addEntryBlock();
  builder.setInsertionPointToStart(body);
  Value product = neuro::GemmOp::create(
      builder, location, result, body->getArgument(0), body->getArgument(1),
      Value(), builder.getF32FloatAttr(1), builder.getF32FloatAttr(1),
      builder.getI64IntegerAttr(1), builder.getI64IntegerAttr(0));
  func::ReturnOp::create(builder, location, product);
  auto compiled = compileModule(*module, {});
  if (!compiled)
    return compiled.takeError();
  return loadInMemory(std::move(*compiled));
}

static NeuroplastTensor view(std::vector<float> &matrix, int64_t columns) {
  NeuroplastTensor tensor = {};
  tensor.data = matrix.data();
  tensor.capacity = matrix.size() * sizeof(float);
  tensor.dtype = NEUROPLAST_FLOAT32;
  tensor.rank = 2;
  tensor.shape[0] = matrix.size() / columns;
  tensor.shape[1] = columns;
  return tensor;
}

llvm::Expected<Model *> MomentSums::getProduct(int64_t columnsX,
                                               int64_t columnsY) {
  std::unique_ptr<Model> &product = products[{columnsX, columnsY}];
  if (!product) {
    auto compiled = compileProduct(context, columnsX, columnsY);
    if (!compiled)
      return compiled.takeError();
    product = std::move(*compiled);
  }
  return product.get();
}

llvm::Expected<Moments>
MomentSums::sum(int64_t patchSize, int64_t outs, int64_t count,
                llvm::function_ref<void(int64_t, float *, float *)> read) {
  Moments moments(patchSize, outs);
  moments.samples = count;
  Model *product = nullptr;
  int64_t width = patchSize, columns = patchSize + outs;
  if (patchSize * columns > kFewProducts) {
    width = llvm::alignTo(width, kRounding);
    columns = llvm::alignTo(columns, kRounding);
    auto found = getProduct(width, columns);
    if (!found)
      return found.takeError();
    product = *found;
  }
  std::mutex mutex;
  llvm::Error failure = llvm::Error::success();
  llvm::parallelFor(0, llvm::divideCeil(count, kChunk), [&](size_t chunk) {
    int64_t first = chunk * kChunk;
    int64_t rows = std::min(kChunk, count - first);
    // What no sample fills is zero.
    std::vector<float> x(kChunk * width), both(kChunk * columns);
    for (int64_t row = 0; row < rows; ++row) {
      float *patch = both.data() + row * columns;
      read(first + row, patch, patch + patchSize);
      std::copy_n(patch, patchSize, x.data() + row * width);
    }
    std::vector<float> sums(width * columns);
    std::vector<NeuroplastTensor> outputs = {view(sums, columns)};
    llvm::Error error = llvm::Error::success();
    if (product) {
      error = product->runBound({view(x, width), view(both, columns)}, outputs);
    } else {
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t i = 0; i < patchSize; ++i)
          for (int64_t j = 0; j < columns; ++j)
            sums[i * columns + j] +=
                x[row * width + i] * both[row * columns + j];
    }
    std::lock_guard<std::mutex> lock(mutex);
    if (error) {
      failure = llvm::joinErrors(std::move(failure), std::move(error));
      return;
    }
    for (int64_t row = 0; row < rows; ++row) {
      const float *patch = both.data() + row * columns;
      for (int64_t i = 0; i < patchSize; ++i)
        moments.sumX[i] += patch[i];
      for (int64_t j = 0; j < outs; ++j) {
        double result = patch[patchSize + j];
        moments.sumT[j] += result;
        moments.squareT[j] += result * result;
      }
    }
    for (int64_t i = 0; i < patchSize; ++i) {
      const float *row = sums.data() + i * columns;
      for (int64_t j = 0; j < patchSize; ++j)
        moments.gram[i * patchSize + j] += row[j];
      for (int64_t j = 0; j < outs; ++j)
        moments.cross[i * outs + j] += row[patchSize + j];
    }
  });
  if (failure)
    return failure;
  return moments;
}
