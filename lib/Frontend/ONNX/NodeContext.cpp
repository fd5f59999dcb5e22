//===- NodeContext.cpp - One node under translation ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "SizeLists.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Verifier.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

InFlightDiagnostic NodeContext::error() {
  InFlightDiagnostic diagnostic = emitError(location);
  diagnostic << "operator '" << node.op_type() << "' ";
  return diagnostic;
}

LogicalResult NodeContext::leaveOpaque(const Twine &reason) {
  opaqueReason = reason.str();
  return failure();
}

Value NodeContext::getInput(int index) {
  if (!hasInput(index)) {
    error() << "lacks operand #" << index;
    return Value();
  }
  Value value = importer.materialize(node.input(index), location);
  if (!value)
    error() << "reads '" << node.input(index) << "', which nothing defines";
  return value;
}

RankedTensorType NodeContext::getInputType(int index) {
  Value value = getInput(index);
  auto type = value ? dyn_cast<RankedTensorType>(value.getType()) : nullptr;
  if (value && !type)
    error() << "reads '" << node.input(index) << "', which is no tensor";
  return type;
}

SmallVector<Value> NodeContext::getPresentInputs(int count) {
  SmallVector<Value> inputs;
  for (int i = 0; i < count; ++i)
    if (hasInput(i))
      inputs.push_back(getInput(i));
  return inputs;
}

ElementsAttr NodeContext::getConstant(int index) {
  if (!hasInput(index))
    return nullptr;
  GraphValue *value = importer.lookup(node.input(index));
  return value ? value->constant : nullptr;
}

std::optional<SmallVector<int64_t>> NodeContext::getConstantInts(int index) {
  std::optional<SmallVector<OpFoldResult>> sizes = getSizes(index);
  if (!sizes)
    return std::nullopt;
  return getConstantIntValues(*sizes);
}

std::optional<SmallVector<OpFoldResult>> NodeContext::getSizes(int index) {
  if (!hasInput(index))
    return std::nullopt;
  GraphValue *known = importer.lookup(node.input(index));
  if (!known)
    return std::nullopt;
  OpBuilder &b = importer.builder;
  if (known->elements && known->matrix.empty())
    return known->elements;
  SmallVector<OpFoldResult> result;
  // No list of sizes or axes is longer.
  constexpr int64_t kMostEntries = 4096;
  if (known->constant) {
    if (known->constant.getNumElements() > kMostEntries)
      return std::nullopt;
    std::optional<SmallVector<int64_t>> ints = getIntegers(known->constant);
    if (!ints)
      return std::nullopt;
    for (int64_t value : *ints)
      result.push_back(b.getIndexAttr(value));
    return result;
  }
  if (!known->value)
    return std::nullopt;
  auto type = dyn_cast<RankedTensorType>(known->value.getType());
  if (!type || type.getRank() > 1 || !type.hasStaticShape() ||
      type.getNumElements() > kMostEntries ||
      !type.getElementType().isSignlessInteger())
    return std::nullopt;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    SmallVector<Value> at;
    if (type.getRank() == 1)
      at.push_back(arith::ConstantIndexOp::create(b, location, i));
    Value element = tensor::ExtractOp::create(b, location, known->value, at);
    result.push_back(
        arith::IndexCastOp::create(b, location, b.getIndexType(), element)
            .getResult());
  }
  return result;
}

