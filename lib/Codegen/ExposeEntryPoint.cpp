//===- ExposeEntryPoint.cpp - A C interface for the entry function --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"

namespace neuroplast {
#define GEN_PASS_DEF_EXPOSEENTRYPOINT
#include "neuroplast/Codegen/Passes.h.inc"
} // namespace neuroplast

using namespace mlir;

namespace {

struct ExposeEntryPointPass
    : neuroplast::impl::ExposeEntryPointBase<ExposeEntryPointPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto param : llvm::make_early_inc_range(
             module.getOps<neuroplast::neuro::ParamOp>()))
      param.erase();
    // Attributes of the neuro dialect have no meaning below.
    module->removeAttr("neuro.model");
    module->removeAttr("neuro.profile");
    for (auto function : module.getOps<func::FuncOp>()) {
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        function.setArgAttrs(i, DictionaryAttr());
      for (unsigned i = 0; i < function.getNumResults(); ++i)
        function.setResultAttrs(i, DictionaryAttr());
    }
    auto main = module.lookupSymbol<func::FuncOp>("main");
    if (!main) {
      module.emitError("has no function 'main'");
      return signalPassFailure();
    }
    for (StringRef name : {"main", "output_sizes"})
      if (auto function = module.lookupSymbol<func::FuncOp>(name))
        function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                          UnitAttr::get(&getContext()));
  }
};

} // namespace
