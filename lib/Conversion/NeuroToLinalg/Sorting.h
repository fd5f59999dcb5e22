//===- Sorting.h - Orders of items ------------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_SORTING_H
#define NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_SORTING_H

#include "Patterns.h"

namespace neuroplast {

/// Whether one item, by its number, comes before another: a strict weak order.
using Precedes = llvm::function_ref<mlir::Value(
    mlir::OpBuilder &, mlir::Location, mlir::Value, mlir::Value)>;

/// The numbers of `count` items in their order, as a tensor of indices; equal
/// items stay as they lie. Merges runs of growing length, so that the cost is
/// count * log(count) comparisons.
mlir::Value createOrder(mlir::OpBuilder &builder, mlir::Location location,
                        mlir::Value count, Precedes precedes);

/// Whether `x` is less than `y`, where what is no number is greater than all.
mlir::Value isLessWithNaN(ScalarEmitter &e, mlir::Value x, mlir::Value y);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_SORTING_H
