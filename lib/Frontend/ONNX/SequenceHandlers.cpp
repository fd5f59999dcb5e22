//===- SequenceHandlers.cpp - Lists of tensors ----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sequence whose length is known is a list of tensors during the translation,
// and nothing of it is left after it. Where one is needed as a value, because
// an opaque operator or an output takes it, it becomes an opaque
// SequenceConstruct.
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// The elements of operand 0; null, and the node is opaque, if it is not known.
SmallVector<Value> *getSequence(NodeContext &node) {
  GraphValue *known =
      node.hasInput(0) ? node.importer.lookup(node.node.input(0)) : nullptr;
  if (known && known->sequence)
    return &*known->sequence;
  (void)node.leaveOpaque("a sequence has a length that is known at run time "
                         "only");
  return nullptr;
}

void setSequence(NodeContext &node, ArrayRef<Value> elements,
                 Type elementType) {
  GraphValue value;
  value.sequence.emplace(elements.begin(), elements.end());
  value.elementType = elementType;
  node.importer.define(node.node.output(0), std::move(value));
}

/// The place that operand `index` names in a sequence of `size` elements, where
/// `end` counts too if it may be the place behind the last one.
FailureOr<int64_t> getPlace(NodeContext &node, int index, int64_t size,
                            bool mayBeEnd) {
  if (!node.hasInput(index))
    return mayBeEnd ? size : size - 1;
  auto constant = node.getConstantInts(index);
  if (!constant || constant->size() != 1)
    return node.leaveOpaque("a position is known at run time only");
  int64_t place = constant->front();
  if (place < 0)
    place += size;
  if (place < 0 || place >= size + mayBeEnd)
    return LogicalResult(node.error()
                         << "has position " << constant->front()
                         << " outside a sequence of " << size << " elements");
  return place;
}

LogicalResult importSequenceEmpty(NodeContext &node) {
  Type elementType = getElementType(
      node.getInt("dtype", onnx::TensorProto::FLOAT), node.importer.context);
  if (!elementType)
    return node.error() << "has an element type that is not modelled";
  setSequence(node, {}, elementType);
  return success();
}

LogicalResult importSequenceConstruct(NodeContext &node) {
  SmallVector<Value> elements;
  for (int i = 0; i < node.node.input_size(); ++i) {
    if (!node.getInputType(i))
      return failure();
    elements.push_back(node.getInput(i));
  }
  if (elements.empty())
    return node.error() << "has no operand";
  setSequence(node, elements, getElementTypeOrSelf(elements[0].getType()));
  return success();
}

LogicalResult importSequenceInsert(NodeContext &node) {
  SmallVector<Value> *sequence = getSequence(node);
  if (!sequence || !node.getInputType(1))
    return failure();
  SmallVector<Value> elements(*sequence);
  auto place = getPlace(node, 2, elements.size(), /*mayBeEnd=*/true);
  if (failed(place))
    return failure();
  Value tensor = node.getInput(1);
  elements.insert(elements.begin() + *place, tensor);
  setSequence(node, elements, getElementTypeOrSelf(tensor.getType()));
  return success();
}

LogicalResult importSequenceErase(NodeContext &node) {
  SmallVector<Value> *sequence = getSequence(node);
  if (!sequence)
    return failure();
  SmallVector<Value> elements(*sequence);
  auto place = getPlace(node, 1, elements.size(), /*mayBeEnd=*/false);
  if (failed(place))
    return failure();
  if (elements.empty())
    return node.error() << "erases from an empty sequence";
  Type elementType = getElementTypeOrSelf(elements[0].getType());
  elements.erase(elements.begin() + *place);
  setSequence(node, elements, elementType);
  return success();
}

LogicalResult importSequenceAt(NodeContext &node) {
  SmallVector<Value> *sequence = getSequence(node);
  if (!sequence)
    return failure();
  auto place = getPlace(node, 1, sequence->size(), /*mayBeEnd=*/false);
  if (failed(place))
    return failure();
  node.setResult(0, (*sequence)[*place]);
  return success();
}

LogicalResult importSequenceLength(NodeContext &node) {
  SmallVector<Value> *sequence = getSequence(node);
  if (!sequence)
    return failure();
  Builder &b = node.importer.builder;
  node.setElements(0, OpFoldResult(b.getIndexAttr(sequence->size())),
                   /*isScalar=*/true, b.getI64Type());
  return success();
}

/// `value` with a new axis of size 1.
Value addAxis(NodeContext &node, Value value, int64_t axis) {
  Builder &b = node.importer.builder;
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < cast<RankedTensorType>(value.getType()).getRank();
       ++i)
    sizes.push_back(arithmetic.getDim(value, i));
  sizes.insert(sizes.begin() + axis, b.getIndexAttr(1));
  SmallVector<int64_t> fixed;
  SmallVector<Value> operands{value};
  dispatchIndexOpFoldResults(sizes, operands, fixed);
  auto op = node.create<ReshapeOp>(
      operands, {b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(fixed))});
  return op ? op->getResult(0) : Value();
}

