//===- GradientSums.h - Files of gradients ----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_GRADIENTSUMS_H
#define NEUROPLAST_TOOLS_NEUROPLAST_GRADIENTSUMS_H

#include "Arguments.h"
#include "neuroplast/Structure/Statistics.h"
#include "llvm/Support/Error.h"

namespace neuroplast::driver {

/// Writes an archive with `NAME.gradient` and `NAME.gradient_square` of every
/// parameter, flat.
llvm::Error writeGradients(llvm::StringRef path,
                           const structure::Gradients &gradients);

/// Reads such archives; those of several add up. None after a message.
std::optional<structure::Gradients>
readGradients(llvm::ArrayRef<std::string> paths);

/// What an edit goes by that regards gradients: those of the file of `--stats`,
/// or of the network in memory; null without either, none after a message.
std::optional<std::unique_ptr<structure::Gradients>>
provideGradients(const Arguments &arguments);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_GRADIENTSUMS_H
