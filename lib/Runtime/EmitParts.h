//===- EmitParts.h - Machine code of parts of a module ----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_RUNTIME_EMITPARTS_H
#define NEUROPLAST_LIB_RUNTIME_EMITPARTS_H

#include "neuroplast/Runtime/Compiler.h"
#include "llvm/IR/Module.h"

namespace neuroplast {

/// Optimises a module and emits object files. Functions that are never inlined,
/// the kernels, are compiled on all cores, away from the others; what they
/// share becomes visible from one object to the other, but not outside a
/// library.
llvm::Expected<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
emitParts(llvm::Module &module, const CompileOptions &options);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_RUNTIME_EMITPARTS_H
