//===- CodeEmission.h - Machine code of modules -----------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_RUNTIME_CODEEMISSION_H
#define NEUROPLAST_LIB_RUNTIME_CODEEMISSION_H

#include "neuroplast/Runtime/Compiler.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

namespace neuroplast {

/// Optimises a module, instruments it if asked to, and emits an object file.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
emitCode(llvm::Module &module, llvm::TargetMachine &machine,
         const CompileOptions &options);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_RUNTIME_CODEEMISSION_H
