//===- Derive.h - Students made of teachers ---------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_DERIVE_H
#define NEUROPLAST_TOOLS_NEUROPLAST_DERIVE_H

#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace neuroplast::driver {

/// What of a network is left in one that is made of it, each a share above 0
/// and up to 1.
struct Derivation {
  double depth = 1; ///< of the residual blocks
  double width = 1; ///< of the units of each set
  double rank = 1;  ///< of the rank that the weight of a layer can have

  /// Reads "width=0.5 depth=0.7 rank=0.5", of which some may be missing; none
  /// after a message.
  static std::optional<Derivation> parse(llvm::StringRef text);

  /// Makes `target` of `model`, by the commands that change it so, which look
  /// at `data` for what matters; the exit code.
  int carryOut(const std::string &model, const std::string &data,
               const std::string &target) const;
};

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_DERIVE_H
