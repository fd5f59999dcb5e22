//===- GraphImporter.cpp - Translates the nodes of a graph ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "OperandTypes.h"
#include "OperatorVersions.h"
#include "Simplify.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Verifier.h"
#include "neuroplast/Frontend/ONNX/Import.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

//===----------------------------------------------------------------------===//
// NodeContext
//===----------------------------------------------------------------------===//

InFlightDiagnostic NodeContext::error() {
  InFlightDiagnostic diagnostic = emitError(location);
  diagnostic << "operator '" << node.op_type() << "' ";
  return diagnostic;
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
void NodeContext::setConstant(int index, ElementsAttr value) {
  if (index < node.output_size() && !node.output(index).empty())
    importer.define(node.output(index), GraphValue{{}, value, {}, false, {}});
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
// GraphImporter
//===----------------------------------------------------------------------===//

GraphImporter::GraphImporter(std::shared_ptr<LoadedModel> model,
                             ModuleOp module, StringRef path)
    : builder(module.getContext()), model(std::move(model)), module(module),
      context(module.getContext()), symbols(module), path(path.str()) {
  registerGenericHandlers(handlers);
  registerShapeHandlers(handlers);
  registerResizingHandlers(handlers);
  registerLayerHandlers(handlers);
  registerControlFlowHandlers(handlers);
  registerSequenceHandlers(handlers);
}

Location GraphImporter::getLocation(const onnx::NodeProto &node) {
  std::string name = node.name();
  if (name.empty())
    name = node.op_type() + (node.output_size() ? ":" + node.output(0) : "");
  return NameLoc::get(StringAttr::get(context, name),
                      FileLineColLoc::get(context, path, 0, 0));
}

GraphValue *GraphImporter::lookup(StringRef name) {
  auto it = values.find(name);
  return it == values.end() ? nullptr : &it->second;
}

void GraphImporter::define(StringRef name, GraphValue value) {
  values[name] = std::move(value);
}

Value GraphImporter::createParam(StringRef name, ElementsAttr value,
                                 Location location) {
  auto type = cast<RankedTensorType>(value.getShapedType());
  std::string symbol = name.empty() ? "param" : name.str();
  OpBuilder top(context);
  auto param = ParamOp::create(
      top, location, symbol, value,
      /*trainable=*/isa<FloatType>(type.getElementType()),
      /*shadow_of=*/FlatSymbolRefAttr(), top.getStringAttr(name),
      /*sym_visibility=*/StringAttr());
  // Before the function, in the order in which they are first used.
  symbols.insert(param, function->getIterator());
  return GetParamOp::create(builder, location, type, param.getSymName());
}

Value GraphImporter::materialize(StringRef name, Location location) {
  GraphValue *known = lookup(name);
  if (!known)
    return Value();
  if (known->value)
    return known->value;
  // A constant or a list of sizes becomes a tensor at each place that needs
  // one; a parameter is declared once.
  if (known->constant) {
    auto type = cast<RankedTensorType>(known->constant.getShapedType());
    bool isParam = isa<FloatType>(type.getElementType()) && type.getRank() > 0;
    bool isLarge = type.getNumElements() > 16;
    OpBuilder::InsertionGuard guard(builder);
    auto function = dyn_cast_or_null<func::FuncOp>(
        builder.getInsertionBlock()->getParentOp());
    if (!function)
      function = builder.getInsertionBlock()
                     ->getParentOp()
                     ->getParentOfType<func::FuncOp>();
    builder.setInsertionPointToStart(&function.getBody().front());
    Location constantLocation =
        NameLoc::get(StringAttr::get(context, name),
                     FileLineColLoc::get(context, path, 0, 0));
    if (isParam || isLarge)
      known->value = createParam(name, known->constant, constantLocation);
    else
      known->value = neuro::ConstantOp::create(builder, constantLocation, type,
                                               known->constant);
    return known->value;
  }
  if (known->sequence)
    return createSequence(*known, location);
  SmallVector<Value> elements;
  for (OpFoldResult element : *known->elements) {
    if (auto constant = getConstantIntValue(element)) {
      elements.push_back(arith::ConstantOp::create(
          builder, location,
          builder.getIntegerAttr(known->elementType, *constant)));
      continue;
    }
    elements.push_back(arith::IndexCastOp::create(
        builder, location, known->elementType, cast<Value>(element)));
  }
  SmallVector<int64_t> shape;
  if (!known->matrix.empty())
    shape = known->matrix;
  else if (!known->isScalar)
    shape.push_back(elements.size());
  // Not kept: the place may be inside a region.
  return tensor::FromElementsOp::create(
      builder, location, RankedTensorType::get(shape, known->elementType),
      elements);
}

Type GraphImporter::convertType(const onnx::TypeProto &type) {
  if (type.has_tensor_type()) {
    Type element = getElementType(type.tensor_type().elem_type(), context);
    if (!element || !type.tensor_type().has_shape())
      return Type();
    SmallVector<int64_t> shape;
    for (const auto &dim : type.tensor_type().shape().dim()) {
      bool isKnown = dim.has_dim_value() && dim.dim_value() >= 0;
      shape.push_back(isKnown ? dim.dim_value() : ShapedType::kDynamic);
    }
    return RankedTensorType::get(shape, element);
  }
  if (type.has_sequence_type())
    if (Type element = convertType(type.sequence_type().elem_type()))
      return SequenceType::get(context, element);
  if (type.has_optional_type())
    if (Type element = convertType(type.optional_type().elem_type()))
      return OptionalType::get(context, element);
  return Type();
}

Type GraphImporter::getInferredType(StringRef name) {
  auto it = inferred.find(name);
  return it == inferred.end() ? Type() : it->second;
}

LogicalResult GraphImporter::importInitializers(const onnx::GraphProto &graph) {
  for (const auto &tensor : graph.initializer()) {
    auto value = convertTensor(model, tensor, tensor.name(), context);
    if (!value)
      return emitError(FileLineColLoc::get(context, path, 0, 0))
             << llvm::toString(value.takeError());
    define(tensor.name(), GraphValue{{}, *value, {}, false, {}});
  }
  if (graph.sparse_initializer_size())
    return emitError(FileLineColLoc::get(context, path, 0, 0))
           << "tensor '" << graph.sparse_initializer(0).values().name()
           << "' is sparse, which is not modelled";
  return success();
}

LogicalResult GraphImporter::importNode(const onnx::NodeProto &node) {
  NodeContext nodeContext(*this, node, getLocation(node));
  bool isStandard = node.domain().empty() || node.domain() == "ai.onnx";
  auto handler = handlers.find(node.op_type());
  if (!isStandard || handler == handlers.end())
    return importOpaque(nodeContext, "the operator is unknown");
  // Models that could not be lifted may use operators of another meaning.
  if (!hasNewestMeaning(node, model->opset))
    return importOpaque(nodeContext,
                        "the operator meant something else at this opset");
  for (const std::string &name : node.input())
    if (!name.empty() && !lookup(name))
      return nodeContext.error()
             << "reads '" << name << "', which nothing defines before it";
  // What another node made opaque has a type that only opaque nodes take.
  for (const std::string &name : node.input()) {
    GraphValue *value = name.empty() ? nullptr : lookup(name);
    if (value && value->value) {
      auto type = dyn_cast<RankedTensorType>(value->value.getType());
      if (!type || isa<StringType>(type.getElementType()))
        return importOpaque(nodeContext, "an operand has a type that only "
                                         "opaque operators take");
    }
  }
  if (failed(checkOperandTypes(nodeContext)))
    return failure();
  if (foldSizes(nodeContext))
    return success();
  return handler->second(nodeContext);
}

LogicalResult GraphImporter::importOpaque(NodeContext &node, StringRef reason) {
  for (const auto &attribute : node.node.attribute())
    if (attribute.has_g() || attribute.graphs_size())
      return node.error() << "has a subgraph and is unknown";
  SmallVector<Value> inputs;
  SmallVector<bool> present;
  for (int i = 0; i < node.node.input_size(); ++i) {
    present.push_back(node.hasInput(i));
    if (!node.hasInput(i))
      continue;
    Value value = node.getInput(i);
    if (!value)
      return failure();
    inputs.push_back(value);
  }
  SmallVector<Type> types;
  for (const std::string &name : node.node.output()) {
    Type type = getInferredType(name);
    if (!type)
      type = name.empty() ? Type(builder.getNoneType())
                          : Type(UnknownType::get(context));
    types.push_back(type);
  }
  std::string bytes;
  node.node.SerializeToString(&bytes);
  auto op = OpaqueOp::create(builder, node.location, types, node.node.domain(),
                             node.node.op_type(), inputs, present,
                             llvm::toHex(bytes), builder.getStringAttr(reason));
  for (auto [index, result] : llvm::enumerate(op.getOutputs()))
    node.setResult(index, result);
  return success();
}

FailureOr<SmallVector<Value>>
GraphImporter::importSubgraph(const onnx::GraphProto &graph, ValueRange inputs,
                              ArrayRef<Value *>) {
  llvm::StringMap<GraphValue> outer = values;
  llvm::scope_exit restore([&] {
    // Outer constants that were made tensors inside stay so: they stand at the
    // start of the function.
    for (auto &entry : outer)
      if (GraphValue *inner = lookup(entry.getKey());
          inner && entry.second.constant &&
          inner->constant == entry.second.constant)
        entry.second.value = inner->value;
    values = std::move(outer);
  });
  for (auto [input, value] : llvm::zip(graph.input(), inputs))
    define(input.name(), GraphValue{value, {}, {}, false, {}});
  if (failed(importInitializers(graph)))
    return failure();
  for (const auto &node : graph.node())
    if (failed(importNode(node)))
      return failure();
  SmallVector<Value> results;
  for (const auto &output : graph.output()) {
    Value value =
        materialize(output.name(), FileLineColLoc::get(context, path, 0, 0));
    if (!value)
      return failure();
    results.push_back(value);
  }
  return results;
}

void GraphImporter::setModelAttributes() {
  const onnx::ModelProto &proto = model->proto;
  SmallVector<NamedAttribute> entries;
  auto add = [&](StringRef name, Attribute value) {
    entries.push_back(builder.getNamedAttr(name, value));
  };
  auto addString = [&](StringRef name, const std::string &value) {
    if (!value.empty())
      add(name, builder.getStringAttr(value));
  };
  add("opset", builder.getI64IntegerAttr(model->opset));
  // The first import is the one that knows the file's own opset.
  int64_t original = model->originalOpset;
  SmallVector<NamedAttribute> metadata;
  for (const auto &entry : proto.metadata_props()) {
    if (entry.key() == "neuroplast.original_opset") {
      (void)StringRef(entry.value()).getAsInteger(10, original);
      continue;
    }
    metadata.push_back(builder.getNamedAttr(
        entry.key(), builder.getStringAttr(entry.value())));
  }
  add("original_opset", builder.getI64IntegerAttr(original));
  if (proto.ir_version())
    add("ir_version", builder.getI64IntegerAttr(model->irVersion));
  addString("producer_name", proto.producer_name());
  addString("producer_version", proto.producer_version());
  addString("domain", proto.domain());
  addString("doc_string", proto.doc_string());
  addString("graph_name", proto.graph().name());
  if (proto.model_version())
    add("model_version", builder.getI64IntegerAttr(proto.model_version()));
  SmallVector<NamedAttribute> domains;
  for (const auto &entry : proto.opset_import())
    if (!entry.domain().empty() && entry.domain() != "ai.onnx")
      domains.push_back(builder.getNamedAttr(
          entry.domain(), builder.getI64IntegerAttr(entry.version())));
  if (!domains.empty())
    add("domains", builder.getDictionaryAttr(domains));
  if (!metadata.empty())
    add("metadata", builder.getDictionaryAttr(metadata));
  module->setAttr("neuro.model", builder.getDictionaryAttr(entries));
}

LogicalResult GraphImporter::importMain() {
  const onnx::GraphProto &graph = model->proto.graph();
  Location fileLocation = FileLineColLoc::get(context, path, 0, 0);
  setModelAttributes();
  for (const auto *list : {&graph.value_info(), &graph.output()})
    for (const auto &info : *list)
      if (Type type = convertType(info.type()); type && !findTypeProblem(type))
        inferred[info.name()] = type;

  SmallVector<Type> inputTypes;
  SmallVector<Attribute> inputAttributes;
  for (const auto &input : graph.input()) {
    Type type = convertType(input.type());
    if (!type)
      return emitError(fileLocation)
             << "input '" << input.name()
             << "' has no rank or an element type that is not modelled";
    if (auto problem = findTypeProblem(type))
      return emitError(fileLocation)
             << "input '" << input.name() << "' " << *problem;
    inputTypes.push_back(type);
    SmallVector<NamedAttribute> attributes{builder.getNamedAttr(
        "neuro.name", builder.getStringAttr(input.name()))};
    SmallVector<Attribute> dims;
    bool hasNames = false;
    if (input.type().has_tensor_type())
      for (const auto &dim : input.type().tensor_type().shape().dim()) {
        dims.push_back(builder.getStringAttr(dim.dim_param()));
        hasNames |= !dim.dim_param().empty();
      }
    if (hasNames)
      attributes.push_back(
          builder.getNamedAttr("neuro.dims", builder.getArrayAttr(dims)));
    inputAttributes.push_back(builder.getDictionaryAttr(attributes));
  }

  builder.setInsertionPointToEnd(module.getBody());
  auto function =
      func::FuncOp::create(builder, fileLocation, "main",
                           builder.getFunctionType(inputTypes, TypeRange()));
  function.setAllArgAttrs(inputAttributes);
  this->function = function;
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToEnd(entry);
  for (auto [input, argument] : llvm::zip(graph.input(), entry->getArguments()))
    define(input.name(), GraphValue{argument, {}, {}, false, {}});
  if (failed(importInitializers(graph)))
    return failure();
  for (const auto &node : graph.node())
    if (failed(importNode(node)))
      return failure();

  SmallVector<Value> results;
  SmallVector<Type> resultTypes;
  SmallVector<Attribute> resultAttributes;
  for (const auto &output : graph.output()) {
    Value value = materialize(output.name(), fileLocation);
    if (!value)
      return emitError(fileLocation)
             << "output '" << output.name() << "' is computed by no node";
    if (Type declared = convertType(model->declaredOutputs[output.name()]);
        declared && isa<RankedTensorType>(value.getType()) &&
        !areCompatibleTypes(declared, value.getType()))
      return emitError(value.getLoc())
             << "computes output '" << output.name() << "' of type "
             << value.getType() << ", which the model declares as " << declared;
    results.push_back(value);
    resultTypes.push_back(value.getType());
    SmallVector<NamedAttribute> attributes{builder.getNamedAttr(
        "neuro.name", builder.getStringAttr(output.name()))};
    resultAttributes.push_back(builder.getDictionaryAttr(attributes));
  }
  func::ReturnOp::create(builder, fileLocation, results);
  function.setFunctionType(builder.getFunctionType(inputTypes, resultTypes));
  function.setAllResultAttrs(resultAttributes);
  return verify(module);
}

//===----------------------------------------------------------------------===//
// Entry point
//===----------------------------------------------------------------------===//

bool neuroplast::isOnnxFile(StringRef path) {
  return path.ends_with(".onnx") || path.ends_with(".onnxtext");
}

OwningOpRef<ModuleOp> neuroplast::importOnnx(StringRef path,
                                             const ImportOptions &options,
                                             MLIRContext *context) {
  context->loadDialect<NeuroDialect, func::FuncDialect, arith::ArithDialect,
                       tensor::TensorDialect, scf::SCFDialect>();
  Location location = FileLineColLoc::get(context, path, 0, 0);
  auto model = loadModel(path, options);
  if (!model) {
    emitError(location) << llvm::toString(model.takeError());
    return nullptr;
  }
  OwningOpRef<ModuleOp> module = ModuleOp::create(location);
  GraphImporter importer(*model, *module, path);
  if (failed(importer.importMain()))
    return nullptr;
  if (failed(simplifyImported(*module)))
    return nullptr;
  return module;
}
