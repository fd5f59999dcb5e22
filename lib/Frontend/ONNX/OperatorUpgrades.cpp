//===- OperatorUpgrades.cpp - What the library's upgrade gets wrong -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OperatorUpgrades.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

#include "onnx/defs/tensor_proto_util.h"

using namespace neuroplast;
using llvm::StringRef;

static const onnx::AttributeProto *getAttribute(const onnx::NodeProto &node,
                                                StringRef name) {
  for (const auto &attribute : node.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

static void setAttribute(onnx::NodeProto &node, StringRef name,
                         StringRef text) {
  onnx::AttributeProto *attribute = nullptr;
  for (auto &known : *node.mutable_attribute())
    if (known.name() == name)
      attribute = &known;
  if (!attribute)
    attribute = node.add_attribute();
  attribute->set_name(name.str());
  attribute->set_type(onnx::AttributeProto::STRING);
  attribute->set_s(text.str());
}

/// The constant floats that go by a name; empty if there are none.
static std::vector<float> getFloats(const onnx::GraphProto &graph,
                                    const std::string &name) {
  auto read = [](const onnx::TensorProto &tensor) {
    return tensor.data_type() == onnx::TensorProto::FLOAT &&
                   tensor.data_location() != onnx::TensorProto::EXTERNAL
               ? onnx::ParseData<float>(&tensor)
               : std::vector<float>();
  };
  for (const auto &tensor : graph.initializer())
    if (tensor.name() == name)
      return read(tensor);
  for (const auto &node : graph.node())
    if (node.op_type() == "Constant" && node.output_size() == 1 &&
        node.output(0) == name)
      if (const auto *value = getAttribute(node, "value"))
        return read(value->t());
  return {};
}

/// Before opset 11 the nearest element was the one before, when an axis grew,
/// and the one behind, when it shrank.
static llvm::Expected<std::string> getNearestMode(const onnx::GraphProto &graph,
                                                  const onnx::NodeProto &node) {
  if (node.op_type() != "Resize" || node.input_size() < 2)
    return "floor"; // Upsample only enlarges
  std::vector<float> scales = getFloats(graph, node.input(1));
  bool grows = llvm::any_of(scales, [](float scale) { return scale > 1; });
  bool shrinks = llvm::any_of(scales, [](float scale) { return scale < 1; });
  if (grows && shrinks)
    return llvm::createStringError(
        llvm::inconvertibleErrorCode(),
        "node '" + node.name() +
            "': operator 'Resize' of opset 10 enlarges one axis and shrinks "
            "another by the nearest elements, which no newer opset can say");
  return shrinks ? "ceil" : "floor";
}

/// Before opset 13 a softmax took all axes from `axis` on as one. The library
/// knows that of Softmax and LogSoftmax, not of Hardmax, which becomes what it
/// makes of those: a matrix of its rows, and back.
static void flattenHardmax(onnx::GraphProto &graph) {
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
  for (auto &node : *graph.mutable_node()) {
    const auto *axis = getAttribute(node, "axis");
    bool isLast = axis && axis->i() == -1;
    if (node.op_type() != "Hardmax" || node.input_size() != 1 || isLast ||
        node.output_size() != 1) {
      nodes.Add()->Swap(&node);
      continue;
    }
    std::string x = node.input(0), y = node.output(0);
    std::string shape = y + ":shape", flat = y + ":flat", hot = y + ":rows";
    auto add = [&](StringRef type, llvm::ArrayRef<std::string> inputs,
                   const std::string &output) {
      onnx::NodeProto *added = nodes.Add();
      added->set_op_type(type.str());
      added->set_name(node.name());
      for (const std::string &input : inputs)
        added->add_input(input);
      added->add_output(output);
      return added;
    };
    add("Shape", {x}, shape);
    onnx::NodeProto *flatten = add("Flatten", {x}, flat);
    auto setAxis = [](onnx::NodeProto &of, int64_t value) {
      onnx::AttributeProto *attribute = of.add_attribute();
      attribute->set_name("axis");
      attribute->set_type(onnx::AttributeProto::INT);
      attribute->set_i(value);
    };
    setAxis(*flatten, axis ? axis->i() : 1);
    setAxis(*add("Hardmax", {flat}, hot), 1);
    add("Reshape", {hot, shape}, y);
  }
  graph.mutable_node()->Swap(&nodes);
}

/// Before opset 11 the bounds of Clip were floats of whatever type the operand
/// is; the library makes operands of them that stay f32.
static void castClipBounds(onnx::GraphProto &graph) {
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
  for (auto &node : *graph.mutable_node()) {
    if (node.op_type() == "Clip" && node.domain().empty())
      for (int i = 1; i < node.input_size(); ++i) {
        if (node.input(i).empty())
          continue;
        onnx::NodeProto *cast = nodes.Add();
        cast->set_op_type("CastLike");
        cast->set_name(node.name());
        cast->add_input(node.input(i));
        cast->add_input(node.input(0));
        cast->add_output(node.output(0) + (i == 1 ? ":min" : ":max"));
        node.set_input(i, cast->output(0));
      }
    nodes.Add()->Swap(&node);
  }
  graph.mutable_node()->Swap(&nodes);
}

llvm::Error OperatorUpgrades::prepare(onnx::GraphProto &graph, int64_t opset) {
  hasClipAttributes = opset < 11;
  // Reshape takes its sizes from an operand since opset 5.
  if (opset >= 5 && opset < 13)
    flattenHardmax(graph);
  if (opset > 10)
    return llvm::Error::success();
  for (const auto &node : graph.node()) {
    if ((node.op_type() != "Resize" && node.op_type() != "Upsample") ||
        !node.domain().empty() || node.output_size() != 1)
      continue;
    const auto *mode = getAttribute(node, "mode");
    if (mode && mode->s() != "nearest") {
      nearestModes[node.output(0)] = "";
      continue;
    }
    auto nearest = getNearestMode(graph, node);
    if (!nearest)
      return nearest.takeError();
    nearestModes[node.output(0)] = *nearest;
  }
  return llvm::Error::success();
}

void OperatorUpgrades::finish(onnx::GraphProto &graph) const {
  if (hasClipAttributes)
    castClipBounds(graph);
  for (auto &node : *graph.mutable_node()) {
    if (node.op_type() != "Resize" || node.output_size() != 1)
      continue;
    auto mode = nearestModes.find(node.output(0));
    if (mode == nearestModes.end())
      continue;
    // The half pixel came with opset 11.
    setAttribute(node, "coordinate_transformation_mode", "asymmetric");
    if (!mode->second.empty())
      setAttribute(node, "nearest_mode", mode->second);
  }
}
