//===- GraphWriter.cpp - Writing the nodes of an ONNX graph ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphWriter.h"
#include "Tensors.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "llvm/Support/Alignment.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::onnx_frontend;

//===----------------------------------------------------------------------===//
// Names and nodes
//===----------------------------------------------------------------------===//

static StringRef getNodeName(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName().getValue();
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (StringRef name = getNodeName(part); !name.empty())
        return name;
  return "";
}

/// The name that a result had when it was read, which stands inside that of its
/// node; see NodeContext::setResult.
static StringRef getResultName(OpResult result) {
  Location location = result.getLoc();
  for (unsigned depth = 0; depth <= result.getResultNumber(); ++depth) {
    auto name = dyn_cast<NameLoc>(location);
    if (!name)
      return "";
    location = name.getChildLoc();
  }
  auto name = dyn_cast<NameLoc>(location);
  return name ? name.getName().getValue() : "";
}

std::string GraphWriter::getName(Value value) {
  std::string &name = names[value];
  if (!name.empty())
    return name;
  auto result = dyn_cast<OpResult>(value);
  if (StringRef given = result ? getResultName(result) : ""; !given.empty())
    return name = makeName(given);
  StringRef node = getNodeName(value.getLoc());
  std::string hint = node.empty() ? std::string("v") : node.str();
  if (result && result.getResultNumber() > 0)
    hint += ":" + std::to_string(result.getResultNumber());
  // An initializer is called what it was called when it was read.
  if (value.getDefiningOp<neuro::ConstantOp>())
    return name = makeName(hint);
  return name = makeName(hint + ":out");
}

void GraphWriter::forget(Block &block) {
  auto forgetValue = [&](Value value) {
    names.erase(value);
    indices.erase(value);
  };
  llvm::for_each(block.getArguments(), forgetValue);
  block.walk([&](Operation *op) {
    llvm::for_each(op->getResults(), forgetValue);
    for (Region &region : op->getRegions())
      llvm::for_each(region.getArguments(), forgetValue);
  });
}

GraphWriter::Body::Body(GraphWriter &writer, ::onnx::GraphProto &graph)
    : writer(writer), outer(writer.current),
      written(writer.writtenIndices.size()) {
  writer.current = &graph;
}

GraphWriter::Body::~Body() {
  writer.current = outer;
  while (writer.writtenIndices.size() > written)
    writer.indices.erase(writer.writtenIndices.pop_back_val());
}

ValueTypes GraphWriter::getTypes() const {
  ValueTypes types;
  for (const auto &[value, name] : names)
    if (auto type = dyn_cast<RankedTensorType>(value.getType()))
      types[name] = type;
  return types;
}

::onnx::NodeProto &GraphWriter::addNode(Operation *op, StringRef type) {
  ::onnx::NodeProto *node = current->add_node();
  node->set_op_type(type.str());
  if (StringRef name = getNodeName(op->getLoc()); !name.empty())
    node->set_name(makeNodeName(name));
  return *node;
}

void GraphWriter::addOutputs(::onnx::NodeProto &node, Operation *op) {
  unsigned count = op->getNumResults();
  while (count > 1 && op->getResult(count - 1).use_empty())
    --count;
  for (Value result : op->getResults().take_front(count)) {
    bool needed = !result.use_empty() ||
                  cast<OpResult>(result).getResultNumber() == 0 ||
                  isa<neuro::SplitOp>(op);
    node.add_output(needed ? getName(result) : "");
  }
}

std::string
GraphWriter::addHelper(StringRef type, ArrayRef<std::string> inputs,
                       function_ref<void(::onnx::NodeProto &)> fill) {
  ::onnx::NodeProto *node = current->add_node();
  node->set_op_type(type.str());
  for (const std::string &input : inputs)
    node->add_input(input);
  std::string name = makeName("neuroplast_" + type.lower());
  node->add_output(name);
  if (fill)
    fill(*node);
  return name;
}

