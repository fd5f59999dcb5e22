//===- OpsetLowering.cpp - Say a graph in an older opset ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Most operators only gained element types and attributes; their schemas say
// so, and what is left at its default goes. A table has those whose operands
// were attributes once, or whose parts have to be put together.

#include "OpsetLowering.h"
#include "GraphWriter.h"
#include "OperatorVersions.h"

#include "llvm/ADT/STLExtras.h"

#include "onnx/defs/data_type_utils.h"
#include "onnx/defs/schema.h"
#include "onnx/defs/tensor_proto_util.h"

using namespace neuroplast;
using namespace neuroplast::onnx_frontend;
using llvm::StringRef;
using ::onnx::AttributeProto;
using ::onnx::NodeProto;
using ::onnx::OpSchema;
using ::onnx::TensorProto;

namespace {

const AttributeProto *findAttribute(const NodeProto &node, StringRef name) {
  for (const auto &attribute : node.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

void removeAttribute(NodeProto &node, StringRef name) {
  auto *attributes = node.mutable_attribute();
  for (int i = attributes->size() - 1; i >= 0; --i)
    if (attributes->Get(i).name() == name)
      attributes->DeleteSubrange(i, 1);
}

int64_t getInt(const NodeProto &node, StringRef name, int64_t otherwise) {
  const AttributeProto *attribute = findAttribute(node, name);
  return attribute ? attribute->i() : otherwise;
}

std::string getString(const NodeProto &node, StringRef name,
                      StringRef otherwise) {
  const AttributeProto *attribute = findAttribute(node, name);
  return attribute ? attribute->s() : otherwise.str();
}

bool hasInput(const NodeProto &node, int index) {
  return index < node.input_size() && !node.input(index).empty();
}

void truncateInputs(NodeProto &node, int count) {
  while (node.input_size() > count)
    node.mutable_input()->RemoveLast();
}

class Lowering {
public:
  /// `outer` has the constants around a graph that is the body of a node.
  Lowering(::onnx::GraphProto &graph, const ValueTypes &types, int64_t opset,
           const llvm::StringMap<const TensorProto *> &outer = {})
      : graph(graph), types(types), opset(opset), constants(outer) {
    for (const TensorProto &tensor : graph.initializer())
      constants[tensor.name()] = &tensor;
  }

  std::string run() {
    for (const NodeProto &node : graph.node()) {
      NodeProto copy = node;
      for (AttributeProto &attribute : *copy.mutable_attribute())
        if (attribute.has_g())
          if (std::string problem =
                  Lowering(*attribute.mutable_g(), types, opset, constants)
                      .run();
              !problem.empty())
            return problem;
      if (std::string problem = lower(copy); !problem.empty())
        return "node '" + node.name() + "' (" + node.op_type() + ") " + problem;
      nodes.Add()->Swap(&copy);
    }
    graph.mutable_node()->Swap(&nodes);
    for (TensorProto &tensor : added)
      graph.add_initializer()->Swap(&tensor);
    dropUnusedSizes();
    return "";
  }

  int64_t getOpset() const { return opset; }

  /// The constant integers (or floats) that an operand is; none if it is not.
  std::optional<std::vector<int64_t>> getInts(const NodeProto &node,
                                              int index) {
    const TensorProto *tensor = constants.lookup(node.input(index));
    if (!tensor || tensor->data_type() != TensorProto::INT64 ||
        tensor->data_location() == TensorProto::EXTERNAL)
      return std::nullopt;
    return ::onnx::ParseData<int64_t>(tensor);
  }
  std::optional<std::vector<float>> getFloats(const NodeProto &node,
                                              int index) {
    const TensorProto *tensor = constants.lookup(node.input(index));
    if (!tensor || tensor->data_type() != TensorProto::FLOAT ||
        tensor->data_location() == TensorProto::EXTERNAL)
      return std::nullopt;
    return ::onnx::ParseData<float>(tensor);
  }

  /// The rank of an operand; -1 if it is unknown.
  int64_t getRank(const NodeProto &node, int index) const {
    auto it = types.find(node.input(index));
    return it == types.end() ? -1 : it->second.getRank();
  }
  /// Whether two values certainly have one shape.
  bool haveSameShape(const std::string &a, const std::string &b) const {
    auto left = types.find(a), right = types.find(b);
    return left != types.end() && right != types.end() &&
           left->second.hasStaticShape() &&
           left->second.getShape() == right->second.getShape();
  }
  /// The ONNX element type of an operand; 0 if it is unknown.
  int32_t getElementType(const NodeProto &node, int index) const {
    if (const TensorProto *tensor = constants.lookup(node.input(index)))
      return tensor->data_type();
    auto it = types.find(node.input(index));
    return it == types.end()
               ? 0
               : getElementTypeNumber(it->second.getElementType());
  }

  /// A node before the one that is lowered.
  NodeProto &addBefore(StringRef type, llvm::ArrayRef<std::string> inputs,
                       const std::string &output) {
    NodeProto *node = nodes.Add();
    node->set_op_type(type.str());
    for (const std::string &input : inputs)
      node->add_input(input);
    node->add_output(output);
    return *node;
  }
  std::string addInts(const std::string &name, llvm::ArrayRef<int64_t> values) {
    TensorProto &tensor = added.emplace_back();
    tensor.set_name(name);
    tensor.set_data_type(TensorProto::INT64);
    tensor.add_dims(values.size());
    for (int64_t value : values)
      tensor.add_int64_data(value);
    return name;
  }
  /// An empty list of floats, which older operators want for an absent operand.
  std::string getEmptyFloats() {
    static constexpr const char *name = "neuroplast_empty";
    bool isThere = constants.count(name) ||
                   llvm::any_of(added, [](const TensorProto &tensor) {
                     return tensor.name() == name;
                   });
    if (!isThere) {
      TensorProto &tensor = added.emplace_back();
      tensor.set_name(name);
      tensor.set_data_type(TensorProto::FLOAT);
      tensor.add_dims(0);
    }
    return name;
  }

private:
  std::string lower(NodeProto &node);
  std::string applySchema(NodeProto &node);

  /// What a graph and the bodies of its nodes read.
  static void collectUses(const ::onnx::GraphProto &graph,
                          llvm::StringMap<bool> &used) {
    for (const NodeProto &node : graph.node()) {
      for (const std::string &input : node.input())
        used[input] = true;
      for (const AttributeProto &attribute : node.attribute())
        if (attribute.has_g())
          collectUses(attribute.g(), used);
    }
    for (const auto &output : graph.output())
      used[output.name()] = true;
  }

  /// Lists of sizes that became attributes are no tensors any more.
  void dropUnusedSizes() {
    llvm::StringMap<bool> used;
    collectUses(graph, used);
    auto *initializers = graph.mutable_initializer();
    auto isUnused = [&](const TensorProto &tensor) {
      return StringRef(tensor.name()).starts_with("neuroplast_") &&
             !used.count(tensor.name());
    };
    initializers->erase(
        std::remove_if(initializers->begin(), initializers->end(), isUnused),
        initializers->end());
  }

  ::onnx::GraphProto &graph;
  const ValueTypes &types;
  int64_t opset;
  llvm::StringMap<const TensorProto *> constants;
  google::protobuf::RepeatedPtrField<NodeProto> nodes;
  std::vector<TensorProto> added;
};

//===----------------------------------------------------------------------===//
// Operators whose form changed
//===----------------------------------------------------------------------===//

/// Changes a node to the form of the opset; says why that cannot be.
using Rule = std::string (*)(Lowering &lowering, NodeProto &node);

/// Moves a constant list of integers from an operand to an attribute.
std::string moveInts(Lowering &lowering, NodeProto &node, int index,
                     StringRef name) {
  if (!hasInput(node, index))
    return "";
  auto values = lowering.getInts(node, index);
  if (!values)
    return "takes '" + name.str() + "' from a tensor";
  GraphWriter::setInts(node, name, *values);
  node.set_input(index, "");
  return "";
}

template <int64_t since>
std::string moveAxes(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= since)
    return "";
  std::string problem = moveInts(lowering, node, 1, "axes");
  truncateInputs(node, 1);
  return problem;
}

std::string lowerSplit(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() < 18)
    removeAttribute(node, "num_outputs");
  if (lowering.getOpset() >= 13)
    return "";
  std::string problem = moveInts(lowering, node, 1, "split");
  truncateInputs(node, 1);
  return problem;
}

std::string lowerSlice(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 10)
    return "";
  if (hasInput(node, 4)) {
    auto steps = lowering.getInts(node, 4);
    if (!steps || llvm::any_of(*steps, [](int64_t step) { return step != 1; }))
      return "takes steps";
  }
  static constexpr const char *names[] = {"starts", "ends", "axes"};
  for (int i = 0; i < 3; ++i)
    if (std::string problem = moveInts(lowering, node, i + 1, names[i]);
        !problem.empty())
      return problem;
  truncateInputs(node, 1);
  return "";
}

