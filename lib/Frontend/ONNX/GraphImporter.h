//===- GraphImporter.h - Translates the nodes of a graph ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_LIB_FRONTEND_ONNX_GRAPHIMPORTER_H
#define NEUROPLAST_LIB_FRONTEND_ONNX_GRAPHIMPORTER_H

#include "Tensors.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "neuroplast/Dialect/Neuro/IR/NeuroDialect.h"
#include "llvm/ADT/StringMap.h"

namespace neuroplast {

/// What a value of the graph is known to be. A small integer tensor that comes
/// from sizes is kept as its elements; it becomes a tensor only when one is
/// needed.
struct GraphValue {
  mlir::Value value;
  mlir::ElementsAttr constant;
  std::optional<llvm::SmallVector<mlir::OpFoldResult>> elements;
  bool isScalar = false;  ///< Of `elements`: rank 0, not 1.
  mlir::Type elementType; ///< Of `elements` (i64, i32 or i1) or `sequence`.
  /// Of `elements`: the shape, if the rank is 2 or more.
  llvm::SmallVector<int64_t> matrix = {};
  /// The tensors of a sequence of known length.
  std::optional<llvm::SmallVector<mlir::Value>> sequence = std::nullopt;
  /// Of a constant: which one of the model it is, if it is one, and its first
  /// name. It is the same one by whatever name a node calls it.
  const void *source = nullptr;
  std::string sourceName = {};
};

class GraphImporter;

/// One node under translation.
class NodeContext {
public:
  NodeContext(GraphImporter &importer, const onnx::NodeProto &node,
              mlir::Location location)
      : importer(importer), node(node), location(location) {}

  GraphImporter &importer;
  const onnx::NodeProto &node;
  mlir::Location location;

  bool hasInput(int index) const {
    return index < node.input_size() && !node.input(index).empty();
  }
  /// The operand as a tensor; null (after a diagnostic) if it is absent.
  mlir::Value getInput(int index);
  mlir::RankedTensorType getInputType(int index);
  /// Those of the first operands that are there; a null value, after a
  /// diagnostic, for one that nothing defines.
  llvm::SmallVector<mlir::Value> getPresentInputs(int count);
  /// The operand if it is a constant, else null.
  mlir::ElementsAttr getConstant(int index);
  /// The operand as a list of sizes, whether constant, computed or read from a
  /// tensor at run time; none if its length is unknown.
  std::optional<llvm::SmallVector<mlir::OpFoldResult>> getSizes(int index);
  /// The operand as constant integers; none if it is not constant.
  std::optional<llvm::SmallVector<int64_t>> getConstantInts(int index);

  const onnx::AttributeProto *getAttribute(llvm::StringRef name) const;
  int64_t getInt(llvm::StringRef name, int64_t otherwise) const;
  double getFloat(llvm::StringRef name, double otherwise) const;
  std::string getString(llvm::StringRef name, llvm::StringRef otherwise) const;
  std::optional<llvm::SmallVector<int64_t>> getInts(llvm::StringRef name) const;

  /// Reports that the node cannot be translated.
  mlir::InFlightDiagnostic error();
  /// Says that the node is sound, but that no rule fits it: it becomes opaque.
  mlir::LogicalResult leaveOpaque(const llvm::Twine &reason);
  /// What that was; empty if the node was translated, or reported an error.
  std::string opaqueReason;

  void setResult(int index, mlir::Value value);
  /// `source` is the tensor of the model that the constant is, if it is one. It
  /// is named after the result, or after the operand that it was made of.
  void setConstant(int index, mlir::ElementsAttr value,
                   const void *source = nullptr);
  void setConstantOf(int operand, mlir::ElementsAttr value);
  /// A list of sizes, or a small matrix of that shape.
  void setElements(int index, llvm::ArrayRef<mlir::OpFoldResult> elements,
                   bool isScalar, mlir::Type elementType,
                   llvm::ArrayRef<int64_t> matrix = {});

