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
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace neuroplast::calibration {

/// Sums over `count` samples, of which `read` gives the patch and the results
/// by number. Large products are computed by code that is compiled for them.
llvm::Expected<Moments> sumMoments(
    mlir::MLIRContext *context, int64_t patchSize, int64_t outs, int64_t count,
    llvm::function_ref<void(int64_t sample, float *patch, float *results)>
        read);

} // namespace neuroplast::calibration

#endif // NEUROPLAST_LIB_CALIBRATION_MOMENTSUMS_H
