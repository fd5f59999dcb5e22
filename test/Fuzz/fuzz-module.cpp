//===- fuzz-module.cpp - Any text as a module
//-------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// What parses and verifies can be analysed, written back, and checked for what
// it relies on; the parser itself is MLIR's.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "neuroplast/Codegen/Passes.h"
#include "neuroplast/Frontend/ONNX/Export.h"
#include "neuroplast/Structure/Units/UnitAnalysis.h"

using namespace neuroplast;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mlir::DialectRegistry registry;
  registry.insert<neuro::NeuroDialect, mlir::func::FuncDialect,
                  mlir::arith::ArithDialect, mlir::tensor::TensorDialect,
                  mlir::scf::SCFDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler silence(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  std::string text(reinterpret_cast<const char *>(data), size);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return 0;
  {
    structure::UnitAnalysis analysis(*module);
    std::string written;
    (void)onnx_frontend::exportBytes(*module, written);
  }
  mlir::PassManager manager(&context);
  manager.addPass(createStateContracts());
  (void)manager.run(*module);
  return 0;
}
