//===- Passes.h - Passes for training ---------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_PASSES_H
#define NEUROPLAST_TRAINING_PASSES_H

#include "mlir/Pass/Pass.h"

namespace neuroplast::training {

#define GEN_PASS_DECL
#include "neuroplast/Training/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "neuroplast/Training/Passes.h.inc"

} // namespace neuroplast::training

#endif // NEUROPLAST_TRAINING_PASSES_H
