//===- Passes.h - Passes over the structure -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_PASSES_H
#define NEUROPLAST_STRUCTURE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace neuroplast::structure {

#define GEN_PASS_DECL
#include "neuroplast/Structure/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "neuroplast/Structure/Passes.h.inc"

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_PASSES_H
