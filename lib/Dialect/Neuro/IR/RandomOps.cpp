//===- RandomOps.cpp - Tensors of random numbers -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/Neuro.h"

using namespace mlir;
using namespace neuroplast::neuro;

template <typename Op>
static LogicalResult inferRandom(std::optional<Location> location,
                                 typename Op::Adaptor adaptor,
                                 SmallVectorImpl<Type> &types) {
  if (!isa<FloatType>(adaptor.getTo()))
    return emitOptionalError(location, "'", Op::getOperationName(),
                             "' op draws no numbers of type ", adaptor.getTo());
  if (failed(neuroplast::neuro::detail::verifyDynamicList(
          Op::getOperationName(), location, "sizes", adaptor.getSizes(),
          adaptor.getDynamicSizes().size())))
    return failure();
  types.push_back(RankedTensorType::get(adaptor.getSizes(), adaptor.getTo()));
  return success();
}

LogicalResult RandomNormalOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> location,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type> &types) {
  return inferRandom<RandomNormalOp>(location, adaptor, types);
}

LogicalResult RandomUniformOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  return inferRandom<RandomUniformOp>(location, adaptor, types);
}