  /// Creates an op whose types are inferred; null after a diagnostic.
  template <typename Op>
  Op create(mlir::ValueRange operands,
            llvm::ArrayRef<mlir::NamedAttribute> attributes);
  mlir::Operation *createNamed(llvm::StringRef name, mlir::ValueRange operands,
                               llvm::ArrayRef<mlir::NamedAttribute> attributes);
  /// `create`, with the results given to the node's outputs.
  template <typename Op>
  mlir::LogicalResult replace(mlir::ValueRange operands,
                              llvm::ArrayRef<mlir::NamedAttribute> attributes) {
    return setResults(create<Op>(operands, attributes));
  }
  mlir::LogicalResult setResults(mlir::Operation *op);
};

/// Builds what one node is made of, op by op. After an op that could not be
/// created, of which the node has reported why, all values are null.
class Decomposition {
public:
  explicit Decomposition(NodeContext &node);

  /// The first result of an op of these operands.
  template <typename Op>
  mlir::Value add(mlir::ValueRange operands,
                  llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    if (hasFailed || llvm::is_contained(operands, mlir::Value())) {
      hasFailed = true;
      return mlir::Value();
    }
    Op op = node.create<Op>(operands, attributes);
    hasFailed = !op;
    return op ? op->getResult(0) : mlir::Value();
  }
  /// Attributes by name.
  mlir::NamedAttribute get(llvm::StringRef name, int64_t value) {
    return b.getNamedAttr(name, b.getI64IntegerAttr(value));
  }
  mlir::NamedAttribute get(llvm::StringRef name, llvm::ArrayRef<int64_t> list) {
    return b.getNamedAttr(name, b.getDenseI64ArrayAttr(list));
  }
  mlir::NamedAttribute getFlag(llvm::StringRef name, bool value) {
    return b.getNamedAttr(name, b.getBoolAttr(value));
  }
  mlir::NamedAttribute getFloat(llvm::StringRef name, double value) {
    return b.getNamedAttr(name, b.getF32FloatAttr(value));
  }
  mlir::NamedAttribute getType(llvm::StringRef name, mlir::Type type) {
    return b.getNamedAttr(name, mlir::TypeAttr::get(type));
  }
  /// The operand with this element type.
  mlir::Value cast(mlir::Value value, mlir::Type to);
  /// A scalar of a float type.
  mlir::Value constant(double value, mlir::Type type);
  /// The operand with other sizes.
  mlir::Value reshape(mlir::Value value,
                      llvm::ArrayRef<mlir::OpFoldResult> sizes);
  /// A reduction over axes, which stay with size 1.
  template <typename Op>
  mlir::Value reduce(mlir::Value value, llvm::ArrayRef<int64_t> axes) {
    return add<Op>(value, {get("axes", axes), getFlag("keepdims", true)});
  }
  /// The value as a result of the node; fails after an op that failed.
  mlir::LogicalResult finish(mlir::Value value, int result = 0);

  NodeContext &node;
  mlir::OpBuilder &b;

private:
  bool hasFailed = false;
};

using NodeHandler = mlir::LogicalResult (*)(NodeContext &node);
using HandlerTable = llvm::StringMap<NodeHandler>;

void registerGenericHandlers(HandlerTable &table);
void registerShapeHandlers(HandlerTable &table);
void registerResizingHandlers(HandlerTable &table);
void registerLayerHandlers(HandlerTable &table);
void registerWindowHandlers(HandlerTable &table);
void registerQuantizedHandlers(HandlerTable &table);
void registerRandomHandlers(HandlerTable &table);
void registerSignalHandlers(HandlerTable &table);
void registerControlFlowHandlers(HandlerTable &table);
void registerSequenceHandlers(HandlerTable &table);

/// Evaluates a node whose operands are all known sizes or integer constants;
/// false if it is none of those, and nothing was done.
bool foldSizes(NodeContext &node);

/// Arithmetic on sizes, folded where both are known.
class SizeArithmetic {
public:
  SizeArithmetic(mlir::OpBuilder &builder, mlir::Location location)
      : b(builder), location(location) {}
  using Size = mlir::OpFoldResult;

