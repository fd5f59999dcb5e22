//===- GradientMeans.h - Gradients of many batches --------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_LEARNING_GRADIENTMEANS_H
#define NEUROPLAST_LIB_LEARNING_GRADIENTMEANS_H

#include "CompiledTask.h"

namespace neuroplast::learning {

/// The means of gradients over batches, and of their squares.
class GradientMeans {
public:
  /// Takes what says the gradients of a batch.
  explicit GradientMeans(CompiledTask task);

  llvm::Error add(const NamedTensors &batch);
  structure::Gradients get() const;

private:
  struct Sums {
    std::vector<double> gradient, square;
  };

  CompiledTask task;
  std::vector<NeuroplastTensor> params;
  std::map<std::string, Sums> sums; ///< by parameter
  int64_t batches = 0;
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LIB_LEARNING_GRADIENTMEANS_H
