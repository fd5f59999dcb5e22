//===- TextOps.h - Character strings ----------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_TEXTOPS_H
#define NEUROPLAST_DIALECT_NEURO_IR_TEXTOPS_H

#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/TextOps.h.inc"

#endif // NEUROPLAST_DIALECT_NEURO_IR_TEXTOPS_H
