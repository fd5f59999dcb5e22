//===- LoopGradient.cpp - The way back through loops ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoopGradient.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "neuroplast/Dialect/Neuro/IR/CountedLoop.h"
#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include "neuroplast/Dialect/Neuro/IR/LinearMap.h"
#include "neuroplast/Training/Differentiate.h"

using namespace mlir;
using namespace neuroplast;

static bool isFloat(Type type) {
  return isa<FloatType>(getElementTypeOrSelf(type));
}

static RankedTensorType getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

namespace {

class LoopGradient {
public:
  LoopGradient(OpBuilder &builder, scf::WhileOp op,
               const neuro::CountedLoop &loop)
      : b(builder), loc(op.getLoc()), op(op), loop(loop) {}

  FailureOr<SmallVector<Value>> build(ArrayRef<Value> ofResults,
                                      ArrayRef<Value> captured) {
    if (failed(check()))
      return failure();
    count = countIterations();
    SmallVector<Value> carried;
    for (unsigned state : loop.states)
      if (isFloat(op.getInits()[state].getType()))
        carried.push_back(ofResults[state] ? ofResults[state]
                                           : fillLike(op.getInits()[state]));
    for (Value value : captured)
      carried.push_back(fillLike(value));
    ValueRange histories = remember();
    auto back = createLoop(carried, [&](Value trip, ValueRange args) {
      return goBack(trip, args, histories, ofResults, captured);
    });
    if (failed(back))
      return failure();
    return arrange(back->getResults());
  }

private:
  LogicalResult check() {
    if (!isMemoryEffectFree(op))
      return op.emitOpError("has a body that would not give the same again, "
                            "and no gradient");
    for (unsigned place : loop.states) {
      auto type = cast<RankedTensorType>(op.getInits()[place].getType());
      if (!type.hasStaticShape())
        return op.emitOpError("carries a ")
               << type << ", whose size may change, and has no gradient";
    }
    for (Value row : loop.rows)
      if (!getTensorType(row).hasStaticShape())
        return op.emitOpError("stacks a ")
               << row.getType() << " of unknown size, and has no gradient";
    return success();
  }

  /// What is known before the loop if nothing in it can end it earlier.
  Value countIterations() {
    Value next = op.getYieldOp().getResults()[loop.flag];
    bool goesOn = isConstantIntValue(op.getInits()[loop.flag], 1) &&
                  (next == op.getAfterArguments()[loop.flag] ||
                   isConstantIntValue(next, 1));
    if (!goesOn || !loop.trip)
      return op.getResult(loop.count);
    return arith::MaxSIOp::create(b, loc, loop.trip,
                                  arith::ConstantIndexOp::create(b, loc, 0));
  }

  Value fillLike(Value value) {
    neuro::TermBuilder at{b, loc};
    return neuro::Term(at, value).zerosLike(value).get();
  }

  /// The gradients of the loop as those of what the op starts from.
  SmallVector<Value> arrange(ValueRange found) {
    SmallVector<Value> gradients(op.getInits().size());
    for (unsigned place : loop.states)
      if (isFloat(op.getInits()[place].getType())) {
        gradients[place] = found.front();
        found = found.drop_front();
      }
    llvm::append_range(gradients, found);
    return gradients;
  }

  using Body = llvm::function_ref<FailureOr<SmallVector<Value>>(
      Value trip, ValueRange args)>;
  /// A loop over all iterations; ops are built in its body meanwhile.
  FailureOr<scf::ForOp> createLoop(ValueRange carried, Body body) {
    auto number = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    Value none = number(0), one = number(1);
    auto made = scf::ForOp::create(b, loc, none, count, one, carried);
    OpBuilder::InsertionGuard guard(b);
    Block &block = *made.getBody();
    // A loop that carries nothing has an end already.
    if (block.mightHaveTerminator())
      block.back().erase();
    b.setInsertionPointToEnd(&block);
    auto next = body(made.getInductionVar(), made.getRegionIterArgs());
    if (failed(next))
      return failure();
    b.setInsertionPointToEnd(&block);
    scf::YieldOp::create(b, loc, *next);
    return made;
  }

  /// Where a row of a tensor of rows is.
  struct RowPlace {
    SmallVector<OpFoldResult> offsets, sizes, strides;
  };
  RowPlace locate(RankedTensorType row, Value step) {
    int64_t rank = row.getRank() + 1;
    RowPlace place{SmallVector<OpFoldResult>(rank, b.getIndexAttr(0)),
                   {b.getIndexAttr(1)},
                   SmallVector<OpFoldResult>(rank, b.getIndexAttr(1))};
    place.offsets[0] = step;
    for (int64_t size : row.getShape())
      place.sizes.push_back(b.getIndexAttr(size));
    return place;
  }
  Value takeRow(Value rows, RankedTensorType type, Value step) {
    auto [offsets, sizes, strides] = locate(type, step);
    return tensor::ExtractSliceOp::create(b, loc, type, rows, offsets, sizes,
                                          strides);
  }

