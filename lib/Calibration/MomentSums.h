//===- MomentSums.h - Adding up products of samples ------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CALIBRATION_MOMENTSUMS_H
#define NEUROPLAST_LIB_CALIBRATION_MOMENTSUMS_H

#include "mlir/IR/MLIRContext.h"
#include "neuroplast/Calibration/LeastSquares.h"
#include "neuroplast/Runtime/Model.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace neuroplast::calibration {

/// Adds up moments. Large products are computed by code that is compiled for
/// them, and kept for others of about the same size.
class MomentSums {
public:
  explicit MomentSums(mlir::MLIRContext *context) : context(context) {}

  /// The sums over `count` samples, of which `read` gives the patch and the
  /// results by number.
  llvm::Expected<Moments>
  sum(int64_t patchSize, int64_t outs, int64_t count,
      llvm::function_ref<void(int64_t sample, float *patch, float *results)>
          read);

private:
  /// Code for xᵀ y, where x and y have so many columns.
  llvm::Expected<Model *> getProduct(int64_t columnsX, int64_t columnsY);

  mlir::MLIRContext *context;
  llvm::DenseMap<std::pair<int64_t, int64_t>, std::unique_ptr<Model>> products;
};

} // namespace neuroplast::calibration

#endif // NEUROPLAST_LIB_CALIBRATION_MOMENTSUMS_H
