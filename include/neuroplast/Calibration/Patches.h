//===- Patches.h - What a linear op sees of its data ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_CALIBRATION_PATCHES_H
#define NEUROPLAST_CALIBRATION_PATCHES_H

#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"

namespace neuroplast::calibration {

/// Reads patches, results and weights of a linear op of known sizes as rows of
/// matrices: a position is a place of the result apart from its out axis.
class Patches {
public:
  /// `map` is what the op says of itself.
  Patches(mlir::Operation *op, const neuro::LinearMap &map);

  int64_t getNumPositions() const { return numPositions; }
  int64_t getNumBlocks() const { return map.blocks; }
  /// The number of elements of a patch.
  int64_t getPatchSize() const { return patchSize; }
  /// The number of results of a block at a position.
  int64_t getNumOuts() const { return outs; }

  /// The patch of a block at a position: `getPatchSize` numbers.
  void readPatch(const float *data, int64_t position, int64_t block,
                 float *patch) const;
  /// The results at a position, at these places of the out axis.
  void readResults(const float *results, int64_t position,
                   llvm::ArrayRef<int64_t> outs, float *row) const;
  /// The place of a weight in its tensor.
  int64_t getWeightIndex(int64_t block, int64_t out, int64_t element) const;

private:
  /// Where an element of a patch lies, relative to the first.
  struct Element {
    int64_t offset;
    /// By axis of the data that is moved along, the place relative to the
    /// position.
    llvm::SmallVector<int64_t, 2> places;
    int64_t weightOffset;
  };

  llvm::SmallVector<int64_t> getIndex(int64_t position) const;

  neuro::LinearMap map;
  llvm::SmallVector<int64_t> resultShape, resultStrides, dataShape, dataStrides;
  /// Axes of the data along which patches may reach past the end.
  llvm::SmallVector<unsigned, 2> windowAxes;
  std::vector<Element> elements;
  int64_t numPositions = 1, patchSize = 1, outs = 1, outStride = 1,
          blockStride = 0;
};

} // namespace neuroplast::calibration

#endif // NEUROPLAST_CALIBRATION_PATCHES_H
