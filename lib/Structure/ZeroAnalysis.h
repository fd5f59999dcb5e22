//===- ZeroAnalysis.h - Where a masked unit is zero -------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_ZEROANALYSIS_H
#define NEUROPLAST_LIB_STRUCTURE_ZEROANALYSIS_H

#include "neuroplast/Structure/UnitAnalysis.h"
#include "llvm/ADT/DenseSet.h"

namespace neuroplast::structure {

/// Follows the zeros of a masked unit, one whose weights all are zero, forward
/// through the network. Removing it is the same as masking it only if its zeros
/// arrive at every place that sums over units.
class ZeroAnalysis {
public:
  explicit ZeroAnalysis(const UnitAnalysis &analysis);

  /// Calls `visit(set, op)` for every op that sums over units of a set although
  /// none of what it multiplies there is zero.
  void forEachLoss(llvm::function_ref<void(unsigned, mlir::Operation *)> visit);

private:
  /// The unit sets that an axis of a value or a factor of a rule holds.
  using Sets = llvm::SmallVector<unsigned, 2>;

  /// An op with, for every factor of its rule, the sets and who has it.
  struct Step {
    neuro::AxisRuleOpInterface op;
    struct Factor {
      Sets sets;
      llvm::SmallBitVector operands, results;
      bool isSummed;
    };
    std::vector<Factor> factors;
  };

  Sets getSets(const Axis &axis) const;
  void addStep(neuro::AxisRuleOpInterface op);
  void addSource(mlir::Value value, bool isMasked);
  /// Whether the operands that have a factor are zero where units of the set
  /// are.
  llvm::SmallVector<bool> getZeros(const Step &step, const Step::Factor &factor,
                                   unsigned set) const;
  /// Whether anything new was found out.
  bool propagate(const Step &step);
  bool propagate(mlir::Value from, mlir::Value to);
  bool propagate(mlir::RegionBranchOpInterface branch);

  const UnitAnalysis &analysis;
  std::vector<Step> steps;
  std::vector<mlir::RegionBranchOpInterface> branches;
  /// The sets of which a value is not zero where their units are masked.
  llvm::DenseMap<mlir::Value, llvm::SmallDenseSet<unsigned, 4>> nonZero;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_ZEROANALYSIS_H
