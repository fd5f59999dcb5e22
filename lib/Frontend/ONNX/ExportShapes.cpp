//===- ExportShapes.cpp - Ops that go by sizes as nodes ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::onnx_frontend;
using namespace neuroplast::neuro;
using ::onnx::NodeProto;

namespace {

LogicalResult writeReshape(GraphWriter &writer, Operation *op) {
  auto reshape = cast<ReshapeOp>(op);
  SmallVector<int64_t> sizes(reshape.getSizes());
  // One unknown size follows from the others, unless a size is zero.
  std::string shape;
  if (reshape.getDynamicSizes().size() == 1 && !llvm::is_contained(sizes, 0)) {
    for (int64_t &size : sizes)
      if (ShapedType::isDynamic(size))
        size = -1;
    shape = writer.addInts(sizes);
  } else {
    shape = writer.addSizes(sizes, reshape.getDynamicSizes());
  }
  if (shape.empty())
    return failure();
  NodeProto &node = addUnary(writer, op, "Reshape", {shape});
  if (llvm::is_contained(sizes, 0))
    GraphWriter::setInt(node, "allowzero", 1);
  return success();
}

LogicalResult writeTranspose(GraphWriter &writer, Operation *op) {
  NodeProto &node = addUnary(writer, op, "Transpose");
  GraphWriter::setInts(node, "perm", cast<TransposeOp>(op).getPermutation());
  return success();
}

/// As a reshape that splits the axis (what follows it becomes one axis, so that
/// at most one size is free), a transposition, and a reshape back.
LogicalResult writeChannelShuffle(GraphWriter &writer, Operation *op) {
  auto shuffle = cast<ChannelShuffleOp>(op);
  auto type = cast<RankedTensorType>(shuffle.getType());
  auto axis = static_cast<int64_t>(shuffle.getAxis());
  auto groups = static_cast<int64_t>(shuffle.getGroups());
  bool isOpen = !type.hasStaticShape();
  SmallVector<int64_t> sizes(type.getShape().take_front(axis));
  if (isOpen)
    llvm::fill(sizes, 0);
  llvm::append_values(sizes, groups, type.getDimSize(axis) / groups);
  ArrayRef<int64_t> rest = type.getShape().drop_front(axis + 1);
  if (!isOpen)
    llvm::append_range(sizes, rest);
  else if (!rest.empty())
    sizes.push_back(-1);
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, sizes.size()));
  std::swap(order[axis], order[axis + 1]);
  std::string input = writer.getName(shuffle.getInput());
  std::string split =
      writer.addHelper("Reshape", {input, writer.addInts(sizes)});
  std::string moved =
      writer.addHelper("Transpose", {split}, [&](NodeProto &node) {
        GraphWriter::setInts(node, "perm", order);
      });
  std::string shape = isOpen ? writer.addHelper("Shape", {input})
                             : writer.addInts(type.getShape());
  NodeProto &node = writer.addNode(op, "Reshape");
  node.add_input(moved);
  node.add_input(shape);
  writer.addOutputs(node, op);
  return success();
}

LogicalResult writeExpand(GraphWriter &writer, Operation *op) {
  auto expand = cast<ExpandOp>(op);
  std::string shape =
      writer.addSizes(expand.getSizes(), expand.getDynamicSizes());
  if (shape.empty())
    return failure();
  addUnary(writer, op, "Expand", {shape});
  return success();
}

LogicalResult writeFill(GraphWriter &writer, Operation *op) {
  auto fill = cast<FillOp>(op);
  std::string shape = writer.addSizes(fill.getSizes(), fill.getDynamicSizes());
  if (shape.empty())
    return failure();
  addUnary(writer, op, "Expand", {shape});
  return success();
}

LogicalResult writeTile(GraphWriter &writer, Operation *op) {
  auto tile = cast<TileOp>(op);
  std::string repeats =
      writer.addSizes(tile.getRepeats(), tile.getDynamicRepeats());
  if (repeats.empty())
    return failure();
  addUnary(writer, op, "Tile", {repeats});
  return success();
}

