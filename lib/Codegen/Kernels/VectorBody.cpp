//===- VectorBody.cpp - Scalar bodies on vectors --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VectorBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace neuroplast;

bool neuroplast::isWidenable(Operation &op) {
  if (op.hasTrait<OpTrait::IsTerminator>())
    return true;
  if (op.getNumRegions() || op.getNumResults() != 1)
    return false;
  // Integers that a masked lane would divide by zero.
  if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
          arith::FloorDivSIOp, arith::CeilDivSIOp, arith::CeilDivUIOp>(op))
    return false;
  auto isScalar = [](Type type) {
    return type.isF32() || type.isInteger(1) || type.isInteger(32);
  };
  if (!llvm::all_of(op.getOperandTypes(), isScalar) ||
      !isScalar(op.getResult(0).getType()))
    return false;
  return isa<arith::ConstantOp>(op) ||
         OpTrait::hasElementwiseMappableTraits(&op);
}

SmallVector<Value> neuroplast::emitBody(OpBuilder &builder, Location location,
                                        Block &body, IRMapping &values,
                                        int64_t width, ValueRange wanted,
                                        Operation *skipped) {
  auto widen = [&](Type type) { return VectorType::get(width, type); };
  auto lookup = [&](Value value) -> Value {
    if (Value known = values.lookupOrNull(value))
      return known;
    Value wide = vector::BroadcastOp::create(builder, location,
                                             widen(value.getType()), value);
    values.map(value, wide);
    return wide;
  };
  for (Operation &inner : body.without_terminator()) {
    if (&inner == skipped)
      continue;
    if (auto number = dyn_cast<arith::ConstantOp>(inner)) {
      auto type = widen(number.getType());
      Value wide = arith::ConstantOp::create(
          builder, location, DenseElementsAttr::get(type, number.getValue()));
      values.map(number.getResult(), wide);
      continue;
    }
    SmallVector<Value> operands =
        llvm::map_to_vector(inner.getOperands(), lookup);
    OperationState state(location, inner.getName());
    state.addOperands(operands);
    state.addTypes(widen(inner.getResult(0).getType()));
    state.addAttributes(inner.getAttrs());
    values.map(inner.getResult(0), builder.create(state)->getResult(0));
  }
  return llvm::map_to_vector(wanted, lookup);
}
