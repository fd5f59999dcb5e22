//===- ControlFlowHandlers.cpp - If, Loop and Scan ------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "SizeLists.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

using Size = OpFoldResult;

namespace {

/// A condition that is known chooses a branch now; else both become regions.
LogicalResult importIf(NodeContext &node) {
  const auto *thenBranch = node.getAttribute("then_branch");
  const auto *elseBranch = node.getAttribute("else_branch");
  if (!thenBranch || !elseBranch)
    return node.error() << "lacks a branch";
  GraphImporter &importer = node.importer;
  if (auto condition = node.getConstantInts(0);
      condition && condition->size() == 1) {
    const auto &graph = condition->front() ? thenBranch->g() : elseBranch->g();
    auto results = importer.inlineSubgraph(graph);
    if (failed(results))
      return failure();
    for (auto [output, value] : llvm::zip(node.node.output(), *results))
      if (!output.empty())
        importer.define(output, value);
    return success();
  }
  OpBuilder &b = importer.builder;
  Value condition = node.getInput(0);
  if (!condition)
    return failure();
  SmallVector<Value> at(cast<RankedTensorType>(condition.getType()).getRank(),
                        arith::ConstantIndexOp::create(b, node.location, 0));
  if (!getElementTypeOrSelf(condition.getType()).isInteger(1))
    return node.error() << "has a condition that is no boolean";
  Value flag = tensor::ExtractOp::create(b, node.location, condition, at);
  auto ifOp =
      scf::IfOp::create(b, node.location, TypeRange(), flag, true, true);
  SmallVector<SmallVector<Value>> yields;
  for (auto [region, graph] :
       {std::pair(&ifOp.getThenRegion(), &thenBranch->g()),
        std::pair(&ifOp.getElseRegion(), &elseBranch->g())}) {
    OpBuilder::InsertionGuard guard(b);
    Block *block = &region->front();
    if (block->mightHaveTerminator())
      block->getTerminator()->erase();
    b.setInsertionPointToEnd(block);
    auto results = importer.importSubgraph(*graph, {});
    if (failed(results))
      return failure();
    yields.push_back(*results);
  }
  if (yields[0].size() != yields[1].size())
    return node.error() << "has branches with different numbers of results";
  SmallVector<Type> types;
  for (auto [left, right] : llvm::zip_equal(yields[0], yields[1])) {
    auto lhs = dyn_cast<RankedTensorType>(left.getType());
    auto rhs = dyn_cast<RankedTensorType>(right.getType());
    if (!lhs || !rhs || lhs.getRank() != rhs.getRank() ||
        lhs.getElementType() != rhs.getElementType())
      return node.leaveOpaque(
          "the branches have results of different rank or element type");
    SmallVector<int64_t> shape;
    for (auto [l, r] : llvm::zip_equal(lhs.getShape(), rhs.getShape()))
      shape.push_back(l == r ? l : ShapedType::kDynamic);
    types.push_back(lhs.clone(shape));
  }
  Block *blocks[] = {ifOp.thenBlock(), ifOp.elseBlock()};
  for (auto [block, values] : llvm::zip_equal(blocks, yields)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(block);
    SmallVector<Value> joined;
    for (auto [value, type] : llvm::zip_equal(values, types))
      joined.push_back(
          value.getType() == type
              ? value
              : Value(tensor::CastOp::create(b, node.location, type, value)));
    scf::YieldOp::create(b, node.location, joined);
  }
  // An op's result types are fixed when it is made: make it again with them.
  auto typed = scf::IfOp::create(b, node.location, types, flag, false, false);
  typed.getThenRegion().takeBody(ifOp.getThenRegion());
  typed.getElseRegion().takeBody(ifOp.getElseRegion());
  ifOp.erase();
  for (auto [index, value] : llvm::enumerate(typed.getResults()))
    node.setResult(index, value);
  return success();
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// `value` as a tensor of `type`, which differs at most in what is static.
Value castTo(OpBuilder &b, Location location, Value value, Type type) {
  if (value.getType() == type)
    return value;
  return tensor::CastOp::create(b, location, type, value);
}

/// The boolean or integer in a tensor of one element.
Value extractScalar(OpBuilder &b, Location location, Value tensor) {
  SmallVector<Value> at(cast<RankedTensorType>(tensor.getType()).getRank(),
                        arith::ConstantIndexOp::create(b, location, 0));
  return tensor::ExtractOp::create(b, location, tensor, at);
}

/// The element types and ranks of the states around a loop, with the
/// dimensions that stay the same from one iteration to the next.
LogicalResult relax(NodeContext &node, ArrayRef<Value> next,
                    SmallVectorImpl<RankedTensorType> &types, bool &changed) {
  for (auto [value, type] : llvm::zip_equal(next, types)) {
    auto own = dyn_cast<RankedTensorType>(value.getType());
    if (!own || own.getRank() != type.getRank() ||
        own.getElementType() != type.getElementType())
      return node.leaveOpaque("a state changes its rank or element type");
    SmallVector<int64_t> shape;
    for (auto [before, after] :
         llvm::zip_equal(type.getShape(), own.getShape()))
      shape.push_back(before == after ? before : ShapedType::kDynamic);
    RankedTensorType joined = type.clone(shape);
    changed |= joined != type;
    type = joined;
  }
  return success();
}

/// A loop that carries states and collects what each iteration yields.
struct Loop {
  const onnx::GraphProto &body;
  Size trip;       ///< How often at most; null if nothing limits it.
  Value condition; ///< Whether to begin; null if nothing asks.
  bool yieldsCondition;
  SmallVector<Value> states;
  /// What the body takes besides the states, and whether it comes before them.
  llvm::function_ref<FailureOr<SmallVector<Value>>(Value index,
                                                   Value condition)>
      makeInputs;
  bool inputsFirst;
};

/// `value` with an axis of size 1 put before its axes.
Value addLeadingAxis(NodeContext &node, Value value) {
  Builder &b = node.importer.builder;
  SizeArithmetic a(node.importer.builder, node.location);
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> sizes{1};
  SmallVector<Value> operands{value};
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    sizes.push_back(type.getDimSize(axis));
    if (type.isDynamicDim(axis))
      operands.push_back(a.toValue(a.getDim(value, axis)));
  }
  auto op = node.create<ReshapeOp>(
      operands, {b.getNamedAttr("sizes", b.getDenseI64ArrayAttr(sizes))});
  return op ? op->getResult(0) : Value();
}

/// Builds the loop; the results are the last states and, stacked along a new
/// leading axis, what the iterations yielded.
FailureOr<SmallVector<Value>> buildLoop(NodeContext &node, const Loop &loop) {
  GraphImporter &importer = node.importer;
  OpBuilder &b = importer.builder;
  Location loc = node.location;
  size_t stateCount = loop.states.size();
  size_t first = loop.yieldsCondition ? 1 : 0;
  if (static_cast<size_t>(loop.body.output_size()) < first + stateCount)
    return LogicalResult(node.error() << "has a body with too few results");
  SmallVector<RankedTensorType> types;
  for (Value state : loop.states) {
    auto type = dyn_cast<RankedTensorType>(state.getType());
    if (!type)
      return node.leaveOpaque("a state is no tensor");
    types.push_back(type);
  }
  Type index = b.getIndexType(), flag = b.getI1Type();
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value begin = loop.condition
                    ? loop.condition
                    : Value(arith::ConstantIntOp::create(b, loc, 1, 1));

  // The body is translated into a host of its own until the types of the
  // states settle; each try knows fewer dimensions.
  scf::ExecuteRegionOp host;
  Block *body = nullptr;
  SmallVector<Value> results;
  for (bool changed = true; changed;) {
    changed = false;
    if (host)
      host.erase();
    host = scf::ExecuteRegionOp::create(b, loc, TypeRange());
    body = &host.getRegion().emplaceBlock();
    Value i = body->addArgument(index, loc), c = body->addArgument(flag, loc);
    SmallVector<Value> inputs;
    for (RankedTensorType type : types)
      inputs.push_back(body->addArgument(type, loc));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(body);
    FailureOr<SmallVector<Value>> others = loop.makeInputs(i, c);
    if (failed(others))
      return failure();
    inputs.insert(loop.inputsFirst ? inputs.begin() : inputs.end(),
                  others->begin(), others->end());
    if (inputs.size() != static_cast<size_t>(loop.body.input_size()))
      return LogicalResult(node.error()
                           << "has a body of " << loop.body.input_size()
                           << " operands, expected " << inputs.size());
    FailureOr<SmallVector<Value>> yielded =
        importer.importSubgraph(loop.body, inputs);
    if (failed(yielded))
      return failure();
    results = *yielded;
    if (loop.yieldsCondition) {
      auto type = dyn_cast<RankedTensorType>(results.front().getType());
      if (!type || !type.getElementType().isInteger(1))
        return node.leaveOpaque("its body decides by no boolean");
    }
    if (failed(relax(node, ArrayRef(results).slice(first, stateCount), types,
                     changed)))
      return failure();
  }

  // What is stacked starts empty; its unknown dimensions are those of the
  // first element.
  SmallVector<Value> init{zero, begin};
  SmallVector<Type> carried{index, flag};
  for (auto [state, type] : llvm::zip_equal(loop.states, types)) {
    init.push_back(castTo(b, loc, state, type));
    carried.push_back(type);
  }
  for (Value element : ArrayRef(results).drop_front(first + stateCount)) {
    auto type = dyn_cast<RankedTensorType>(element.getType());
    if (!type)
      return node.leaveOpaque("what is stacked is no tensor");
    SmallVector<int64_t> shape{ShapedType::kDynamic};
    llvm::append_range(shape, type.getShape());
    auto stacked = RankedTensorType::get(shape, type.getElementType());
    SmallVector<Value> sizes(stacked.getNumDynamicDims(), zero);
    init.push_back(tensor::EmptyOp::create(b, loc, stacked, sizes));
    carried.push_back(stacked);
    body->addArgument(stacked, loc);
  }

  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(body);
    SmallVector<Value> next{
        arith::AddIOp::create(b, loc, body->getArgument(0), one),
        loop.yieldsCondition ? extractScalar(b, loc, results[0])
                             : body->getArgument(1)};
    for (size_t position = 0; position + first < results.size(); ++position) {
      Value value = results[position + first];
      Type type = carried[position + 2];
      if (position >= stateCount) {
        Value row = addLeadingAxis(node, value);
        auto concat =
            row ? node.create<ConcatOp>(
                      {body->getArgument(position + 2), row},
                      {b.getNamedAttr("axis", b.getI64IntegerAttr(0))})
                : ConcatOp();
        if (!concat)
          return failure();
        value = concat->getResult(0);
      }
      next.push_back(castTo(b, loc, value, type));
    }
    scf::YieldOp::create(b, loc, next);
  }