/// Moves a constant float from an operand to an attribute.
std::string moveFloat(Lowering &lowering, NodeProto &node, int index,
                      StringRef name) {
  if (!hasInput(node, index))
    return "";
  auto values = lowering.getFloats(node, index);
  if (!values || values->size() != 1)
    return "takes '" + name.str() + "' from a tensor";
  GraphWriter::setFloat(node, name, values->front());
  return "";
}

std::string lowerPad(Lowering &lowering, NodeProto &node) {
  if (getString(node, "mode", "constant") == "wrap" && lowering.getOpset() < 19)
    return "wraps around";
  if (lowering.getOpset() >= 11)
    return "";
  std::string problem = moveInts(lowering, node, 1, "pads");
  if (problem.empty())
    problem = moveFloat(lowering, node, 2, "value");
  truncateInputs(node, 1);
  return problem;
}

std::string lowerClip(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 11)
    return "";
  std::string problem = moveFloat(lowering, node, 1, "min");
  if (problem.empty())
    problem = moveFloat(lowering, node, 2, "max");
  truncateInputs(node, 1);
  return problem;
}

std::string lowerDropout(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 12)
    return "";
  std::string problem = moveFloat(lowering, node, 1, "ratio");
  truncateInputs(node, 1);
  return problem;
}

