//===- Draw.h - Random numbers by number ------------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_DRAW_H
#define NEUROPLAST_STRUCTURE_DRAW_H

#include <cmath>
#include <cstdint>
#include <numbers>

namespace neuroplast::structure {

/// The `index`-th well-mixed number between 0 and 1 of a seed (the finaliser of
/// SplitMix64).
inline double drawUniform(uint64_t seed, uint64_t index) {
  uint64_t z =
      (seed + 1) * 0x9e3779b97f4a7c15ULL + index * 0xd1342543de82ef95ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<double>((z ^ (z >> 31)) >> 11) /
         static_cast<double>(1ULL << 53);
}

/// The same of the normal distribution (Box and Muller).
inline double drawNormal(uint64_t seed, uint64_t index) {
  double radius = std::sqrt(-2 * std::log1p(-drawUniform(seed, 2 * index)));
  return radius *
         std::cos(2 * std::numbers::pi * drawUniform(seed, 2 * index + 1));
}

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_DRAW_H