  auto loopOp = scf::WhileOp::create(b, loc, carried, init);
  SmallVector<Location> locations(carried.size(), loc);
  Block *before = b.createBlock(&loopOp.getBefore(), {}, carried, locations);
  Value goOn = before->getArgument(1);
  if (loop.trip) {
    SizeArithmetic a(b, loc);
    Value isLess =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                              before->getArgument(0), a.toValue(loop.trip));
    goOn = arith::AndIOp::create(b, loc, goOn, isLess);
  }
  scf::ConditionOp::create(b, loc, goOn, before->getArguments());
  loopOp.getAfter().takeBody(host.getRegion());
  b.setInsertionPointAfter(loopOp);
  host.erase();
  return SmallVector<Value>(loopOp.getResults().drop_front(2));
}

LogicalResult importLoop(NodeContext &node) {
  const auto *body = node.getAttribute("body");
  if (!body)
    return node.error() << "lacks a body";
  OpBuilder &b = node.importer.builder;
  Size trip;
  if (node.hasInput(0)) {
    auto given = node.getSizes(0);
    if (!given || given->size() != 1)
      return node.error() << "has a trip count that is no scalar";
    trip = given->front();
  }
  Value condition;
  if (node.hasInput(1)) {
    RankedTensorType type = node.getInputType(1);
    if (!type || !type.getElementType().isInteger(1))
      return node.error() << "has a condition that is no boolean";
    condition = extractScalar(b, node.location, node.getInput(1));
  }
  SmallVector<Value> states;
  for (int i = 2; i < node.node.input_size(); ++i) {
    states.push_back(node.getInput(i));
    if (!states.back())
      return failure();
  }
  auto makeInputs = [&](Value index,
                        Value flag) -> FailureOr<SmallVector<Value>> {
    Value count =
        arith::IndexCastOp::create(b, node.location, b.getI64Type(), index);
    return SmallVector<Value>{
        tensor::FromElementsOp::create(
            b, node.location, RankedTensorType::get({}, b.getI64Type()), count),
        tensor::FromElementsOp::create(
            b, node.location, RankedTensorType::get({}, b.getI1Type()), flag)};
  };
  auto results = buildLoop(node, Loop{body->g(), trip, condition, true, states,
                                      makeInputs, /*inputsFirst=*/true});
  if (failed(results))
    return failure();
  for (auto [index, value] : llvm::enumerate(*results))
    node.setResult(index, value);
  return success();
}

