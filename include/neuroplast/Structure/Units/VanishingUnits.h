//===- VanishingUnits.h - Units that can go without a trace -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_STRUCTURE_UNITS_VANISHINGUNITS_H
#define NEUROPLAST_STRUCTURE_UNITS_VANISHINGUNITS_H

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Units/UnitAnalysis.h"
#include "llvm/ADT/BitVector.h"

namespace neuroplast::structure {

/// A parameter that takes part in making units, as the weight of a convolution
/// or the scale of a norm does.
struct Maker {
  neuro::ParamOp param;
  /// The axis along which it makes them.
  unsigned axis;
  /// Where they stand there: the places of the first one, which are as many for
  /// each, then those of the second one, and so on.
  std::vector<int64_t> places;
};

/// Units that are gone once what makes them is zero: nothing then sums anything
/// over them ("zero-invariant groups", Chen et al., arXiv 2107.07467).
struct MadeUnits {
  unsigned set;
  int64_t count;
  llvm::SmallVector<Maker> makers;
};

/// The sets of such units that may be edited. Those of recurrent layers are not
/// among them: what reads their states is a part of the same weight.
std::vector<MadeUnits> listMadeUnits(const UnitAnalysis &analysis);

/// By set, which of its units are not missed: wherever the network sums over
/// them, something is zero for them, their own weights or those of who reads
/// them, or who reads them is dead himself. None of the sets that may not be
/// edited.
std::vector<llvm::BitVector> findDeadUnits(const UnitAnalysis &analysis);

} // namespace neuroplast::structure

#endif // NEUROPLAST_STRUCTURE_UNITS_VANISHINGUNITS_H
