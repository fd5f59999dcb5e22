//===- GraphImporter.cpp - Translates the nodes of a graph ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "ContribHandlers.h"
#include "ModuleMetadata.h"
#include "OperandTypes.h"
#include "OperatorVersions.h"
#include "Simplify.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Verifier.h"
#include "neuroplast/Dialect/Neuro/IR/MappedFile.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Frontend/ONNX/Import.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

GraphImporter::GraphImporter(std::shared_ptr<LoadedModel> model,
                             ModuleOp module, StringRef path)
    : builder(module.getContext()), model(std::move(model)), module(module),
      context(module.getContext()), symbols(module), path(path.str()) {
  registerGenericHandlers(handlers);
  registerShapeHandlers(handlers);
  registerResizingHandlers(handlers);
  registerLayerHandlers(handlers);
  registerWindowHandlers(handlers);
  registerQuantizedHandlers(handlers);
  registerRandomHandlers(handlers);
  registerSignalHandlers(handlers);
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
  auto [entry, isNew] = values.try_emplace(name);
  if (!scopes.empty() && !scopes.back().contains(name))
    scopes.back()[name] =
        isNew ? std::nullopt : std::optional(std::move(entry->second));
  entry->second = std::move(value);
}

Value GraphImporter::createParam(StringRef name, ElementsAttr value,
                                 Location location) {
  auto type = cast<RankedTensorType>(value.getShapedType());
  std::string symbol = name.empty() ? "param" : name.str();
  OpBuilder top(context);
  auto param = ParamOp::create(top, location, symbol, value,
                               /*trainable=*/false,
                               /*shadow_of=*/FlatSymbolRefAttr(),
                               top.getStringAttr(name),
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
    if (Value tensor = constants.lookup(known->source))
      return known->value = tensor;
    if (!known->sourceName.empty())
      name = known->sourceName;
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
    if (known->source)
      constants[known->source] = known->value;
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
    GraphValue constant{{}, *value, {}, false, {}};
    constant.source = &tensor;
    constant.sourceName = tensor.name();
    define(tensor.name(), std::move(constant));
  }
  if (graph.sparse_initializer_size())
    return emitError(FileLineColLoc::get(context, path, 0, 0))
           << "tensor '" << graph.sparse_initializer(0).values().name()
           << "' is sparse, which is not modelled";
  return success();
}

/// Whether an operator takes strings: those that move elements, and some more.
static bool takesText(StringRef op) {
  static constexpr StringLiteral names[] = {"Concat",       "Equal",
                                            "Expand",       "Flatten",
                                            "Gather",       "Identity",
                                            "Reshape",      "Shape",
                                            "Size",         "Slice",
                                            "Split",        "Squeeze",
                                            "StringConcat", "StringNormalizer",
                                            "Tile",         "Transpose",
                                            "Unsqueeze"};
  return llvm::is_contained(names, op);
}

/// Whether no operand is what another node made opaque, or strings that the
/// operator does not take: only opaque nodes take those.
static bool readsTensors(NodeContext &node) {
  return llvm::all_of(node.node.input(), [&](const std::string &name) {
    GraphValue *value = name.empty() ? nullptr : node.importer.lookup(name);
    if (!value || !value->value)
      return true;
    auto type = dyn_cast<RankedTensorType>(value->value.getType());
    return type && (!isa<StringType>(type.getElementType()) ||
                    takesText(node.node.op_type()));
  });
}

LogicalResult GraphImporter::importNode(const onnx::NodeProto &node) {
  NodeContext nodeContext(*this, node, getLocation(node));
  bool isStandard = node.domain().empty() || node.domain() == "ai.onnx";
  auto handler = handlers.find(node.op_type());
  bool isKnown = isStandard && handler != handlers.end();
  // Files that ONNX Runtime wrote have its operators in the standard domain.
  if (!isKnown && (isStandard || node.domain() == "com.microsoft"))
    if (readsTensors(nodeContext))
      if (auto outcome = importContribNode(nodeContext))
        return *outcome;
  if (!isKnown)
    return importOpaque(nodeContext, isStandard ? "the operator is unknown"
                                                : "no rule fits the operator");
  // Models that could not be lifted may use operators of another meaning.
  if (!hasNewestMeaning(node, model->opset))
    return importOpaque(nodeContext,
                        "the operator meant something else at this opset");
  for (const std::string &name : node.input())
    if (!name.empty() && !lookup(name))
      return nodeContext.error()
             << "reads '" << name << "', which nothing defines before it";
  if (!readsTensors(nodeContext))
    return importOpaque(
        nodeContext, "an operand has a type that only opaque operators take");
  if (failed(checkOperandTypes(nodeContext)))
    return failure();
  if (foldSizes(nodeContext))
    return success();
  return tryHandler(nodeContext, handler->second);
}

