//===- BlockImportance.h - What residual blocks do --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CALIBRATION_BLOCKIMPORTANCE_H
#define NEUROPLAST_CALIBRATION_BLOCKIMPORTANCE_H

#include "neuroplast/Runtime/Model.h"
#include "neuroplast/Structure/Units/ResidualBlocks.h"
#include <functional>

namespace neuroplast::calibration {

/// What a block makes of its input, on data.
struct BlockImportance {
  /// How alike input and result are, from 0 to 1: the linear centred kernel
  /// alignment over samples, which are the entries of the first axis
  /// (arXiv 1905.00414).
  double similarity = 0;
  /// The mean square of what is added, by that of the result.
  double change = 0;
};

/// For each block; none for those that cannot be looked at, as in loops. The
/// network has the sizes of the batches. `progress` is told of every block
/// before it runs.
llvm::Expected<std::vector<std::optional<BlockImportance>>>
measureBlocks(mlir::ModuleOp module,
              llvm::ArrayRef<structure::ResidualBlock> blocks,
              llvm::ArrayRef<NamedTensors> batches,
              std::function<void(llvm::StringRef)> progress = {});

} // namespace neuroplast::calibration

#endif // NEUROPLAST_CALIBRATION_BLOCKIMPORTANCE_H
