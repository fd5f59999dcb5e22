//===- Construction.h - How units join without a difference -----*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_STRUCTURE_CONSTRUCTION_H
#define NEUROPLAST_LIB_STRUCTURE_CONSTRUCTION_H

#include "ZeroAnalysis.h"
#include "neuroplast/Structure/Dropin.h"

namespace neuroplast::structure {

/// Decides for the units that join which of their weights are free and which
/// have to be zero, opposite, or shared, so that the network computes what it
/// computed before. What a unit makes is summed at some places; at each of them
/// a factor must be zero (or, of two newborns, opposite): a weight that reads
/// the unit there, or, where two activations meet, the weights that make one of
/// them.
class Construction {
public:
  /// What a weight does with the units that stand along one of its axes.
  enum class Role {
    /// It makes them.
    Incoming,
    /// It makes them, as zeros.
    Silent,
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

private:
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
  bool hasSet(mlir::Value value, unsigned set) const;
  /// The weights that make the units of a value.
  void collectMakers(mlir::Value value, unsigned set,
                     llvm::SmallVectorImpl<neuro::ParamOp> &makers) const;
  void findMatrices();
  /// Silences the makers of factors of sums over activations alone.
  void silence(llvm::ArrayRef<unsigned> sets);
  /// Finds weights that read units along the axis that makes them.
  void findTied();
  /// Sees to it that one factor of a sum is zero; whether that has to be tried.
  bool visit(const UnitSum &sum, unsigned round);

  const UnitAnalysis &analysis;
  Init init;
  llvm::StringMap<neuro::ParamOp> params;
  llvm::DenseSet<mlir::Operation *> matrices;
  llvm::DenseSet<std::pair<mlir::Operation *, unsigned>> silent;
  /// By tensor and set: the axes along which it reads the units.
  llvm::DenseMap<std::pair<mlir::Operation *, unsigned>,
                 llvm::SmallVector<unsigned, 1>>
      outgoing;
  llvm::DenseSet<std::pair<mlir::Operation *, unsigned>> tied;
  llvm::DenseMap<unsigned, std::string> obstacles;
};

} // namespace neuroplast::structure

#endif // NEUROPLAST_LIB_STRUCTURE_CONSTRUCTION_H
