//===- IndexingOps.cpp - Gather, scatter and friends ----------------------===//
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
using neuroplast::neuro::detail::verifyRank;
using neuroplast::neuro::detail::verifyShape;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

#define INFER(OP)                                                              \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types)

/// A vector of data-dependent size, or any shape with unknown sizes.
static RankedTensorType getIndexTensor(MLIRContext *context,
                                       ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, IntegerType::get(context, 64));
}

INFER(GatherOp) {
  (void)context;
  RankedTensorType data = getTensorType(adaptor.getData());
  RankedTensorType indices = getTensorType(adaptor.getIndices());
  int64_t axis = adaptor.getAxis(), rank = data.getRank();
  if (axis < -rank || axis >= rank)
    return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                             axis, " is outside its operand of rank ", rank);
  axis = axis < 0 ? axis + rank : axis;
  SmallVector<int64_t> shape(data.getShape().take_front(axis));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, data.getShape().drop_front(axis + 1));
  types.push_back(RankedTensorType::get(shape, data.getElementType()));
  return success();
}

INFER(GatherElementsOp) {
  (void)context;
  RankedTensorType data = getTensorType(adaptor.getData());
  RankedTensorType indices = getTensorType(adaptor.getIndices());
  if (data.getRank() != indices.getRank())
    return emitOptionalError(location, "'", getOperationName(),
                             "' op indices have rank ", indices.getRank(),
                             ", expected ", data.getRank());
  types.push_back(indices.clone(data.getElementType()));
  return success();
}

INFER(GatherNDOp) {
  (void)context;
  RankedTensorType data = getTensorType(adaptor.getData());
  RankedTensorType indices = getTensorType(adaptor.getIndices());
  int64_t batch = adaptor.getBatchDims();
  int64_t tuple = indices.getRank() ? indices.getShape().back() : kDynamic;
  if (tuple == kDynamic)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op index tuples have an unknown length");
  if (batch < 0 || batch >= indices.getRank() || batch + tuple > data.getRank())
    return emitOptionalError(location, "'", getOperationName(),
                             "' op index tuples of length ", tuple, " and ",
                             batch, " batch axes exceed data of rank ",
                             data.getRank());
  SmallVector<int64_t> shape(indices.getShape().drop_back());
  llvm::append_range(shape, data.getShape().drop_front(batch + tuple));
  types.push_back(RankedTensorType::get(shape, data.getElementType()));
  return success();
}

INFER(OneHotOp) {
  (void)context;
  RankedTensorType indices = getTensorType(adaptor.getIndices());
  int64_t rank = indices.getRank() + 1, axis = adaptor.getAxis();
  if (axis < -rank || axis >= rank)
    return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                             axis, " is outside a result of rank ", rank);
  SmallVector<int64_t> shape(indices.getShape());
  shape.insert(shape.begin() + (axis < 0 ? axis + rank : axis),
               static_cast<int64_t>(adaptor.getDepth()));
  types.push_back(RankedTensorType::get(
      shape, getTensorType(adaptor.getValues()).getElementType()));
  return success();
}

INFER(NonZeroOp) {
  (void)location;
  types.push_back(getIndexTensor(
      context, {getTensorType(adaptor.getInput()).getRank(), kDynamic}));
  return success();
}

INFER(CompressOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  SmallVector<int64_t> shape{kDynamic};
  if (std::optional<int64_t> given = adaptor.getAxis()) {
    int64_t axis = *given < 0 ? *given + input.getRank() : *given;
    if (axis < 0 || axis >= input.getRank())
      return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                               *given, " is outside its operand of rank ",
                               input.getRank());
    shape.assign(input.getShape().begin(), input.getShape().end());
    shape[axis] = kDynamic;
  }
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

INFER(UniqueOp) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  SmallVector<int64_t> shape{kDynamic};
  int64_t rows = input.hasStaticShape() ? input.getNumElements() : kDynamic;
  if (std::optional<int64_t> given = adaptor.getAxis()) {
    int64_t axis = *given < 0 ? *given + input.getRank() : *given;
    if (axis < 0 || axis >= input.getRank())
      return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                               *given, " is outside its operand of rank ",
                               input.getRank());
    shape.assign(input.getShape().begin(), input.getShape().end());
    rows = shape[axis];
    shape[axis] = kDynamic;
  }
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  types.push_back(getIndexTensor(context, kDynamic));
  types.push_back(getIndexTensor(context, rows));
  types.push_back(getIndexTensor(context, kDynamic));
  return success();
}

/// Checks that indices along `axis` do not reach beyond the data elsewhere.
static LogicalResult verifyIndices(Operation *op, Value data, Value indices,
                                   int64_t axis) {
  RankedTensorType type = getTensorType(data), places = getTensorType(indices);
  if (failed(verifyRank(op, "indices", indices, type.getRank())))
    return failure();
  axis = axis < 0 ? axis + type.getRank() : axis;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (i != axis && !type.isDynamicDim(i) && !places.isDynamicDim(i) &&
        places.getDimSize(i) > type.getDimSize(i))
      return op->emitOpError() << "indices have " << places.getDimSize(i)
                               << " entries along axis " << i
                               << ", where the data has " << type.getDimSize(i);
  return success();
}

LogicalResult GatherElementsOp::verify() {
  return verifyIndices(*this, getData(), getIndices(), getAxis());
}

LogicalResult ScatterElementsOp::verify() {
  if (failed(verifyIndices(*this, getData(), getIndices(), getAxis())))
    return failure();
  return verifyShape(*this, "updates", getUpdates(),
                     getTensorType(getIndices()).getShape());
}

LogicalResult ScatterNDOp::verify() {
  RankedTensorType data = getTensorType(getData()),
                   indices = getTensorType(getIndices());
  if (indices.getRank() == 0)
    return emitOpError("indices are no tuples");
  int64_t length = indices.getShape().back();
  if (ShapedType::isDynamic(length))
    return success();
  if (length > data.getRank())
    return emitOpError() << "index tuples of length " << length
                         << " exceed data of rank " << data.getRank();
  SmallVector<int64_t> shape(indices.getShape().drop_back());
  llvm::append_range(shape, data.getShape().drop_front(length));
  return verifyShape(*this, "updates", getUpdates(), shape);
}

LogicalResult CompressOp::verify() {
  RankedTensorType input = getTensorType(getInput());
  if (failed(verifyRank(*this, "condition", getCondition(), 1)))
    return failure();
  int64_t count = kDynamic;
  if (std::optional<int64_t> axis = getAxis())
    count = input.getDimSize(*axis < 0 ? *axis + input.getRank() : *axis);
  else if (input.hasStaticShape())
    count = input.getNumElements();
  int64_t flags = getTensorType(getCondition()).getDimSize(0);
  if (flags != kDynamic && count != kDynamic && flags > count)
    return emitOpError() << "condition has " << flags << " entries for "
                         << count << " places";
  return success();
}
