//===- TextOps.cpp - Character strings -----------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/TextOps.h"

using namespace mlir;
using namespace neuroplast::neuro;

LogicalResult StringNormalizerOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(adaptor.getInput().getType());
  bool isRow = input.getRank() == 2 &&
               (input.isDynamicDim(0) || input.getDimSize(0) == 1);
  if (input.getRank() != 1 && !isRow)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op takes a list or one row of strings, not ",
                             input);
  SmallVector<int64_t> shape(input.getRank(), 1);
  shape.back() = ShapedType::kDynamic;
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult StringNormalizerOp::verify() {
  if (!llvm::is_contained({"NONE", "LOWER", "UPPER"}, getCaseChangeAction()))
    return emitOpError() << "has an unknown case change '"
                         << getCaseChangeAction() << "'";
  return success();
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/TextOps.cpp.inc"
