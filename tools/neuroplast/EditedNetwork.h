//===- EditedNetwork.h - What commands edit that is no file -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_EDITEDNETWORK_H
#define NEUROPLAST_TOOLS_NEUROPLAST_EDITEDNETWORK_H

#include "neuroplast/Runtime/Model.h"
#include "neuroplast/Structure/Statistics.h"

namespace neuroplast::driver {

/// A network in memory, which a command that changes structures edits in the
/// place of a file, and what it may look at.
struct EditedNetwork {
  mlir::ModuleOp module;
  /// Inputs that the network has seen.
  llvm::ArrayRef<NamedTensors> batches;
  /// What its loss says of its parameters.
  std::function<llvm::Expected<structure::Gradients>()> measureGradients;
};

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_EDITEDNETWORK_H