/// Row `index` of an axis, without the axis.
Value takeRow(NodeContext &node, Value value, int64_t axis, Value index) {
  OpBuilder &b = node.importer.builder;
  Value at =
      arith::IndexCastOp::create(b, node.location, b.getI64Type(), index);
  Value indices = tensor::FromElementsOp::create(
      b, node.location, RankedTensorType::get({}, b.getI64Type()), at);
  auto op = node.create<GatherOp>(
      {value, indices}, {b.getNamedAttr("axis", b.getI64IntegerAttr(axis))});
  return op ? op->getResult(0) : Value();
}

/// The leading axis of `value` moved to `axis`.
Value moveLeadingAxis(NodeContext &node, Value value, int64_t axis) {
  if (axis == 0)
    return value;
  Builder &b = node.importer.builder;
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  SmallVector<int64_t> order;
  for (int64_t i = 1; i < rank; ++i)
    order.push_back(i);
  order.insert(order.begin() + axis, 0);
  auto op = node.create<TransposeOp>(
      value, {b.getNamedAttr("permutation", b.getDenseI64ArrayAttr(order))});
  return op ? op->getResult(0) : Value();
}

/// `value` with its leading axis in reverse order.
Value reverseLeadingAxis(NodeContext &node, Value value) {
  OpBuilder &b = node.importer.builder;
  SizeArithmetic a(b, node.location);
  SmallVector<Size> starts, sizes, steps;
  auto type = cast<RankedTensorType>(value.getType());
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    sizes.push_back(a.getDim(value, axis));
    starts.push_back(axis ? a.constant(0) : a.sub(sizes[0], a.constant(1)));
    steps.push_back(a.constant(axis ? 1 : -1));
  }
  auto slice = createSlice(node, value, starts, sizes, steps);
  return slice ? slice.getResult() : Value();
}

