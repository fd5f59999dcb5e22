//===- neuroplast-opt.cpp - Run passes on a module ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "neuroplast/Codegen/Passes.h"
#include "neuroplast/Codegen/Pipelines.h"
#include "neuroplast/Conversion/Passes.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"
#include "neuroplast/Frontend/ONNX/Export.h"
#include "neuroplast/Frontend/ONNX/Import.h"
#include "neuroplast/Structure/Passes.h"
#include "neuroplast/Training/Passes.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

namespace {

/// Bytecode in a buffer of its own. The reader refuses one whose address has
/// less alignment than the weights in it.
std::unique_ptr<llvm::MemoryBuffer> copyBytecode(llvm::StringRef bytes,
                                                 llvm::StringRef name) {
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      bytes.size(), name, llvm::Align(64));
  if (buffer)
    llvm::copy(bytes, buffer->getBufferStart());
  return buffer;
}

/// The input as MLIR: an ONNX model is imported, and anything else is read as
/// is.
std::unique_ptr<llvm::MemoryBuffer> openInput(llvm::StringRef path,
                                              mlir::DialectRegistry &registry) {
  if (!neuroplast::isOnnxFile(path)) {
    std::string error;
    std::unique_ptr<llvm::MemoryBuffer> buffer =
        mlir::openInputFile(path, &error);
    if (!buffer)
      llvm::errs() << error << '\n';
    return buffer;
  }
  mlir::MLIRContext context(registry);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      neuroplast::importOnnx(path, {}, &context);
  if (!module)
    return nullptr;
  std::string bytecode;
  llvm::raw_string_ostream stream(bytecode);
  if (mlir::failed(mlir::writeBytecodeToFile(*module, stream)))
    return nullptr;
  return copyBytecode(bytecode, path);
}

/// Runs the passes into memory, and writes the module that comes out as ONNX.
llvm::LogicalResult runToOnnx(std::unique_ptr<llvm::MemoryBuffer> input,
                              llvm::StringRef output,
                              mlir::DialectRegistry &registry) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  mlir::MlirOptMainConfig config =
      mlir::MlirOptMainConfig::createFromCLOptions();
  config.emitBytecode(true);
  if (mlir::failed(
          mlir::MlirOptMain(stream, std::move(input), registry, config)))
    return mlir::failure();
  mlir::MLIRContext context(registry);
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(copyBytecode(text, output), llvm::SMLoc());
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(source, &context);
  if (!module)
    return mlir::failure();
  return neuroplast::onnx_frontend::exportFile(*module, output);
}

/// Runs the passes into a file that appears only once it is complete.
llvm::LogicalResult runToFile(std::unique_ptr<llvm::MemoryBuffer> input,
                              llvm::StringRef output,
                              mlir::DialectRegistry &registry) {
  std::string error;
  auto file = mlir::openOutputFile(output, &error);
  if (!file) {
    llvm::errs() << error << '\n';
    return mlir::failure();
  }
  if (mlir::failed(
          mlir::MlirOptMain(file->os(), std::move(input), registry,
                            mlir::MlirOptMainConfig::createFromCLOptions())))
    return mlir::failure();
  file->keep();
  return mlir::success();
}

} // namespace

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  neuroplast::structure::registerStructurePasses();
  neuroplast::training::registerTrainingPasses();
  neuroplast::registerNeuroplastConversionPasses();
  neuroplast::registerNeuroplastCodegenPasses();
  neuroplast::registerCodegenPipelines();
  registry.insert<neuroplast::kernel::KernelDialect,
                  neuroplast::neuro::NeuroDialect>();
  auto [input, output] = mlir::registerAndParseCLIOptions(
      argc, argv, "Neuroplast pass driver\n", registry);
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInput(input, registry);
  if (!buffer)
    return 1;
  if (llvm::StringRef(output).ends_with(".onnx"))
    return mlir::asMainReturnCode(
        runToOnnx(std::move(buffer), output, registry));
  return mlir::asMainReturnCode(runToFile(std::move(buffer), output, registry));
}