bool GraphWriter::setType(::onnx::TypeProto &proto, Type type, ArrayAttr dims) {
  // Whoever reads the model may know its operators better.
  if (isa<neuro::UnknownType>(type))
    return true;
  if (auto sequence = dyn_cast<neuro::SequenceType>(type))
    return setType(*proto.mutable_sequence_type()->mutable_elem_type(),
                   sequence.getElementType());
  if (auto optional = dyn_cast<neuro::OptionalType>(type))
    return setType(*proto.mutable_optional_type()->mutable_elem_type(),
                   optional.getElementType());
  auto tensor = dyn_cast<RankedTensorType>(type);
  int32_t elementType =
      tensor ? getElementTypeNumber(tensor.getElementType()) : 0;
  if (elementType == 0)
    return false;
  proto.mutable_tensor_type()->set_elem_type(elementType);
  auto *shape = proto.mutable_tensor_type()->mutable_shape();
  for (auto [axis, size] : llvm::enumerate(tensor.getShape())) {
    auto *dim = shape->add_dim();
    if (!ShapedType::isDynamic(size)) {
      dim->set_dim_value(size);
      continue;
    }
    auto name = dims && axis < dims.size() ? dyn_cast<StringAttr>(dims[axis])
                                           : StringAttr();
    if (name && !name.getValue().empty())
      dim->set_dim_param(name.getValue().str());
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

std::string GraphWriter::addInts(ArrayRef<int64_t> values) {
  ::onnx::TensorProto *tensor = current->add_initializer();
  std::string name = makeName("neuroplast_sizes");
  tensor->set_name(name);
  tensor->set_data_type(::onnx::TensorProto::INT64);
  tensor->add_dims(values.size());
  for (int64_t value : values)
    tensor->add_int64_data(value);
  return name;
}

std::string GraphWriter::addFloat(float value) {
  ::onnx::TensorProto *tensor = current->add_initializer();
  tensor->set_name(makeName("neuroplast_factor"));
  tensor->set_data_type(::onnx::TensorProto::FLOAT);
  tensor->add_dims(1);
  tensor->add_float_data(value);
  return tensor->name();
}

std::string GraphWriter::addNumber(float value) {
  std::string name = addFloat(value);
  current->mutable_initializer()->rbegin()->clear_dims();
  return name;
}

std::string GraphWriter::addInt(int64_t value) {
  std::string name = addInts(value);
  current->mutable_initializer()->rbegin()->clear_dims();
  return name;
}

std::string GraphWriter::addScalarOf(const std::string &vector) {
  return addHelper("Squeeze", {vector});
}

void GraphWriter::setIndexName(Value index, const std::string &name) {
  if (indices.try_emplace(index, name).second)
    writtenIndices.push_back(index);
}

std::string GraphWriter::findScalar(Value index) {
  while (auto cast = index.getDefiningOp<arith::IndexCastOp>())
    index = cast.getIn();
  if (auto extract = index.getDefiningOp<tensor::ExtractOp>())
    if (extract.getIndices().empty() && extract.getType().isInteger(64))
      return getName(extract.getTensor());
  return scalars.lookup(index);
}

std::string GraphWriter::addIndex(Value index) {
  // What a size is made of comes first, so that neither what is shared is
  // written twice nor a long chain of sizes goes deep.
  SmallVector<std::pair<Value, bool>> pending{{index, false}};
  while (!pending.empty()) {
    auto [value, isReady] = pending.pop_back_val();
    if (indices.count(value))
      continue;
    Operation *op = value.getDefiningOp();
    bool isArithmetic = op && isa<arith::ArithDialect>(op->getDialect()) &&
                        op->getNumOperands();
    if (isReady || !isArithmetic) {
      std::string name = writeIndex(value);
      if (name.empty())
        return "";
      setIndexName(value, name);
      continue;
    }
    pending.push_back({value, true});
    for (Value operand : llvm::reverse(op->getOperands()))
      pending.push_back({operand, false});
  }
  return indices[index];
}

std::string GraphWriter::writeIndex(Value index) {
  Operation *op = index.getDefiningOp();
  // Truth values are 0 and 1 here, as in the casts of the dialect.
  auto castTo = [&](const std::string &name, int32_t type) {
    return addHelper("Cast", {name}, [type](::onnx::NodeProto &node) {
      setInt(node, "to", type);
    });
  };
  if (std::string scalar = scalars.lookup(index); !scalar.empty())
    return addHelper("Reshape", {scalar, addInts({1})});
  if (!op) {
    emitError(index.getLoc(), "an index argument has no ONNX form");
    return "";
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto value = dyn_cast<IntegerAttr>(constant.getValue()))
      return addInts({value.getInt()});
    if (auto value = dyn_cast<FloatAttr>(constant.getValue()))
      return addFloat(value.getValue().convertToFloat());
  }
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    if (std::optional<int64_t> axis = dim.getConstantIndex())
      return addHelper("Shape", {getName(dim.getSource())},
                       [&](::onnx::NodeProto &node) {
                         setInt(node, "start", *axis);
                         setInt(node, "end", *axis + 1);
                       });
  }
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp,
          arith::IndexCastUIOp>(op)) {
    Value source = op->getOperand(0);
    if (auto extract = source.getDefiningOp<tensor::ExtractOp>())
      return addIndex(extract.getResult());
    return addIndex(source);
  }
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    std::string source = getName(extract.getTensor());
    if (extract.getIndices().empty()) {
      source = addHelper("Reshape", {source, addInts({1})});
    } else if (extract.getIndices().size() == 1) {
      std::string place = addIndex(extract.getIndices()[0]);
      source = addHelper("Gather", {source, place});
    } else {
      emitError(op->getLoc(),
                "an element of a tensor of rank above 1 is used as a size, "
                "which has no ONNX form yet");
      return "";
    }
    return extract.getType().isInteger(64)
               ? source
               : castTo(source, ::onnx::TensorProto::INT64);
  }
  if (isa<arith::SIToFPOp, arith::FPToSIOp>(op)) {
    std::string source = addIndex(op->getOperand(0));
    bool toReal = isa<arith::SIToFPOp>(op);
    return source.empty() ? ""
                          : castTo(source, toReal ? ::onnx::TensorProto::FLOAT
                                                  : ::onnx::TensorProto::INT64);
  }
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    std::string condition = addIndex(select.getCondition());
    std::string yes = addIndex(select.getTrueValue());
    std::string no = addIndex(select.getFalseValue());
    if (condition.empty() || yes.empty() || no.empty())
      return "";
    return addHelper("Where",
                     {castTo(condition, ::onnx::TensorProto::BOOL), yes, no});
  }
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    std::string left = addIndex(compare.getLhs()),
                right = addIndex(compare.getRhs());
    if (left.empty() || right.empty())
      return "";
    std::string result;
    switch (compare.getPredicate()) {
    case arith::CmpIPredicate::eq:
      result = addHelper("Equal", {left, right});
      break;
    case arith::CmpIPredicate::ne:
      result = addHelper("Not", {addHelper("Equal", {left, right})});
      break;
    case arith::CmpIPredicate::slt:
    case arith::CmpIPredicate::ult:
      result = addHelper("Less", {left, right});
      break;
    case arith::CmpIPredicate::sle:
    case arith::CmpIPredicate::ule:
      result = addHelper("LessOrEqual", {left, right});
      break;
    case arith::CmpIPredicate::sgt:
    case arith::CmpIPredicate::ugt:
      result = addHelper("Greater", {left, right});
      break;
    case arith::CmpIPredicate::sge:
    case arith::CmpIPredicate::uge:
      result = addHelper("GreaterOrEqual", {left, right});
      break;
    }
    return castTo(result, ::onnx::TensorProto::INT64);
  }
  StringRef type;
  if (isa<arith::AddIOp>(op))
    type = "Add";
  else if (isa<arith::SubIOp>(op))
    type = "Sub";
  else if (isa<arith::MulIOp, arith::MulFOp>(op))
    type = "Mul";
  else if (isa<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>(op))
    type = "Div";
  else if (isa<arith::MaxSIOp>(op))
    type = "Max";
  else if (isa<arith::MinSIOp>(op))
    type = "Min";
  if (type.empty()) {
    op->emitError("'") << op->getName()
                       << "' computes a size and has no ONNX form";
    return "";
  }
  std::string left = addIndex(op->getOperand(0)),
              right = addIndex(op->getOperand(1));
  if (left.empty() || right.empty())
    return "";
  return addHelper(type, {left, right});
}

