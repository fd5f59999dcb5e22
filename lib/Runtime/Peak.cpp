//===- Peak.cpp - What a core can do --------------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TargetMachine.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "neuroplast/Runtime/Model.h"
#include "llvm/Support/FormatVariadic.h"

#include <chrono>

using namespace neuroplast;

/// More than enough to hide the latency of a multiply-add on any processor, and
/// few enough for sixteen registers.
static constexpr int kChains = 12;
static constexpr int64_t kSteps = 1 << 20;

/// A function that does kSteps multiply-adds on each of kChains vectors.
static std::string writeLoop(unsigned lanes) {
  std::string type = llvm::formatv("vector<{0}xf32>", lanes);
  std::string inits, types, steps, results, sums;
  for (int i = 0; i < kChains; ++i) {
    const char *comma = i ? ", " : "";
    inits += llvm::formatv("{0}%a{1} = %v", comma, i);
    types += comma + type;
    steps += llvm::formatv("%b{0} = vector.fma %v, %v, %a{0} : {1}\n", i, type);
    results += llvm::formatv("{0}%b{1}", comma, i);
    if (i)
      sums += llvm::formatv("%s{0} = arith.addf %{1}, %r#{0} : {2}\n", i,
                            i == 1 ? "r#0" : "s" + std::to_string(i - 1), type);
  }
  return llvm::formatv(R"(
func.func @main(%x: tensor<1xf32>) -> tensor<1xf32> {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant {0} : index
  %e = tensor.extract %x[%c0] : tensor<1xf32>
  %v = vector.broadcast %e : f32 to {1}
  %r:{2} = scf.for %i = %c0 to %n step %c1 iter_args({3}) -> ({4}) {{
    {5}
    scf.yield {6} : {4}
  }
  {7}
  %y = vector.reduction <add>, %s{8} : {1} into f32
  %t = tensor.from_elements %y : tensor<1xf32>
  return %t : tensor<1xf32>
})",
                       kSteps, type, kChains, inits, types, steps, results,
                       sums, kChains - 1);
}

llvm::Expected<double> neuroplast::measurePeak() {
  CompileOptions options;
  CpuPipelineOptions pipeline;
  setPipelineOptions(pipeline, *createTargetMachine(options), options);
  unsigned lanes = pipeline.vectorBits / 32;
  mlir::DialectRegistry registry;
  registerCompilerDialects(registry);
  auto context = std::make_unique<mlir::MLIRContext>(
      registry, mlir::MLIRContext::Threading::DISABLED);
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(writeLoop(lanes), context.get());
  if (!module)
    return llvm::createStringError("the loop that measures the peak is wrong");
  auto compiled = compileModule(*module, options);
  if (!compiled)
    return compiled.takeError();
  module = nullptr;
  auto model = loadInMemory(std::move(*compiled), std::move(context));
  if (!model)
    return model.takeError();
  auto inputs = (*model)->makeRandomInputs(/*seed=*/0);
  if (!inputs)
    return inputs.takeError();
  double best = 0;
  for (int run = 0; run < 20; ++run) {
    auto start = std::chrono::steady_clock::now();
    auto results = (*model)->run(*inputs);
    if (!results)
      return results.takeError();
    std::chrono::duration<double, std::nano> time =
        std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * lanes * kChains * kSteps / time.count());
  }
  return best;
}
