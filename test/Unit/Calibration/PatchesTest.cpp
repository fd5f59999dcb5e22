//===- PatchesTest.cpp - Patches against what the ops compute -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/Patches.h"
#include "mlir/Parser/Parser.h"
#include "neuroplast/Calibration/LayerwiseRun.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"
#include "gtest/gtest.h"

#include <random>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::calibration;

namespace {

std::vector<float> draw(int64_t count, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<float> numbers;
  for (int64_t i = 0; i < count; ++i)
    numbers.push_back((generator() >> 40) * 0x1p-23f - 1);
  return numbers;
}

std::string getBytes(const std::vector<float> &numbers) {
  return {reinterpret_cast<const char *>(numbers.data()),
          numbers.size() * sizeof(float)};
}

/// An op over an argument and the parameter @w, and what its types are.
struct Layer {
  std::string name, op, data, weight, result;
};

class PatchesOf : public testing::TestWithParam<Layer> {
protected:
  PatchesOf() { registerCompilerDialects(registry); }
  DialectRegistry registry;
};

TEST_P(PatchesOf, GiveTheResultsWhenTheyAreWeighed) {
  const Layer &layer = GetParam();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  std::string text =
      "neuro.param @w trainable = dense<0.0> : " + layer.weight +
      "\nfunc.func @main(%x: " + layer.data + " {neuro.name = \"x\"}) -> (" +
      layer.result +
      " {neuro.name = \"y\"}) {\n  %w = neuro.get_param @w : " + layer.weight +
      "\n  %0 = " + layer.op + "\n  return %0 : " + layer.result + "\n}\n";
  auto module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module) << text;
  auto param = *module->getOps<neuro::ParamOp>().begin();
  std::vector<float> weights = draw(param.getType().getNumElements(), 1);
  param.setValueAttr(makeElements(param.getType(), "w", getBytes(weights)));
  auto main = module->lookupSymbol<func::FuncOp>("main");
  auto dataType = cast<RankedTensorType>(main.getArgumentTypes()[0]);
  HostTensor x;
  x.dtype = NEUROPLAST_FLOAT32;
  x.shape.assign(dataType.getShape().begin(), dataType.getShape().end());
  std::vector<float> data = draw(x.getNumElements(), 2);
  std::string bytes = getBytes(data);
  x.bytes.assign(bytes.begin(), bytes.end());
  std::vector<NamedTensors> batches = {{{"x", x}}};
  LayerwiseRun run(*module, batches, LayerwiseRun::choose(*module, batches));
  Operation *op = main.front().getTerminator()->getOperand(0).getDefiningOp();
  ASSERT_TRUE(run.canStopAt(op));
  ASSERT_FALSE(static_cast<bool>(run.runUntil(op, /*inclusive=*/true)));
  const HostTensor &y = run.getValue(op->getResult(0)).front();
  const auto *results = reinterpret_cast<const float *>(y.bytes.data());

  auto map = cast<neuro::LayerOpInterface>(op).getLinearMap();
  ASSERT_TRUE(map.has_value());
  Patches patches(op, *map);
  int64_t size = patches.getPatchSize(), outs = patches.getNumOuts();
  EXPECT_EQ(patches.getNumPositions() * patches.getNumBlocks() * outs,
            y.getNumElements());
  std::vector<float> patch(size);
  for (int64_t position = 0; position < patches.getNumPositions(); ++position)
    for (int64_t block = 0; block < patches.getNumBlocks(); ++block) {
      patches.readPatch(data.data(), position, block, patch.data());
      for (int64_t out = 0; out < outs; ++out) {
        double sum = 0;
        for (int64_t i = 0; i < size; ++i)
          sum += patch[i] * weights[patches.getWeightIndex(block, out, i)];
        float result;
        patches.readResults(results, position, {block * outs + out}, &result);
        EXPECT_NEAR(sum, result, 1e-4);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, PatchesOf,
    testing::Values(
        Layer{"Conv2d",
              "neuro.conv %x, %w {strides = array<i64: 2, 1>, dilations = "
              "array<i64: 1, 2>, pads = array<i64: 1, 2, 0, 1>} : "
              "(tensor<2x3x5x6xf32>, tensor<4x3x3x2xf32>) -> "
              "tensor<2x4x2x7xf32>",
              "tensor<2x3x5x6xf32>", "tensor<4x3x3x2xf32>",
              "tensor<2x4x2x7xf32>"},
        Layer{"Grouped",
              "neuro.conv %x, %w {group = 2 : i64, strides = array<i64: 1>, "
              "dilations = array<i64: 1>, pads = array<i64: 1, 1>} : "
              "(tensor<2x4x5xf32>, tensor<6x2x3xf32>) -> tensor<2x6x5xf32>",
              "tensor<2x4x5xf32>", "tensor<6x2x3xf32>", "tensor<2x6x5xf32>"},
        Layer{"Depthwise",
              "neuro.conv %x, %w {group = 3 : i64, strides = array<i64: 1, 1>, "
              "dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>} : "
              "(tensor<1x3x4x4xf32>, tensor<6x1x2x2xf32>) -> "
              "tensor<1x6x3x3xf32>",
              "tensor<1x3x4x4xf32>", "tensor<6x1x2x2xf32>",
              "tensor<1x6x3x3xf32>"},
        Layer{"WeightBehind",
              "neuro.matmul %x, %w : (tensor<2x3x4x5xf32>, tensor<5x6xf32>) -> "
              "tensor<2x3x4x6xf32>",
              "tensor<2x3x4x5xf32>", "tensor<5x6xf32>", "tensor<2x3x4x6xf32>"},
        Layer{"WeightInFront",
              "neuro.matmul %w, %x : (tensor<6x5xf32>, tensor<2x5x4xf32>) -> "
              "tensor<2x6x4xf32>",
              "tensor<2x5x4xf32>", "tensor<6x5xf32>", "tensor<2x6x4xf32>"},
        Layer{"Gemm",
              "neuro.gemm %x, %w : (tensor<3x5xf32>, tensor<5x4xf32>) -> "
              "tensor<3x4xf32>",
              "tensor<3x5xf32>", "tensor<5x4xf32>", "tensor<3x4xf32>"},
        Layer{"TransposedGemm",
              "neuro.gemm %x, %w {transA = 1 : i64, transB = 1 : i64} : "
              "(tensor<5x3xf32>, tensor<4x5xf32>) -> tensor<3x4xf32>",
              "tensor<5x3xf32>", "tensor<4x5xf32>", "tensor<3x4xf32>"},
        Layer{"GemmWithTheWeightInFront",
              "neuro.gemm %w, %x {transA = 1 : i64, transB = 1 : i64} : "
              "(tensor<5x3xf32>, tensor<4x5xf32>) -> tensor<3x4xf32>",
              "tensor<4x5xf32>", "tensor<5x3xf32>", "tensor<3x4xf32>"}),
    [](const auto &info) { return info.param.name; });

} // namespace
