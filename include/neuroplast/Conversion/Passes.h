//===- Passes.h - Conversions between dialects ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CONVERSION_PASSES_H
#define NEUROPLAST_CONVERSION_PASSES_H

#include "mlir/Pass/Pass.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "llvm/ADT/StringRef.h"

namespace neuroplast {

#define GEN_PASS_DECL
#include "neuroplast/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "neuroplast/Conversion/Passes.h.inc"

/// The symbol of the buffer that holds a parameter at run time.
std::string getParamBufferName(llvm::StringRef symbol);

} // namespace neuroplast

#endif // NEUROPLAST_CONVERSION_PASSES_H
