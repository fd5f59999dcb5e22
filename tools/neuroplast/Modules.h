//===- Modules.h - Reading and writing modules ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_MODULES_H
#define NEUROPLAST_TOOLS_NEUROPLAST_MODULES_H

#include "Arguments.h"
#include "neuroplast/Frontend/ONNX/Import.h"
#include "neuroplast/Learning/LearningTask.h"

#include <memory>
#include <optional>

namespace neuroplast::driver {

/// The dialects of the project and those it lowers to.
mlir::DialectRegistry makeRegistry();

/// The sizes of inputs that values of the option `--shape` give; none after a
/// message.
std::optional<llvm::StringMap<llvm::SmallVector<int64_t>>>
parseShapes(llvm::ArrayRef<std::string> entries);

/// Reads `.onnx`, `.onnxtext` or MLIR; null after a message. The diagnostics of
/// the context, now and later, go to `messages`, or else to standard error.
mlir::OwningOpRef<mlir::ModuleOp>
loadModule(llvm::StringRef path, mlir::MLIRContext &context,
           const ImportOptions &options,
           std::shared_ptr<std::string> messages = nullptr);

/// The same with values of the option `--shape`.
mlir::OwningOpRef<mlir::ModuleOp>
loadModule(llvm::StringRef path, mlir::MLIRContext &context,
           llvm::ArrayRef<std::string> shapes = {},
           std::shared_ptr<std::string> messages = nullptr);

/// Writes the diagnostics of a context to standard error, as `loadModule` does.
void reportDiagnostics(mlir::MLIRContext &context);

/// What is trained: the files of a model, of its teacher if there is one, and
/// of the loss that the options name, each read whenever it is asked for.
learning::LearningTask makeTask(llvm::StringRef model, llvm::StringRef teacher,
                                const learning::TrainingOptions &options);

/// Writes ONNX if the path ends in `.onnx` (with its weights beside it if
/// `externalData`), MLIR otherwise ("-" is standard output). The file appears
/// only once it is complete.
llvm::LogicalResult saveModule(mlir::ModuleOp module, llvm::StringRef path,
                               bool externalData = false);

/// Writes a file that appears only once it is complete ("-" is standard
/// output); false after a message.
bool writeFile(llvm::StringRef path,
               llvm::function_ref<void(llvm::raw_ostream &)> write);

/// Whether two paths name the same file.
bool isSameFile(llvm::StringRef a, llvm::StringRef b);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_MODULES_H