  /// Copies the body for the iteration `step` in these states.
  void copyBody(IRMapping &values, Value step, ValueRange states) {
    Block &body = *op.getAfterBody();
    values.map(body.getArgument(loop.count), step);
    values.map(body.getArgument(loop.flag),
               arith::ConstantIntOp::create(b, loc, 1, 1).getResult());
    for (auto [place, state] : llvm::zip_equal(loop.states, states))
      values.map(body.getArgument(place), state);
    // Nothing is put on these stacks in the end.
    for (unsigned place : loop.stacks)
      values.map(body.getArgument(place), op.getInits()[place]);
    for (Operation &inner : body.without_terminator())
      b.clone(inner, values);
  }

  /// The states at the start of all iterations, as rows of one tensor each.
  ValueRange remember() {
    SmallVector<Value> carried;
    for (unsigned place : loop.states)
      carried.push_back(op.getInits()[place]);
    size_t states = carried.size();
    for (size_t i = 0; i < states; ++i) {
      RankedTensorType type = getTensorType(carried[i]);
      SmallVector<int64_t> shape{ShapedType::kDynamic};
      llvm::append_range(shape, type.getShape());
      carried.push_back(tensor::EmptyOp::create(
          b, loc, shape, type.getElementType(), ValueRange{count}));
    }
    if (states == 0)
      return {};
    auto made = createLoop(
        carried,
        [&](Value step, ValueRange args) -> FailureOr<SmallVector<Value>> {
          IRMapping values;
          copyBody(values, step, args.take_front(states));
          SmallVector<Value> next;
          for (unsigned place : loop.states)
            next.push_back(
                values.lookupOrDefault(op.getYieldOp().getResults()[place]));
          for (size_t i = 0; i < states; ++i) {
            auto [offsets, sizes, strides] =
                locate(getTensorType(args[i]), step);
            next.push_back(tensor::InsertSliceOp::create(
                b, loc, args[i], args[states + i], offsets, sizes, strides));
          }
          return next;
        });
    return made->getResults().drop_front(states);
  }

  /// Goes back through one iteration: from the gradients of the states behind
  /// it to those of the states before it, and of what it reads beside these.
  FailureOr<SmallVector<Value>> goBack(Value trip, ValueRange args,
                                       ValueRange histories,
                                       ArrayRef<Value> ofResults,
                                       ArrayRef<Value> captured) {
    Value last = arith::SubIOp::create(
        b, loc, count, arith::ConstantIndexOp::create(b, loc, 1));
    Value step = arith::SubIOp::create(b, loc, last, trip);
    SmallVector<Value> states, results, seeds, of;
    for (auto [place, history] : llvm::zip_equal(loop.states, histories)) {
      states.push_back(
          takeRow(history, getTensorType(op.getInits()[place]), step));
      if (isFloat(states.back().getType()))
        of.push_back(states.back());
    }
    size_t ofStates = of.size();
    llvm::append_range(of, captured);
    IRMapping values;
    copyBody(values, step, states);
    for (unsigned place : loop.states)
      if (isFloat(op.getInits()[place].getType()))
        results.push_back(
            values.lookupOrDefault(op.getYieldOp().getResults()[place]));
    llvm::append_range(seeds, args.take_front(ofStates));
    for (auto [place, row] : llvm::zip_equal(loop.stacks, loop.rows))
      if (ofResults[place]) {
        results.push_back(values.lookupOrDefault(row));
        seeds.push_back(takeRow(ofResults[place], getTensorType(row), step));
      }
    Block &block = *b.getInsertionBlock();
    Operation *end = scf::YieldOp::create(b, loc);
    auto gradients = training::buildGradients(b, block, results, seeds, of);
    end->erase();
    if (failed(gradients))
      return failure();
    b.setInsertionPointToEnd(&block);
    SmallVector<Value> next(*gradients);
    for (size_t i = ofStates; i < next.size(); ++i)
      next[i] = neuro::buildSum(b, loc, args[i], next[i]);
    return next;
  }

  OpBuilder &b;
  Location loc;
  scf::WhileOp op;
  const neuro::CountedLoop &loop;
  Value count;
};

} // namespace

FailureOr<SmallVector<Value>>
neuroplast::training::buildLoopGradient(OpBuilder &builder, scf::WhileOp op,
                                        ArrayRef<Value> ofResults,
                                        ArrayRef<Value> captured) {
  std::optional<neuro::CountedLoop> loop = neuro::matchCountedLoop(op);
  if (!loop)
    return op.emitOpError("does not count its iterations, and has no gradient");
  return LoopGradient(builder, op, *loop).build(ofResults, captured);
}
