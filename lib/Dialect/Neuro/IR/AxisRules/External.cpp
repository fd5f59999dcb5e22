//===- External.cpp - Axis rules of ops of other dialects -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "External.h"
#include "RuleBuilder.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

namespace {

/// A tensor that nothing has been written to; nothing reads what is in it.
struct EmptyRule
    : AxisRuleOpInterface::ExternalModel<EmptyRule, tensor::EmptyOp> {
  AxisRule getAxisRule(Operation *op) const {
    RuleBuilder build(op);
    build.set(op->getResult(0), build.axes(op->getResult(0)));
    return build.take();
  }
  bool isZeroWhere(Operation *, const ZeroOperands &) const { return true; }
};

/// The same tensor, of which more or less is known.
struct CastRule : AxisRuleOpInterface::ExternalModel<CastRule, tensor::CastOp> {
  AxisRule getAxisRule(Operation *op) const {
    RuleBuilder build(op);
    if (!isa<RankedTensorType>(op->getOperand(0).getType()) ||
        !isa<RankedTensorType>(op->getResult(0).getType()))
      return build.take();
    TensorAxes input = build.axes(op->getOperand(0)), result(input);
    ArrayRef<int64_t> in = RuleBuilder::getShape(op->getOperand(0)),
                      out = RuleBuilder::getShape(op->getResult(0));
    for (size_t i = 0; i < in.size(); ++i)
      if (in[i] != out[i]) {
        result[i] = build.axis("c", out[i]);
        for (const AxisExpr &axis : {input[i], result[i]})
          build.pin(axis, build.reason("casts it to or from a size known at "
                                       "run time only"));
      }
    build.set(op->getOpOperand(0), input);
    build.set(op->getResult(0), result);
    return build.take();
  }
  bool isZeroWhere(Operation *, const ZeroOperands &zero) const {
    return zero[0];
  }
  bool isAffineIn(Operation *, const OperandSet &) const { return true; }
};

/// Lists of sizes and scalars have places, but no units.
template <typename Op>
struct ListRule : AxisRuleOpInterface::ExternalModel<ListRule<Op>, Op> {
  AxisRule getAxisRule(Operation *op) const {
    RuleBuilder build(op);
    for (OpOperand &operand : op->getOpOperands())
      if (isa<RankedTensorType>(operand.get().getType()))
        build.set(operand, build.axes(operand.get(), "a", FactorRole::Fixed));
    for (OpResult result : op->getResults())
      if (isa<RankedTensorType>(result.getType()))
        build.set(result, build.axes(result, "a", FactorRole::Fixed));
    return build.take();
  }
};

/// A size is read anew after an edit, and no element is looked at.
struct DimRule : AxisRuleOpInterface::ExternalModel<DimRule, tensor::DimOp> {
  AxisRule getAxisRule(Operation *op) const {
    RuleBuilder build(op);
    if (!isa<RankedTensorType>(op->getOperand(0).getType()))
      return build.take();
    build.set(op->getOpOperand(0), build.axes(op->getOperand(0)));
    for (AxisFactor &factor : build.rule.factors)
      factor.dropped = true;
    return build.take();
  }
};

} // namespace

void neuroplast::neuro::detail::attachExternalAxisRules(MLIRContext &context) {
  tensor::EmptyOp::attachInterface<EmptyRule>(context);
  tensor::CastOp::attachInterface<CastRule>(context);
  tensor::DimOp::attachInterface<DimRule>(context);
  tensor::ExtractOp::attachInterface<ListRule<tensor::ExtractOp>>(context);
  tensor::FromElementsOp::attachInterface<ListRule<tensor::FromElementsOp>>(
      context);
}
