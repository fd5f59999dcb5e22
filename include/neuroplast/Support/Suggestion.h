//===- Suggestion.h - What a mistyped name may have meant -------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_SUPPORT_SUGGESTION_H
#define NEUROPLAST_SUPPORT_SUGGESTION_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace neuroplast {

/// " (is it 'NAME'?)" with the one of the known names that is nearest to one
/// that is none of them; empty if none is within a third of its letters.
template <typename Range>
std::string suggest(llvm::StringRef name, const Range &known) {
  unsigned least = static_cast<unsigned>(name.size()) / 3 + 1;
  std::string nearest;
  for (const auto &candidate : known) {
    llvm::StringRef other(candidate);
    unsigned distance =
        name.edit_distance_insensitive(other, /*AllowReplacements=*/true,
                                       /*MaxEditDistance=*/least);
    if (distance < least) {
      least = distance;
      nearest = other.str();
    }
  }
  return nearest.empty() ? "" : " (is it '" + nearest + "'?)";
}

} // namespace neuroplast

#endif // NEUROPLAST_SUPPORT_SUGGESTION_H
