//===- ReductionOps.cpp - Reductions and scans ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "mlir/Dialect/Traits.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::findAxis;
using neuroplast::neuro::detail::getTensorType;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

template <typename Adaptor>
static LogicalResult inferArg(StringRef opName, MLIRContext *context,
                              std::optional<Location> location, Adaptor adaptor,
                              SmallVectorImpl<Type> &types) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  auto axis = findAxis(opName, location, adaptor.getAxis(), input.getRank());
  if (failed(axis))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  if (adaptor.getKeepdims())
    shape[*axis] = 1;
  else
    shape.erase(shape.begin() + *axis);
  types.push_back(RankedTensorType::get(shape, IntegerType::get(context, 64)));
  return success();
}

LogicalResult ArgMaxOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  return inferArg(getOperationName(), context, location, adaptor, types);
}

LogicalResult ArgMinOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> location,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  return inferArg(getOperationName(), context, location, adaptor, types);
}

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> location,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  auto axis = findAxis(getOperationName(), location, adaptor.getAxis(),
                       input.getRank());
  if (failed(axis))
    return failure();
  int64_t k = adaptor.getK();
  if ((k == kDynamic) != static_cast<bool>(adaptor.getDynamicK()))
    return emitOptionalError(
        location, "'", getOperationName(),
        "' op needs k once: as an attribute or an operand");
  int64_t size = input.getDimSize(*axis);
  if (k != kDynamic && size != kDynamic && k > size)
    return emitOptionalError(location, "'", getOperationName(), "' op takes ",
                             k, " of ", size, " elements");
  SmallVector<int64_t> shape(input.getShape());
  shape[*axis] = k;
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  types.push_back(RankedTensorType::get(shape, IntegerType::get(context, 64)));
  return success();
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.cpp.inc"
