//===- SymbolicSize.h - Sizes as products of unknowns -----------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_DIALECT_NEURO_IR_AXISRULES_SYMBOLICSIZE_H
#define NEUROPLAST_LIB_DIALECT_NEURO_IR_AXISRULES_SYMBOLICSIZE_H

#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"

namespace neuroplast::neuro::detail {

/// A size: a number times unknowns. Two sizes that compare equal are equal in
/// every run.
class SymbolicSize {
public:
  SymbolicSize(int64_t number = 1) : number(number) {}
  /// An axis of a tensor, or -1 of a number.
  static SymbolicSize unknown(const void *what, int64_t axis);

  /// The size of a tensor along an axis, followed back to where it comes from:
  /// through ops that keep the axis, to the sizes that a reshape was given, or
  /// to an input of the graph.
  static SymbolicSize ofAxis(mlir::Value tensor, int64_t axis);
  /// A computed size.
  static SymbolicSize of(mlir::Value index);

  /// Where the result of an op has the size of an axis from, of which there may
  /// be several, that are the same or of which some are 1; none if it is none
  /// of these. Tensors and axes, or numbers and -1.
  static llvm::SmallVector<std::pair<mlir::Value, int64_t>>
  findCandidates(mlir::Value tensor, int64_t axis);

  bool isStatic() const { return unknowns.empty(); }
  /// The number, if the size is one.
  int64_t getNumber() const { return number; }
  /// What the size is, if it is an unknown and nothing else.
  std::optional<std::pair<mlir::Value, int64_t>> getOrigin() const;
  /// The number, or the dynamic extent of rules.
  int64_t getExtent() const { return isStatic() ? number : AxisRule::kDynamic; }

  bool operator==(const SymbolicSize &other) const {
    return number == other.number && unknowns == other.unknowns;
  }
  SymbolicSize operator*(const SymbolicSize &other) const;
  /// The quotient; none unless it is a size, too, whatever the unknowns are.
  std::optional<SymbolicSize> dividedBy(const SymbolicSize &other) const;

private:
  using Unknown = std::pair<const void *, int64_t>;

  int64_t number;
  /// Sorted; one that recurs is squared.
  llvm::SmallVector<Unknown, 2> unknowns;
};

} // namespace neuroplast::neuro::detail

#endif // NEUROPLAST_LIB_DIALECT_NEURO_IR_AXISRULES_SYMBOLICSIZE_H
