//===- Gradient.h - What gradients are made of ------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The words in which ops state their vector-Jacobian products: terms, whose
// operators build `neuro` ops, and the scope of one op, which knows the
// gradients of its results and takes those of its operands.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_GRADIENT_H
#define NEUROPLAST_DIALECT_NEURO_IR_GRADIENT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/APFloat.h"

namespace neuroplast::neuro {

/// Where the ops of terms go.
struct TermBuilder {
  mlir::OpBuilder builder;
  mlir::Location location;
  int64_t processes = 1; ///< that have a part of the batch each
};

/// A tensor that is a part of a gradient. Operators broadcast, and numbers take
/// the element type of the other side.
class Term {
public:
  Term() = default;
  Term(TermBuilder &at, mlir::Value value) : at(&at), value(value) {}

  explicit operator bool() const { return value != nullptr; }
  mlir::Value get() const { return value; }
  mlir::RankedTensorType getType() const {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  }
  int64_t getRank() const { return getType().getRank(); }

  Term operator-() const;
  friend Term operator+(const Term &a, const Term &b);
  friend Term operator-(const Term &a, const Term &b);
  friend Term operator*(const Term &a, const Term &b);
  friend Term operator/(const Term &a, const Term &b);
  friend Term operator+(const Term &a, double b) { return a + a.number(b); }
  friend Term operator+(double a, const Term &b) { return b.number(a) + b; }
  friend Term operator-(const Term &a, double b) { return a - a.number(b); }
  friend Term operator-(double a, const Term &b) { return b.number(a) - b; }
  friend Term operator*(const Term &a, double b) { return a * a.number(b); }
  friend Term operator*(double a, const Term &b) { return b * b.number(a); }
  friend Term operator/(const Term &a, double b) { return a / a.number(b); }
  friend Term operator/(double a, const Term &b) { return b.number(a) / b; }
  /// Tensors of booleans.
  friend Term operator>(const Term &a, const Term &b);
  friend Term operator>(const Term &a, double b) { return a > a.number(b); }
  friend Term operator<(const Term &a, const Term &b) { return b > a; }
  friend Term operator<(const Term &a, double b) { return a.number(b) > a; }
  friend Term operator&&(const Term &a, const Term &b);
  friend Term operator||(const Term &a, const Term &b);
  Term isEqual(const Term &other) const;
  Term isNot() const;

  Term exp() const;
  Term log() const;
  Term sqrt() const;
  Term sin() const;
  Term cos() const;
  Term sinh() const;
  Term cosh() const;
  Term tanh() const;
  Term sigmoid() const;
  Term softplus() const;
  Term erf() const;
  Term abs() const;
  Term sign() const;
  Term pow(const Term &exponent) const;
  Term floor() const;
  Term round() const;
  Term max(const Term &other) const;
  Term clamp(double low, double high) const;

  /// Of these elements where the condition that this is holds, else of others.
  Term select(const Term &yes, const Term &no) const;
  Term select(const Term &yes, double no) const {
    return select(yes, yes.number(no));
  }
  /// The same elements as another type.
  Term cast(mlir::Type elementType) const;

