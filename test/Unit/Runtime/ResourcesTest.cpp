//===- ResourcesTest.cpp - Models that come and go -----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Runtime/Compiler.h"
#include "neuroplast/Runtime/Model.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>
#include <unistd.h>

using namespace neuroplast;

namespace {

/// Bytes of memory that the process holds.
int64_t getResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

class Resources : public testing::Test {
protected:
  Resources() { registerCompilerDialects(registry); }

  /// A model that adds 256 Ki weights to its input, and a buffer that it needs
  /// in between.
  std::unique_ptr<Model> makeModel() {
    auto context = std::make_unique<mlir::MLIRContext>(
        registry, mlir::MLIRContext::Threading::DISABLED);
    std::string zeros(size_t(1) << 21, '0');
    std::string text = R"(
neuro.param @w trainable = dense_resource<w> : tensor<262144xf32>
func.func @main(%x: tensor<262144xf32> {neuro.name = "x"})
    -> (tensor<262144xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<262144xf32>
  %0 = neuro.softmax %x : (tensor<262144xf32>) -> tensor<262144xf32>
  %1 = neuro.add %0, %w : (tensor<262144xf32>, tensor<262144xf32>) -> tensor<262144xf32>
  return %1 : tensor<262144xf32>
}
{-# dialect_resources: { builtin: { w: "0x04000000)" +
                       zeros + R"(" } } #-})";
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    EXPECT_TRUE(module);
    CompileOptions options;
    options.optLevel = 0;
    auto compiled = compileModule(*module, options);
    EXPECT_TRUE(static_cast<bool>(compiled));
    module = nullptr;
    auto model = loadInMemory(std::move(*compiled), std::move(context));
    EXPECT_TRUE(static_cast<bool>(model));
    return std::move(*model);
  }

  static void run(const Model &model) {
    auto inputs = model.makeRandomInputs(1);
    ASSERT_TRUE(static_cast<bool>(inputs));
    auto outputs = model.run(*inputs);
    ASSERT_TRUE(static_cast<bool>(outputs));
  }

  mlir::DialectRegistry registry;
};

/// NEUROPLAST_CYCLES sets how many; the process has keys for a thousand
/// threads' states, so that more than that find those that are kept.
TEST_F(Resources, CyclesHoldMemoryFlat) {
  const char *asked = std::getenv("NEUROPLAST_CYCLES");
  int cycles = asked ? std::atoi(asked) : 30;
  int64_t before = 0;
  for (int i = 0; i < cycles + 10; ++i) {
    // What a first use allocates for good has been allocated by then.
    if (i == 10)
      before = getResidentBytes();
    run(*makeModel());
  }
  // A cycle that kept its weights or its buffers would keep a mebibyte of each.
  EXPECT_LT(getResidentBytes() - before, (8 << 20) + cycles * int64_t(256));
}

TEST_F(Resources, ThreadsOutliveTheirModel) {
  std::unique_ptr<Model> model = makeModel();
  std::mutex mutex;
  std::condition_variable changed;
  bool hasRun = false, isGone = false;
  std::thread thread([&] {
    run(*model);
    std::unique_lock<std::mutex> lock(mutex);
    hasRun = true;
    changed.notify_all();
    changed.wait(lock, [&] { return isGone; });
  });
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [&] { return hasRun; });
  model = nullptr;
  isGone = true;
  lock.unlock();
  changed.notify_all();
  thread.join(); // finds nothing to clean up, and no code to do it with
}

} // namespace