std::string lowerTopK(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 10)
    return "";
  auto k = lowering.getInts(node, 1);
  if (!k || k->size() != 1)
    return "takes k from a tensor";
  GraphWriter::setInt(node, "k", k->front());
  truncateInputs(node, 1);
  return "";
}

/// Before opset 13 all axes from the given one on were one.
std::string lowerSoftmax(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 13)
    return "";
  int64_t rank = lowering.getRank(node, 0), axis = getInt(node, "axis", -1);
  if (rank < 0 || (axis < 0 ? axis + rank : axis) != rank - 1)
    return "runs along an axis that is not the last";
  removeAttribute(node, "axis");
  GraphWriter::setInt(node, "axis", rank - 1);
  return "";
}

std::string lowerResize(Lowering &lowering, NodeProto &node) {
  int64_t opset = lowering.getOpset();
  if (opset >= 13)
    return "";
  if (opset >= 11) {
    while (node.input_size() < 3)
      node.add_input("");
    for (int i : {1, 2})
      if (node.input(i).empty())
        node.set_input(i, lowering.getEmptyFloats());
    return "";
  }
  // Until opset 10 there was one way to find an element.
  if (getString(node, "coordinate_transformation_mode", "half_pixel") !=
          "asymmetric" ||
      !hasInput(node, 2))
    return "says where its elements lie";
  auto scales = lowering.getFloats(node, 2);
  if (!scales)
    return "takes its scales from a tensor";
  bool grows = llvm::all_of(*scales, [](float scale) { return scale >= 1; });
  std::string mode = getString(node, "mode", "nearest");
  std::string nearest = getString(node, "nearest_mode", "round_prefer_floor");
  if (mode == "cubic" ||
      (mode == "nearest" && nearest != (grows ? "floor" : "ceil")) ||
      (opset < 10 && !grows))
    return "interpolates in a newer way";
  for (StringRef name : {"coordinate_transformation_mode", "nearest_mode"})
    removeAttribute(node, name);
  std::string source = node.input(2);
  truncateInputs(node, 1);
  if (opset < 10)
    node.set_op_type("Upsample");
  if (opset < 9)
    return "scales by a tensor";
  node.add_input(source);
  return "";
}

/// A part of a shape is cut out of it.
std::string lowerShape(Lowering &lowering, NodeProto &node) {
  const AttributeProto *start = findAttribute(node, "start"),
                       *end = findAttribute(node, "end");
  if (lowering.getOpset() >= 15 || (!start && !end))
    return "";
  if (!start || !end)
    return "gives an open part of a shape";
  std::string result = node.output(0), whole = result + ":whole";
  lowering.addBefore("Shape", {node.input(0)}, whole);
  std::vector<int64_t> bounds{start->i(), end->i()};
  node.clear_attribute();
  node.set_op_type("Slice");
  node.set_input(0, whole);
  if (lowering.getOpset() < 10) {
    GraphWriter::setInts(node, "starts", {bounds[0]});
    GraphWriter::setInts(node, "ends", {bounds[1]});
    return "";
  }
  node.add_input(lowering.addInts(result + ":start", {bounds[0]}));
  node.add_input(lowering.addInts(result + ":end", {bounds[1]}));
  return "";
}

