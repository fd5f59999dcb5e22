//===- OpaqueNodes.cpp - Nodes that are kept as they are -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// An opaque node keeps its attributes as bytes. What the bodies in them read
// from around the node are operands, too, so that it can be written back by
// other names.

#include "GraphImporter.h"
#include "GraphWriter.h"

#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

/// Calls `visit` with every body of a node.
template <typename Node, typename Callable>
static void forEachBody(Node &node, Callable visit) {
  if constexpr (std::is_const_v<Node>) {
    for (const auto &attribute : node.attribute()) {
      if (attribute.has_g())
        visit(attribute.g());
      for (const auto &graph : attribute.graphs())
        visit(graph);
    }
  } else {
    for (auto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        visit(*attribute.mutable_g());
      for (auto &graph : *attribute.mutable_graphs())
        visit(graph);
    }
  }
}

/// Collects the names that a body reads and neither it nor one around it
/// defines.
static void collectCaptures(const onnx::GraphProto &graph,
                            llvm::StringSet<> defined,
                            SmallVectorImpl<std::string> &captures) {
  auto read = [&](const std::string &name) {
    if (!name.empty() && !defined.contains(name) &&
        !llvm::is_contained(captures, name))
      captures.push_back(name);
  };
  for (const auto &input : graph.input())
    defined.insert(input.name());
  for (const auto &tensor : graph.initializer())
    defined.insert(tensor.name());
  for (const auto &node : graph.node()) {
    for (const std::string &name : node.input())
      read(name);
    forEachBody(node, [&](const onnx::GraphProto &body) {
      collectCaptures(body, defined, captures);
    });
    for (const std::string &name : node.output())
      defined.insert(name);
  }
  for (const auto &output : graph.output())
    read(output.name());
}

LogicalResult GraphImporter::importOpaque(NodeContext &node, StringRef reason) {
  SmallVector<std::string> captures;
  forEachBody(node.node, [&](const onnx::GraphProto &body) {
    collectCaptures(body, {}, captures);
  });
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
  SmallVector<StringRef> names;
  for (const std::string &name : captures) {
    Value value = materialize(name, node.location);
    if (!value)
      return node.error() << "reads '" << name
                          << "' in a body, which nothing defines";
    inputs.push_back(value);
    names.push_back(name);
  }
  SmallVector<Type> types;
  for (const std::string &name : node.node.output()) {
    Type type = getInferredType(name);
    if (!type)
      type = name.empty() ? Type(builder.getNoneType())
                          : Type(UnknownType::get(context));
    types.push_back(type);
  }
  // Operands and results have names of their own.
  onnx::NodeProto kept = node.node;
  kept.clear_input();
  kept.clear_output();
  std::string bytes;
  kept.SerializeToString(&bytes);
  auto op = OpaqueOp::create(
      builder, node.location, types, node.node.domain(), node.node.op_type(),
      inputs, present, llvm::toHex(bytes), builder.getStringAttr(reason),
      names.empty() ? ArrayAttr() : builder.getStrArrayAttr(names));
  for (auto [index, result] : llvm::enumerate(op.getOutputs()))
    node.setResult(index, result);
  return success();
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

namespace {

/// Gives the values of a body the names that they have in the model that is
/// written: those from around it their new ones, its own ones that nothing has.
class Renaming {
public:
  Renaming(onnx_frontend::GraphWriter &writer,
           llvm::StringMap<std::string> names)
      : writer(writer), names(std::move(names)) {}

  void rename(onnx::GraphProto &graph) {
    auto define = [&](std::string &name) {
      if (!name.empty())
        name = names[name] = writer.makeName(name);
    };
    auto read = [&](std::string &name) {
      auto known = names.find(name);
      if (known != names.end())
        name = known->second;
    };
    llvm::StringSet<> inputs;
    for (auto &input : *graph.mutable_input()) {
      inputs.insert(input.name());
      define(*input.mutable_name());
    }
    // An input may have a default, which goes by its name.
    for (auto &tensor : *graph.mutable_initializer()) {
      if (inputs.contains(tensor.name()))
        read(*tensor.mutable_name());
      else
        define(*tensor.mutable_name());
    }
    for (auto &node : *graph.mutable_node()) {
      for (std::string &name : *node.mutable_input())
        read(name);
      forEachBody(node, [&](onnx::GraphProto &body) {
        Renaming(writer, names).rename(body);
      });
      for (std::string &name : *node.mutable_output())
        define(name);
    }
    for (auto &output : *graph.mutable_output())
      read(*output.mutable_name());
    for (auto &info : *graph.mutable_value_info())
      read(*info.mutable_name());
  }

private:
  onnx_frontend::GraphWriter &writer;
  llvm::StringMap<std::string> names;
};

} // namespace

LogicalResult neuroplast::onnx_frontend::writeOpaque(GraphWriter &writer,
                                                     Operation *op) {
  auto opaque = cast<OpaqueOp>(op);
  onnx::NodeProto *node = writer.graph().add_node();
  std::string bytes;
  if (!llvm::tryGetFromHex(opaque.getNode(), bytes) ||
      !node->ParseFromString(bytes)) {
    writer.graph().mutable_node()->RemoveLast();
    return op->emitError("the serialised node cannot be read");
  }
  size_t next = 0;
  for (bool present : opaque.getPresent())
    node->add_input(present ? writer.getName(opaque.getInputs()[next++]) : "");
  llvm::StringMap<std::string> names;
  if (opaque.getCaptures())
    for (auto capture : opaque.getCaptures()->getAsRange<StringAttr>())
      names[capture.getValue()] = writer.getName(opaque.getInputs()[next++]);
  forEachBody(*node, [&](onnx::GraphProto &body) {
    Renaming(writer, names).rename(body);
  });
  for (Value result : opaque.getOutputs()) {
    node->add_output(isa<NoneType>(result.getType()) ? ""
                                                     : writer.getName(result));
    if (isa<NoneType>(result.getType()))
      continue;
    // No reader can infer what an unknown operator gives.
    onnx::ValueInfoProto info;
    info.set_name(writer.getName(result));
    bool isOutput =
        llvm::any_of(writer.graph().output(), [&](const auto &output) {
          return output.name() == info.name();
        });
    if (!isOutput &&
        GraphWriter::setType(*info.mutable_type(), result.getType()))
      *writer.graph().add_value_info() = std::move(info);
  }
  return success();
}