  /// Sums over axes, which stay with size 1 if they are kept.
  Term sum(llvm::ArrayRef<int64_t> axes, bool keep = true) const;
  /// The least and the largest along axes, which stay with size 1.
  Term min(llvm::ArrayRef<int64_t> axes) const;
  Term max(llvm::ArrayRef<int64_t> axes) const;
  /// The sum over what all processes have.
  Term allReduce() const;
  /// The mean of that, of what is alike in all examples.
  Term averageOverProcesses() const;
  Term transpose(llvm::ArrayRef<int64_t> permutation) const;
  /// The last two axes exchanged.
  Term transposeMatrix() const;
  Term matmul(const Term &other) const;
  /// The same elements in the shape of another tensor.
  Term reshapeLike(mlir::Value other) const;
  /// The same elements in a shape whose open sizes are those of this tensor, in
  /// their order.
  Term reshape(llvm::ArrayRef<int64_t> shape) const;
  /// The same elements with so many of the first axes as one.
  Term joinAxes(int64_t count) const;
  Term flatten() const { return joinAxes(getRank()); }
  /// So many places along an axis; all axes are of known sizes.
  Term slice(int64_t axis, int64_t start, int64_t size) const;
  /// As many places along an axis as another tensor has, behind as many as
  /// those before it have; the shape is that of the other one.
  Term sliceLike(int64_t axis, mlir::ValueRange before,
                 mlir::Value other) const;
  /// Along an axis the places that indices say; all axes before and behind it
  /// are alike.
  Term gatherElements(const Term &indices, int64_t axis) const;
  /// The places of an axis from the last to the first.
  Term reverse(int64_t axis) const;
  /// The first places of each axis as far as a shape leads, zeros behind what
  /// there is. Axes whose size the shape leaves open stay as they are.
  Term fitTo(llvm::ArrayRef<int64_t> shape) const;
  /// Axes of size 1 put in, at these places of the result, ascending.
  Term expandAxes(llvm::ArrayRef<int64_t> axes) const;
  /// Repeated along axes of size 1 up to the shape of another tensor.
  Term broadcastLike(mlir::Value other) const;
  /// The same up to a shape whose open sizes are those of this tensor, in their
  /// order.
  Term broadcastTo(llvm::ArrayRef<int64_t> shape) const;
  /// Zeros in the shape of a tensor.
  Term zerosLike(mlir::Value other) const {
    return number(0).broadcastLike(other);
  }
  /// Summed over what was repeated to give it its shape: the inverse of
  /// broadcasting `other`.
  Term unbroadcastTo(mlir::Value other) const;

  /// A scalar with the element type of this term.
  Term number(double value) const;
  /// Of the element type of this term: ones on the diagonal of a square.
  Term identityMatrix(int64_t size) const;
  TermBuilder &getBuilder() const { return *at; }

private:
  TermBuilder *at = nullptr;
  mlir::Value value;
};

/// Tensors one behind the other along an axis.
Term concatenate(llvm::ArrayRef<Term> terms, int64_t axis);

/// The number of elements along some axes of a tensor, as a scalar of its
/// element type.
Term countElements(const Term &like, mlir::Value tensor,
                   llvm::ArrayRef<int64_t> axes);

/// Fails, after an error, if the run alone knows a size of an op, along this
/// axis of a tensor or one behind it.
llvm::LogicalResult requireStaticSizes(mlir::Operation *op,
                                       unsigned fromAxis = 0);

/// What an op builds its vector-Jacobian product from and hands it to.
class GradientScope {
public:
  /// `results` are the gradients of the results of the op, null where there is
  /// none; `active` says of which operands one is needed.
  GradientScope(mlir::OpBuilder &builder, mlir::Operation *op,
                llvm::ArrayRef<mlir::Value> results,
                llvm::ArrayRef<bool> active);

  /// The gradient of a result; zeros if nothing depends on it.
  Term getGradient(unsigned result = 0);
  bool hasGradient(unsigned result) const { return results[result] != nullptr; }
  Term getOperand(unsigned operand);
  Term getResult(unsigned result = 0);
  bool isNeeded(unsigned operand) const {
    return operand < active.size() && active[operand];
  }
  /// States the gradient of an operand, in the shape of that or of what it was
  /// broadcast to.
  void give(unsigned operand, const Term &gradient);

  llvm::LogicalResult requireStaticSizes(unsigned fromAxis = 0) {
    return neuro::requireStaticSizes(op, fromAxis);
  }

  Term wrap(mlir::Value value) { return {builder, value}; }
  TermBuilder &getBuilder() { return builder; }
  /// By operand; null where none was stated.
  llvm::ArrayRef<mlir::Value> getGiven() const { return given; }

private:
  TermBuilder builder;
  mlir::Operation *op;
  llvm::SmallVector<mlir::Value> results, given;
  llvm::SmallVector<bool> active;
};

/// A float attribute as a number.
inline double toNumber(const llvm::APFloat &value) {
  return value.convertToDouble();
}

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_GRADIENT_H