const onnx::AttributeProto *NodeContext::getAttribute(StringRef name) const {
  for (const auto &attribute : node.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}
int64_t NodeContext::getInt(StringRef name, int64_t otherwise) const {
  const auto *attribute = getAttribute(name);
  return attribute ? attribute->i() : otherwise;
}
double NodeContext::getFloat(StringRef name, double otherwise) const {
  const auto *attribute = getAttribute(name);
  return attribute ? attribute->f() : otherwise;
}
std::string NodeContext::getString(StringRef name, StringRef otherwise) const {
  const auto *attribute = getAttribute(name);
  return attribute ? attribute->s() : otherwise.str();
}
std::optional<SmallVector<int64_t>> NodeContext::getInts(StringRef name) const {
  const auto *attribute = getAttribute(name);
  if (!attribute)
    return std::nullopt;
  return SmallVector<int64_t>(attribute->ints().begin(),
                              attribute->ints().end());
}

/// Keeps the name of a result for the export: what stands inside the name of
/// the node names its results in turn. Operations that only help keep the plain
/// location of the node.
static void nameResult(OpResult result, StringRef name) {
  SmallVector<StringAttr> names;
  Location location = result.getOwner()->getLoc();
  while (auto named = dyn_cast<NameLoc>(location)) {
    names.push_back(named.getName());
    location = named.getChildLoc();
  }
  if (names.empty())
    return;
  MLIRContext *context = result.getContext();
  size_t place = result.getResultNumber() + 1;
  if (names.size() <= place)
    names.resize(place + 1, StringAttr::get(context));
  else if (!names[place].empty())
    return;
  names[place] = StringAttr::get(context, name);
  for (StringAttr outer : llvm::reverse(names))
    location = NameLoc::get(outer, location);
  result.getOwner()->setLoc(location);
}

void NodeContext::setResult(int index, Value value) {
  if (index >= node.output_size() || node.output(index).empty())
    return;
  // A value that another node made keeps the name that this gave it.
  if (auto result = dyn_cast<OpResult>(value);
      result && isa<NameLoc>(value.getLoc()) &&
      cast<NameLoc>(value.getLoc()).getName() ==
          cast<NameLoc>(location).getName())
    nameResult(result, node.output(index));
  importer.define(node.output(index), GraphValue{value, {}, {}, false, {}});
}
void NodeContext::setConstant(int index, ElementsAttr value,
                              const void *source) {
  if (index >= node.output_size() || node.output(index).empty())
    return;
  GraphValue constant{{}, value, {}, false, {}};
  constant.source = source;
  constant.sourceName = node.output(index);
  importer.define(node.output(index), std::move(constant));
}
void NodeContext::setConstantOf(int operand, ElementsAttr value) {
  std::string name = importer.lookup(node.input(operand))->sourceName;
  setConstant(0, value);
  // Two forms of one constant do not go by one name.
  if (!name.empty() && importer.countReaders(node.input(operand)) == 1 &&
      importer.countReaders(name) <= 1)
    if (GraphValue *result = importer.lookup(node.output(0)))
      result->sourceName = name;
}
void NodeContext::setElements(int index, ArrayRef<OpFoldResult> elements,
                              bool isScalar, Type elementType,
                              ArrayRef<int64_t> matrix) {
  if (index >= node.output_size() || node.output(index).empty())
    return;
  GraphValue value;
  value.elements.emplace(elements.begin(), elements.end());
  value.isScalar = isScalar;
  value.elementType = elementType;
  value.matrix.assign(matrix.begin(), matrix.end());
  // What is known is a constant like those that the model brings along.
  auto known = getConstantIntValues(elements);
  if (known && (elementType.isInteger(64) || elementType.isInteger(32))) {
    SmallVector<int64_t> shape(matrix);
    if (shape.empty() && !isScalar)
      shape.push_back(elements.size());
    SmallVector<APInt> numbers;
    for (int64_t number : *known)
      numbers.emplace_back(elementType.getIntOrFloatBitWidth(), number, true,
                           true);
    value = {{},
             DenseElementsAttr::get(RankedTensorType::get(shape, elementType),
                                    numbers),
             {},
             false,
             {}};
  }
  importer.define(node.output(index), value);
}

Operation *NodeContext::createNamed(StringRef name, ValueRange operands,
                                    ArrayRef<NamedAttribute> attributes) {
  OpBuilder &b = importer.builder;
  OperationState state(location, name);
  state.addOperands(operands);
  state.addAttributes(attributes);
  OperationName info = state.name;
  auto *inference = info.getInterface<InferTypeOpInterface>();
  DictionaryAttr dictionary = b.getDictionaryAttr(attributes);
  std::vector<std::max_align_t> storage(
      info.getOpPropertyByteSize() / sizeof(std::max_align_t) + 1);
  OpaqueProperties properties(storage.data());
  info.initOpProperties(properties, OpaqueProperties(nullptr));
  llvm::scope_exit release([&] { info.destroyOpProperties(properties); });
  if (info.getOpPropertyByteSize() != 0 &&
      failed(info.setOpPropertiesFromAttribute(info, properties, dictionary,
                                               [&] { return error(); })))
    return nullptr;
  SmallVector<Type> types;
  if (!inference || failed(inference->inferReturnTypes(
                        b.getContext(), location, operands, dictionary,
                        properties, RegionRange(), types)))
    return nullptr;
  state.addTypes(types);
  Operation *op = b.create(state);
  if (failed(verify(op))) {
    op->erase();
    return nullptr;
  }
  return op;
}

LogicalResult NodeContext::setResults(Operation *op) {
  if (!op)
    return failure();
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty())
      continue;
    if (i >= static_cast<int>(op->getNumResults()))
      return error() << "asks for result #" << i << ", which is not modelled";
    setResult(i, op->getResult(i));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Decomposition
//===----------------------------------------------------------------------===//

Decomposition::Decomposition(NodeContext &node)
    : node(node), b(node.importer.builder) {}

Value Decomposition::cast(Value value, Type to) {
  if (!value || getElementTypeOrSelf(value.getType()) == to)
    return value;
  return add<CastOp>(value, {getType("to", to)});
}

Value Decomposition::constant(double value, Type type) {
  auto scalar = RankedTensorType::get({}, type);
  TypedAttr number = isa<FloatType>(type)
                         ? TypedAttr(b.getFloatAttr(type, value))
                         : b.getIntegerAttr(type, static_cast<int64_t>(value));
  return neuro::ConstantOp::create(
      b, node.location, scalar,
      DenseElementsAttr::get(scalar, Attribute(number)));
}

Value Decomposition::reshape(Value value, ArrayRef<OpFoldResult> sizes) {
  MixedList list = splitSizes(sizes);
  SmallVector<Value> operands{value};
  operands.append(list.dynamic);
  return add<ReshapeOp>(operands, get("sizes", list.fixed));
}

LogicalResult Decomposition::finish(Value value, int result) {
  if (!value || hasFailed)
    return failure();
  node.setResult(result, value);
  return success();
}
