//===- ConvolutionRoles.h - What the loops of convolutions do ---*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_CONVOLUTIONROLES_H
#define NEUROPLAST_LIB_CODEGEN_CONVOLUTIONROLES_H

#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

namespace neuroplast {

/// The roles of the loops of a contraction that applies a weight to data of
/// batches x channels x places: a convolution, or its gradient in the data.
struct Convolution {
  /// Along the channels of the result.
  unsigned out;
  /// Along the channels of the data, summed over; none if each channel has its
  /// own kernel.
  std::optional<unsigned> in;
  /// Where the channels are: behind the groups, if there are any.
  int64_t axis = 1;

  static std::optional<Convolution> match(kernel::ContractOp op);
};

/// The same of one that sums products of data and of gradients of results, both
/// of batches x channels x places: the gradient of a convolution in its weight.
struct WeightGradient {
  /// Along the channels of the right operand, those of the convolution's
  /// results.
  unsigned out;
  /// Along those of its data; none if each channel has its own kernel.
  std::optional<unsigned> in;

  static std::optional<WeightGradient> match(kernel::ContractOp op);
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_CONVOLUTIONROLES_H
