//===- Construction.h - How units join without a difference -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_GROWTH_CONSTRUCTION_H
#define NEUROPLAST_LIB_STRUCTURE_GROWTH_CONSTRUCTION_H

#include "../Units/ZeroAnalysis.h"
#include "neuroplast/Dialect/Neuro/IR/HistoryOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Structure/Growth/Dropin.h"

namespace neuroplast::structure {

/// Decides for the units that join which of their weights are free and which
/// have to be zero, opposite, or shared, so that the network computes what it
/// computed before. What a unit makes is summed at some places; at each of them
/// a factor must be zero (or, of two newborns, opposite): a weight that reads
/// the unit there, or, where two activations meet, the weights that make one of
/// them. Where an op counts units, as a norm does, newborns are zero or the
/// average of the others, and the op is told of the old count.
class Construction {
public:
  /// What a weight does with the units that stand along one of its axes.
  enum class Role {
    /// It makes them.
    Incoming,
    /// It makes them, as zeros.
    Silent,
    /// It makes them, as the average of the others.
    Average,
    /// It reads them.
    Outgoing,
    /// It reads them where it also makes them, as tied weights do.
    Tied
  };

  /// For the sets that are to grow.
  Construction(const UnitAnalysis &analysis, llvm::ArrayRef<unsigned> sets,
               Init init);

  /// Why units cannot join a set unnoticed; empty if they can.
  llvm::StringRef getObstacle(unsigned set) const;
  Role getRole(mlir::Operation *tensor, unsigned axis, unsigned set) const;
  /// Whether a tensor is multiplied along some axis, as a matrix is and a bias
  /// is not.
  bool isMatrix(mlir::Operation *tensor) const {
    return matrices.contains(tensor);
  }
  /// What all elements of a tensor have to be multiplied by in an edit.
  double getScale(mlir::Operation *tensor, const AxisEdit &axes) const;
  /// Tells the ops that count units, after an edit, of the counts before, and
  /// writes down in `record`, which may be null, what they were told before.
  void keepCounts(neuro::EditOp record);

private:
  /// An op that counts units which are to join unnoticed.
  struct Count {
    neuro::CountingOpInterface op;
    /// The factors that it counts, the axes of the first operand that are made
    /// of them, and how many indices that were before.
    llvm::SmallVector<const Axis *, 1> factors;
    llvm::SmallVector<unsigned, 1> axes;
    int64_t before = 1;
    /// Whether newborns are the average of the others there, not zero.
    bool byAverage;

    /// Negative if it is not known.
    int64_t countNow() const;
  };
  /// A weight that a value is, up to moves of elements.
  struct Weight {
    neuro::ParamOp param;
    bool isDirect;
  };
  std::optional<Weight> findWeight(mlir::Value value) const;
  /// The axis of a weight along which an operand that it is has the units.
  std::optional<unsigned> findAxis(Weight weight, const UnitSum &sum,
                                   unsigned operand) const;
  bool hasSet(const Axis &axis, unsigned set) const;
  /// What the tensors of newborns are.
  Content getContent(neuro::ParamOp param, unsigned set) const;
  /// Whether an operand has the units of a set, and results have them from it.
  bool makes(neuro::AxisRuleOpInterface op, unsigned operand,
             unsigned set) const;
  /// Silences weights until a value is zero for the newborns of a set, few if
  /// few are enough; whether any were left to silence.
  bool silence(mlir::Value value, unsigned set);
  /// Sees to it that the newborns of a set are the average of the others in a
  /// value, or says why they cannot be; whether anything was left to do.
  bool average(mlir::Value value, unsigned set);
  void findMatrices();
  /// Decides what the newborns of all sets are.
  void decide(const llvm::DenseSet<unsigned> &growing);
  /// Finds weights that read units along the axis that makes them.
  void findTied();
  /// Sees to it that one factor of a sum is zero; whether that has to be tried.
  bool visit(const UnitSum &sum);
  /// Sees to it that newborns are what an op that counts them takes; whether
  /// that has to be tried.
  bool visitCount(const UnitSum &sum);
  /// Why an op cannot be told of a count; none if it can.
  std::optional<std::string> addCount(const UnitSum &sum, bool byAverage);

  const UnitAnalysis &analysis;
  Init init;
  llvm::StringMap<neuro::ParamOp> params;
  llvm::DenseSet<mlir::Operation *> matrices;
  /// By tensor and set: weights that make newborns as zeros, or as the average
  /// of the others.
  llvm::DenseSet<std::pair<mlir::Operation *, unsigned>> silent, averaged;
  /// The sets whose newborns are the average where ops count them.
  llvm::DenseSet<unsigned> byAverage;
  llvm::MapVector<mlir::Operation *, Count> counts;
  /// What scales of counting ops are multiplied for.
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> scaledFor;
  /// By tensor and set: the axes along which it reads the units.
  llvm::DenseMap<std::pair<mlir::Operation *, unsigned>,
                 llvm::SmallVector<unsigned, 1>>
      outgoing;
  llvm::DenseSet<std::pair<mlir::Operation *, unsigned>> tied;
  /// How many factors of a sum over activations had to be silenced.
  llvm::DenseMap<std::pair<mlir::Operation *, unsigned>, size_t> attempts;
  llvm::DenseMap<unsigned, std::string> obstacles;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_GROWTH_CONSTRUCTION_H
