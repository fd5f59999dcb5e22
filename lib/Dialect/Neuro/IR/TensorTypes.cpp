//===- TensorTypes.cpp - The gate that every tensor type passes -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/TensorTypes.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace neuroplast::neuro;

static constexpr int64_t kDynamic = ShapedType::kDynamic;
/// What sums and products that overflow become: no tensor is that large.
static constexpr int64_t kTooLarge = INT64_MAX;

int64_t neuroplast::neuro::addSizes(int64_t lhs, int64_t rhs) {
  if (lhs == kDynamic || rhs == kDynamic)
    return kDynamic;
  int64_t sum = 0;
  return llvm::AddOverflow(lhs, rhs, sum) || sum == kDynamic ? kTooLarge : sum;
}

int64_t neuroplast::neuro::mulSizes(int64_t lhs, int64_t rhs) {
  if (lhs == kDynamic || rhs == kDynamic)
    return kDynamic;
  int64_t product = 0;
  return llvm::MulOverflow(lhs, rhs, product) || product == kDynamic ? kTooLarge
                                                                     : product;
}

int64_t neuroplast::neuro::countElements(ArrayRef<int64_t> shape) {
  // An empty axis makes the tensor empty, however large the others are.
  if (llvm::is_contained(shape, 0))
    return 0;
  int64_t count = 1;
  for (int64_t size : shape)
    count = mulSizes(count, size);
  return count;
}

std::optional<std::string>
neuroplast::neuro::findShapeProblem(ArrayRef<int64_t> shape, Type elementType) {
  int64_t bytes = elementType.isIntOrFloat()
                      ? static_cast<int64_t>(llvm::divideCeil(
                            elementType.getIntOrFloatBitWidth(), 8))
                      : int64_t(8);
  for (auto [axis, size] : llvm::enumerate(shape)) {
    if (size == kDynamic)
      continue;
    if (size < 0)
      return ("has a negative size, " + Twine(size) + ", along axis " +
              Twine(axis))
          .str();
    // An empty axis leaves room for nothing, but the others' strides count.
    bytes = mulSizes(bytes, std::max<int64_t>(size, 1));
    if (bytes > maxTensorBytes)
      return std::string("is larger than 2^62 bytes");
  }
  return std::nullopt;
}

std::optional<std::string> neuroplast::neuro::findTypeProblem(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return findShapeProblem(tensor.getShape(), tensor.getElementType());
  if (auto sequence = dyn_cast<SequenceType>(type))
    return findTypeProblem(sequence.getElementType());
  if (auto optional = dyn_cast<OptionalType>(type))
    return findTypeProblem(optional.getElementType());
  return std::nullopt;
}

LogicalResult neuroplast::neuro::verifyInferredTypes(
    StringRef opName, std::optional<Location> location, ArrayRef<Type> types) {
  for (auto [index, type] : llvm::enumerate(types))
    if (auto problem = findTypeProblem(type))
      return emitOptionalError(location, "'", opName, "' op result #", index,
                               " ", *problem);
  return success();
}

LogicalResult neuroplast::neuro::verifySoundTypes(Operation *op) {
  for (auto [index, type] : llvm::enumerate(op->getOperandTypes()))
    if (auto problem = findTypeProblem(type))
      return op->emitOpError("operand #") << index << " " << *problem;
  for (auto [index, type] : llvm::enumerate(op->getResultTypes()))
    if (auto problem = findTypeProblem(type))
      return op->emitOpError("result #") << index << " " << *problem;
  return success();
}
