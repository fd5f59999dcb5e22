//===- Checkpoint.h - Where a training stands -------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_CHECKPOINT_H
#define NEUROPLAST_TOOLS_NEUROPLAST_CHECKPOINT_H

#include "neuroplast/Runtime/Model.h"

namespace neuroplast::driver {

/// All that a training needs to go on as if it had not stopped.
struct Checkpoint {
  int64_t epoch = 0, step = 0; ///< that are done
  int64_t averaged = 0;        ///< steps that means of parameters are over
  std::string random;          ///< the state of what draws the order
  std::string recipe;          ///< what the training was asked to do
  NamedTensors params;         ///< and what else a training goes on from
  /// The best validation so far, if there was any, and the epochs since then.
  std::optional<double> bestLoss;
  int64_t waited = 0;
  NamedTensors best;

  /// Writes a file that appears only once it is complete.
  llvm::Error write(llvm::StringRef path) const;
  /// Fails, with a reason, for a file that is none.
  static llvm::Expected<Checkpoint> read(llvm::StringRef path);
};

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_CHECKPOINT_H