std::string lowerCastLike(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 15)
    return "";
  int32_t to = lowering.getElementType(node, 1);
  if (to == 0)
    return "casts to an unknown type";
  node.set_op_type("Cast");
  truncateInputs(node, 1);
  GraphWriter::setInt(node, "to", to);
  return "";
}

/// What is not less is greater or equal.
std::string lowerComparison(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 12)
    return "";
  std::string opposite = node.output(0) + ":not";
  lowering.addBefore(node.op_type() == "GreaterOrEqual" ? "Less" : "Greater",
                     {node.input(0), node.input(1)}, opposite);
  node.set_op_type("Not");
  truncateInputs(node, 1);
  node.set_input(0, opposite);
  return "";
}

/// Before opset 8 these did not broadcast.
std::string lowerVariadic(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 8)
    return "";
  for (int i = 1; i < node.input_size(); ++i)
    if (!lowering.haveSameShape(node.input(0), node.input(i)))
      return "broadcasts";
  return "";
}

/// Before opset 12 only floats had an extreme.
std::string lowerExtreme(Lowering &lowering, NodeProto &node) {
  if (std::string problem = lowerVariadic(lowering, node); !problem.empty())
    return problem;
  int32_t type = lowering.getElementType(node, 0);
  bool isFloat = type == TensorProto::FLOAT || type == TensorProto::DOUBLE ||
                 type == TensorProto::FLOAT16;
  if (lowering.getOpset() >= 12 || isFloat)
    return "";
  if (node.input_size() != 2 || lowering.getOpset() < 9)
    return "compares integers";
  std::string flag = node.output(0) + ":first";
  std::string left = node.input(0), right = node.input(1);
  lowering.addBefore(node.op_type() == "Max" ? "Greater" : "Less",
                     {left, right}, flag);
  node.set_op_type("Where");
  truncateInputs(node, 0);
  for (const std::string &input : {flag, left, right})
    node.add_input(input);
  return "";
}

std::string lowerRoiAlign(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 16)
    return "";
  if (getString(node, "coordinate_transformation_mode", "half_pixel") !=
      "output_half_pixel")
    return "moves its regions by half a pixel";
  removeAttribute(node, "coordinate_transformation_mode");
  return "";
}

std::string lowerGridSample(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 20)
    return "";
  std::string mode = getString(node, "mode", "linear");
  removeAttribute(node, "mode");
  GraphWriter::setString(node, "mode",
                         mode == "linear"  ? "bilinear"
                         : mode == "cubic" ? "bicubic"
                                           : mode);
  return lowering.getRank(node, 0) == 4 ? "" : "samples a volume";
}

/// The type of the zero point says what to quantise to.
/// Before opset 20 the axis was an attribute.
std::string lowerDFT(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 20)
    return "";
  if (hasInput(node, 2)) {
    auto axis = lowering.getInts(node, 2);
    if (!axis || axis->size() != 1)
      return "takes its axis from a tensor";
    GraphWriter::setInt(node, "axis", axis->front());
    node.set_input(2, "");
  }
  if (getInt(node, "inverse", 0) && getInt(node, "onesided", 0))
    return "gives real numbers";
  truncateInputs(node, hasInput(node, 1) ? 2 : 1);
  return "";
}

std::string lowerQuantize(Lowering &lowering, NodeProto &node) {
  if (lowering.getOpset() >= 21)
    return "";
  int64_t type = getInt(node, "output_dtype", 0);
  int64_t implied = hasInput(node, 2) ? lowering.getElementType(node, 2)
                                      : int64_t(TensorProto::UINT8);
  if (type != 0 && type != implied)
    return "quantises to a type that no operand has";
  removeAttribute(node, "output_dtype");
  return "";
}

/// Dilations of 1 are what there was before pools had any.
std::string lowerPool(Lowering &lowering, NodeProto &node) {
  const AttributeProto *dilations = findAttribute(node, "dilations");
  if (dilations && llvm::all_of(dilations->ints(),
                                [](int64_t dilation) { return dilation == 1; }))
    removeAttribute(node, "dilations");
  return "";
}

