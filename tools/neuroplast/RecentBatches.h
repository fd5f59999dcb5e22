//===- RecentBatches.h - What a network has seen lately ---------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_RECENTBATCHES_H
#define NEUROPLAST_TOOLS_NEUROPLAST_RECENTBATCHES_H

#include "Commands.h"

#include "neuroplast/Learning/Learner.h"

namespace neuroplast::driver {

/// The batches that a network has learned from lately: edits that go by data
/// look at them.
class RecentBatches {
public:
  void add(NamedTensors batch);
  /// Changes the network of a learner, within `Learner::edit`, by a command.
  llvm::LogicalResult edit(learning::Learner &learner, mlir::ModuleOp network,
                           const EditCommand &command) const;

private:
  static constexpr size_t kMost = 8;
  std::vector<NamedTensors> batches; ///< inputs with labels
};

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_RECENTBATCHES_H
