//===- TargetMachine.h - Code generators of processors -------- -*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_RUNTIME_TARGETMACHINE_H
#define NEUROPLAST_LIB_RUNTIME_TARGETMACHINE_H

#include "neuroplast/Codegen/Pipelines.h"
#include "neuroplast/Runtime/Compiler.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace neuroplast {

/// The code generator of a processor; null if this host has none for it.
/// Of this host, which is what code is made for.
llvm::Triple getTriple();

std::unique_ptr<llvm::TargetMachine>
createTargetMachine(const CompileOptions &options);

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
emitObject(llvm::Module &module, llvm::TargetMachine &machine);

/// What the pipelines need to know of a processor and of what is asked for.
void setPipelineOptions(CpuPipelineOptions &pipeline,
                        const llvm::TargetMachine &machine,
                        const CompileOptions &options);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_RUNTIME_TARGETMACHINE_H
