//===- TypeInference.cpp - Result types shared by many ops ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Traits.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"

using namespace mlir;
using namespace neuroplast::neuro;

bool neuroplast::neuro::areCompatibleTypes(TypeRange lhs, TypeRange rhs) {
  if (lhs.size() != rhs.size())
    return false;
  for (auto [left, right] : llvm::zip_equal(lhs, rhs))
    if (getElementTypeOrSelf(left) != getElementTypeOrSelf(right) ||
        failed(verifyCompatibleShape(left, right)))
      return false;
  return true;
}

LogicalResult neuroplast::neuro::verifyAxisInRange(Operation *op) {
  auto axis = op->getAttrOfType<IntegerAttr>("axis");
  auto type = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
  if (!axis || !type)
    return success();
  int64_t rank = type.getRank(), value = axis.getInt();
  if (value < -rank || value >= rank)
    return op->emitOpError("axis ")
           << value << " is outside its operand of rank " << rank;
  return success();
}

std::optional<int64_t>
neuroplast::neuro::detail::countResultElements(Operation *op) {
  int64_t count = 0;
  for (Type type : op->getResultTypes()) {
    auto shaped = dyn_cast<ShapedType>(type);
    if (!shaped)
      continue;
    if (!shaped.hasStaticShape())
      return std::nullopt;
    count += shaped.getNumElements();
  }
  return count;
}

std::optional<int64_t>
neuroplast::neuro::detail::countOperandAndResultBytes(Operation *op) {
  int64_t bytes = 0;
  auto add = [&](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    if (!shaped)
      return true;
    if (!shaped.hasStaticShape())
      return false;
    Type element = shaped.getElementType();
    int64_t width =
        element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 64;
    bytes +=
        llvm::divideCeil(mulSizes(countElements(shaped.getShape()), width), 8);
    return true;
  };
  if (!llvm::all_of(op->getOperandTypes(), add) ||
      !llvm::all_of(op->getResultTypes(), add))
    return std::nullopt;
  return bytes;
}

LogicalResult neuroplast::neuro::detail::inferElementwise(
    StringRef opName, std::optional<Location> location, ValueRange operands,
    Type elementType, SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape;
  for (auto [index, operand] : llvm::enumerate(operands)) {
    auto type = cast<RankedTensorType>(operand.getType());
    SmallVector<int64_t> joined;
    if (!OpTrait::util::getBroadcastedShape(shape, type.getShape(), joined)) {
      auto shapeSoFar = RankedTensorType::get(shape, type.getElementType());
      return emitOptionalError(
          location, "'", opName, "' op operand #", index, " of type ", type,
          " does not broadcast with the operands before it, "
          "whose common shape is that of ",
          shapeSoFar);
    }
    shape = joined;
  }
  types.push_back(RankedTensorType::get(shape, elementType));
  return success();
}

LogicalResult neuroplast::neuro::detail::inferReduction(
    StringRef opName, std::optional<Location> location, Value input,
    ArrayRef<int64_t> axes, bool keepdims, SmallVectorImpl<Type> &types) {
  auto type = cast<RankedTensorType>(input.getType());
  SmallVector<bool> reduced(type.getRank(), false);
  for (int64_t axis : axes) {
    if (axis < 0 || axis >= type.getRank())
      return emitOptionalError(location, "'", opName, "' op axis ", axis,
                               " is outside its operand of rank ",
                               type.getRank());
    if (reduced[axis])
      return emitOptionalError(location, "'", opName, "' op axis ", axis,
                               " is listed twice");
    reduced[axis] = true;
  }
  SmallVector<int64_t> shape;
  for (auto [axis, size] : llvm::enumerate(type.getShape())) {
    if (!reduced[axis])
      shape.push_back(size);
    else if (keepdims)
      shape.push_back(1);
  }
  types.push_back(RankedTensorType::get(shape, type.getElementType()));
  return success();
}

FailureOr<int64_t>
neuroplast::neuro::detail::findAxis(StringRef opName,
                                    std::optional<Location> location,
                                    int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    (void)emitOptionalError(location, "'", opName, "' op axis ", axis,
                            " is outside its operand of rank ", rank);
    return failure();
  }
  return normalizeAxis(axis, rank);
}

