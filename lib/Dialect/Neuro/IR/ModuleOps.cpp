//===- ModuleOps.cpp - Members of these ops -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace neuroplast::neuro;

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ParamOp::verify() {
  if (!isa<RankedTensorType>(getValue().getShapedType()))
    return emitOpError("holds a value of type ")
           << getValue().getShapedType() << ", expected a ranked tensor";
  return success();
}

LogicalResult ParamOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FlatSymbolRefAttr name = getShadowOfAttr();
  if (!name)
    return success();
  auto parent = symbols.lookupNearestSymbolFrom<ParamOp>(*this, name);
  if (!parent || parent == *this)
    return emitOpError("is a shadow of '@")
           << name.getValue() << "', which is no other parameter";
  if (parent.getShadowOf())
    return emitOpError("is a shadow of '@")
           << name.getValue() << "', which is a shadow itself";
  if (parent.getType().getShape() != getType().getShape())
    return emitOpError("has the shape of ")
           << getType() << ", but is a shadow of '@" << name.getValue()
           << "', which is " << parent.getType();
  return success();
}

LogicalResult GetParamOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(*this, getNameAttr());
  if (!param)
    return emitOpError("reads '@") << getName() << "', which is no parameter";
  if (param.getType() != getType())
    return emitOpError("reads '@")
           << getName() << "' as " << getType() << ", but the parameter is "
           << param.getType();
  return success();
}

namespace {
/// What certainly holds need not be asked.
struct DropProvedRequirement : OpRewritePattern<RequireOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RequireOp op,
                                PatternRewriter &rewriter) const override {
    if (!matchPattern(op.getCondition(), m_NonZero()))
      return rewriter.notifyMatchFailure(op, "the condition is open");
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void RequireOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<DropProvedRequirement>(context);
}

LogicalResult OpaqueOp::verify() {
  size_t given = llvm::count(getPresent(), true) +
                 (getCaptures() ? getCaptures()->size() : 0);
  if (given != getInputs().size())
    return emitOpError("marks ")
           << given << " operands as present or captured but has "
           << getInputs().size();
  return success();
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.cpp.inc"
