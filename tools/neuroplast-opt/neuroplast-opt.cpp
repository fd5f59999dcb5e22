//===- neuroplast-opt.cpp - Run passes on a module ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "neuroplast/Conversion/Passes.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"
#include "neuroplast/Frontend/ONNX/Export.h"
#include "neuroplast/Structure/Passes.h"
#include "llvm/Support/MemoryBuffer.h"

namespace {

/// Runs the passes into memory, and writes the module that comes out as ONNX.
llvm::LogicalResult runToOnnx(llvm::StringRef input, llvm::StringRef output,
                              mlir::DialectRegistry &registry) {
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer =
      mlir::openInputFile(input, &error);
  if (!buffer) {
    llvm::errs() << error << '\n';
    return mlir::failure();
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  mlir::MlirOptMainConfig config =
      mlir::MlirOptMainConfig::createFromCLOptions();
  config.emitBytecode(true);
  if (mlir::failed(
          mlir::MlirOptMain(stream, std::move(buffer), registry, config)))
    return mlir::failure();
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return mlir::failure();
  return neuroplast::onnx_frontend::exportFile(*module, output);
}

} // namespace

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  neuroplast::structure::registerStructurePasses();
  neuroplast::registerNeuroplastConversionPasses();
  registry.insert<neuroplast::neuro::NeuroDialect>();
  auto [input, output] = mlir::registerAndParseCLIOptions(
      argc, argv, "Neuroplast pass driver\n", registry);
  if (llvm::StringRef(output).ends_with(".onnx"))
    return mlir::asMainReturnCode(runToOnnx(input, output, registry));
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, input, output, registry));
}
