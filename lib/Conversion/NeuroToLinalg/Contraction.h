//===- Contraction.h - Sums of products ----------------------- -*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_CONTRACTION_H
#define NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_CONTRACTION_H

#include "Patterns.h"

#include <optional>

namespace neuroplast {

/// What a sum of products begins with, and where its elements stand by the
/// loops of the sum.
struct Bias {
  mlir::Value value;
  mlir::AffineMap map;
};

/// A contraction: the sum over the loops that the result lacks of the product
/// of the inputs, accumulated in the compute type of `element`. The maps are
/// those of the inputs and of the result, which has `sizes`.
mlir::Value createContraction(mlir::OpBuilder &builder, mlir::Location location,
                              mlir::ValueRange inputs,
                              llvm::ArrayRef<mlir::Type> elements,
                              llvm::ArrayRef<mlir::OpFoldResult> sizes,
                              mlir::Type element,
                              llvm::ArrayRef<mlir::AffineMap> maps,
                              std::optional<Bias> bias = std::nullopt);

/// The accumulator in the storage type of `element`.
mlir::Value finishAccumulator(mlir::OpBuilder &builder, mlir::Location location,
                              mlir::Value value, mlir::Type element);

/// An 8-bit tensor less its zero point, in i32; the zero point is a scalar or
/// has one entry per index of `axis`.
mlir::Value subtractZeroPoint(mlir::OpBuilder &builder, mlir::Location location,
                              mlir::Value input, mlir::Type element,
                              mlir::Value zeroPoint, int64_t axis);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_CONTRACTION_H
