//===- ShapeHandlers.cpp - Constants and ops that move elements -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

using Size = OpFoldResult;

namespace {

/// Sizes as an attribute and the operands for its dynamic entries.
struct MixedList {
  SmallVector<int64_t> fixed;
  SmallVector<Value> dynamic;
};

MixedList split(ArrayRef<Size> sizes) {
  MixedList list;
  for (Size size : sizes) {
    if (auto constant = getConstantIntValue(size)) {
      list.fixed.push_back(*constant);
      continue;
    }
    list.fixed.push_back(ShapedType::kDynamic);
    list.dynamic.push_back(cast<Value>(size));
  }
  return list;
}

template <typename Op>
LogicalResult replaceWithList(NodeContext &node, Value input, StringRef name,
                              ArrayRef<Size> sizes) {
  MixedList list = split(sizes);
  SmallVector<Value> operands{input};
  operands.append(list.dynamic);
  Builder &b = node.importer.builder;
  return node.replace<Op>(
      operands, {b.getNamedAttr(name, b.getDenseI64ArrayAttr(list.fixed))});
}

/// The same elements under another shape; a constant stays a constant.
LogicalResult reshapeTo(NodeContext &node, ArrayRef<Size> sizes) {
  if (ElementsAttr constant = node.getConstant(0)) {
    MixedList list = split(sizes);
    auto type = cast<RankedTensorType>(constant.getShapedType());
    auto reshaped = RankedTensorType::get(list.fixed, type.getElementType());
    if (list.dynamic.empty() &&
        reshaped.getNumElements() == type.getNumElements()) {
      if (auto dense = dyn_cast<DenseElementsAttr>(constant))
        node.setConstant(0, dense.reshape(reshaped));
      else if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant))
        node.setConstant(0, DenseResourceElementsAttr::get(
                                reshaped, resource.getRawHandle()));
      return success();
    }
  }
  Value input = node.getInput(0);
  if (!input)
    return failure();
  MixedList list = split(sizes);
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

/// Axes counted from the front, within `rank`, sorted.
FailureOr<SmallVector<int64_t>> normalizeAxes(NodeContext &node,
                                              ArrayRef<int64_t> axes,
                                              int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes) {
    if (axis < -rank || axis >= rank)
      return LogicalResult(node.error() << "has axis " << axis
                                        << " outside rank " << rank);
    result.push_back(axis < 0 ? axis + rank : axis);
  }
  return result;
}

