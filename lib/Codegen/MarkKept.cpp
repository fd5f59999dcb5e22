//===- MarkKept.cpp - What loops read again and again ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

namespace neuroplast {
#define GEN_PASS_DEF_MARKKEPT
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;
using namespace neuroplast;

namespace {

struct MarkKeptPass : neuroplast::impl::MarkKeptBase<MarkKeptPass> {
  void runOnOperation() override {
    getOperation().walk([](kernel::ContractOp op) {
      auto loop = op->getParentOfType<LoopLikeOpInterface>();
      if (!loop)
        return;
      SmallVector<int64_t> kept;
      for (int64_t operand = 0; operand < 2; ++operand)
        if (loop.isDefinedOutsideOfLoop(op.getInputs()[operand]))
          kept.push_back(operand);
      if (!kept.empty())
        op.setKept(kept);
    });
  }
};

} // namespace
