//===- Augmentation.h - Examples that are like others -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LEARNING_AUGMENTATION_H
#define NEUROPLAST_LEARNING_AUGMENTATION_H

#include "neuroplast/Runtime/Model.h"

#include <random>

namespace neuroplast::learning {

/// What training changes about its examples before it looks at them: arrays of
/// f32, but for labels.
struct Augmentation {
  /// Whether every second image (N x C x H x W) is mirrored, left to right.
  bool flips = false;
  /// By how many places images are moved at most, in both directions; zeros
  /// come in.
  int64_t shift = 0;
  /// By which share images are stretched, squeezed and slanted at most, around
  /// their middle, as letters of other fonts are; edges go on.
  double warp = 0;
  /// By which share they differ from their mean more or less.
  double contrast = 0;
  /// The most that normal noise deviates by. Each example draws its own share
  /// of it: what always has the same noise learns nothing about what has none,
  /// as the empty margins of a page.
  double noise = 0;

  /// Reads "flip", "shift:N", "warp:X", "contrast:X" and "noise:X", with commas
  /// between; none, with a reason, for anything else.
  static std::optional<Augmentation> parse(llvm::StringRef text,
                                           std::string &reason);
  bool changesAny() const { return changesImages() || noise > 0; }
  /// Changes the examples of a batch, each as its seed says.
  void apply(NamedTensors &batch, llvm::ArrayRef<uint64_t> seeds) const;

private:
  bool changesImages() const {
    return flips || shift > 0 || warp > 0 || contrast > 0;
  }
  /// Changes one image of so many channels, lines and columns.
  void changeImage(float *image, int64_t channels, int64_t height,
                   int64_t width, std::mt19937_64 &random) const;
};

} // namespace neuroplast::learning

#endif // NEUROPLAST_LEARNING_AUGMENTATION_H