LogicalResult writeSplit(GraphWriter &writer, Operation *op) {
  auto split = cast<SplitOp>(op);
  NodeProto *node;
  if (llvm::any_of(split.getSizes(), ShapedType::isDynamic)) {
    node = &addUnary(writer, op, "Split");
    GraphWriter::setInt(*node, "num_outputs", op->getNumResults());
  } else {
    std::string sizes = writer.addInts(split.getSizes());
    node = &addUnary(writer, op, "Split", {sizes});
  }
  GraphWriter::setInt(*node, "axis", split.getAxis());
  return success();
}

/// Whether a slice takes all of an axis as it lies.
bool takesWholeAxis(SliceOp slice, int64_t axis, OpFoldResult size) {
  if (slice.getStarts()[axis] != 0 || slice.getSteps()[axis] != 1)
    return false;
  int64_t input =
      cast<RankedTensorType>(slice.getInput().getType()).getDimSize(axis);
  if (auto known = getConstantIntValue(size))
    return *known == input;
  auto dim = cast<Value>(size).getDefiningOp<tensor::DimOp>();
  return dim && dim.getSource() == slice.getInput() &&
         dim.getConstantIndex() == axis;
}

LogicalResult writeSlice(GraphWriter &writer, Operation *op) {
  auto slice = cast<SliceOp>(op);
  Builder builder(op);
  auto mix = [&](ArrayRef<int64_t> known, ValueRange open) {
    return getMixedValues(known, open, builder);
  };
  auto starts = mix(slice.getStarts(), slice.getDynamicStarts()),
       sizes = mix(slice.getSizes(), slice.getDynamicSizes()),
       steps = mix(slice.getSteps(), slice.getDynamicSteps());
  // The parts that differ from the operand; at least one axis has to be named.
  SmallVector<int64_t> axes;
  SmallVector<OpFoldResult> from, count, by;
  for (int64_t axis = 0, rank = sizes.size(); axis < rank; ++axis) {
    if (takesWholeAxis(slice, axis, sizes[axis]) &&
        !(axes.empty() && axis + 1 == rank))
      continue;
    axes.push_back(axis);
    from.push_back(starts[axis]);
    count.push_back(sizes[axis]);
    by.push_back(steps[axis]);
  }
  std::string a = writer.addInts(axes);
  auto firsts = getConstantIntValues(from),
       counts = getConstantIntValues(count), strides = getConstantIntValues(by);
  if (firsts && counts && strides) {
    SmallVector<int64_t> ends;
    for (auto [start, size, step] :
         llvm::zip_equal(*firsts, *counts, *strides)) {
      int64_t end = start + size * step;
      ends.push_back(end < 0 ? std::numeric_limits<int64_t>::min() + 1 : end);
    }
    std::string s = writer.addInts(*firsts), e = writer.addInts(ends),
                p = writer.addInts(*strides);
    addUnary(writer, op, "Slice", {s, e, a, p});
    return success();
  }
  auto write = [&](ArrayRef<OpFoldResult> values) {
    SmallVector<int64_t> known;
    SmallVector<Value> open;
    dispatchIndexOpFoldResults(values, open, known);
    return writer.addSizes(known, open);
  };
  std::string s = write(from), n = write(count), p = write(by);
  if (s.empty() || n.empty() || p.empty())
    return failure();
  std::string length = writer.addHelper("Mul", {n, p});
  std::string e = writer.addHelper("Add", {s, length});
  if (llvm::any_of(by, [](OpFoldResult step) {
        return getConstantIntValue(step).value_or(-1) < 0;
      })) {
    // An end before the front; -1 itself would count from the back.
    std::string least =
        writer.addInts({std::numeric_limits<int64_t>::min() + 1});
    std::string isBefore = writer.addHelper("Less", {e, writer.addInts({0})});
    e = writer.addHelper("Where", {isBefore, least, e});
  }
  addUnary(writer, op, "Slice", {s, e, a, p});
  return success();
}