LogicalResult importConstant(NodeContext &node) {
  Builder &b = node.importer.builder;
  StringRef name = node.node.output_size() ? StringRef(node.node.output(0))
                                           : StringRef();
  for (const auto &attribute : node.node.attribute()) {
    if (attribute.name() == "value") {
      auto value = convertTensor(node.importer.model, attribute.t(), name,
                                 b.getContext());
      if (!value)
        return node.error() << llvm::toString(value.takeError());
      node.setConstant(0, *value);
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
      return set(b.getI64Type(), 1, false,
                 ArrayRef<int64_t>(attribute.i()));
    if (attribute.name() == "value_float")
      return set(b.getF32Type(), 1, false, ArrayRef<float>(attribute.f()));
    if (attribute.name() == "value_ints")
      return set(b.getI64Type(), attribute.ints_size(), true,
                 ArrayRef<int64_t>(attribute.ints().data(),
                                   attribute.ints_size()));
    if (attribute.name() == "value_floats")
      return set(b.getF32Type(), attribute.floats_size(), true,
                 ArrayRef<float>(attribute.floats().data(),
                                 attribute.floats_size()));
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
  node.setElements(0,
                   ArrayRef(*sizes).slice(start, std::max<int64_t>(end - start, 0)),
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
  if (auto value = dyn_cast<Value>(size))
    pending.push_back(value);
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val().getDefiningOp();
    if (!op)
      return false;
    if (isa<tensor::DimOp>(op))
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
      sizes[axis] = a.select(a.equal(sizes[axis], a.constant(0)), own[axis],
                             sizes[axis]);
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
    size_t at = llvm::find_if(sizes, [](Size size) {
                  return !getConstantIntValue(size);
                }) - sizes.begin();
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
  axis = axis < 0 ? axis + rank : axis;
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
    else if (auto constant = getConstantIntValue(size); constant && *constant != 1)
      return node.error() << "squeezes axis " << axis << " of size " << *constant;
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

LogicalResult importExpand(NodeContext &node) {
  Value input = node.getInput(0);
  auto sizes = node.getSizes(1);
  if (!input)
    return failure();
  if (!sizes)
    return node.error() << "has a shape whose rank is known at run time only";
  auto type = dyn_cast<RankedTensorType>(input.getType());
  if (type && type.getRank() == 0)
    return replaceWithList<FillOp>(node, input, "sizes", *sizes);
  return replaceWithList<ExpandOp>(node, input, "sizes", *sizes);
}

LogicalResult importTile(NodeContext &node) {
  Value input = node.getInput(0);
  auto repeats = node.getSizes(1);
  if (!input)
    return failure();
  if (!repeats)
    return node.error() << "has repeats whose number is unknown";
  return replaceWithList<TileOp>(node, input, "repeats", *repeats);
}

LogicalResult importConstantOfShape(NodeContext &node) {
  Builder &b = node.importer.builder;
  auto sizes = node.getSizes(0);
  if (!sizes)
    return node.error() << "has a shape whose rank is known at run time only";
  ElementsAttr value =
      DenseElementsAttr::get(RankedTensorType::get({}, b.getF32Type()), 0.0f);
  if (const auto *attribute = node.getAttribute("value")) {
    auto converted = convertTensor(node.importer.model, attribute->t(),
                                   node.node.output(0), b.getContext());
    if (!converted)
      return node.error() << llvm::toString(converted.takeError());
    auto dense = dyn_cast<DenseElementsAttr>(*converted);
    if (!dense || dense.getNumElements() != 1)
      return node.error() << "has a value of more than one element";
    value = dense.reshape(RankedTensorType::get({}, dense.getElementType()));
  }
  Type element = value.getShapedType().getElementType();
  MixedList list = split(*sizes);
  for (int64_t size : list.fixed)
    if (size < 0 && size != ShapedType::kDynamic)
      return node.error() << "has a negative size";
  if (list.dynamic.empty()) {
    node.setConstant(0, cast<DenseElementsAttr>(value).resizeSplat(
                            RankedTensorType::get(list.fixed, element)));
    return success();
  }
  auto scalar = neuro::ConstantOp::create(
      node.importer.builder, node.location,
      cast<RankedTensorType>(value.getShapedType()), value);
  return replaceWithList<FillOp>(node, scalar, "sizes", *sizes);
}

LogicalResult importRange(NodeContext &node) {
  Builder &b = node.importer.builder;
  auto finish = [&](Size size) {
    SmallVector<Value> operands{node.getInput(0), node.getInput(2)};
    if (llvm::is_contained(operands, Value()))
      return failure();
    auto constant = getConstantIntValue(size);
    if (!constant)
      operands.push_back(cast<Value>(size));
    return node.replace<RangeOp>(
        operands, {b.getNamedAttr("size", b.getI64IntegerAttr(constant.value_or(
                                              ShapedType::kDynamic)))});
  };
  ElementsAttr start = node.getConstant(0), limit = node.getConstant(1),
               delta = node.getConstant(2);
  if (start && limit && delta)
    if (auto s = getFloats(start), l = getFloats(limit), d = getFloats(delta);
        s && l && d && d->front() != 0)
      return finish(b.getIndexAttr(std::max<int64_t>(
          0, std::ceil((l->front() - s->front()) / d->front()))));
  auto s = node.getSizes(0), l = node.getSizes(1), d = node.getSizes(2);
  if (!s || !l || !d || s->size() != 1 || l->size() != 1 || d->size() != 1)
    return node.error() << "has a length that only floats at run time decide";
  SizeArithmetic a(node.importer.builder, node.location);
  auto step = getConstantIntValue(d->front());
  if (!step || *step == 0)
    return node.error() << "has a step that is known at run time only";
  Size span = *step > 0 ? a.sub(l->front(), s->front())
                        : a.sub(s->front(), l->front());
  int64_t stride = std::abs(*step);
  Size size = a.max(
      a.constant(0),
      a.div(a.add(span, a.constant(stride - 1)), a.constant(stride)));
  return finish(size);
}

LogicalResult importSplit(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  if (!type)
    return failure();
  Builder &b = node.importer.builder;
  auto axis = normalizeAxes(node, node.getInt("axis", 0), type.getRank());
  if (failed(axis))
    return failure();
  int64_t rows = type.getDimSize(axis->front());
  int64_t pieces = node.node.output_size();
  SmallVector<int64_t> sizes;
  if (node.hasInput(1)) {
    auto constant = node.getConstantInts(1);
    if (!constant)
      return node.error() << "has sizes that are known at run time only";
    sizes = *constant;
  } else if (ShapedType::isDynamic(rows)) {
    sizes.assign(pieces, ShapedType::kDynamic);
  } else {
    int64_t share = llvm::divideCeil(rows, pieces);
    for (int64_t i = 0; i < pieces; ++i)
      sizes.push_back(std::max<int64_t>(0, std::min(share, rows - i * share)));
  }
  return node.replace<SplitOp>(
      node.getInput(0),
      {b.getNamedAttr("axis", b.getI64IntegerAttr(axis->front())),
       b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(sizes))});
}

LogicalResult importSlice(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  auto starts = node.getSizes(1), ends = node.getSizes(2);
  if (!type)
    return failure();
  if (!starts || !ends || starts->size() != ends->size())
    return node.error() << "has starts or ends of an unknown number";
  Builder &b = node.importer.builder;
  int64_t rank = type.getRank();
  SmallVector<int64_t> axes = llvm::to_vector(
      llvm::seq<int64_t>(0, static_cast<int64_t>(starts->size())));
  if (node.hasInput(3)) {
    auto constant = node.getConstantInts(3);
    if (!constant)
      return node.error() << "has axes that are known at run time only";
    axes = *constant;
  }
  SmallVector<int64_t> steps(starts->size(), 1);
  if (node.hasInput(4)) {
    auto constant = node.getConstantInts(4);
    if (!constant)
      return node.error() << "has steps that are known at run time only";
    steps = *constant;
  }
  auto normal = normalizeAxes(node, axes, rank);
  if (failed(normal))
    return failure();
  if (normal->size() != starts->size() || steps.size() != starts->size())
    return node.error() << "has lists of different lengths";
  SizeArithmetic a(node.importer.builder, node.location);
  Value input = node.getInput(0);
  SmallVector<Size> first(rank, b.getIndexAttr(0)), count, stride(rank, b.getIndexAttr(1));
  for (int64_t axis = 0; axis < rank; ++axis)
    count.push_back(a.getDim(input, axis));
  for (size_t i = 0; i < normal->size(); ++i) {
    int64_t axis = (*normal)[i], step = steps[i];
    if (step == 0)
      return node.error() << "has a step of 0";
    Size dim = a.getDim(input, axis), zero = a.constant(0);
    Size last = a.sub(dim, a.constant(1));
    auto settle = [&](Size at, Size low, Size high) {
      // A huge constant means "to the end", in either direction.
      if (auto constant = getConstantIntValue(at)) {
        if (*constant > INT32_MAX)
          return high;
        if (*constant < INT32_MIN)
          return low;
      }
      Size fromFront = a.select(a.less(at, zero), a.add(at, dim), at);
      return a.min(a.max(fromFront, low), high);
    };
    Size from, to, span;
    if (step > 0) {
      from = settle((*starts)[i], zero, dim);
      to = settle((*ends)[i], zero, dim);
      span = a.sub(to, from);
    } else {
      from = settle((*starts)[i], zero, last);
      to = settle((*ends)[i], a.constant(-1), last);
      span = a.sub(from, to);
    }
    int64_t width = std::abs(step);
    count[axis] = a.max(
        zero, width == 1 ? span
                         : a.div(a.add(span, a.constant(width - 1)),
                                 a.constant(width)));
    first[axis] = from;
    stride[axis] = a.constant(step);
  }
  MixedList s = split(first), c = split(count), t = split(stride);
  SmallVector<Value> operands{input};
  for (const MixedList *list : {&s, &c, &t})
    operands.append(list->dynamic);
  return node.replace<SliceOp>(
      operands,
      {b.getNamedAttr("starts", b.getDenseI64ArrayAttr(s.fixed)),
       b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(c.fixed)),
       b.getNamedAttr("steps", b.getDenseI64ArrayAttr(t.fixed)),
       b.getNamedAttr("operandSegmentSizes",
                      b.getDenseI32ArrayAttr(
                          {1, static_cast<int32_t>(s.dynamic.size()),
                           static_cast<int32_t>(c.dynamic.size()),
                           static_cast<int32_t>(t.dynamic.size())}))});
}

LogicalResult importPad(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  auto pads = node.getSizes(1);
  if (!type)
    return failure();
  if (!pads)
    return node.error() << "has pads of an unknown number";
  int64_t rank = type.getRank();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (node.hasInput(3)) {
    auto constant = node.getConstantInts(3);
    if (!constant)
      return node.error() << "has axes that are known at run time only";
    auto normal = normalizeAxes(node, *constant, rank);
    if (failed(normal))
      return failure();
    axes = *normal;
  }
  if (pads->size() != 2 * axes.size())
    return node.error() << "has " << pads->size() << " pads, expected "
                        << 2 * axes.size();
  Builder &b = node.importer.builder;
  SmallVector<Size> low(rank, b.getIndexAttr(0)), high(low);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    low[axis] = (*pads)[i];
    high[axis] = (*pads)[i + axes.size()];
  }
  MixedList before = split(low), after = split(high);
  SmallVector<Value> operands{node.getInput(0)};
  bool hasValue = node.hasInput(2);
  if (hasValue)
    operands.push_back(node.getInput(2));
  operands.append(before.dynamic);
  operands.append(after.dynamic);
  return node.replace<PadOp>(
      operands,
      {b.getNamedAttr("low", b.getDenseI64ArrayAttr(before.fixed)),
       b.getNamedAttr("high", b.getDenseI64ArrayAttr(after.fixed)),
       b.getNamedAttr("mode", b.getStringAttr(node.getString("mode", "constant"))),
       b.getNamedAttr("operandSegmentSizes",
                      b.getDenseI32ArrayAttr(
                          {1, hasValue,
                           static_cast<int32_t>(before.dynamic.size()),
                           static_cast<int32_t>(after.dynamic.size())}))});
}

LogicalResult importTopK(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  auto k = node.getSizes(1);
  if (!type)
    return failure();
  if (!k || k->size() != 1)
    return node.error() << "has no single k";
  auto axis = normalizeAxes(node, node.getInt("axis", -1), type.getRank());
  if (failed(axis))
    return failure();
  Builder &b = node.importer.builder;
  SmallVector<Value> operands{node.getInput(0)};
  auto constant = getConstantIntValue(k->front());
  if (!constant)
    operands.push_back(cast<Value>(k->front()));
  return node.replace<TopKOp>(
      operands,
      {b.getNamedAttr("k", b.getI64IntegerAttr(
                               constant.value_or(ShapedType::kDynamic))),
       b.getNamedAttr("axis", b.getI64IntegerAttr(axis->front())),
       b.getNamedAttr("largest", b.getBoolAttr(node.getInt("largest", 1))),
       b.getNamedAttr("sorted", b.getBoolAttr(node.getInt("sorted", 1)))});
}

LogicalResult importOneHot(NodeContext &node) {
  Builder &b = node.importer.builder;
  auto depth = node.getSizes(1);
  if (!depth)
    if (ElementsAttr constant = node.getConstant(1))
      if (auto floats = getFloats(constant); floats && floats->size() == 1)
        depth = SmallVector<Size>{
            b.getIndexAttr(static_cast<int64_t>(floats->front()))};
  if (!depth || depth->size() != 1)
    return node.error() << "has no single integer depth";
  SmallVector<Value> operands{node.getInput(0), node.getInput(2)};
  if (llvm::is_contained(operands, Value()))
    return failure();
  auto constant = getConstantIntValue(depth->front());
  if (!constant)
    operands.push_back(cast<Value>(depth->front()));
  return node.replace<OneHotOp>(
      operands,
      {b.getNamedAttr("depth", b.getI64IntegerAttr(
                                   constant.value_or(ShapedType::kDynamic))),
       b.getNamedAttr("axis", b.getI64IntegerAttr(node.getInt("axis", -1)))});
}

/// The starts, then the ends of the part that Resize crops to, per axis of the
/// input and relative to its size; empty for modes that do not crop.
FailureOr<SmallVector<float>> getCroppedPart(NodeContext &node,
                                             ArrayRef<int64_t> axes,
                                             int64_t rank) {
  SmallVector<float> roi;
  if (node.getString("coordinate_transformation_mode", "") !=
      "tf_crop_and_resize")
    return roi;
  ElementsAttr constant = node.getConstant(1);
  auto given = constant ? getFloats(constant) : std::nullopt;
  if (!given || given->size() != 2 * axes.size())
    return node.error() << "crops to a part that is known at run time only";
  roi.assign(rank, 0.0f);
  roi.append(rank, 1.0f);
  for (auto [index, axis] : llvm::enumerate(axes)) {
    roi[axis] = static_cast<float>((*given)[index]);
    roi[rank + axis] = static_cast<float>((*given)[axes.size() + index]);
  }
  return roi;
}

LogicalResult importResize(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  if (!type)
    return failure();
  int64_t rank = type.getRank();
  Builder &b = node.importer.builder;
  SizeArithmetic a(node.importer.builder, node.location);
  Value input = node.getInput(0);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (auto given = node.getInts("axes")) {
    auto normal = normalizeAxes(node, *given, rank);
    if (failed(normal))
      return failure();
    axes = *normal;
  }
  SmallVector<Size> sizes;
  for (int64_t axis = 0; axis < rank; ++axis)
    sizes.push_back(a.getDim(input, axis));
  auto roi = getCroppedPart(node, axes, rank);
  if (failed(roi))
    return failure();
  SmallVector<float> scales;
  std::optional<SmallVector<double>> given;
  if (ElementsAttr constant = node.getConstant(2))
    given = getFloats(constant);
  if (given && !given->empty()) {
    if (given->size() != axes.size())
      return node.error() << "has " << given->size() << " scales, expected "
                          << axes.size();
    scales.assign(rank, 1.0f);
    for (auto [axis, scale] : llvm::zip_equal(axes, *given)) {
      scales[axis] = static_cast<float>(scale);
      if (!roi->empty())
        scale *= (*roi)[rank + axis] - (*roi)[axis];
      if (auto size = getConstantIntValue(sizes[axis]))
        sizes[axis] = a.constant(static_cast<int64_t>(
            std::floor(static_cast<float>(*size) * static_cast<float>(scale))));
      else if (scale == std::floor(scale))
        sizes[axis] = a.mul(sizes[axis], a.constant(scale));
      else if (scale == 1 / std::floor(1 / scale))
        sizes[axis] = a.div(sizes[axis], a.constant(1 / scale));
      else
        return node.error() << "scales an unknown size by a fraction";
    }
  } else if (node.hasInput(3)) {
    auto asked = node.getSizes(3);
    if (!asked || asked->size() != axes.size())
      return node.error() << "has sizes of an unknown number";
    std::string policy =
        node.getString("keep_aspect_ratio_policy", "stretch");
    if (policy == "stretch") {
      for (auto [axis, size] : llvm::zip_equal(axes, *asked))
        sizes[axis] = size;
    } else {
      std::optional<float> scale;
      for (auto [axis, size] : llvm::zip_equal(axes, *asked)) {
        auto to = getConstantIntValue(size), from = getConstantIntValue(sizes[axis]);
        if (!to || !from)
          return node.error() << "keeps the aspect ratio of unknown sizes";
        float ratio = static_cast<float>(*to) / static_cast<float>(*from);
        scale = !scale ? ratio
                : policy == "not_larger" ? std::min(*scale, ratio)
                                         : std::max(*scale, ratio);
      }
      scales.assign(rank, 1.0f);
      for (int64_t axis : axes) {
        scales[axis] = *scale;
        sizes[axis] = a.constant(std::lround(
            *scale * static_cast<float>(*getConstantIntValue(sizes[axis]))));
      }
    }
  } else {
    return node.error() << "has scales that are known at run time only";
  }
  MixedList list = split(sizes);
  SmallVector<Value> operands{input};
  operands.append(list.dynamic);
  SmallVector<NamedAttribute> attributes{
      b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(list.fixed)),
      b.getNamedAttr("scales", b.getDenseF32ArrayAttr(scales)),
      b.getNamedAttr("operandSegmentSizes",
                     b.getDenseI32ArrayAttr(
                         {1, static_cast<int32_t>(list.dynamic.size()), 0}))};
  attributes.push_back(b.getNamedAttr("roi", b.getDenseF32ArrayAttr(*roi)));
  for (StringRef name :
       {"mode", "coordinate_transformation_mode", "nearest_mode"})
    if (const auto *attribute = node.getAttribute(name))
      attributes.push_back(b.getNamedAttr(name, b.getStringAttr(attribute->s())));
  for (StringRef name : {"cubic_coeff_a", "extrapolation_value"})
    if (const auto *attribute = node.getAttribute(name))
      attributes.push_back(
          b.getNamedAttr(name, b.getF32FloatAttr(attribute->f())));
  for (StringRef name : {"exclude_outside", "antialias"})
    if (const auto *attribute = node.getAttribute(name))
      attributes.push_back(
          b.getNamedAttr(name, b.getBoolAttr(attribute->i() != 0)));
  return node.replace<ResizeOp>(operands, attributes);
}

} // namespace

void neuroplast::registerShapeHandlers(HandlerTable &table) {
  table["Constant"] = importConstant;
  table["ConstantOfShape"] = importConstantOfShape;
  table["Identity"] = importIdentity;
  table["Shape"] = importShape;
  table["Size"] = importSize;
  table["Reshape"] = importReshape;
  table["Flatten"] = importFlatten;
  table["Squeeze"] = importSqueeze;
  table["Unsqueeze"] = importUnsqueeze;
  table["Transpose"] = importTranspose;
  table["Expand"] = importExpand;
  table["Tile"] = importTile;
  table["Range"] = importRange;
  table["Split"] = importSplit;
  table["Slice"] = importSlice;
  table["Pad"] = importPad;
  table["TopK"] = importTopK;
  table["OneHot"] = importOneHot;
  table["Resize"] = importResize;
}
