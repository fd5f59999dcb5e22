//===- GraphWriter.h - Writing the nodes of an ONNX graph -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_GRAPHWRITER_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_GRAPHWRITER_H

#include "OpsetLowering.h"
#include "neuroplast/Dialect/Neuro/IR/ElementTypes.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"
#include "neuroplast/Dialect/Neuro/IR/UniqueNames.h"
#include "onnx/onnx_pb.h"

namespace neuroplast::onnx_frontend {

/// Writes ops as nodes of one graph and keeps the names of values.
class GraphWriter {
public:
  GraphWriter(::onnx::GraphProto &graph) : current(&graph) {}

  /// The graph that nodes are added to: the model's, or the body of a node.
  ::onnx::GraphProto &graph() { return *current; }

  /// Where the data of large tensors go, and by which name the model knows it;
  /// null if they stay in the model.
  llvm::raw_ostream *externalData = nullptr;
  std::string externalLocation;

  /// Takes a name so that no generated one equals it.
  void reserve(llvm::StringRef name) { valueNames.reserve(name); }
  void setName(mlir::Value value, std::string name) {
    names[value] = std::move(name);
  }
  /// The name of a tensor value; a new one is made up if it has none.
  std::string getName(mlir::Value value);
  /// Lets the ops of a block be written once more, as other nodes.
  void forget(mlir::Block &block);
  std::string makeName(llvm::StringRef hint) { return valueNames.make(hint); }
  /// Nodes have names of their own; two may come of one node of the model.
  std::string makeNodeName(llvm::StringRef hint) {
    return nodeNames.make(hint);
  }

  /// Writes into the body of a node while it lives. Sizes that are written in
  /// there are not known behind it.
  class Body {
  public:
    Body(GraphWriter &writer, ::onnx::GraphProto &graph);
    ~Body();

  private:
    GraphWriter &writer;
    ::onnx::GraphProto *outer;
    size_t written;
  };

  /// A node named after the op's location; inputs and outputs are still to be
  /// added.
  ::onnx::NodeProto &addNode(mlir::Operation *op, llvm::StringRef type);
  /// Adds the results: unused ones are left out where ONNX allows it.
  void addOutputs(::onnx::NodeProto &node, mlir::Operation *op);
  /// A helper node with one result, whose name is returned.
  std::string
  addHelper(llvm::StringRef type, llvm::ArrayRef<std::string> inputs,
            llvm::function_ref<void(::onnx::NodeProto &)> fill = {});

  /// Vectors of int64 as initializers.
  std::string addInts(llvm::ArrayRef<int64_t> values);
  /// A scalar.
  std::string addInt(int64_t value);
  /// A vector of one float.
  std::string addFloat(float value);
  /// The same as a scalar.
  std::string addNumber(float value);
  /// An index value as an int64 vector of one element; empty, with an error, if
  /// it is computed by what has no ONNX form.
  std::string addIndex(mlir::Value index);
  /// Static sizes, with those marked dynamic taken from the values in order.
  std::string addSizes(llvm::ArrayRef<int64_t> sizes, mlir::ValueRange dynamic);
  std::string addScalarOf(const std::string &vector);
  /// Gives a size, which something else writes, the name of an int64 vector, or
  /// of a scalar.
  void setIndexName(mlir::Value index, const std::string &name);
  void setScalarName(mlir::Value index, const std::string &name) {
    scalars[index] = name;
  }
  /// A size that was written as a scalar, or that a scalar holds; else empty.
  std::string findScalar(mlir::Value index);

  /// The types of the tensors that have names.
  ValueTypes getTypes() const;

  mlir::LogicalResult setTensor(::onnx::NodeProto &node, llvm::StringRef name,
                                mlir::ElementsAttr value,
                                mlir::Location location);
  mlir::LogicalResult addInitializer(llvm::StringRef name,
                                     mlir::ElementsAttr value,
                                     mlir::Location location);

  /// Writes a type whose free sizes bear the names `dims`; false if ONNX has no
  /// such type.
  static bool setType(::onnx::TypeProto &proto, mlir::Type type,
                      mlir::ArrayAttr dims = {});
  static void setInt(::onnx::NodeProto &node, llvm::StringRef name,
                     int64_t value);
  static void setInts(::onnx::NodeProto &node, llvm::StringRef name,
                      llvm::ArrayRef<int64_t> values);
  static void setFloat(::onnx::NodeProto &node, llvm::StringRef name,
                       float value);
  static void setFloats(::onnx::NodeProto &node, llvm::StringRef name,
                        llvm::ArrayRef<float> values);
  static void setString(::onnx::NodeProto &node, llvm::StringRef name,
                        llvm::StringRef value);
  /// Any attribute with an ONNX form. Returns whether there is one.
  static bool setAttribute(::onnx::NodeProto &node, llvm::StringRef name,
                           mlir::Attribute value);

private:
  /// Writes type and elements of a tensor that has its name.
  mlir::LogicalResult writeTensor(::onnx::TensorProto &tensor,
                                  mlir::ElementsAttr value,
                                  mlir::Location location);
  /// Writes data behind what was written, and makes a tensor point to it.
  void writeExternal(::onnx::TensorProto &tensor, llvm::StringRef data);
  /// Writes one step of the arithmetic of sizes; its operands are written.
  std::string writeIndex(mlir::Value index);

  ::onnx::GraphProto *current;
  llvm::DenseMap<mlir::Value, std::string> names;
  /// Sizes that were written.
  llvm::DenseMap<mlir::Value, std::string> indices;
  llvm::DenseMap<mlir::Value, std::string> scalars;
  llvm::SmallVector<mlir::Value> writtenIndices; ///< In the order of writing.
  UniqueNames valueNames{"_"}, nodeNames{"_"};
};

/// Writes an op of any dialect that has an ONNX form, with its regions.
mlir::LogicalResult writeOperation(GraphWriter &writer, mlir::Operation *op);

/// Writes a branch or a loop as an If or a Loop.
mlir::LogicalResult writeControlFlow(GraphWriter &writer, mlir::Operation *op);

/// Writes a node that was kept as it is.
mlir::LogicalResult writeOpaque(GraphWriter &writer, mlir::Operation *op);

/// Writes one op of the neuro dialect.
mlir::LogicalResult writeOp(GraphWriter &writer, mlir::Operation *op);

} // namespace neuroplast::onnx_frontend

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_GRAPHWRITER_H