LogicalResult neuroplast::neuro::detail::verifyDynamicList(
    StringRef opName, std::optional<Location> location, StringRef list,
    ArrayRef<int64_t> sizes, size_t operands) {
  size_t dynamic = llvm::count_if(sizes, ShapedType::isDynamic);
  if (dynamic == operands)
    return success();
  return emitOptionalError(location, "'", opName, "' op '", list, "' has ",
                           dynamic, " dynamic entries for ", operands,
                           " operands");
}

LogicalResult neuroplast::neuro::detail::verifyRank(Operation *op,
                                                    StringRef name,
                                                    Value operand,
                                                    int64_t expected) {
  int64_t rank = getTensorType(operand).getRank();
  if (rank == expected)
    return success();
  return op->emitOpError() << name << " must have rank " << expected << ", not "
                           << rank;
}

LogicalResult neuroplast::neuro::detail::verifySize(Operation *op,
                                                    StringRef name,
                                                    Value operand, int64_t axis,
                                                    int64_t expected) {
  int64_t size = getTensorType(operand).getDimSize(axis);
  if (ShapedType::isDynamic(size) || ShapedType::isDynamic(expected) ||
      size == expected)
    return success();
  return op->emitOpError() << name << " has " << size << " entries along axis "
                           << axis << ", expected " << expected;
}

LogicalResult neuroplast::neuro::detail::verifyShape(
    Operation *op, StringRef name, Value operand, ArrayRef<int64_t> expected) {
  if (failed(verifyRank(op, name, operand, expected.size())))
    return failure();
  for (auto [axis, size] : llvm::enumerate(expected))
    if (failed(verifySize(op, name, operand, axis, size)))
      return failure();
  return success();
}

LogicalResult neuroplast::neuro::detail::verifyListSizes(
    StringRef opName, std::optional<Location> location, size_t count,
    ArrayRef<std::pair<StringRef, size_t>> lists) {
  for (auto [name, size] : lists)
    if (size != count)
      return emitOptionalError(location, "'", opName, "' op attribute '", name,
                               "' has ", size, " entries, expected ", count);
  return success();
}

std::optional<std::string> neuroplast::neuro::detail::findWindowProblem(
    ArrayRef<int64_t> kernel, ArrayRef<int64_t> strides,
    ArrayRef<int64_t> dilations, ArrayRef<int64_t> pads) {
  for (auto [name, list, low] :
       {std::tuple{"a kernel", kernel, int64_t(0)},
        std::tuple{"a stride", strides, int64_t(1)},
        std::tuple{"a dilation", dilations, int64_t(1)},
        std::tuple{"padding", pads, int64_t(INT32_MIN)}})
    for (int64_t number : list)
      if (number != ShapedType::kDynamic &&
          (number < low || number > INT32_MAX))
        return (Twine("has ") + name + " of " + Twine(number)).str();
  return std::nullopt;
}

int64_t neuroplast::neuro::detail::getWindowedSize(
    int64_t size, int64_t kernel, int64_t stride, int64_t dilation,
    int64_t padding, bool ceilMode, StringRef autoPad) {
  if (ShapedType::isDynamic(size) || ShapedType::isDynamic(kernel))
    return ShapedType::kDynamic;
  if (autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER")
    return llvm::divideCeil(size, stride);
  int64_t extent = (kernel - 1) * dilation + 1;
  int64_t room = size + padding - extent;
  // The division truncates: a window longer than what it stands on counts once
  // if it starts inside.
  int64_t steps =
      ceilMode && room > 0 ? llvm::divideCeil(room, stride) : room / stride;
  return std::max<int64_t>(steps + 1, 0);
}

FailureOr<SmallVector<int64_t>>
neuroplast::neuro::detail::broadcastShapes(ArrayRef<int64_t> lhs,
                                           ArrayRef<int64_t> rhs) {
  SmallVector<int64_t> shape;
  if (!OpTrait::util::getBroadcastedShape(lhs, rhs, shape))
    return failure();
  return shape;
}
