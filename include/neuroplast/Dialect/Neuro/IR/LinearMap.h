//===- LinearMap.h - Ops that weigh patches of their data -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_LINEARMAP_H
#define NEUROPLAST_DIALECT_NEURO_IR_LINEARMAP_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <optional>

namespace neuroplast::neuro {

/// How an op makes its result of its data by a weight:
///
///   result[p, o] = sum over k of weight[o, k] * patch(p)[k] + bias[o]
///
/// where `o` is the out axis of weight and result, `p` the other axes of the
/// result and `k` those of the weight. The out axis may consist of equal
/// blocks, each of which sees its own part of an axis of the data.
struct LinearMap {
  /// Numbers of operands.
  unsigned data = 0, weight = 1;
  std::optional<unsigned> bias;
  unsigned outAxisOfWeight = 0, outAxisOfResult = 0;
  int64_t blocks = 1;

  /// Where along an axis of the data the elements of a patch lie: at
  /// `stride * p[resultAxis] + dilation * k[weightAxis] + offset`, as far as
  /// there are such axes; past the ends there are zeros.
  struct DataAxis {
    std::optional<unsigned> resultAxis, weightAxis;
    int64_t stride = 1, dilation = 1, offset = 0;
    /// Whether the blocks divide it.
    bool isBlocked = false;
  };
  llvm::SmallVector<DataAxis, 4> axes;
};

/// What an op adds to an operand before it does anything else: a vector along
/// an axis of it.
struct InputOffset {
  unsigned data, offset, axis;
  /// 1, or -1 where it is subtracted.
  double sign = 1;
};

/// What an op remembers of an operand: mean and variance along axis 1. While it
/// trains, it goes by those of the batch, and remembers `momentum` of what it
/// did and the rest of these.
struct RunningStatistics {
  unsigned data, mean, variance;
  double momentum;
};

/// What an op makes of each index of axis 1 of its data, its other operands
/// being constant: `scale * data + shift`.
struct ChannelAffine {
  unsigned data;
  llvm::SmallVector<double> scale, shift;
};

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_LINEARMAP_H
