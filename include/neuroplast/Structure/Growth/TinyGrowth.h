//===- TinyGrowth.h - Newborns that do what layers cannot -------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A loss says which change of a layer's results would lessen it. Some of that
// the layer can bring about by its own weights; TINY (Verbockhaven et al.,
// arXiv 2405.19816) lets those units join that bring about most of the rest.
// Where all is linear, their weights are singular vectors of S^-1/2 N: S are
// the second moments of what newborns read, N those of it with the rest. Here
// they come of power steps, so that rectifiers and norms may lie in between:
//
//   1. the layers that read newborns take their best step, by the inverse of
//      the second moments of what they read; what gradients are left then are
//      the rest, as N is;
//   2. outgoing weights point along their gradients, a little, each newborn
//      where the ones before do not, and incoming weights become like the
//      gradients that they have then, times the inverse of S. This repeats;
//   3. the layers take their step back, and the newborns' weights get the size
//      by which the loss falls most. Newborns that help only after that step
//      go along the gradients that there are without it.
//
// What the network computes changes, to where the loss is less.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_GROWTH_TINYGROWTH_H
#define NEUROPLAST_STRUCTURE_GROWTH_TINYGROWTH_H

#include "neuroplast/Structure/Growth/NewbornWeights.h"
#include <memory>

namespace neuroplast::structure {

/// The weights of units that have joined a network with outgoing weights of
/// zero. All methods fail as those of `NewbornWeights` do.
class TinyGrowth {
public:
  /// `statistics` are those of the network as it is, with products of elements,
  /// and have to stay where they are.
  /// Fails, after an error, if newborns are not made and read by linear layers
  /// of which there are any.
  static llvm::FailureOr<TinyGrowth> create(mlir::ModuleOp grown,
                                            const DropinReport &report,
                                            const Statistics &statistics);
  TinyGrowth(TinyGrowth &&);
  TinyGrowth &operator=(TinyGrowth &&);
  ~TinyGrowth();

  /// Step 1: the direction, by gradients of the network as it is, and how far
  /// to go along it from where the layers were; 0 takes the step back.
  llvm::LogicalResult planRelief(const Gradients &gradients);
  llvm::LogicalResult relieve(double rate);

  /// Step 2, by gradients after step 1, and by those that `pointOut` leaves.
  llvm::LogicalResult pointOut(const Gradients &gradients);
  llvm::LogicalResult pointIn(const Gradients &gradients);
  /// Makes the outgoing weights zero.
  llvm::LogicalResult silence();

  /// Step 3: how newborns compare, by the gradients of silent ones after step
  /// 1, which of them go uphill, by those without it, and their size; 0 leaves
  /// them silent.
  llvm::LogicalResult weigh(const Gradients &gradients);
  llvm::LogicalResult turnDownhill(const Gradients &gradients);
  llvm::LogicalResult amplify(double size);

private:
  TinyGrowth();
  struct Set;
  struct ReaderLayer;
  std::vector<Set> sets;
  std::vector<ReaderLayer> readers;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_GROWTH_TINYGROWTH_H
