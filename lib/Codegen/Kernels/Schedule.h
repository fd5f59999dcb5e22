//===- Schedule.h - In which order a kernel goes about its loops -*- C++
//-*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CODEGEN_KERNELS_SCHEDULE_H
#define NEUROPLAST_LIB_CODEGEN_KERNELS_SCHEDULE_H

#include "Contraction.h"
#include "SharedLoop.h"

namespace neuroplast {

/// How much of the result is kept in registers.
struct Tile {
  int64_t rows, places, vectors;
};

/// The tile of a contraction and the order of its loops: `outer` ones around
/// those over tiles, and within a tile those of the sum, the last of which are
/// unrolled. All are numbers of loops.
struct Schedule {
  /// The loops of these kinds that tiles divide; -1 if there is none.
  int64_t row = -1, place = -1;
  Tile tile{1, 1, 1};
  llvm::SmallVector<int64_t> outer, reduced, unrolled;
  /// After how many of the outer loops that over places comes, if it is not
  /// within the tiles.
  std::optional<size_t> stationaryDepth;

  static Schedule choose(const Contraction &contraction, int64_t width);

  /// What threads may share, first those loops by which they have least to read
  /// that another one wrote.
  llvm::SmallVector<SharableLoop>
  getSharableLoops(const Contraction &contraction, int64_t width) const;
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CODEGEN_KERNELS_SCHEDULE_H
