//===- Evaluation.h - What a user's program says of a model
//------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_EVALUATION_H
#define NEUROPLAST_TOOLS_NEUROPLAST_EVALUATION_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace neuroplast::driver {

/// Runs a shell command on a model, whose path takes the place of `{}`, or
/// follows the command. The last line that it prints is a number: more is
/// better. None after a message.
std::optional<double> evaluate(llvm::StringRef command, llvm::StringRef model);
/// The same of a module, which is written to a temporary file.
std::optional<double> evaluate(llvm::StringRef command, mlir::ModuleOp module);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_EVALUATION_H
