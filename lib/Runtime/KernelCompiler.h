//===- KernelCompiler.h - Kernels compiled one by one -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_RUNTIME_KERNELCOMPILER_H
#define NEUROPLAST_LIB_RUNTIME_KERNELCOMPILER_H

#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Runtime/Compiler.h"
#include "llvm/Support/MemoryBuffer.h"

namespace neuroplast {

/// A function that depends on nothing but its text.
struct Kernel {
  std::string symbol; ///< Of the object file; made of the text.
  std::string text;   ///< The function before it is lowered, in MLIR's syntax.
};

/// Takes the bodies of all kernels that call nobody out of a module, which only
/// declares them from then on, by names that say what they compute.
std::vector<Kernel> takeKernels(mlir::ModuleOp module);

/// An object file for each kernel, made on all cores, or on an earlier occasion
/// (see `ObjectCache`).
llvm::Expected<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
compileKernels(llvm::ArrayRef<Kernel> kernels, const CompileOptions &options);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_RUNTIME_KERNELCOMPILER_H