/// What a handler has made before it found that no rule fits goes again.
LogicalResult GraphImporter::tryHandler(NodeContext &node,
                                        NodeHandler handler) {
  // Constants are made at the start of the function, before the marker.
  Operation *marker = arith::ConstantIndexOp::create(builder, node.location, 0);
  Block *block = builder.getInsertionBlock();
  LogicalResult result = handler(node);
  if (failed(result) && !node.opaqueReason.empty()) {
    builder.setInsertionPointToEnd(block);
    while (&block->back() != marker)
      block->back().erase();
    marker->erase();
    return importOpaque(node, node.opaqueReason);
  }
  if (succeeded(result))
    marker->erase();
  return result;
}

LogicalResult GraphImporter::translate(NodeContext &node) {
  auto handler = handlers.find(node.node.op_type());
  return handler == handlers.end() ? failure() : handler->second(node);
}

LogicalResult GraphImporter::importScope(
    const onnx::GraphProto &graph, ValueRange inputs,
    function_ref<LogicalResult(StringRef output)> finish) {
  scopes.emplace_back();
  llvm::scope_exit restore([&] {
    for (auto &entry : scopes.back()) {
      if (entry.second)
        values[entry.getKey()] = std::move(*entry.second);
      else
        values.erase(entry.getKey());
    }
    scopes.pop_back();
  });
  for (auto [input, value] : llvm::zip(graph.input(), inputs))
    define(input.name(), GraphValue{value, {}, {}, false, {}});
  if (failed(importInitializers(graph)))
    return failure();
  for (const auto &node : graph.node())
    if (failed(importNode(node)))
      return failure();
  for (const auto &output : graph.output())
    if (failed(finish(output.name())))
      return failure();
  return success();
}

FailureOr<SmallVector<Value>>
GraphImporter::importSubgraph(const onnx::GraphProto &graph,
                              ValueRange inputs) {
  SmallVector<Value> results;
  auto finish = [&](StringRef output) {
    results.push_back(
        materialize(output, FileLineColLoc::get(context, path, 0, 0)));
    return success(static_cast<bool>(results.back()));
  };
  if (failed(importScope(graph, inputs, finish)))
    return failure();
  return results;
}

FailureOr<std::vector<GraphValue>>
GraphImporter::inlineSubgraph(const onnx::GraphProto &graph) {
  std::vector<GraphValue> results;
  auto finish = [&](StringRef output) -> LogicalResult {
    GraphValue *value = lookup(output);
    if (!value)
      return failure();
    results.push_back(*value);
    return success();
  };
  if (failed(importScope(graph, {}, finish)))
    return failure();
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
    // Read once its parameters are known.
    if (entry.key() == onnx_frontend::kHistoryKey ||
        entry.key() == onnx_frontend::kMasksKey ||
        entry.key() == onnx_frontend::kPlasticityKey ||
        entry.key() == onnx_frontend::kStatesKey)
      continue;
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

void GraphImporter::countReaders(const onnx::GraphProto &graph) {
  for (const auto &node : graph.node()) {
    for (const std::string &name : node.input())
      ++readers[name];
    for (const auto &attribute : node.attribute())
      if (attribute.has_g())
        countReaders(attribute.g());
  }
}

LogicalResult GraphImporter::importMain() {
  const onnx::GraphProto &graph = model->proto.graph();
  countReaders(graph);
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
  markTrainable(module);
  auto getTensor = [&](StringRef name) {
    GraphValue *known = lookup(name);
    return known ? known->constant : ElementsAttr();
  };
  // A history tells of states, too.
  for (const auto &entry : model->proto.metadata_props())
    if (entry.key() == onnx_frontend::kStatesKey)
      onnx_frontend::readStates(module, entry.value(), getTensor);
  for (const auto &entry : model->proto.metadata_props())
    if (entry.key() == onnx_frontend::kHistoryKey)
      onnx_frontend::readHistory(module, entry.value(), getTensor);
    else if (entry.key() == onnx_frontend::kMasksKey)
      onnx_frontend::readMasks(module, entry.value());
    else if (entry.key() == onnx_frontend::kPlasticityKey)
      onnx_frontend::readPlasticity(module, entry.value(), getTensor);
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
  auto file = mapFile(path);
  if (file)
    return importOnnx(std::move(*file), path, options, context);
  emitError(FileLineColLoc::get(context, path, 0, 0))
      << "cannot be read: " << file.getError().message();
  return nullptr;
}

OwningOpRef<ModuleOp>
neuroplast::importOnnx(std::shared_ptr<llvm::MemoryBuffer> file, StringRef path,
                       const ImportOptions &options, MLIRContext *context) {
  context->loadDialect<NeuroDialect, func::FuncDialect, arith::ArithDialect,
                       tensor::TensorDialect, scf::SCFDialect>();
  Location location = FileLineColLoc::get(context, path, 0, 0);
  auto model = loadModel(std::move(file), path, options);
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