std::string GraphWriter::addSizes(ArrayRef<int64_t> sizes, ValueRange dynamic) {
  if (dynamic.empty())
    return addInts(sizes);
  std::vector<std::string> parts;
  SmallVector<int64_t> run;
  auto flush = [&] {
    if (!run.empty())
      parts.push_back(addInts(run));
    run.clear();
  };
  size_t next = 0;
  for (int64_t size : sizes) {
    if (!ShapedType::isDynamic(size) || next == dynamic.size()) {
      run.push_back(size);
      continue;
    }
    flush();
    parts.push_back(addIndex(dynamic[next++]));
    if (parts.back().empty())
      return "";
  }
  flush();
  if (parts.size() == 1)
    return parts[0];
  return addHelper("Concat", parts,
                   [](::onnx::NodeProto &node) { setInt(node, "axis", 0); });
}

//===----------------------------------------------------------------------===//
// Initializers and attributes
//===----------------------------------------------------------------------===//

void GraphWriter::writeExternal(::onnx::TensorProto &tensor, StringRef data) {
  // Pages can be mapped from there.
  constexpr uint64_t kAlignment = 4096;
  externalData->write_zeros(
      llvm::offsetToAlignment(externalData->tell(), llvm::Align(kAlignment)));
  auto add = [&](StringRef key, const std::string &value) {
    auto *entry = tensor.add_external_data();
    entry->set_key(key.str());
    entry->set_value(value);
  };
  add("location", externalLocation);
  add("offset", std::to_string(externalData->tell()));
  add("length", std::to_string(data.size()));
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  *externalData << data;
}

