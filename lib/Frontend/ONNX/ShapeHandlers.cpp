//===- ShapeHandlers.cpp - Constants, and the same elements in other shapes
//===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SizeLists.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

using Size = OpFoldResult;

MixedList neuroplast::splitSizes(ArrayRef<Size> sizes) {
  MixedList list;
  for (Size size : sizes) {
    if (auto constant = getConstantIntValue(size)) {
      // The least number says "unknown"; the next is as impossible a size.
      list.fixed.push_back(std::max(*constant, ShapedType::kDynamic + 1));
      continue;
    }
    list.fixed.push_back(ShapedType::kDynamic);
    list.dynamic.push_back(cast<Value>(size));
  }
  return list;
}

SmallVector<int64_t> neuroplast::shareRows(int64_t rows, int64_t pieces) {
  int64_t share = llvm::divideCeil(rows, pieces);
  SmallVector<int64_t> sizes;
  for (int64_t i = 0; i < pieces; ++i)
    sizes.push_back(std::max<int64_t>(0, std::min(share, rows - i * share)));
  return sizes;
}

FailureOr<SmallVector<int64_t>>
neuroplast::normalizeAxes(NodeContext &node, ArrayRef<int64_t> axes,
                          int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes) {
    if (axis < -rank || axis >= rank)
      return LogicalResult(node.error()
                           << "has axis " << axis << " outside rank " << rank);
    result.push_back(neuro::detail::normalizeAxis(axis, rank));
  }
  return result;
}

namespace {

/// The same elements under another shape; a constant stays a constant.
LogicalResult reshapeTo(NodeContext &node, ArrayRef<Size> sizes) {
  if (ElementsAttr constant = node.getConstant(0)) {
    MixedList list = splitSizes(sizes);
    auto type = cast<RankedTensorType>(constant.getShapedType());
    if (list.dynamic.empty() &&
        !findShapeProblem(list.fixed, type.getElementType()) &&
        countElements(list.fixed) == type.getNumElements()) {
      auto reshaped = RankedTensorType::get(list.fixed, type.getElementType());
      if (auto dense = dyn_cast<DenseElementsAttr>(constant))
        node.setConstantOf(0, dense.reshape(reshaped));
      else if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant))
        node.setConstantOf(0, DenseResourceElementsAttr::get(
                                  reshaped, resource.getRawHandle()));
      return success();
    }
  }
  Value input = node.getInput(0);
  if (!input)
    return failure();
  MixedList list = splitSizes(sizes);
  auto type = cast<RankedTensorType>(input.getType());
  if (list.dynamic.empty() && type.hasStaticShape() &&
      ArrayRef(list.fixed) == type.getShape()) {
    node.setResult(0, input);
    return success();
  }
  return replaceWithList<ReshapeOp>(node, input, "sizes", sizes);
}

/// The sizes of operand 0, static ones folded, without making it a tensor.
FailureOr<SmallVector<Size>> getInputSizes(NodeContext &node) {
  Builder &b = node.importer.builder;
  SmallVector<Size> sizes;
  if (ElementsAttr constant = node.getConstant(0)) {
    for (int64_t size : constant.getShapedType().getShape())
      sizes.push_back(b.getIndexAttr(size));
    return sizes;
  }
  RankedTensorType type = node.getInputType(0);
  if (!type)
    return failure();
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    sizes.push_back(arithmetic.getDim(node.getInput(0), axis));
  return sizes;
}

LogicalResult importConstant(NodeContext &node) {
  Builder &b = node.importer.builder;
  StringRef name =
      node.node.output_size() ? StringRef(node.node.output(0)) : StringRef();
  for (const auto &attribute : node.node.attribute()) {
    if (attribute.name() == "value") {
      auto value = convertTensor(node.importer.model, attribute.t(), name,
                                 b.getContext());
      if (!value)
        return node.error() << llvm::toString(value.takeError());
      node.setConstant(0, *value, &attribute);
      return success();
    }
    auto set = [&](Type type, int64_t count, bool isVector, auto values) {
      SmallVector<int64_t> shape;
      if (isVector)
        shape.push_back(count);
      node.setConstant(0, DenseElementsAttr::get(
                              RankedTensorType::get(shape, type), values));
      return success();
    };
    if (attribute.name() == "value_int")
      return set(b.getI64Type(), 1, false, ArrayRef<int64_t>(attribute.i()));
    if (attribute.name() == "value_float")
      return set(b.getF32Type(), 1, false, ArrayRef<float>(attribute.f()));
    if (attribute.name() == "value_ints")
      return set(
          b.getI64Type(), attribute.ints_size(), true,
          ArrayRef<int64_t>(attribute.ints().data(), attribute.ints_size()));
    if (attribute.name() == "value_floats")
      return set(
          b.getF32Type(), attribute.floats_size(), true,
          ArrayRef<float>(attribute.floats().data(), attribute.floats_size()));
  }
  return node.error() << "has a value of a kind that is not modelled";
}