LogicalResult importConcatFromSequence(NodeContext &node) {
  SmallVector<Value> *sequence = getSequence(node);
  if (!sequence)
    return failure();
  if (sequence->empty())
    return node.error() << "joins an empty sequence";
  SmallVector<Value> elements(*sequence);
  bool isNew = node.getInt("new_axis", 0) != 0;
  int64_t rank =
      cast<RankedTensorType>(elements[0].getType()).getRank() + isNew;
  int64_t given = node.getInt("axis", 0);
  int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank)
    return node.error() << "has axis " << given << " outside rank " << rank;
  for (Value &element : elements) {
    if (cast<RankedTensorType>(element.getType()).getRank() + isNew != rank)
      return node.leaveOpaque("the tensors differ in rank");
    if (isNew && !(element = addAxis(node, element, axis)))
      return failure();
  }
  Builder &b = node.importer.builder;
  return node.replace<ConcatOp>(
      elements, {b.getNamedAttr("axis", b.getI64IntegerAttr(axis))});
}

/// The sizes of the pieces that SplitToSequence makes of `rows`.
FailureOr<SmallVector<int64_t>> getPieces(NodeContext &node, int64_t rows) {
  int64_t share = 1;
  if (node.hasInput(1)) {
    auto constant = node.getConstantInts(1);
    if (!constant)
      return node.leaveOpaque("the sizes are known at run time only");
    ElementsAttr attribute = node.getConstant(1);
    bool isScalar = attribute && attribute.getShapedType().getRank() == 0;
    if (!isScalar)
      return *constant;
    share = constant->front();
  }
  if (ShapedType::isDynamic(rows))
    return node.leaveOpaque("the number of pieces is known at run time only");
  if (share <= 0)
    return LogicalResult(node.error() << "makes pieces of size " << share);
  SmallVector<int64_t> sizes;
  for (int64_t start = 0; start < rows; start += share)
    sizes.push_back(std::min(share, rows - start));
  return sizes;
}

LogicalResult importSplitToSequence(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  if (!type)
    return failure();
  int64_t given = node.getInt("axis", 0);
  int64_t axis = given < 0 ? given + type.getRank() : given;
  if (axis < 0 || axis >= type.getRank())
    return node.error() << "has axis " << given << " outside rank "
                        << type.getRank();
  Builder &b = node.importer.builder;
  Value input = node.getInput(0);
  auto sizes = getPieces(node, type.getDimSize(axis));
  if (failed(sizes))
    return failure();
  NamedAttribute axisAttribute =
      b.getNamedAttr("axis", b.getI64IntegerAttr(axis));
  SmallVector<Value> elements;
  if (!node.hasInput(1) && node.getInt("keepdims", 1) == 0) {
    for (int64_t row = 0, rows = sizes->size(); row < rows; ++row) {
      auto index = ConstantOp::create(
          node.importer.builder, node.location,
          DenseElementsAttr::get(RankedTensorType::get({}, b.getI64Type()),
                                 row));
      auto piece = node.create<GatherOp>({input, index}, axisAttribute);
      if (!piece)
        return failure();
      elements.push_back(piece->getResult(0));
    }
  } else {
    auto split = node.create<SplitOp>(
        input, {axisAttribute,
                b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(*sizes))});
    if (!split)
      return failure();
    llvm::append_range(elements, split->getResults());
  }
  setSequence(node, elements, type.getElementType());
  return success();
}

/// The type of which all `elements` are.
RankedTensorType joinTypes(ArrayRef<Value> elements, Type elementType) {
  RankedTensorType joined;
  for (Value element : elements) {
    auto type = cast<RankedTensorType>(element.getType());
    if (!joined) {
      joined = type;
      continue;
    }
    if (type.getRank() != joined.getRank())
      return RankedTensorType();
    SmallVector<int64_t> shape(joined.getShape());
    for (auto [size, own] : llvm::zip_equal(shape, type.getShape()))
      size = size == own ? size : ShapedType::kDynamic;
    joined = joined.clone(shape);
  }
  return joined ? joined : RankedTensorType::get({}, elementType);
}

} // namespace

Value GraphImporter::createSequence(const GraphValue &known,
                                    Location location) {
  ArrayRef<Value> elements = *known.sequence;
  RankedTensorType type = joinTypes(elements, known.elementType);
  if (!type)
    return Value();
  onnx::NodeProto node;
  node.set_op_type(elements.empty() ? "SequenceEmpty" : "SequenceConstruct");
  if (elements.empty()) {
    onnx::AttributeProto &dtype = *node.add_attribute();
    dtype.set_name("dtype");
    dtype.set_type(onnx::AttributeProto::INT);
    dtype.set_i(getElementTypeNumber(known.elementType));
  }
  std::string bytes;
  node.SerializeToString(&bytes);
  auto op = OpaqueOp::create(
      builder, location, SequenceType::get(context, type), /*domain=*/"",
      node.op_type(), elements, SmallVector<bool>(elements.size(), true),
      llvm::toHex(bytes), builder.getStringAttr("a sequence is no tensor"),
      /*captures=*/ArrayAttr());
  return op.getOutputs()[0];
}

void neuroplast::registerSequenceHandlers(HandlerTable &table) {
  table["SequenceEmpty"] = importSequenceEmpty;
  table["SequenceConstruct"] = importSequenceConstruct;
  table["SequenceInsert"] = importSequenceInsert;
  table["SequenceErase"] = importSequenceErase;
  table["SequenceAt"] = importSequenceAt;
  table["SequenceLength"] = importSequenceLength;
  table["ConcatFromSequence"] = importConcatFromSequence;
  table["SplitToSequence"] = importSplitToSequence;
}
