//===- AxisRule.h - How the axes of an op correspond ------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_AXISRULE_H
#define NEUROPLAST_DIALECT_NEURO_IR_AXISRULE_H

namespace neuroplast::neuro {

/// How the axes of an op's operands and results correspond.
class AxisRule {};

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_AXISRULE_H
