//===- ParamTensors.h - Parameters of modules as tensors --------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_PARAMTENSORS_H
#define NEUROPLAST_LEARNING_PARAMTENSORS_H

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Runtime/Model.h"

namespace neuroplast::learning {

/// The value of a parameter.
HostTensor readParameter(neuro::ParamOp param);

/// The parameters that `main` takes, by name, with their values.
NamedTensors readParamArguments(mlir::ModuleOp module);

/// Gives a module parameters by their names.
void writeParameters(NamedTensors params, mlir::ModuleOp module);

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_PARAMTENSORS_H
