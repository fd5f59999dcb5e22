//===- Interpolation.h - Weighted sums of neighbouring elements -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_INTERPOLATION_H
#define NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_INTERPOLATION_H

#include "Patterns.h"

namespace neuroplast {

/// One source place of an interpolation along an axis.
struct Tap {
  mlir::Value index;  ///< Inside of the axis.
  mlir::Value weight; ///< One if null.
  /// False where the place is outside of the tensor and counts as zero; null if
  /// it never is.
  mlir::Value inside = {};
};

/// Keys' cubic convolution kernel (IEEE ASSP 29, 1981) with parameter `a` at
/// distance `t`, which is at most 1 if `near` and else from 1 to 2.
mlir::Value emitCubicKernel(ScalarEmitter &e, mlir::Value t, double a,
                            bool near);

/// The sum over all combinations of taps, axis by axis, of the elements of a
/// tensor, times their weights. The axes before those of `taps` are at `outer`.
mlir::Value interpolate(ScalarEmitter &e, mlir::Value tensor,
                        mlir::Type element, mlir::ValueRange outer,
                        llvm::ArrayRef<llvm::SmallVector<Tap>> taps);

/// An index as a number of the emitter's type, and back (towards zero).
mlir::Value indexToReal(ScalarEmitter &e, mlir::Value index);
mlir::Value realToIndex(ScalarEmitter &e, mlir::Value real);

/// An index moved by a constant, and moved into [0, size).
mlir::Value offsetIndex(ScalarEmitter &e, mlir::Value index, int64_t by);
mlir::Value clampIndex(ScalarEmitter &e, mlir::Value index, mlir::Value size);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_INTERPOLATION_H