LogicalResult importScan(NodeContext &node) {
  const auto *body = node.getAttribute("body");
  int64_t scanCount = node.getInt("num_scan_inputs", 0);
  int64_t stateCount = node.node.input_size() - scanCount;
  if (!body || scanCount < 1 || stateCount < 0)
    return node.error() << "lacks a body or something to scan";
  OpBuilder &b = node.importer.builder;
  Location loc = node.location;
  SizeArithmetic a(b, loc);
  auto getList = [&](StringRef name, int64_t size) {
    SmallVector<int64_t> list =
        node.getInts(name).value_or(SmallVector<int64_t>(size, 0));
    list.resize(size, 0);
    return list;
  };
  SmallVector<int64_t> axes = getList("scan_input_axes", scanCount);
  SmallVector<int64_t> backwards = getList("scan_input_directions", scanCount);
  SmallVector<Value> states, sequences;
  for (int i = 0; i < node.node.input_size(); ++i) {
    RankedTensorType type = node.getInputType(i);
    if (!type)
      return failure();
    if (i < stateCount) {
      states.push_back(node.getInput(i));
      continue;
    }
    int64_t &axis = axes[i - stateCount];
    axis = neuro::detail::normalizeAxis(axis, type.getRank());
    if (axis < 0 || axis >= type.getRank())
      return node.error() << "scans an axis outside operand #" << i;
    sequences.push_back(node.getInput(i));
  }
  Size trip = a.getDim(sequences[0], axes[0]);
  auto makeInputs = [&](Value index, Value) -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> rows;
    for (size_t i = 0; i < sequences.size(); ++i) {
      Value at = index;
      if (backwards[i]) {
        Value last = a.toValue(a.sub(trip, a.constant(1)));
        at = arith::SubIOp::create(b, loc, last, index);
      }
      rows.push_back(takeRow(node, sequences[i], axes[i], at));
      if (!rows.back())
        return failure();
    }
    return rows;
  };
  auto results = buildLoop(node, Loop{body->g(), trip, Value(), false, states,
                                      makeInputs, /*inputsFirst=*/false});
  if (failed(results))
    return failure();
  int64_t stackCount = results->size() - stateCount;
  SmallVector<int64_t> outputAxes = getList("scan_output_axes", stackCount);
  SmallVector<int64_t> outputBackwards =
      getList("scan_output_directions", stackCount);
  for (int64_t i = 0; i < stackCount; ++i) {
    Value &value = (*results)[stateCount + i];
    int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
    int64_t axis = outputAxes[i] < 0 ? outputAxes[i] + rank : outputAxes[i];
    if (axis < 0 || axis >= rank)
      return node.error() << "stacks along an axis outside result #"
                          << stateCount + i;
    if (outputBackwards[i] && !(value = reverseLeadingAxis(node, value)))
      return failure();
    if (!(value = moveLeadingAxis(node, value, axis)))
      return failure();
  }
  for (auto [index, value] : llvm::enumerate(*results))
    node.setResult(index, value);
  return success();
}

} // namespace

void neuroplast::registerControlFlowHandlers(HandlerTable &table) {
  table["If"] = importIf;
  table["Loop"] = importLoop;
  table["Scan"] = importScan;
}
