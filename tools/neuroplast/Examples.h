//===- Examples.h - Labelled examples ---------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_EXAMPLES_H
#define NEUROPLAST_TOOLS_NEUROPLAST_EXAMPLES_H

#include "neuroplast/Runtime/Model.h"

namespace neuroplast::driver {

/// Arrays by name whose first axis counts examples, one of them labels if there
/// is need of any.
class Examples {
public:
  /// Fails if the arrays do not count alike, or there are no labels; those that
  /// nobody needs are left out.
  static llvm::Expected<Examples>
  read(llvm::StringRef path, llvm::StringRef labels, bool needsLabels);

  int64_t getCount() const { return count; }
  /// How many labels an example has at most; 0 if they are no lists.
  int64_t getMostLabels() const;
  /// The inputs of so many examples, as values of `--shape`.
  std::vector<std::string> describeShapes(int64_t batch) const;
  /// These examples as tensors, by the names that a step of training has.
  void gather(llvm::ArrayRef<int64_t> examples, NamedTensors &batch) const;

private:
  NamedTensors arrays; ///< Labels are called so.
  int64_t count = 0;
};

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_EXAMPLES_H