LogicalResult GraphWriter::writeTensor(::onnx::TensorProto &tensor,
                                       ElementsAttr value, Location location) {
  auto type = cast<ShapedType>(value.getShapedType());
  int32_t elementType = getElementTypeNumber(type.getElementType());
  std::optional<TensorElements> elements = TensorElements::read(value);
  if (elementType == 0 || !elements)
    return emitError(location)
           << "the elements of '" << tensor.name() << "', of type "
           << type.getElementType() << ", cannot be read or written to ONNX";
  tensor.set_data_type(elementType);
  for (int64_t size : type.getShape())
    tensor.add_dims(size);
  StringRef bytes(elements->getBytes().data(), elements->getBytes().size());
  // What is small is better found in the model itself.
  constexpr size_t kLeastExternal = 4096;
  if (externalData && bytes.size() >= kLeastExternal)
    writeExternal(tensor, bytes);
  else
    tensor.set_raw_data(bytes.data(), bytes.size());
  return success();
}

LogicalResult GraphWriter::addInitializer(StringRef name, ElementsAttr value,
                                          Location location) {
  ::onnx::TensorProto *tensor = current->add_initializer();
  tensor->set_name(name.str());
  return writeTensor(*tensor, value, location);
}

static ::onnx::AttributeProto &
addAttribute(::onnx::NodeProto &node, StringRef name,
             ::onnx::AttributeProto::AttributeType type) {
  ::onnx::AttributeProto *attribute = node.add_attribute();
  attribute->set_name(name.str());
  attribute->set_type(type);
  return *attribute;
}

void GraphWriter::setInt(::onnx::NodeProto &node, StringRef name,
                         int64_t value) {
  addAttribute(node, name, ::onnx::AttributeProto::INT).set_i(value);
}
void GraphWriter::setInts(::onnx::NodeProto &node, StringRef name,
                          ArrayRef<int64_t> values) {
  auto &attribute = addAttribute(node, name, ::onnx::AttributeProto::INTS);
  for (int64_t value : values)
    attribute.add_ints(value);
}
void GraphWriter::setFloat(::onnx::NodeProto &node, StringRef name,
                           float value) {
  addAttribute(node, name, ::onnx::AttributeProto::FLOAT).set_f(value);
}
void GraphWriter::setFloats(::onnx::NodeProto &node, StringRef name,
                            ArrayRef<float> values) {
  auto &attribute = addAttribute(node, name, ::onnx::AttributeProto::FLOATS);
  for (float value : values)
    attribute.add_floats(value);
}
LogicalResult GraphWriter::setTensor(::onnx::NodeProto &node, StringRef name,
                                     ElementsAttr value, Location location) {
  auto &attribute = addAttribute(node, name, ::onnx::AttributeProto::TENSOR);
  return writeTensor(*attribute.mutable_t(), value, location);
}
void GraphWriter::setString(::onnx::NodeProto &node, StringRef name,
                            StringRef value) {
  addAttribute(node, name, ::onnx::AttributeProto::STRING).set_s(value.str());
}

bool GraphWriter::setAttribute(::onnx::NodeProto &node, StringRef name,
                               Attribute value) {
  if (auto boolean = dyn_cast<BoolAttr>(value))
    setInt(node, name, boolean.getValue());
  else if (auto integer = dyn_cast<IntegerAttr>(value))
    setInt(node, name, integer.getInt());
  else if (auto number = dyn_cast<FloatAttr>(value))
    setFloat(node, name, number.getValue().convertToFloat());
  else if (auto text = dyn_cast<StringAttr>(value))
    setString(node, name, text.getValue());
  else if (auto list = dyn_cast<DenseI64ArrayAttr>(value))
    setInts(node, name, list.asArrayRef());
  else if (auto list = dyn_cast<DenseF32ArrayAttr>(value))
    setFloats(node, name, list.asArrayRef());
  else if (auto list = dyn_cast<ArrayAttr>(value)) {
    auto &attribute = addAttribute(node, name, ::onnx::AttributeProto::STRINGS);
    for (Attribute element : list) {
      auto text = dyn_cast<StringAttr>(element);
      if (!text)
        return false;
      attribute.add_strings(text.getValue().str());
    }
  } else {
    return false;
  }
  return true;
}
