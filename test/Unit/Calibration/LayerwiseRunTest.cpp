//===- LayerwiseRunTest.cpp - Batches that memory has room for ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Calibration/LayerwiseRun.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::calibration;

namespace {

/// The batches that are chosen of so many while a chain of three ops runs, of
/// whose tensors two are there at once.
std::vector<size_t> choose(const std::string &type, size_t batches) {
  DialectRegistry registry;
  registerCompilerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler([](Diagnostic &) {});
  std::string text = "func.func @main(%x: " + type +
                     " {neuro.name = \"x\"}) -> (" + type +
                     " {neuro.name = \"y\"}) {\n";
  std::string before = "%x";
  for (int i = 0; i < 3; ++i) {
    std::string next = "%" + std::to_string(i);
    text +=
        next + " = neuro.exp " + before + " : (" + type + ") -> " + type + "\n";
    before = next;
  }
  text += "return " + before + " : " + type + "\n}\n";
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return {};
  return LayerwiseRun::choose(*module, std::vector<NamedTensors>(batches));
}

TEST(LayerwiseRun, TakesAllBatchesThatFit) {
  EXPECT_EQ(choose("tensor<64x1024xf32>", 5),
            (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST(LayerwiseRun, TakesBatchesFromAllOverWhereFewFit) {
  // Two tensors of 128 MiB a batch: four batches are a gibibyte.
  EXPECT_EQ(choose("tensor<32x1024x1024xf32>", 10),
            (std::vector<size_t>{0, 2, 5, 7}));
}

TEST(LayerwiseRun, TakesOneBatchAtLeast) {
  EXPECT_EQ(choose("tensor<1024x1024x1024xf32>", 10), std::vector<size_t>{0});
}

} // namespace
