//===- GradientSums.h - Files of gradients ----------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_GRADIENTSUMS_H
#define NEUROPLAST_TOOLS_NEUROPLAST_GRADIENTSUMS_H

#include "neuroplast/Structure/Statistics.h"
#include "llvm/Support/Error.h"

namespace neuroplast::driver {

/// Writes an archive with `NAME.gradient` and `NAME.gradient_square` of every
/// parameter, flat.
llvm::Error writeGradients(llvm::StringRef path,
                           const structure::Gradients &gradients);

/// Reads one. Fails if it has none.
llvm::Expected<structure::Gradients> readGradients(llvm::StringRef path);

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_GRADIENTSUMS_H
