//===- ScalarEmitter.h - Arithmetic on one element ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_SCALAREMITTER_H
#define NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_SCALAREMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

namespace neuroplast {

/// Builds arithmetic on scalars of one element type: floating-point, signed or
/// unsigned integer, or boolean. The type is that of the neuro op; the values
/// are signless, and narrow floats are computed in f32.
class ScalarEmitter {
public:
  ScalarEmitter(mlir::OpBuilder &builder, mlir::Location location,
                mlir::Type elementType);

  /// The type in which values of `elementType` are computed.
  static mlir::Type getComputeType(mlir::Type elementType);
  /// `elementType` without signedness, as stored in buffers; 8-bit floats,
  /// which no processor has, are stored as their bits, and strings as the
  /// address of the only copy of each that a run has.
  static mlir::Type getStorageType(mlir::Type elementType);

  bool isFloat() const { return floating; }
  bool isUnsigned() const { return unsignedInteger; }
  bool isBool() const { return computeType.isInteger(1); }
  mlir::Type getType() const { return computeType; }
  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() const { return location; }

  /// A constant of the compute type; truncated for integers.
  mlir::Value constant(double value);
  mlir::Value lowest();  ///< -infinity, or the smallest integer.
  mlir::Value highest(); ///< +infinity, or the largest integer.

  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b); ///< NaN if one is NaN.
  mlir::Value min(mlir::Value a, mlir::Value b); ///< NaN if one is NaN.
  mlir::Value neg(mlir::Value a);
  mlir::Value abs(mlir::Value a);
  mlir::Value exp(mlir::Value a) { return unary<mlir::math::ExpOp>(a); }
  mlir::Value log(mlir::Value a) { return unary<mlir::math::LogOp>(a); }
  mlir::Value tanh(mlir::Value a) { return unary<mlir::math::TanhOp>(a); }
  mlir::Value sqrt(mlir::Value a) { return unary<mlir::math::SqrtOp>(a); }
  /// A power of a float that is not negative; by roots where these do.
  mlir::Value power(mlir::Value a, double exponent);
  mlir::Value sigmoid(mlir::Value a);
  mlir::Value softplus(mlir::Value a);
  mlir::Value softsign(mlir::Value a);
  mlir::Value relu(mlir::Value a) { return max(a, constant(0)); }
  mlir::Value elu(mlir::Value a, double alpha);
  mlir::Value leakyRelu(mlir::Value a, double alpha);
  mlir::Value thresholdedRelu(mlir::Value a, double alpha);
  mlir::Value hardSigmoid(mlir::Value a, double alpha, double beta);
  /// alpha * (e^a - 1), accurate near zero.
  mlir::Value scaledExpm1(mlir::Value a, double alpha);

  enum class Compare { Equal, Less, LessOrEqual, Greater, GreaterOrEqual };
  /// Ordered comparison: false if an operand is NaN.
  mlir::Value compare(Compare kind, mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value isNaN(mlir::Value a);

  template <typename Op> mlir::Value unary(mlir::Value a) {
    return Op::create(builder, location, a);
  }

  /// Converts between compute types, given the element types: floats truncate
  /// towards zero, and anything not zero is true.
  mlir::Value convert(mlir::Value value, mlir::Type from, mlir::Type to);
  /// From the buffer's type to the compute type of `elementType`, and back.
  mlir::Value load(mlir::Value stored, mlir::Type elementType);
  /// 8-bit floats round to nearest even; what is beyond them becomes the
  /// largest of them if `saturate`, else infinity, or NaN where there is none.
  mlir::Value store(mlir::Value computed, mlir::Type elementType,
                    bool saturate = true);

private:
  mlir::Value decodeFloat8(mlir::Value bits, mlir::FloatType type);
  mlir::Value encodeFloat8(mlir::Value number, mlir::FloatType type,
                           bool saturate);

  mlir::OpBuilder &builder;
  mlir::Location location;
  mlir::Type computeType;
  bool floating;
  bool unsignedInteger;
};

} // namespace neuroplast

#endif // NEUROPLAST_LIB_CONVERSION_NEUROTOLINALG_SCALAREMITTER_H
