//===- Emitters.h - Vector code in place of ops on buffers ------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_KERNELS_EMITTERS_H
#define NEUROPLAST_LIB_CODEGEN_KERNELS_EMITTERS_H

#include "Contraction.h"

namespace neuroplast {

/// Replaces an elementwise op or a reduction on buffers by loops over vectors;
/// false if it is not of that kind. A reduction along the last
/// loop is reassociated: each lane of some vectors combines its own share.
/// Threads share the loops if there is enough to do, as with kernels.
bool emitVectorLoops(mlir::linalg::GenericOp op, int64_t width,
                     int64_t threads);

/// Replaces a copy whose source and result have different innermost axes by
/// squares that are transposed in registers; false if it is none.
bool emitTransposition(mlir::linalg::GenericOp op, int64_t width,
                       int64_t threads);

/// Writes the loops in place of the op, with vectors of `width` lanes.
void emitKernel(mlir::OpBuilder &builder, const Contraction &contraction,
                int64_t width, int64_t threads);

/// Writes the loops of a softmax before the op, with vectors of `width` lanes
/// where rows are contiguous, and otherwise one element after the other.
void emitSoftmax(mlir::OpBuilder &builder, kernel::SoftmaxOp op, int64_t width,
                 int64_t threads);

/// The steps of an attention on some rows of scores.
struct AttentionSteps {
  kernel::ContractOp scores;
  kernel::SoftmaxOp shares;
  kernel::ContractOp sums;
};

/// Replaces an attention by loops around these, which threads share if there is
/// enough to do: the steps in them are one thread's.
AttentionSteps emitAttention(kernel::AttentionOp op, int64_t threads);

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_KERNELS_EMITTERS_H