LogicalResult writePad(GraphWriter &writer, Operation *op) {
  auto pad = cast<PadOp>(op);
  std::string pads;
  if (pad.getDynamicLow().empty() && pad.getDynamicHigh().empty()) {
    SmallVector<int64_t> sizes(pad.getLow());
    llvm::append_range(sizes, pad.getHigh());
    pads = writer.addInts(sizes);
  } else {
    std::string low = writer.addSizes(pad.getLow(), pad.getDynamicLow());
    std::string high = writer.addSizes(pad.getHigh(), pad.getDynamicHigh());
    if (low.empty() || high.empty())
      return failure();
    pads = writer.addHelper("Concat", {low, high}, [](NodeProto &node) {
      GraphWriter::setInt(node, "axis", 0);
    });
  }
  SmallVector<std::string> inputs = {pads};
  if (pad.getValue())
    inputs.push_back(writer.getName(pad.getValue()));
  NodeProto &node = addUnary(writer, op, "Pad", inputs);
  GraphWriter::setString(node, "mode", pad.getMode());
  return success();
}

LogicalResult writeRange(GraphWriter &writer, Operation *op) {
  auto range = cast<RangeOp>(op);
  // limit = start + size * delta
  std::string size =
      range.getDynamicSize()
          ? writer.addIndex(range.getDynamicSize())
          : writer.addInts({static_cast<int64_t>(range.getSize())});
  if (size.empty())
    return failure();
  std::string count = writer.addHelper(
      "CastLike", {writer.addScalarOf(size), writer.getName(range.getDelta())});
  std::string start = writer.getName(range.getStart()),
              delta = writer.getName(range.getDelta());
  std::string length = writer.addHelper("Mul", {count, delta});
  std::string limit = writer.addHelper("Add", {start, length});
  NodeProto &node = writer.addNode(op, "Range");
  for (const std::string &input : {start, limit, delta})
    node.add_input(input);
  writer.addOutputs(node, op);
  return success();
}

LogicalResult writeResize(GraphWriter &writer, Operation *op) {
  auto resize = cast<ResizeOp>(op);
  auto floats = [&](ArrayRef<float> values) {
    ::onnx::TensorProto *tensor = writer.graph().add_initializer();
    tensor->set_name(writer.makeName("neuroplast_scales"));
    tensor->set_data_type(::onnx::TensorProto::FLOAT);
    tensor->add_dims(values.size());
    for (float value : values)
      tensor->add_float_data(value);
    return tensor->name();
  };
  std::string roi = resize.getRoi().empty() ? "" : floats(resize.getRoi());
  std::string scales, sizes;
  // ONNX takes scales or sizes; scales say more, as sizes follow from them.
  if (resize.getDynamicScales())
    scales = writer.getName(resize.getDynamicScales());
  else if (!resize.getScales().empty())
    scales = floats(resize.getScales());
  else if ((sizes =
                writer.addSizes(resize.getSizes(), resize.getDynamicSizes()))
               .empty())
    return failure();
  SmallVector<std::string> inputs = {roi, scales};
  if (!sizes.empty())
    inputs.push_back(sizes);
  NodeProto &node = addUnary(writer, op, "Resize", inputs);
  return addAttributes(node, op, {"sizes", "scales", "roi"});
}

} // namespace

void neuroplast::onnx_frontend::addShapeWriters(WriterMap &writers) {
  writers[ReshapeOp::getOperationName()] = writeReshape;
  writers[TransposeOp::getOperationName()] = writeTranspose;
  writers[ChannelShuffleOp::getOperationName()] = writeChannelShuffle;
  writers[ExpandOp::getOperationName()] = writeExpand;
  writers[FillOp::getOperationName()] = writeFill;
  writers[TileOp::getOperationName()] = writeTile;
  writers[SplitOp::getOperationName()] = writeSplit;
  writers[SliceOp::getOperationName()] = writeSlice;
  writers[PadOp::getOperationName()] = writePad;
  writers[RangeOp::getOperationName()] = writeRange;
  writers[ResizeOp::getOperationName()] = writeResize;
}
