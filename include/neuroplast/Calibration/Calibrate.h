//===- Calibrate.h - Statistics of the data in a network ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CALIBRATION_CALIBRATE_H
#define NEUROPLAST_CALIBRATION_CALIBRATE_H

#include "mlir/IR/BuiltinOps.h"
#include "neuroplast/Runtime/Model.h"
#include "neuroplast/Structure/Statistics.h"
#include <functional>

namespace neuroplast::calibration {

struct CalibrateOptions {
  /// Whether to collect the products of the elements of patches, too.
  bool products = false;
  /// No more samples of a layer are taken, unless they are few.
  int64_t mostSamplesPerElement = 10;
  uint64_t seed = 0;
  /// Is told of every layer before it runs.
  std::function<void(llvm::StringRef)> progress;
};

/// Runs a network, which has the sizes of the batches, and collects what its
/// linear ops see. Ops that cannot be looked at, as those in loops, are left
/// out.
llvm::Expected<structure::Statistics>
collectStatistics(mlir::ModuleOp module, llvm::ArrayRef<NamedTensors> batches,
                  const CalibrateOptions &options);

/// As arrays of an archive: for each layer `SYMBOL/samples`, `SYMBOL/mean`,
/// `SYMBOL/square` and perhaps `SYMBOL/gram`.
llvm::Error writeStatistics(llvm::StringRef path,
                            const structure::Statistics &statistics);
llvm::Expected<structure::Statistics> readStatistics(llvm::StringRef path);

} // namespace neuroplast::calibration

#endif // NEUROPLAST_CALIBRATION_CALIBRATE_H
