//===- ParamsObject.h - Parameters as an object file ------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_RUNTIME_PARAMSOBJECT_H
#define NEUROPLAST_LIB_RUNTIME_PARAMSOBJECT_H

#include "neuroplast/Runtime/Compiler.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Triple.h"

namespace neuroplast {

/// Writes an ELF object with the parameters as one read-only section, a hidden
/// symbol each, straight from where they lie: they may be gigabytes, and pass
/// through neither LLVM IR nor an assembler.
void writeParamsObject(llvm::raw_ostream &os, llvm::ArrayRef<ParamData> params,
                       const llvm::Triple &triple);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_RUNTIME_PARAMSOBJECT_H
