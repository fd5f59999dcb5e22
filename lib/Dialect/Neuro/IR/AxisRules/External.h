//===- External.h - Axis rules of ops of other dialects ---------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_DIALECT_NEURO_IR_AXISRULES_EXTERNAL_H
#define NEUROPLAST_LIB_DIALECT_NEURO_IR_AXISRULES_EXTERNAL_H

#include "mlir/IR/MLIRContext.h"

namespace neuroplast::neuro::detail {

/// Gives the ops of the tensor dialect that imported models consist of their
/// axis rules. The dialect must be loaded.
void attachExternalAxisRules(mlir::MLIRContext &context);

} // namespace neuroplast::neuro::detail

#endif // NEUROPLAST_LIB_DIALECT_NEURO_IR_AXISRULES_EXTERNAL_H
