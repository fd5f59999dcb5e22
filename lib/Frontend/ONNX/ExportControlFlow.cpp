//===- ExportControlFlow.cpp - Branches and loops as If and Loop ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A loop that counts, as the importer makes it, becomes a Loop with the states
// and the stacked results that it came from. Any other one carries all that it
// forwards: its condition is computed once before the Loop, and again at the
// end of each iteration.

#include "GraphWriter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "neuroplast/Dialect/Neuro/IR/CountedLoop.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::onnx_frontend;
using ::onnx::NodeProto;

namespace {

/// What is no tensor is written as a vector of one int64.
bool isSize(Value value) { return value.getType().isIntOrIndex(); }

class RegionWriter {
public:
  explicit RegionWriter(GraphWriter &writer) : writer(writer) {}

  LogicalResult writeIf(scf::IfOp op);
  LogicalResult writeWhile(scf::WhileOp op);

private:
  LogicalResult writeOps(Block &block) {
    for (Operation &op : block.without_terminator())
      if (failed(writeOperation(writer, &op)))
        return failure();
    return success();
  }

  /// The name of a value; empty, with an error, if a size has no ONNX form.
  std::string getName(Value value) {
    return isSize(value) ? writer.addIndex(value) : writer.getName(value);
  }
  void setName(Value value, const std::string &name) {
    if (isSize(value))
      writer.setIndexName(value, name);
    else
      writer.setName(value, name);
  }
  std::string addCast(const std::string &name, int32_t type) {
    return writer.addHelper("Cast", {name}, [type](NodeProto &node) {
      GraphWriter::setInt(node, "to", type);
    });
  }

  /// A size as a scalar.
  std::string addScalar(Value size) {
    if (auto known = getConstantIntValue(size))
      return writer.addInt(*known);
    if (std::string name = writer.findScalar(size); !name.empty())
      return name;
    std::string vector = writer.addIndex(size);
    return vector.empty()
               ? ""
               : writer.addHelper("Reshape", {vector, writer.addInts({})});
  }

  /// A truth value as a boolean tensor of one element.
  std::string addFlag(Value flag) {
    if (auto extract = flag.getDefiningOp<tensor::ExtractOp>()) {
      auto type = cast<RankedTensorType>(extract.getTensor().getType());
      if (type.getElementType().isInteger(1) && type.hasStaticShape() &&
          type.getNumElements() == 1)
        return writer.getName(extract.getTensor());
    }
    std::string number = writer.addIndex(flag);
    return number.empty() ? "" : addCast(number, ::onnx::TensorProto::BOOL);
  }
  /// The same as a scalar, which a Loop asks for.
  std::string addScalarFlag(Value flag) {
    std::string name = addFlag(flag);
    auto extract = flag.getDefiningOp<tensor::ExtractOp>();
    bool isScalar = extract && extract.getIndices().empty();
    return name.empty() || isScalar
               ? name
               : writer.addHelper("Reshape", {name, writer.addInts({})});
  }

  void setType(::onnx::ValueInfoProto &info, Value value) {
    if (!isSize(value)) {
      GraphWriter::setType(*info.mutable_type(), value.getType());
      return;
    }
    auto *type = info.mutable_type()->mutable_tensor_type();
    type->set_elem_type(::onnx::TensorProto::INT64);
    type->mutable_shape()->add_dim()->set_dim_value(1);
  }

  /// A result of the graph that is written: a node of its own, as what it is
  /// may come from outside, or be there twice.
  LogicalResult addOutput(Value value, StringRef hint) {
    std::string source = getName(value);
    if (source.empty())
      return failure();
    addOutput(source, hint, value);
    return success();
  }
  void addOutput(const std::string &source, StringRef hint, Value value) {
    NodeProto &node = *writer.graph().add_node();
    node.set_op_type("Identity");
    node.add_input(source);
    std::string name = writer.makeName(hint);
    node.add_output(name);
    auto &info = *writer.graph().add_output();
    info.set_name(name);
    setType(info, value);
  }

