//===- NeuroDialect.h - The neuro dialect without its ops -------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_NEURODIALECT_H
#define NEUROPLAST_DIALECT_NEURO_IR_NEURODIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "neuroplast/Dialect/Neuro/IR/AxisRule.h"
#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include "neuroplast/Dialect/Neuro/IR/LinearMap.h"
#include "neuroplast/Dialect/Neuro/IR/RuntimeContract.h"
#include "neuroplast/Dialect/Neuro/IR/TensorTypes.h"
#include "llvm/ADT/SmallBitVector.h"

namespace neuroplast::neuro {

/// Whether two lists of types could describe the same values: equal element
/// types and ranks, and no two static dimensions that differ.
bool areCompatibleTypes(mlir::TypeRange lhs, mlir::TypeRange rhs);

/// Marks the ops that compute each element of the result from the elements of
/// the operands at the same (broadcast) place.
template <typename ConcreteOp>
class Elementwise : public mlir::OpTrait::TraitBase<ConcreteOp, Elementwise> {};

/// Marks the ops of one operand that change nothing the second time.
template <typename ConcreteOp>
class Idempotent : public mlir::OpTrait::TraitBase<ConcreteOp, Idempotent> {};

/// Checks that the attribute `axis`, if given, is an axis of operand 0.
mlir::LogicalResult verifyAxisInRange(mlir::Operation *op);

/// Marks the ops whose attribute `axis` names an axis of operand 0.
template <typename ConcreteOp>
class AxisInRange : public mlir::OpTrait::TraitBase<ConcreteOp, AxisInRange> {
public:
  static mlir::LogicalResult verifyTrait(mlir::Operation *op) {
    return verifyAxisInRange(op);
  }
};

/// Which operands of an op are zero at a place that some of its axes share. An
/// operand that is absent is zero; one that does not have these axes is not.
class ZeroOperands {
public:
  /// `isSame` says whether two operands are equal there.
  ZeroOperands(llvm::ArrayRef<bool> isZero, llvm::ArrayRef<bool> hasAxes,
               llvm::function_ref<bool(unsigned, unsigned)> isSame = {})
      : isZero(isZero), hasAxes(hasAxes), isSame(isSame) {}

  bool operator[](unsigned operand) const { return isZero[operand]; }
  bool operator()(mlir::OpOperand &operand) const {
    return isZero[operand.getOperandNumber()];
  }
  bool operator()(mlir::MutableOperandRange operands) const {
    return llvm::all_of(
        operands, [&](mlir::OpOperand &operand) { return (*this)(operand); });
  }
  bool all() const { return !llvm::is_contained(isZero, false); }
  bool any() const { return llvm::is_contained(isZero, true); }
  bool allWithAxes() const { return isZero == hasAxes; }
  bool same(unsigned a, unsigned b) const { return isSame && isSame(a, b); }

private:
  llvm::ArrayRef<bool> isZero, hasAxes;
  llvm::function_ref<bool(unsigned, unsigned)> isSame;
};

/// Some operands of an op.
class OperandSet {
public:
  explicit OperandSet(const llvm::SmallBitVector &operands)
      : operands(operands) {}

