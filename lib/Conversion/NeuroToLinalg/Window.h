//===- Window.h - Windows that move over spatial axes ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_WINDOW_H
#define NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_WINDOW_H

#include "Patterns.h"

namespace neuroplast {

/// Where a kernel or pool stands on one spatial axis: how much is padded before
/// and after, and how many places it takes.
struct WindowAxis {
  mlir::OpFoldResult low, high, count;
};

/// Resolves automatic paddings and rounding up. With `ceilMode` the padding
/// after the axis is enough for the last window.
WindowAxis computeWindowAxis(mlir::OpBuilder &builder, mlir::Location location,
                             mlir::OpFoldResult size, int64_t kernel,
                             int64_t stride, int64_t dilation, int64_t low,
                             int64_t high, llvm::StringRef autoPad,
                             bool ceilMode);

/// Pads the spatial axes (from the third) with a scalar.
mlir::Value padSpatial(mlir::OpBuilder &builder, mlir::Location location,
                       mlir::Value input, llvm::ArrayRef<WindowAxis> window,
                       mlir::Value scalar);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_WINDOW_H
