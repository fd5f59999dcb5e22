//===- GivenParams.h - Parameters that a run is given -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_GIVENPARAMS_H
#define NEUROPLAST_TOOLS_NEUROPLAST_GIVENPARAMS_H

#include "neuroplast/Runtime/Model.h"

namespace neuroplast::driver {

/// Gives a compiled model the parameters of a file: an `.npz` of arrays by
/// name, or a model that differs from the compiled one in nothing but the
/// parameters that may change. Fails after a message.
llvm::LogicalResult giveParams(Model &model, llvm::StringRef path);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_GIVENPARAMS_H
