//===- CalibrationData.h - Data that a command is given ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_CALIBRATIONDATA_H
#define NEUROPLAST_TOOLS_NEUROPLAST_CALIBRATIONDATA_H

#include "Arguments.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "neuroplast/Runtime/Model.h"

namespace neuroplast::driver {

/// Loads the model of a command with its sizes as open as it has them; one that
/// cannot be read so, or in part only, with those of `--shape`, which stay
/// then. Null after a message.
mlir::OwningOpRef<mlir::ModuleOp>
loadOpenOrFixed(const Arguments &arguments,
                std::unique_ptr<mlir::MLIRContext> &context);

/// The option that `readBatches` looks at.
OptionSpec getBatchOption();

/// The archive of `--data` as batches of the inputs of a model; empty if there
/// is none. None after a message.
std::optional<std::vector<NamedTensors>> readBatches(const Arguments &arguments,
                                                     mlir::ModuleOp module);

/// Reads the model again, with the sizes of the batches, or of `--shape`. Null
/// if the module has no other sizes; none after a message.
std::optional<mlir::OwningOpRef<mlir::ModuleOp>>
loadFixed(const Arguments &arguments, mlir::ModuleOp module,
          llvm::ArrayRef<NamedTensors> batches);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_CALIBRATIONDATA_H
