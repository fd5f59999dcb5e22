//===- ZeroAnalysis.h - Where a masked unit is zero -------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_UNITS_ZEROANALYSIS_H
#define NEUROPLAST_LIB_STRUCTURE_UNITS_ZEROANALYSIS_H

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Units/UnitAnalysis.h"
#include "llvm/ADT/DenseSet.h"

namespace neuroplast::structure {

/// What a tensor is where units of a set stand.
enum class Content {
  Any,
  Zero,
  /// The average of what it is where the others of the set stand.
  Average
};

/// A place where an op sums over the units of a set.
struct UnitSum {
  unsigned set;
  neuro::AxisRuleOpInterface op;
  /// Of the rule of the op.
  unsigned factor;
  /// The operands whose elements for a unit are multiplied there.
  llvm::SmallBitVector operands;
  /// Those of them that are zero for the units in question, and those that are
  /// the average of the others.
  llvm::SmallBitVector zeros, averages;
  /// Whether the op also counts the units or looks at them otherwise, as a mean
  /// does: then a zero makes a difference, too.
  bool counts;
};

/// Follows zeros forward through the network: where tensors that are zero for
/// some units make other values zero for them. A unit without weights can be
/// left out, and one that joins makes no difference, only if its zeros arrive
/// at every sum over units. It follows averages in the same way, which norms
/// that subtract a mean ask of units that join.
class ZeroAnalysis {
public:
  /// What a parameter is for the units of a set; null stands for constants.
  using Assumption = llvm::function_ref<Content(neuro::ParamOp, unsigned)>;

  ZeroAnalysis(const UnitAnalysis &analysis, Assumption assume);
  /// For masked units, all of whose weights are zero.
  explicit ZeroAnalysis(const UnitAnalysis &analysis);

  /// Visits every sum over units.
  void forEachSum(llvm::function_ref<void(const UnitSum &)> visit) const;

private:
  /// The unit sets that an axis of a value or a factor of a rule holds.
  using Sets = llvm::SmallVector<unsigned, 2>;

  /// An op with, for every factor of its rule, the sets and who has it.
  struct Step {
    neuro::AxisRuleOpInterface op;
    struct Factor {
      Sets sets;
      llvm::SmallBitVector operands, results;
      /// Operands with the factor on two axes, over one of which they sum.
      llvm::SmallBitVector squares;
      bool isSummed, counts;
    };
    std::vector<Factor> factors;
  };

  using Facts = llvm::DenseMap<mlir::Value, llvm::SmallDenseSet<unsigned, 4>>;

  Sets getSets(const Axis &axis) const;
  void addStep(neuro::AxisRuleOpInterface op);
  void addSource(mlir::Value value,
                 llvm::function_ref<Content(unsigned)> assume);
  /// Of the operands that have a factor those of which something is not known
  /// to be false where units of the set are.
  static llvm::SmallVector<bool> getOperands(const Facts &isFalse,
                                             const Step &step,
                                             const Step::Factor &factor,
                                             unsigned set);
  /// Whether, for units that are the average of the others, two operands are
  /// the same, as a tensor and its mean over them are.
  bool isSame(const Step &step, unsigned a, unsigned b, unsigned set) const;
  /// Whether anything new was found out.
  bool propagate(const Step &step);
  bool propagate(mlir::Value from, mlir::Value to);
  bool propagate(mlir::RegionBranchOpInterface branch);

  const UnitAnalysis &analysis;
  std::vector<Step> steps;
  std::vector<mlir::RegionBranchOpInterface> branches;
  /// The sets of which a value is not zero, or not the average of the others,
  /// where the units in question stand.
  Facts nonZero, nonAverage;
  /// Means over the units of one set alone, and what they are means of.
  llvm::DenseMap<mlir::Value, std::pair<mlir::Value, unsigned>> meanOf;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_UNITS_ZEROANALYSIS_H