  ::onnx::GraphProto &addGraph(NodeProto &node, StringRef name, Operation *op) {
    auto &attribute = *node.add_attribute();
    attribute.set_name(name.str());
    attribute.set_type(::onnx::AttributeProto::GRAPH);
    attribute.mutable_g()->set_name(writer.makeNodeName(name));
    return *attribute.mutable_g();
  }

  /// Names the results of the last node: readers want all of them. Sizes go by
  /// the names that they get here.
  void addResults(NodeProto &node, Operation *op, ArrayRef<unsigned> results) {
    for (unsigned index : results) {
      Value result = op->getResult(index);
      std::string name = isSize(result) ? writer.makeName("neuroplast_size")
                                        : writer.getName(result);
      if (isSize(result))
        writer.setIndexName(result, name);
      node.add_output(name);
    }
  }

  GraphWriter &writer;
};

LogicalResult RegionWriter::writeIf(scf::IfOp op) {
  if (op->getNumResults() == 0)
    return success(); // nothing in the dialect has effects
  std::string condition = addFlag(op.getCondition());
  if (condition.empty())
    return failure();
  // Nodes that the branches need stand before this one, so that it comes last.
  NodeProto node;
  node.set_op_type("If");
  node.add_input(condition);
  for (auto [name, region] : {std::pair("then_branch", &op.getThenRegion()),
                              std::pair("else_branch", &op.getElseRegion())}) {
    GraphWriter::Body body(writer, addGraph(node, name, op));
    Block &block = region->front();
    if (failed(writeOps(block)))
      return failure();
    for (Value value : block.getTerminator()->getOperands())
      if (failed(addOutput(value, "branch")))
        return failure();
  }
  NodeProto &added = writer.addNode(op, "If");
  node.set_name(added.name());
  added.Swap(&node);
  addResults(added, op,
             llvm::to_vector(llvm::seq<unsigned>(0, op->getNumResults())));
  return success();
}

LogicalResult RegionWriter::writeWhile(scf::WhileOp op) {
  std::optional<neuro::CountedLoop> counted = neuro::matchCountedLoop(op);
  Block &before = *op.getBeforeBody(), &after = *op.getAfterBody();
  SmallVector<unsigned> carried;
  NodeProto node;
  node.set_op_type("Loop");
  if (counted) {
    carried = counted->states;
    std::string trip;
    if (counted->trip) {
      trip = addScalar(counted->trip);
      if (trip.empty())
        return failure();
    }
    node.add_input(trip);
    Value start = op.getInits()[counted->flag];
    std::string flag;
    if (!matchPattern(start, m_One())) {
      flag = addScalarFlag(start);
      if (flag.empty())
        return failure();
    }
    node.add_input(flag);
    for (unsigned place : carried) {
      std::string name = getName(op.getInits()[place]);
      if (name.empty())
        return failure();
      node.add_input(name);
    }
  } else {
    // The first check, on what the loop starts with.
    for (auto [argument, init] :
         llvm::zip_equal(before.getArguments(), op.getInits())) {
      std::string name = getName(init);
      if (name.empty())
        return failure();
      setName(argument, name);
    }
    if (failed(writeOps(before)))
      return failure();
    node.add_input("");
    std::string flag = addScalarFlag(op.getConditionOp().getCondition());
    if (flag.empty())
      return failure();
    node.add_input(flag);
    for (auto [place, value] : llvm::enumerate(op.getConditionOp().getArgs())) {
      carried.push_back(place);
      std::string name = getName(value);
      if (name.empty())
        return failure();
      node.add_input(name);
    }
  }
  {
    GraphWriter::Body body(writer, addGraph(node, "body", op));
    auto addInput = [&](StringRef hint) -> ::onnx::ValueInfoProto & {
      auto &info = *writer.graph().add_input();
      info.set_name(writer.makeName(hint));
      return info;
    };
    ::onnx::ValueInfoProto &iteration = addInput("iteration");
    iteration.mutable_type()->mutable_tensor_type()->set_elem_type(
        ::onnx::TensorProto::INT64);
    iteration.mutable_type()->mutable_tensor_type()->mutable_shape();
    std::string iterationName = iteration.name();
    ::onnx::ValueInfoProto &goesOn = addInput("condition");
    goesOn.mutable_type()->mutable_tensor_type()->set_elem_type(
        ::onnx::TensorProto::BOOL);
    goesOn.mutable_type()->mutable_tensor_type()->mutable_shape();
    std::string flagName = goesOn.name();
    for (unsigned place : carried) {
      BlockArgument argument = after.getArgument(place);
      ::onnx::ValueInfoProto &info = addInput("state");
      setType(info, argument);
      setName(argument, info.name());
    }
    if (counted) {
      BlockArgument count = after.getArgument(counted->count),
                    flag = after.getArgument(counted->flag);
      writer.setScalarName(count, iterationName);
      bool isUsed = llvm::any_of(flag.getUses(), [&](OpOperand &use) {
        return use.getOwner() != op.getYieldOp() ||
               use.getOperandNumber() != counted->flag;
      });
      if (isUsed)
        writer.setIndexName(
            flag, writer.addHelper(
                      "Reshape", {addCast(flagName, ::onnx::TensorProto::INT64),
                                  writer.addInts({1})}));
    }
    for (Operation &inner : after.without_terminator()) {
      // Stacking is what the Loop does.
      bool stacks = counted && llvm::any_of(counted->stacks, [&](unsigned i) {
                      Value next = op.getYieldOp().getResults()[i];
                      if (auto cast = next.getDefiningOp<tensor::CastOp>();
                          cast && cast.getOperation() == &inner)
                        return true;
                      return llvm::any_of(
                          after.getArgument(i).getUsers(),
                          [&](Operation *user) { return user == &inner; });
                    });
      bool isRow =
          isa<neuro::ReshapeOp>(inner) && counted && inner.hasOneUse() && [&] {
            auto concat = dyn_cast<neuro::ConcatOp>(*inner.getUsers().begin());
            return concat && llvm::any_of(counted->stacks, [&](unsigned i) {
                     return concat.getInputs()[0] == after.getArgument(i);
                   });
          }();
      if (!stacks && !isRow && failed(writeOperation(writer, &inner)))
        return failure();
    }
    ValueRange next = op.getYieldOp().getResults();
    Value flag;
    SmallVector<Value> forwarded;
    if (counted) {
      flag = next[counted->flag];
      for (unsigned place : carried)
        forwarded.push_back(next[place]);
      llvm::append_range(forwarded, counted->rows);
    } else {
      SmallVector<std::string> names;
      for (Value value : next) {
        std::string name = getName(value);
        if (name.empty())
          return failure();
        names.push_back(name);
      }
      writer.forget(before);
      for (auto [argument, name] :
           llvm::zip_equal(before.getArguments(), names))
        setName(argument, name);
      if (failed(writeOps(before)))
        return failure();
      flag = op.getConditionOp().getCondition();
      llvm::append_range(forwarded, op.getConditionOp().getArgs());
    }
    std::string stays = counted && flag == after.getArgument(counted->flag)
                            ? flagName
                            : addScalarFlag(flag);
    if (stays.empty())
      return failure();
    NodeProto &last = *writer.graph().add_node();
    last.set_op_type("Identity");
    last.add_input(stays);
    last.add_output(writer.makeName("condition"));
    auto &info = *writer.graph().add_output();
    info.set_name(last.output(0));
    info.mutable_type()->mutable_tensor_type()->set_elem_type(
        ::onnx::TensorProto::BOOL);
    info.mutable_type()->mutable_tensor_type()->mutable_shape();
    for (Value value : forwarded)
      if (failed(addOutput(value, "state")))
        return failure();
  }
  NodeProto &added = writer.addNode(op, "Loop");
  node.set_name(added.name());
  added.Swap(&node);
  SmallVector<unsigned> results(carried);
  if (counted)
    llvm::append_range(results, counted->stacks);
  addResults(added, op, results);
  return success();
}

} // namespace

LogicalResult onnx_frontend::writeControlFlow(GraphWriter &writer,
                                              Operation *op) {
  RegionWriter regions(writer);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return regions.writeIf(branch);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return regions.writeWhile(loop);
  return op->emitError("'") << op->getName() << "' has no ONNX form yet";
}