  Size constant(int64_t value) { return b.getIndexAttr(value); }
  Size add(Size lhs, Size rhs);
  Size sub(Size lhs, Size rhs);
  Size mul(Size lhs, Size rhs);
  Size div(Size lhs, Size rhs); ///< Truncates towards zero.
  Size rem(Size lhs, Size rhs); ///< Of the truncating division.
  /// The product with a positive factor in f32, without its fraction.
  Size scale(Size size, float factor);
  Size min(Size lhs, Size rhs);
  Size max(Size lhs, Size rhs);
  /// 1 or 0.
  Size equal(Size lhs, Size rhs);
  Size notEqual(Size lhs, Size rhs);
  Size less(Size lhs, Size rhs);
  /// `lhs` where the condition is not 0.
  Size select(Size condition, Size lhs, Size rhs);
  /// The quotient of two products, equal factors cancelled.
  Size divideProducts(llvm::ArrayRef<Size> numerator,
                      llvm::ArrayRef<Size> denominator);
  Size getDim(mlir::Value tensor, int64_t axis);
  mlir::Value toValue(Size size);

private:
  template <typename Op> Size combine(Size lhs, Size rhs);
  Size compare(mlir::arith::CmpIPredicate predicate, Size lhs, Size rhs);
  mlir::OpBuilder &b;
  mlir::Location location;
};

/// Translates one graph into a function of a module.
class GraphImporter {
public:
  GraphImporter(std::shared_ptr<LoadedModel> model, mlir::ModuleOp module,
                llvm::StringRef path);

  mlir::LogicalResult importMain();

  mlir::OpBuilder builder;
  std::shared_ptr<LoadedModel> model;
  mlir::ModuleOp module;
  mlir::MLIRContext *context;

  GraphValue *lookup(llvm::StringRef name);
  void define(llvm::StringRef name, GraphValue value);
  /// The tensor of a value, made now if it was kept as a constant or elements.
  mlir::Value materialize(llvm::StringRef name, mlir::Location location);
  /// Translates the nodes of a subgraph that sees the values around it; the
  /// names it defines are forgotten afterwards. Returns its outputs.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  importSubgraph(const onnx::GraphProto &graph, mlir::ValueRange inputs);
  /// The same for a subgraph that takes the place of its node: what is known of
  /// its outputs stays known.
  mlir::FailureOr<std::vector<GraphValue>>
  inlineSubgraph(const onnx::GraphProto &graph);
  /// Translates a node that another one is made of.
  mlir::LogicalResult translate(NodeContext &node);
  mlir::Type convertType(const onnx::TypeProto &type);
  /// How many operands of nodes a name is.
  unsigned countReaders(llvm::StringRef name) { return readers.lookup(name); }
  /// The type that the ONNX library inferred for a value, or null.
  mlir::Type getInferredType(llvm::StringRef name);

  mlir::Location getLocation(const onnx::NodeProto &node);
  /// The parameter of that name, or null.
  mlir::Operation *getParam(llvm::StringRef name) {
    return symbols.lookup(name);
  }

private:
  void countReaders(const onnx::GraphProto &graph);
  mlir::LogicalResult importInitializers(const onnx::GraphProto &graph);
  /// Translates a subgraph whose names end with it, and calls `finish` for its
  /// outputs while they are known.
  mlir::LogicalResult importScope(
      const onnx::GraphProto &graph, mlir::ValueRange inputs,
      llvm::function_ref<mlir::LogicalResult(llvm::StringRef output)> finish);
  mlir::LogicalResult importNode(const onnx::NodeProto &node);
  mlir::LogicalResult importOpaque(NodeContext &node, llvm::StringRef reason);
  mlir::LogicalResult tryHandler(NodeContext &node, NodeHandler handler);
  /// A sequence as a value, which only opaque operators take; null if its
  /// tensors differ in rank.
  mlir::Value createSequence(const GraphValue &known, mlir::Location location);
  mlir::Value createParam(llvm::StringRef name, mlir::ElementsAttr value,
                          mlir::Location location);
  void setModelAttributes();

  mlir::SymbolTable symbols;
  mlir::Operation *function = nullptr; ///< `main`, behind the parameters.
  llvm::StringMap<GraphValue> values;
  /// What the names that each open subgraph defined were outside of it, if
  /// anything.
  llvm::SmallVector<llvm::StringMap<std::optional<GraphValue>>> scopes;
  llvm::StringMap<mlir::Type> inferred;
  llvm::StringMap<unsigned> readers;
  /// The tensors of the constants of the model.
  llvm::DenseMap<const void *, mlir::Value> constants;
  HandlerTable handlers;
  std::string path;
};

template <typename Op>
Op NodeContext::create(mlir::ValueRange operands,
                       llvm::ArrayRef<mlir::NamedAttribute> attributes) {
  return llvm::cast_or_null<Op>(
      createNamed(Op::getOperationName(), operands, attributes));
}

} // namespace neuroplast

#endif // NEUROPLAST_LIB_FRONTEND_ONNX_GRAPHIMPORTER_H
