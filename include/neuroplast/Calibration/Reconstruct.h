//===- Reconstruct.h - Fitting what is left to what there was -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CALIBRATION_RECONSTRUCT_H
#define NEUROPLAST_CALIBRATION_RECONSTRUCT_H

#include "neuroplast/Runtime/Model.h"
#include "neuroplast/Structure/Edits/Edit.h"
#include "llvm/Support/JSON.h"

namespace neuroplast::calibration {

struct ReconstructOptions {
  /// What holds the weights to their old values, relative to the mean square
  /// of what they weigh: always, and more where a weight has few samples (times
  /// the weights of an out by the samples), so that a fit does not learn noise.
  double penalty = 0.01, scarcity = 0.3;
  /// The weights of layers that see fewer samples for each weight of an out
  /// stay as they are; of more than `mostSamples` some are left out.
  int64_t fewestSamples = 2;
  int64_t mostSamples = 10;
  uint64_t seed = 0;
  /// Is told of every layer before it is fitted.
  std::function<void(llvm::StringRef)> progress;
};

/// What became of one layer that the edit touches.
struct RefittedLayer {
  std::string node;
  int64_t samples = 0, patchSize = 0;
  /// Mean square of the error by that of the layer's results, before and after.
  double before = 0, after = 0;
  /// Whether only the means of the results were fitted, by the bias, as there
  /// are too few samples for the weights.
  bool isMeanOnly = false;
  /// Why the layer stayed as it is; empty if it was fitted.
  std::string obstacle;

  llvm::json::Object toJson() const;
};

/// Fits the layers of an edited network, one after the other, to the results
/// that they had in the original, from what now reaches them: weights and
/// biases by least squares, running statistics by how their layer's data have
/// changed. Both modules lie in one context, have the sizes of the batches and
/// the same ops; `edits` are those that made the second of the first.
llvm::Expected<std::vector<RefittedLayer>>
reconstruct(mlir::ModuleOp original, mlir::ModuleOp edited,
            llvm::ArrayRef<structure::TensorEdit> edits,
            llvm::ArrayRef<NamedTensors> batches,
            const ReconstructOptions &options);

} // namespace neuroplast::calibration

#endif // NEUROPLAST_CALIBRATION_RECONSTRUCT_H