LogicalResult importIdentity(NodeContext &node) {
  GraphValue *known = node.importer.lookup(node.node.input(0));
  node.importer.define(node.node.output(0), *known);
  return success();
}

LogicalResult importShape(NodeContext &node) {
  auto sizes = getInputSizes(node);
  if (failed(sizes))
    return failure();
  int64_t rank = sizes->size();
  auto clamp = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  int64_t start = clamp(node.getInt("start", 0));
  int64_t end = clamp(node.getInt("end", rank));
  node.setElements(
      0, ArrayRef(*sizes).slice(start, std::max<int64_t>(end - start, 0)),
      false, node.importer.builder.getI64Type());
  return success();
}

LogicalResult importSize(NodeContext &node) {
  auto sizes = getInputSizes(node);
  if (failed(sizes))
    return failure();
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  node.setElements(0, arithmetic.divideProducts(*sizes, {}), true,
                   node.importer.builder.getI64Type());
  return success();
}

/// Whether a size is arithmetic on the sizes of tensors, not data.
bool isMadeOfSizes(Size size) {
  SmallVector<Value> pending;
  llvm::DenseSet<Operation *> seen;
  if (auto value = dyn_cast<Value>(size))
    pending.push_back(value);
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val().getDefiningOp();
    if (!op)
      return false;
    if (isa<tensor::DimOp>(op) || !seen.insert(op).second)
      continue;
    if (!isa<arith::ArithDialect>(op->getDialect()))
      return false;
    pending.append(op->operand_begin(), op->operand_end());
  }
  return true;
}

/// Gives 0 and -1 their meanings in a list of sizes that only data decides:
/// the operand's size, and what the others leave.
void resolveDataSizes(NodeContext &node, ArrayRef<Size> own, bool allowZero,
                      bool hasOpenSize, SmallVectorImpl<Size> &sizes) {
  SizeArithmetic a(node.importer.builder, node.location);
  SmallVector<bool> isData;
  for (Size size : sizes)
    isData.push_back(!isMadeOfSizes(size));
  for (size_t axis = 0; axis < sizes.size(); ++axis)
    if (isData[axis] && !allowZero && axis < own.size())
      sizes[axis] =
          a.select(a.equal(sizes[axis], a.constant(0)), own[axis], sizes[axis]);
  if (hasOpenSize || !llvm::is_contained(isData, true))
    return;
  Size total = a.constant(1), others = a.constant(1);
  for (Size size : own)
    total = a.mul(total, size);
  for (auto [size, data] : llvm::zip_equal(sizes, isData))
    others = a.mul(others, data ? a.select(a.equal(size, a.constant(-1)),
                                           a.constant(1), size)
                                : size);
  Size rest = a.div(total, a.max(others, a.constant(1)));
  for (auto [size, data] : llvm::zip_equal(sizes, isData))
    if (data)
      size = a.select(a.equal(size, a.constant(-1)), rest, size);
}

