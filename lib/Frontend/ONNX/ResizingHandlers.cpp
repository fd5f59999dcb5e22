//===- ResizingHandlers.cpp - Operators that cut, repeat, pad and resample ===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SizeLists.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

using Size = OpFoldResult;

namespace {

/// A number as a size; none if it is no number or no tensor is that large.
std::optional<int64_t> toSize(double number) {
  if (!(std::abs(number) < static_cast<double>(maxTensorBytes)))
    return std::nullopt;
  return static_cast<int64_t>(number);
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
  MixedList list = splitSizes(*sizes);
  if (auto problem = findShapeProblem(list.fixed, element))
    return node.error() << *problem;
  // What nobody could store is made at run time, if there is room.
  constexpr int64_t kMostBytes = int64_t(1) << 31;
  if (list.dynamic.empty() &&
      mulSizes(countElements(list.fixed),
               llvm::divideCeil(element.getIntOrFloatBitWidth(), 8)) <=
          kMostBytes) {
    node.setConstant(0, cast<DenseElementsAttr>(value).resizeSplat(
                            RankedTensorType::get(list.fixed, element)));
    return success();
  }
  auto scalar = neuro::ConstantOp::create(
      node.importer.builder, node.location,
      cast<RankedTensorType>(value.getShapedType()), value);
  return replaceWithList<FillOp>(node, scalar, "sizes", *sizes);
}

/// No axis is longer, and sums with what is do not overflow.
constexpr int64_t kLongest = int64_t(1) << 62;

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
        s && l && d && d->front() != 0) {
      auto size = toSize(std::ceil((l->front() - s->front()) / d->front()));
      if (!size)
        return node.error() << "has a length that no tensor has";
      return finish(b.getIndexAttr(std::max<int64_t>(0, *size)));
    }
  auto s = node.getSizes(0), l = node.getSizes(1), d = node.getSizes(2);
  if (!s || !l || !d || s->size() != 1 || l->size() != 1 || d->size() != 1)
    return node.error() << "has a length that only floats at run time decide";
  SizeArithmetic a(node.importer.builder, node.location);
  auto step = getConstantIntValue(d->front());
  if (!step || *step == 0)
    return node.error() << "has a step that is known at run time only";
  auto first = getConstantIntValue(s->front()),
       last = getConstantIntValue(l->front());
  if (first && last) {
    __int128 span =
        (static_cast<__int128>(*last) - *first) * (*step > 0 ? 1 : -1);
    __int128 width = *step > 0 ? *step : -static_cast<__int128>(*step);
    __int128 size = span > 0 ? (span + width - 1) / width : 0;
    if (size > maxTensorBytes)
      return node.error() << "has a length that no tensor has";
    return finish(b.getIndexAttr(static_cast<int64_t>(size)));
  }
  Size span =
      *step > 0 ? a.sub(l->front(), s->front()) : a.sub(s->front(), l->front());
  int64_t stride = std::min(std::abs(std::max(*step, -kLongest)), kLongest);
  Size size = a.max(a.constant(0), a.div(a.add(span, a.constant(stride - 1)),
                                         a.constant(stride)));
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
    sizes = shareRows(rows, pieces);
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
  SmallVector<Size> first(rank, b.getIndexAttr(0)), count,
      stride(rank, b.getIndexAttr(1));
  for (int64_t axis = 0; axis < rank; ++axis)
    count.push_back(a.getDim(input, axis));
  for (size_t i = 0; i < normal->size(); ++i) {
    // Any step that no axis is long enough for does the same.
    int64_t axis = (*normal)[i],
            step = std::clamp(steps[i], -kLongest, kLongest);
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
    count[axis] =
        a.max(zero, width == 1 ? span
                               : a.div(a.add(span, a.constant(width - 1)),
                                       a.constant(width)));
    first[axis] = from;
    stride[axis] = a.constant(step);
  }
  return node.setResults(createSlice(node, input, first, count, stride));
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
  MixedList before = splitSizes(low), after = splitSizes(high);
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
       b.getNamedAttr("mode",
                      b.getStringAttr(node.getString("mode", "constant"))),
       b.getNamedAttr(
           "operandSegmentSizes",
           b.getDenseI32ArrayAttr(
               {1, hasValue, static_cast<int32_t>(before.dynamic.size()),
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
      {b.getNamedAttr(
           "k", b.getI64IntegerAttr(constant.value_or(ShapedType::kDynamic))),
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
        if (auto size = toSize(floats->front()))
          depth = SmallVector<Size>{b.getIndexAttr(*size)};
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
FailureOr<SmallVector<float>>
getCroppedPart(NodeContext &node, ArrayRef<int64_t> axes, int64_t rank) {
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
      if (!toSize(scale) || scale <= 0)
        return node.error() << "has a scale of " << scale;
      if (auto size = getConstantIntValue(sizes[axis])) {
        auto scaled = toSize(
            std::floor(static_cast<float>(*size) * static_cast<float>(scale)));
        if (!scaled)
          return node.error() << "scales axis " << axis << " of size " << *size
                              << " by " << scale;
        sizes[axis] = a.constant(*scaled);
      } else if (scale == std::floor(scale))
        sizes[axis] = a.mul(sizes[axis], a.constant(scale));
      else if (auto divisor = toSize(std::floor(1 / scale));
               divisor && scale == 1.0 / *divisor)
        sizes[axis] = a.div(sizes[axis], a.constant(*divisor));
      else
        sizes[axis] = a.scale(sizes[axis], static_cast<float>(scale));
    }
  } else if (node.hasInput(3)) {
    auto asked = node.getSizes(3);
    if (!asked || asked->size() != axes.size())
      return node.error() << "has sizes of an unknown number";
    std::string policy = node.getString("keep_aspect_ratio_policy", "stretch");
    if (policy == "stretch") {
      for (auto [axis, size] : llvm::zip_equal(axes, *asked))
        sizes[axis] = size;
    } else {
      std::optional<float> scale;
      for (auto [axis, size] : llvm::zip_equal(axes, *asked)) {
        auto to = getConstantIntValue(size),
             from = getConstantIntValue(sizes[axis]);
        if (!to || !from)
          return node.error() << "keeps the aspect ratio of unknown sizes";
        if (*from < 1)
          return node.error() << "keeps the aspect ratio of an empty axis";
        float ratio = static_cast<float>(*to) / static_cast<float>(*from);
        scale = !scale                   ? ratio
                : policy == "not_larger" ? std::min(*scale, ratio)
                                         : std::max(*scale, ratio);
      }
      scales.assign(rank, 1.0f);
      for (int64_t axis : axes) {
        scales[axis] = *scale;
        auto size = toSize(std::round(
            *scale * static_cast<float>(*getConstantIntValue(sizes[axis]))));
        if (!size)
          return node.error() << "has a size that no tensor has";
        sizes[axis] = a.constant(*size);
      }
    }
  } else {
    return node.error() << "has scales that are known at run time only";
  }
  MixedList list = splitSizes(sizes);
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
      attributes.push_back(
          b.getNamedAttr(name, b.getStringAttr(attribute->s())));
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

SliceOp neuroplast::createSlice(NodeContext &node, Value input,
                                ArrayRef<Size> starts, ArrayRef<Size> sizes,
                                ArrayRef<Size> steps) {
  Builder &b = node.importer.builder;
  MixedList s = splitSizes(starts), c = splitSizes(sizes),
            t = splitSizes(steps);
  SmallVector<Value> operands{input};
  for (const MixedList *list : {&s, &c, &t})
    operands.append(list->dynamic);
  return node.create<SliceOp>(
      operands,
      {b.getNamedAttr("starts", b.getDenseI64ArrayAttr(s.fixed)),
       b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(c.fixed)),
       b.getNamedAttr("steps", b.getDenseI64ArrayAttr(t.fixed)),
       b.getNamedAttr(
           "operandSegmentSizes",
           b.getDenseI32ArrayAttr({1, static_cast<int32_t>(s.dynamic.size()),
                                   static_cast<int32_t>(c.dynamic.size()),
                                   static_cast<int32_t>(t.dynamic.size())}))});
}

void neuroplast::registerResizingHandlers(HandlerTable &table) {
  table["ConstantOfShape"] = importConstantOfShape;
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
