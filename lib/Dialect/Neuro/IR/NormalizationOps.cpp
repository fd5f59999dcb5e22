//===- NormalizationOps.cpp - Normalisations ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Traits.h"
#include "neuroplast/Dialect/Neuro/IR/Neuro.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;



LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  int64_t rank = input.getRank(), axis = adaptor.getAxis();
  if (axis < -rank || axis >= rank)
    return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                             axis, " is outside its operand of rank ", rank);
  axis = axis < 0 ? axis + rank : axis;
  SmallVector<int64_t> shape(input.getShape());
  std::fill(shape.begin() + axis, shape.end(), 1);
  types.push_back(input);
  auto statistics = RankedTensorType::get(shape, Float32Type::get(context));
  types.append(2, statistics);
  return success();
}
