//===- RuleBuilder.h - Writing axis rules ---------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_DIALECT_NEURO_IR_AXISRULES_RULEBUILDER_H
#define NEUROPLAST_LIB_DIALECT_NEURO_IR_AXISRULES_RULEBUILDER_H

#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"
#include "neuroplast/Dialect/Neuro/IR/UniqueNames.h"

namespace neuroplast::neuro::detail {

/// Collects the rule of one op. Operands and results that no call describes get
/// axes of their own that are pinned, with the op as the reason.
class RuleBuilder {
public:
  explicit RuleBuilder(mlir::Operation *op) : op(op) {
    rule.operands.resize(op->getNumOperands());
    rule.results.resize(op->getNumResults());
  }

  AxisRule rule;

  static mlir::ArrayRef<int64_t> getShape(mlir::Value value) {
    return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
  }

  /// The place of an axis that may count from the end; none of `rank` places if
  /// there is no such axis.
  static size_t getPlace(int64_t axis, size_t rank) {
    return detail::normalizeAxis(axis, rank);
  }
  static size_t getPlace(int64_t axis, mlir::Value value) {
    return getPlace(axis, getShape(value).size());
  }

  /// `sizes` with the extents of the axes in the place of static entries.
  static mlir::SmallVector<int64_t> resize(mlir::ArrayRef<int64_t> sizes,
                                           mlir::ArrayRef<AxisExpr> axes,
                                           mlir::ArrayRef<int64_t> extents);

  /// A factor as an axis. A taken name is made unique by a number.
  AxisExpr axis(llvm::StringRef name, int64_t extent,
                FactorRole role = FactorRole::Plain);
  /// A factor by its index.
  unsigned factor(llvm::StringRef name, int64_t extent,
                  FactorRole role = FactorRole::Plain);
  /// One factor for each axis of a value.
  TensorAxes axes(mlir::Value value, llvm::StringRef name = "a",
                  FactorRole role = FactorRole::Plain);
  /// Axes that are all pinned by this op.
  TensorAxes pinnedAxes(mlir::Value value, llvm::StringRef reason = "");

  void pin(const AxisExpr &expr, llvm::StringRef reason);
  void pin(llvm::ArrayRef<AxisExpr> list, llvm::StringRef reason) {
    for (const AxisExpr &expr : list)
      pin(expr, reason);
  }
  void markNotZeroInvariant(const AxisExpr &expr);

  void set(mlir::OpOperand &operand, TensorAxes axes) {
    rule.operands[operand.getOperandNumber()] = std::move(axes);
  }
  /// An optional operand; nothing happens if it is absent.
  void set(mlir::MutableOperandRange range, TensorAxes axes) {
    for (mlir::OpOperand &operand : range)
      set(operand, axes);
  }
  void set(mlir::OpResult result, TensorAxes axes) {
    rule.results[result.getResultNumber()] = std::move(axes);
  }
  void set(mlir::Value result, TensorAxes axes) {
    set(mlir::cast<mlir::OpResult>(result), std::move(axes));
  }

  /// The axes of an operand that broadcasts to a value with these axes.
  TensorAxes broadcast(mlir::Value operand, llvm::ArrayRef<AxisExpr> to);
  TensorAxes broadcast(llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<AxisExpr> to);

  /// A reason against edits: "'neuro.op' " and the text. Where `decidedBy` are
  /// whole numbers that come from graph inputs, those are named, too.
  std::string reason(llvm::StringRef text,
                     mlir::ValueRange decidedBy = {}) const;

  AxisRule take();

private:
  mlir::Operation *op;
  UniqueNames names{""};
};

} // namespace neuroplast::neuro::detail

#endif // NEUROPLAST_LIB_DIALECT_NEURO_IR_AXISRULES_RULEBUILDER_H
