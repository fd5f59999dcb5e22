//===- RuntimeContract.h - What must hold when an op runs -------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_RUNTIMECONTRACT_H
#define NEUROPLAST_DIALECT_NEURO_IR_RUNTIMECONTRACT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

#include <string>

namespace neuroplast::neuro {

/// Builds the `neuro.require` ops that an op needs before it: relations between
/// sizes, and ranges of indices and lengths that data brings. What types or
/// constants prove leaves no op behind. The messages name the node and the
/// tensors as the model does.
class RuntimeContract {
public:
  using Size = mlir::OpFoldResult;

  /// Builds right before `op`.
  RuntimeContract(mlir::OpBuilder &builder, mlir::Operation *op)
      : b(builder), op(op), location(op->getLoc()) {}

  /// The size of an axis, an attribute if it is static.
  Size getSize(mlir::Value tensor, int64_t axis);
  llvm::SmallVector<Size> getSizes(mlir::Value tensor);
  /// Entries of an attribute with operands where it says `kDynamic`.
  llvm::SmallVector<Size> mix(llvm::ArrayRef<int64_t> sizes,
                              mlir::ValueRange dynamic);
  Size constant(int64_t value) { return b.getIndexAttr(value); }
  /// Folded arithmetic; the divisor of `rem` and `div` is not zero.
  Size add(Size lhs, Size rhs);
  Size sub(Size lhs, Size rhs);
  Size mul(Size lhs, Size rhs);
  Size div(Size lhs, Size rhs);
  Size rem(Size lhs, Size rhs);
  /// The size, or 0 if it is positive.
  Size atMostZero(Size size);

  /// `tensor` has `expected` entries along an axis.
  void requireSize(mlir::Value tensor, int64_t axis, Size expected);
  /// The same, or nothing at all along another axis.
  void requireSizeUnlessEmpty(mlir::Value tensor, int64_t axis, Size expected,
                              int64_t emptyAxis);
  /// The sizes of all axes; a null tensor, an operand that is absent, fits.
  void requireShape(mlir::Value tensor, llvm::ArrayRef<Size> expected);
  /// An axis has at most (or at least) so many entries.
  void requireAtMost(mlir::Value tensor, int64_t axis, Size bound);
  void requireAtLeast(mlir::Value tensor, int64_t axis, int64_t bound);
  /// There is something along an axis, or nothing along another.
  void requireSomeAlong(mlir::Value tensor, int64_t axis);
  /// The entries along an axis are a multiple of `divisor`.
  void requireMultiple(mlir::Value tensor, int64_t axis, int64_t divisor);
  /// A number that the message calls `what` lies between two others.
  void requireBetween(Size number, Size low, Size high, llvm::StringRef what);
  /// Numbers that come from data are sizes that a tensor can have; the message
  /// calls each `what`.
  void requireTensorSizes(llvm::ArrayRef<Size> sizes, llvm::StringRef what);
  /// A tensor has one element, whatever its rank.
  void requireSingle(mlir::Value tensor);
  /// A quotient (or remainder) of sizes is defined.
  void requireQuotient(mlir::Value dividend, mlir::Value divisor);
  /// Numpy broadcasting: along each axis, counted from the last, the sizes are
  /// equal or 1.
  void requireBroadcast(mlir::ValueRange tensors);
  /// The same for one axis of two tensors, or of one and a size asked for.
  void requireBroadcastAxes(mlir::Value lhs, int64_t lhsAxis, mlir::Value rhs,
                            int64_t rhsAxis);
  void requireBroadcastSize(mlir::Value tensor, int64_t axis, Size asked);
  /// A tensor broadcasts to `shape` without changing it.
  void requireBroadcastTo(mlir::Value tensor, llvm::ArrayRef<Size> shape);
  /// `count` places from `start` on lie within an axis.
  void requireSlice(mlir::Value tensor, int64_t axis, Size start, Size count,
                    Size step);
  /// Two shapes hold equally many elements, and no more than a tensor can.
  void requireEqualCounts(llvm::ArrayRef<Size> lhs, llvm::ArrayRef<Size> rhs);
  /// Every element of an integer tensor is at least `low` and below `high`;
  /// `what` names the elements.
  void requireEntries(mlir::Value tensor, Size low, Size high,
                      llvm::StringRef what);
  /// Indices into `size` entries, of which negative ones count from the end.
  void requireIndices(mlir::Value tensor, Size size, llvm::StringRef what);
  /// No element of an integer tensor is zero.
  void requireNoZero(mlir::Value tensor, llvm::StringRef what);

  /// One place of the last axis, for all places of the others.
  mlir::Value getColumn(mlir::Value tensor, int64_t column);

  /// What the model calls a value, in quotes.
  std::string getName(mlir::Value value);

  /// Whether something certainly does not hold; it was reported at the op.
  bool hasRefused() const { return isRefused; }

private:
  enum class Relation { Equal, AtMost, NotEqual };
  /// Whether the relation holds for certain, or an i1 that says so.
  struct Condition {
    bool isProved = false;
    mlir::Value value;
  };
  Condition compare(Relation relation, Size lhs, Size rhs);
  Condition both(Condition lhs, Condition rhs);
  Condition either(Condition lhs, Condition rhs);
  /// `{}` in the message stands for the next of `numbers`.
  void require(Condition condition, bool isShape, const llvm::Twine &message,
               llvm::ArrayRef<Size> numbers);
  /// Reports a requirement that cannot be met.
  void refuse(const llvm::Twine &message, llvm::ArrayRef<Size> numbers);
  mlir::Value toValue(Size size);
  template <typename Op> Size combine(Size lhs, Size rhs);
  /// The least (or greatest) element of an integer tensor, as an index.
  template <typename Op> mlir::Value reduce(mlir::Value tensor);

  mlir::OpBuilder &b;
  mlir::Operation *op;
  mlir::Location location;
  bool isRefused = false;
};

namespace detail {
/// Elementwise ops broadcast their operands; other ops need nothing.
void stateDefaultContract(mlir::Operation *op, RuntimeContract &contract);
} // namespace detail

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_RUNTIMECONTRACT_H
