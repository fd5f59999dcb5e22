//===- Import.h - From ONNX to the neuro dialect --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_FRONTEND_ONNX_IMPORT_H
#define NEUROPLAST_FRONTEND_ONNX_IMPORT_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"

namespace neuroplast {

struct ImportOptions {
  /// Shapes that replace those of graph inputs, by name.
  llvm::StringMap<llvm::SmallVector<int64_t>> inputShapes;
  /// Values that graph inputs are fixed to, by name; such an input becomes a
  /// constant and is no argument of `main`. Axes, sizes and the like must be
  /// known where they decide the rank of a tensor.
  llvm::StringMap<mlir::ElementsAttr> inputValues;
};

/// Builds the table of ONNX operators, as the first import does otherwise; a
/// process that is split off later has it, too.
void loadOnnxOperators();

/// Whether a file name ends as ONNX models do (`.onnx`, `.onnxtext`).
bool isOnnxFile(llvm::StringRef path);

/// Reads a binary or textual ONNX model: checks it, inlines its functions,
/// upgrades it to the newest opset, and translates it. Returns null after a
/// diagnostic that names the file, the node and the reason.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::StringRef path,
                                             const ImportOptions &options,
                                             mlir::MLIRContext *context);

/// The same for what stands in memory, as if it were in a file of this path.
mlir::OwningOpRef<mlir::ModuleOp>
importOnnx(std::shared_ptr<llvm::MemoryBuffer> file, llvm::StringRef path,
           const ImportOptions &options, mlir::MLIRContext *context);

} // namespace neuroplast

#endif // NEUROPLAST_FRONTEND_ONNX_IMPORT_H