LogicalResult importReshape(NodeContext &node) {
  auto own = getInputSizes(node);
  auto asked = node.getSizes(1);
  if (failed(own))
    return failure();
  if (!asked)
    return node.error() << "has a shape whose rank is known at run time only";
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  bool allowZero = node.getInt("allowzero", 0);
  SmallVector<Size> sizes;
  std::optional<size_t> open;
  for (auto [axis, size] : llvm::enumerate(*asked)) {
    auto constant = getConstantIntValue(size);
    if (constant && *constant == 0 && !allowZero) {
      if (axis >= own->size())
        return node.error() << "keeps the size of axis " << axis
                            << ", which its operand lacks";
      sizes.push_back((*own)[axis]);
    } else if (constant && *constant == -1) {
      if (open)
        return node.error() << "leaves two sizes open";
      open = axis;
      sizes.push_back(size);
    } else if (constant && *constant < 0) {
      return node.error() << "has a negative size";
    } else {
      sizes.push_back(size);
    }
  }
  resolveDataSizes(node, *own, allowZero, open.has_value(), sizes);
  if (open) {
    SmallVector<Size> others(sizes);
    others.erase(others.begin() + *open);
    sizes[*open] = arithmetic.divideProducts(*own, others);
  } else if (llvm::count_if(sizes, [](Size size) {
               return !getConstantIntValue(size);
             }) == 1) {
    // The only unknown size follows from the others; that is exact, and ties
    // it to the sizes of the operand.
    size_t at =
        llvm::find_if(sizes,
                      [](Size size) { return !getConstantIntValue(size); }) -
        sizes.begin();
    SmallVector<Size> others(sizes);
    others.erase(others.begin() + at);
    sizes[at] = arithmetic.divideProducts(*own, others);
  }
  return reshapeTo(node, sizes);
}

LogicalResult importFlatten(NodeContext &node) {
  auto own = getInputSizes(node);
  if (failed(own))
    return failure();
  int64_t axis = node.getInt("axis", 1), rank = own->size();
  if (axis < -rank || axis > rank)
    return node.error() << "has axis " << axis << " outside rank " << rank;
  axis = neuro::detail::normalizeAxis(axis, rank);
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  return reshapeTo(
      node, {arithmetic.divideProducts(ArrayRef(*own).take_front(axis), {}),
             arithmetic.divideProducts(ArrayRef(*own).drop_front(axis), {})});
}

LogicalResult importSqueeze(NodeContext &node) {
  auto own = getInputSizes(node);
  if (failed(own))
    return failure();
  SmallVector<int64_t> axes;
  if (node.hasInput(1)) {
    auto constant = node.getConstantInts(1);
    if (!constant)
      return node.error() << "has axes that are known at run time only";
    auto normal = normalizeAxes(node, *constant, own->size());
    if (failed(normal))
      return failure();
    axes = *normal;
  } else {
    for (auto [axis, size] : llvm::enumerate(*own)) {
      if (!getConstantIntValue(size))
        return node.error() << "squeezes axes of unknown size without naming "
                               "them";
      if (isConstantIntValue(size, 1))
        axes.push_back(axis);
    }
  }
  SmallVector<Size> sizes;
  for (auto [axis, size] : llvm::enumerate(*own)) {
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      sizes.push_back(size);
    else if (auto constant = getConstantIntValue(size);
             constant && *constant != 1)
      return node.error() << "squeezes axis " << axis << " of size "
                          << *constant;
  }
  return reshapeTo(node, sizes);
}

LogicalResult importUnsqueeze(NodeContext &node) {
  auto own = getInputSizes(node);
  auto constant = node.getConstantInts(1);
  if (failed(own))
    return failure();
  if (!constant)
    return node.error() << "has axes that are known at run time only";
  int64_t rank = own->size() + constant->size();
  auto axes = normalizeAxes(node, *constant, rank);
  if (failed(axes))
    return failure();
  SmallVector<Size> sizes;
  size_t next = 0;
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool isNew = llvm::is_contained(*axes, axis);
    if (!isNew && next >= own->size())
      return node.error() << "names an axis twice";
    sizes.push_back(isNew ? Size(node.importer.builder.getIndexAttr(1))
                          : (*own)[next++]);
  }
  return reshapeTo(node, sizes);
}

LogicalResult importTranspose(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  if (!type)
    return failure();
  auto permutation = node.getInts("perm").value_or(
      llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, type.getRank()))));
  Builder &b = node.importer.builder;
  return node.replace<TransposeOp>(
      node.getInput(0),
      {b.getNamedAttr("permutation", b.getDenseI64ArrayAttr(permutation))});
}

} // namespace

void neuroplast::registerShapeHandlers(HandlerTable &table) {
  table["Constant"] = importConstant;
  table["Identity"] = importIdentity;
  table["Shape"] = importShape;
  table["Size"] = importSize;
  table["Reshape"] = importReshape;
  table["Flatten"] = importFlatten;
  table["Squeeze"] = importSqueeze;
  table["Unsqueeze"] = importUnsqueeze;
  table["Transpose"] = importTranspose;
}
