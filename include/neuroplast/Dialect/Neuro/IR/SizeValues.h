//===- SizeValues.h - Sizes as attributes and values ---------- -*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_SIZEVALUES_H
#define NEUROPLAST_DIALECT_NEURO_IR_SIZEVALUES_H

#include "mlir/IR/OpDefinition.h"

namespace neuroplast::neuro {

/// Whether two sizes are certainly the same: the same sum of the same axes,
/// however they are computed from these.
bool areSameSizes(mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);

/// Whether sizes that are the same, or one of which is 1, are certainly the
/// same: if they are anyway, or if one is the other up to a bound, as of the
/// table of positions that a sequence reads. It is 1 only if the other one is.
bool areSameIfBroadcast(mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);

/// Whether a number computed from sizes is certainly not negative.
bool isNonNegative(mlir::OpFoldResult number);

/// The size of a tensor along an axis, as that of what has it first: an input,
/// where all ops on the way keep it.
mlir::OpFoldResult traceSize(mlir::OpBuilder &builder, mlir::Location location,
                             mlir::Value tensor, int64_t axis);

/// While one lives, what axis rules find out about sizes known at run time is
/// kept from one op to the next; otherwise each follows them back on its own.
/// Nothing may change the IR meanwhile. It is for the thread that makes it.
class SizeMemory {
public:
  SizeMemory();
  ~SizeMemory();
  SizeMemory(const SizeMemory &) = delete;
  SizeMemory &operator=(const SizeMemory &) = delete;

private:
  /// Of memories within one another the outermost is used.
  bool isOutermost;
};

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_SIZEVALUES_H