Rule findRule(StringRef op) {
  static const llvm::StringMap<Rule> rules = [] {
    llvm::StringMap<Rule> table;
    for (const char *name : {"Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum",
                             "LogSumExp", "SumSquare"})
      table[std::string("Reduce") + name] = moveAxes<18>;
    table["ReduceSum"] = moveAxes<13>;
    table["Squeeze"] = moveAxes<13>;
    table["Unsqueeze"] = moveAxes<13>;
    for (const char *name : {"MaxPool", "AveragePool", "LpPool"})
      table[name] = lowerPool;
    table["Split"] = lowerSplit;
    table["Slice"] = lowerSlice;
    table["Pad"] = lowerPad;
    table["Clip"] = lowerClip;
    table["Dropout"] = lowerDropout;
    table["TopK"] = lowerTopK;
    for (const char *name : {"Softmax", "LogSoftmax", "Hardmax"})
      table[name] = lowerSoftmax;
    table["Resize"] = lowerResize;
    table["Shape"] = lowerShape;
    table["CastLike"] = lowerCastLike;
    table["GreaterOrEqual"] = table["LessOrEqual"] = lowerComparison;
    table["Max"] = table["Min"] = lowerExtreme;
    table["Sum"] = table["Mean"] = lowerVariadic;
    table["RoiAlign"] = lowerRoiAlign;
    table["GridSample"] = lowerGridSample;
    table["QuantizeLinear"] = lowerQuantize;
    table["DFT"] = lowerDFT;
    return table;
  }();
  return rules.lookup(op);
}

//===----------------------------------------------------------------------===//
// What schemas say
//===----------------------------------------------------------------------===//

/// Attributes are compared without their names and documentation.
bool haveSameValue(AttributeProto a, AttributeProto b) {
  for (AttributeProto *attribute : {&a, &b}) {
    attribute->clear_name();
    attribute->clear_doc_string();
  }
  return a.SerializeAsString() == b.SerializeAsString();
}

std::string Lowering::applySchema(NodeProto &node) {
  const OpSchema *old =
      ::onnx::OpSchemaRegistry::Schema(node.op_type(), opset, "");
  const OpSchema *newest =
      ::onnx::OpSchemaRegistry::Schema(node.op_type(), getNewestOpset(), "");
  if (!old || old->Deprecated())
    return newest && !newest->Deprecated() ? "is newer" : "";
  auto *attributes = node.mutable_attribute();
  for (int i = attributes->size() - 1; i >= 0; --i) {
    const AttributeProto &attribute = attributes->Get(i);
    if (old->attributes().count(attribute.name()))
      continue;
    if (!newest)
      return "has an attribute '" + attribute.name() + "'";
    auto known = newest->attributes().find(attribute.name());
    // A mode of the newest one that stands for what there was before.
    if (known == newest->attributes().end() ||
        !haveSameValue(attribute, known->second.default_value))
      return "has an attribute '" + attribute.name() + "'";
    attributes->DeleteSubrange(i, 1);
  }
  // A default that changed is written out.
  if (newest)
    for (const auto &[name, attribute] : newest->attributes()) {
      auto before = old->attributes().find(name);
      if (before == old->attributes().end() ||
          !attribute.default_value.has_type() || findAttribute(node, name) ||
          haveSameValue(attribute.default_value, before->second.default_value))
        continue;
      *node.add_attribute() = attribute.default_value;
      node.mutable_attribute()->rbegin()->set_name(name);
    }
  if (node.input_size() < old->min_input() ||
      node.input_size() > old->max_input())
    return "has " + std::to_string(node.input_size()) + " operands";
  if (node.output_size() > old->max_output())
    return "has " + std::to_string(node.output_size()) + " results";
  llvm::StringMap<int32_t> variables;
  for (int i = 0; i < node.input_size(); ++i) {
    int32_t type = hasInput(node, i) ? getElementType(node, i) : 0;
    if (type == 0)
      continue;
    const auto &parameter =
        old->inputs()[std::min<size_t>(i, old->inputs().size() - 1)];
    ::onnx::TypeProto proto;
    proto.mutable_tensor_type()->set_elem_type(type);
    if (!parameter.GetTypes().count(
            ::onnx::Utils::DataTypeUtils::ToType(proto)))
      return "takes elements of a newer type";
    auto [known, isNew] = variables.try_emplace(parameter.GetTypeStr(), type);
    if (!isNew && known->second != type)
      return "mixes element types";
  }
  return "";
}

std::string Lowering::lower(NodeProto &node) {
  if (!node.domain().empty())
    return "";
  if (Rule rule = findRule(node.op_type()))
    if (std::string problem = rule(*this, node); !problem.empty())
      return problem;
  return applySchema(node);
}

} // namespace

std::string onnx_frontend::lowerOpset(::onnx::GraphProto &graph,
                                      const ValueTypes &types, int64_t opset) {
  return Lowering(graph, types, opset).run();
}