  bool operator[](unsigned operand) const { return operands[operand]; }
  /// Whether there are no others than this one.
  bool only(unsigned operand) const {
    return operands.find_last() <= static_cast<int>(operand) &&
           operands.find_first() >= static_cast<int>(operand);
  }
  bool isSingle() const { return operands.count() == 1; }

private:
  const llvm::SmallBitVector &operands;
};

/// Marks the ops that say in what they are affine (`Neuro_AffineIn`).
template <typename ConcreteOp>
class StatesAffinity
    : public mlir::OpTrait::TraitBase<ConcreteOp, StatesAffinity> {};

/// What an op that counts the indices of an axis of operand 0, as a mean does,
/// needs so that more of them make no difference to the others.
struct QuietGrowth {
  /// Whether the newborns may be zero, or the average of the others.
  bool zeros = false, averages = false;
  /// The operand whose elements have to be multiplied by the root of the old
  /// number of indices over the new one.
  std::optional<unsigned> scale;
};

/// One of the equal parts of a batch, which processes have.
struct BatchPart {
  mlir::Value number; ///< from zero, a scalar of i64; null for the whole batch
  int64_t count = 1;  ///< of all parts
};

/// Marks the ops that say where their results are zero (`Neuro_ZeroWhere`).
template <typename ConcreteOp>
class PropagatesZeros
    : public mlir::OpTrait::TraitBase<ConcreteOp, PropagatesZeros> {};

/// What a parameter is to the op that reads it.
enum class OperandRole {
  /// Something to compute with: a table, a mask, a constant of the method.
  Data,
  Weight,
  Bias,
  /// Follows the data in training, as the running mean of a norm.
  Statistic
};

/// Marks the ops whose gradients stand with them (`Neuro_Gradient`).
template <typename ConcreteOp>
class HasGradientRules
    : public mlir::OpTrait::TraitBase<ConcreteOp, HasGradientRules> {};

/// Marks the ops that say what their operands are (`Neuro_Roles`).
template <typename ConcreteOp>
class HasRoles : public mlir::OpTrait::TraitBase<ConcreteOp, HasRoles> {};

/// The generator of random numbers, which every op that draws some moves on.
struct RandomNumbers : mlir::SideEffects::Resource::Base<RandomNumbers> {
  llvm::StringRef getName() final { return "RandomNumbers"; }
};

namespace detail {

/// Elements of all results together; none if a shape is dynamic.
std::optional<int64_t> countResultElements(mlir::Operation *op);
/// Bytes of all tensor operands and results; none if a shape is dynamic.
std::optional<int64_t> countOperandAndResultBytes(mlir::Operation *op);

/// Appends the broadcast of the operands' shapes, with `elementType`.
mlir::LogicalResult inferElementwise(llvm::StringRef opName,
                                     std::optional<mlir::Location> location,
                                     mlir::ValueRange operands,
                                     mlir::Type elementType,
                                     llvm::SmallVectorImpl<mlir::Type> &types);
/// Appends the type of `input` with `axes` removed, or of size 1.
mlir::LogicalResult inferReduction(llvm::StringRef opName,
                                   std::optional<mlir::Location> location,
                                   mlir::Value input,
                                   llvm::ArrayRef<int64_t> axes, bool keepdims,
                                   llvm::SmallVectorImpl<mlir::Type> &types);

/// The ranked type of a value.
inline mlir::RankedTensorType getTensorType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}
/// The place of an axis, which counts from the end if it is negative.
inline int64_t normalizeAxis(int64_t axis, int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}
inline int64_t normalizeAxis(int64_t axis, mlir::Value tensor) {
  return normalizeAxis(axis, getTensorType(tensor).getRank());
}
/// The same; fails if there is no such axis.
mlir::FailureOr<int64_t> findAxis(llvm::StringRef opName,
                                  std::optional<mlir::Location> location,
                                  int64_t axis, int64_t rank);
/// Checks a list of sizes, called `list` in the error, against the number of
/// operands that stand for its dynamic entries.
mlir::LogicalResult verifyDynamicList(llvm::StringRef opName,
                                      std::optional<mlir::Location> location,
                                      llvm::StringRef list,
                                      llvm::ArrayRef<int64_t> sizes,
                                      size_t operands);
/// Checks that an operand, called `name` in the error, has this many axes.
mlir::LogicalResult verifyRank(mlir::Operation *op, llvm::StringRef name,
                               mlir::Value operand, int64_t expected);
/// Checks that an operand has `expected` entries along an axis; sizes that are
/// known at run time only pass.
mlir::LogicalResult verifySize(mlir::Operation *op, llvm::StringRef name,
                               mlir::Value operand, int64_t axis,
                               int64_t expected);
/// Checks rank and sizes.
mlir::LogicalResult verifyShape(mlir::Operation *op, llvm::StringRef name,
                                mlir::Value operand,
                                llvm::ArrayRef<int64_t> expected);
/// Checks that each of `lists` has `count` entries.
mlir::LogicalResult
verifyListSizes(llvm::StringRef opName, std::optional<mlir::Location> location,
                size_t count,
                llvm::ArrayRef<std::pair<llvm::StringRef, size_t>> lists);
/// Says why a window cannot move like this: strides and dilations are positive,
/// and all numbers fit 32 bits, so that products of them and of sizes are
/// exact. None if it can.
std::optional<std::string> findWindowProblem(llvm::ArrayRef<int64_t> kernel,
                                             llvm::ArrayRef<int64_t> strides,
                                             llvm::ArrayRef<int64_t> dilations,
                                             llvm::ArrayRef<int64_t> pads);
/// The size of one axis after a window (a kernel or a pool) has moved over it;
/// `autoPad` of "SAME_UPPER" or "SAME_LOWER" replaces the paddings, "VALID" and
/// "NOTSET" do not. Dynamic if `size` is.
int64_t getWindowedSize(int64_t size, int64_t kernel, int64_t stride,
                        int64_t dilation, int64_t padding, bool ceilMode,
                        llvm::StringRef autoPad);
/// Broadcasts two shapes; fails if they do not fit.
mlir::FailureOr<llvm::SmallVector<int64_t>>
broadcastShapes(llvm::ArrayRef<int64_t> lhs, llvm::ArrayRef<int64_t> rhs);

/// The axes of an einsum as one letter each; digits name the axes that an
/// ellipsis stands for, counted from the last.
struct EinsumTerms {
  llvm::SmallVector<std::string> inputs;
  std::string output;
};
/// Fails if the equation does not fit the ranks of `inputs`.
mlir::FailureOr<EinsumTerms> parseEinsum(llvm::StringRef equation,
                                         mlir::ValueRange inputs);
/// Whether the labels of one tensor are letters and at most one ellipsis.
bool isEinsumTerm(llvm::StringRef term);

/// Raises channel shuffles that are written as reshapes and a transposition.
void populateChannelShufflePatterns(mlir::RewritePatternSet &patterns);

/// Whether a tensor has more than one element along exactly one axis.
bool isVector(mlir::Value tensor);
/// Whether a value is absent, or a constant with all elements in a range.
bool isConstantInRange(mlir::Value value, double least, double most);
/// Whether a recurrent layer with these activations (the default ones if
/// absent), `functions` for each direction, keeps a state at zero whose gates
/// are all fed zeros.
bool keepsStatesAtZero(std::optional<mlir::ArrayAttr> activations,
                       size_t functions);

/// Equal axes of all operands are one factor; axes of size 1 that are broadcast
/// are not coupled.
AxisRule getElementwiseAxisRule(mlir::Operation *op);
/// The kept axes are coupled; a reduced one is not.
AxisRule getReductionAxisRule(mlir::Operation *op, llvm::ArrayRef<int64_t> axes,
                              bool keepdims);

} // namespace detail
} // namespace neuroplast::neuro

#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h.inc"
#include "neuroplast/Dialect/Neuro/IR/NeuroInterfaces.h.inc"

#define GET_TYPEDEF_CLASSES
#include "neuroplast/Dialect/Neuro/IR/NeuroTypes.h.inc"

namespace neuroplast::neuro {

/// Marks as trainable what some op reads, perhaps moved, as a weight or a bias.
/// Tables, masks and constants of the method are not.
void markTrainable(mlir::ModuleOp module);

/// The sum and the product of two tensors that broadcast.
mlir::Value buildSum(mlir::OpBuilder &builder, mlir::Location location,
                     mlir::Value a, mlir::Value b);
mlir::Value buildProduct(mlir::OpBuilder &builder, mlir::Location location,
                         mlir::Value a, mlir::Value b);

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_NEURODIALECT_H
