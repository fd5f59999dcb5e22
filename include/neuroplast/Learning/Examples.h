//===- Examples.h - Labelled examples ---------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_EXAMPLES_H
#define NEUROPLAST_LEARNING_EXAMPLES_H

#include "neuroplast/Runtime/MappedArrays.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

namespace neuroplast::learning {

/// Shapes of inputs by name.
using InputShapes = llvm::StringMap<llvm::SmallVector<int64_t>>;

/// The shapes that a batch has.
struct BatchForm {
  InputShapes inputs;
  std::optional<std::vector<int64_t>> labels; ///< none if there are none
  /// How many labels an example has at most; 0 if they are no lists.
  int64_t mostLabels = 0;
};

/// Integers of any kind as those of 64 bits, which labels of classes are.
void widenIntegers(HostTensor &tensor);

/// Arrays by name whose first axis counts examples, one of them labels if there
/// is need of any.
class Examples {
public:
  /// Whether labels have to be there, may be, or are left out.
  enum class Need { Labels, Any, None };

  /// Reads an archive, or a folder of archives, one after the other by their
  /// names, or a folder with a file for each array. Fails if arrays do not
  /// count alike, archives do not have the same arrays, or there are no labels;
  /// those that nobody needs are left out.
  static llvm::Expected<Examples> read(llvm::StringRef path,
                                       llvm::StringRef labels, Need need);

  int64_t getCount() const { return count; }
  BatchForm getForm(int64_t batch) const;
  /// These examples as tensors, by the names that a step of training has.
  void gather(llvm::ArrayRef<int64_t> examples, NamedTensors &batch) const;

private:
  /// Examples that lie in one file, by the names that they have there.
  struct Part {
    int64_t first; ///< of all examples
    MappedArrays arrays;
  };
  /// Adds the examples of a file.
  llvm::Error add(MappedArrays arrays, Need need);
  const MappedArrays &getFirst() const { return parts.front().arrays; }
  /// The part that an example is in.
  const Part &findPart(int64_t example) const;

  std::string labels; ///< what they are called in files
  std::vector<Part> parts;
  int64_t count = 0;
  uint64_t total = 0; ///< bytes
  /// Of files, since what was read of them last left the memory.
  mutable uint64_t gathered = 0;
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_EXAMPLES_H
