//===- Passes.h - Code generation for CPUs --------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CODEGEN_PASSES_H
#define NEUROPLAST_CODEGEN_PASSES_H

#include "mlir/Pass/Pass.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

namespace neuroplast {

#define GEN_PASS_DECL
#include "neuroplast/Codegen/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "neuroplast/Codegen/Passes.h.inc"

} // namespace neuroplast

#endif // NEUROPLAST_CODEGEN_PASSES_H
