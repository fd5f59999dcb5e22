//===- UniqueNames.h - Names that differ from each other --------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_UNIQUENAMES_H
#define NEUROPLAST_DIALECT_NEURO_IR_UNIQUENAMES_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"

#include <string>

namespace neuroplast {

/// Makes names that differ from each other, each in constant time.
class UniqueNames {
public:
  explicit UniqueNames(llvm::StringRef separator) : separator(separator) {}

  /// Takes a name so that no made one equals it.
  void reserve(llvm::StringRef name) { taken.insert(name); }

  /// The hint, or it with the separator and a number behind.
  std::string make(llvm::StringRef hint) {
    std::string name = hint.str();
    if (taken.insert(name).second)
      return name;
    unsigned &number = numbers[hint];
    do
      name = (hint + separator + llvm::Twine(++number)).str();
    while (!taken.insert(name).second);
    return name;
  }

private:
  llvm::StringRef separator;
  llvm::StringSet<> taken;
  llvm::StringMap<unsigned> numbers; ///< The last one given to a hint.
};

} // namespace neuroplast

#endif // NEUROPLAST_DIALECT_NEURO_IR_UNIQUENAMES_H
