//===- Accuracy.h - What of labels a network gets right ---------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_ACCURACY_H
#define NEUROPLAST_LEARNING_ACCURACY_H

#include "neuroplast/Runtime/Model.h"
#include "neuroplast/Training/Losses.h"

namespace neuroplast::learning {

/// Counts labels that are classes, and those that an output has right: of a
/// sequence, as many as are left when the edits from what it spells to the
/// labels are taken away (Levenshtein).
class Accuracy {
public:
  explicit Accuracy(const training::Loss &loss)
      : isOfSequences(loss.kind == training::Loss::Kind::Sequence),
        blank(loss.blank) {}

  /// Why labels are none for an output; empty if they are.
  std::string check(const HostTensor &labels, const HostTensor &output) const;
  void add(const HostTensor &labels, const HostTensor &output);
  /// Those that are right, and all.
  std::array<double, 2> getCounts() const {
    return {static_cast<double>(right), static_cast<double>(count)};
  }
  void setCounts(std::array<double, 2> counts) {
    right = static_cast<int64_t>(counts[0]);
    count = static_cast<int64_t>(counts[1]);
  }
  /// The share that was right.
  double get() const {
    return static_cast<double>(right) /
           static_cast<double>(std::max<int64_t>(count, 1));
  }

private:
  std::string checkSequences(const HostTensor &labels,
                             const HostTensor &output) const;
  void addSequences(const HostTensor &labels, const HostTensor &output);

  bool isOfSequences;
  int64_t blank, right = 0, count = 0;
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_ACCURACY_H
