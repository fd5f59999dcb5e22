//===- Builders.cpp - What the lowerings of all families share ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"

using namespace mlir;
using namespace neuroplast;

OpFoldResult neuroplast::getDim(OpBuilder &builder, Location location,
                                Value tensor, int64_t axis) {
  return tensor::getMixedSize(builder, location, tensor, axis);
}

SmallVector<OpFoldResult> neuroplast::getDims(OpBuilder &builder,
                                              Location location, Value tensor) {
  return tensor::getMixedSizes(builder, location, tensor);
}

Value neuroplast::toIndex(OpBuilder &builder, Location location,
                          OpFoldResult value) {
  return getValueOrCreateConstantIndexOp(builder, location, value);
}

template <typename Op>
static OpFoldResult combineSizes(OpBuilder &b, Location loc, OpFoldResult lhs,
                                 OpFoldResult rhs) {
  return b.createOrFold<Op>(loc, toIndex(b, loc, lhs), toIndex(b, loc, rhs));
}

static OpFoldResult asFolded(OpBuilder &b, OpFoldResult value) {
  if (auto constant = getConstantIntValue(value))
    return b.getIndexAttr(*constant);
  return value;
}

OpFoldResult neuroplast::addSizes(OpBuilder &b, Location loc, OpFoldResult lhs,
                                  OpFoldResult rhs) {
  return asFolded(b, combineSizes<arith::AddIOp>(b, loc, lhs, rhs));
}
OpFoldResult neuroplast::mulSizes(OpBuilder &b, Location loc, OpFoldResult lhs,
                                  OpFoldResult rhs) {
  return asFolded(b, combineSizes<arith::MulIOp>(b, loc, lhs, rhs));
}
OpFoldResult neuroplast::divSizes(OpBuilder &b, Location loc, OpFoldResult lhs,
                                  OpFoldResult rhs) {
  return asFolded(b, combineSizes<arith::DivSIOp>(b, loc, lhs, rhs));
}

Value neuroplast::createEmpty(OpBuilder &builder, Location location,
                              ArrayRef<OpFoldResult> sizes, Type elementType) {
  return tensor::EmptyOp::create(builder, location, sizes, elementType);
}

Value neuroplast::createFilled(OpBuilder &builder, Location location,
                               ArrayRef<OpFoldResult> sizes, Value scalar) {
  Value empty = createEmpty(builder, location, sizes, scalar.getType());
  return linalg::FillOp::create(builder, location, scalar, empty).getResult(0);
}

Value neuroplast::castTo(OpBuilder &builder, Location location, Value value,
                         Type type) {
  if (value.getType() == type)
    return value;
  return tensor::CastOp::create(builder, location, type, value);
}

Value neuroplast::createMap(
    OpBuilder &builder, Location location, ArrayRef<OpFoldResult> sizes,
    Type elementType,
    function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  Value empty = createEmpty(builder, location, sizes, elementType);
  int64_t rank = sizes.size();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, location, empty.getType(), ValueRange(), empty,
      builder.getMultiDimIdentityMap(rank), iterators,
      [&](OpBuilder &b, Location loc, ValueRange) {
        SmallVector<Value> indices;
        for (int64_t axis = 0; axis < rank; ++axis)
          indices.push_back(linalg::IndexOp::create(b, loc, axis));
        linalg::YieldOp::create(b, loc, body(b, loc, indices));
      });
  return generic.getResult(0);
}

SmallVector<OpFoldResult> neuroplast::getBroadcastSizes(OpBuilder &builder,
                                                        Location location,
                                                        ValueRange tensors) {
  int64_t rank = 0;
  for (Value tensor : tensors)
    rank = std::max(rank, cast<RankedTensorType>(tensor.getType()).getRank());
  SmallVector<OpFoldResult> sizes(rank, builder.getIndexAttr(1));
  for (int64_t axis = 0; axis < rank; ++axis) {
    for (Value tensor : tensors) {
      int64_t own =
          axis - rank + cast<RankedTensorType>(tensor.getType()).getRank();
      if (own < 0)
        continue;
      OpFoldResult size = getDim(builder, location, tensor, own);
      std::optional<int64_t> known = getConstantIntValue(size);
      std::optional<int64_t> sizeSoFar = getConstantIntValue(sizes[axis]);
      if ((known && *known == 1) || (sizeSoFar && *sizeSoFar != 1))
        continue;
      if (known || (sizeSoFar && *sizeSoFar == 1)) {
        sizes[axis] = size;
        continue;
      }
      // Two unknown sizes: equal, or one of them is 1. The result is the one
      // that is not 1 (which may be 0).
      if (neuro::areSameIfBroadcast(size, sizes[axis]))
        continue;
      Value soFar = toIndex(builder, location, sizes[axis]);
      Value other = toIndex(builder, location, size);
      Value one = arith::ConstantIndexOp::create(builder, location, 1);
      Value isOne = arith::CmpIOp::create(builder, location,
                                          arith::CmpIPredicate::eq, soFar, one);
      sizes[axis] =
          arith::SelectOp::create(builder, location, isOne, other, soFar)
              .getResult();
    }
  }
  return sizes;
}

Value neuroplast::createBroadcastMap(
    OpBuilder &builder, Location location, ValueRange inputs,
    ArrayRef<OpFoldResult> sizes, Type elementType,
    function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  int64_t rank = sizes.size();
  MLIRContext *context = builder.getContext();
  SmallVector<AffineMap> maps;
  // For each input: the axes whose broadcasting is decided at run time.
  SmallVector<SmallVector<bool>> undecided;
  SmallVector<Value> operands;
  for (Value input : inputs) {
    auto type = cast<RankedTensorType>(input.getType());
    SmallVector<AffineExpr> exprs;
    SmallVector<bool> open(type.getRank(), false);
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      int64_t loop = axis + rank - type.getRank();
      if (type.getDimSize(axis) == 1 && !isConstantIntValue(sizes[loop], 1)) {
        exprs.push_back(getAffineConstantExpr(0, context));
        continue;
      }
      exprs.push_back(getAffineDimExpr(loop, context));
      open[axis] = type.isDynamicDim(axis) && inputs.size() > 1 &&
                   !neuro::areSameIfBroadcast(
                       getDim(builder, location, input, axis), sizes[loop]);
    }
    undecided.push_back(open);
    if (llvm::is_contained(open, true))
      continue; // read by index in the body
    operands.push_back(input);
    maps.push_back(AffineMap::get(rank, 0, exprs, context));
  }
  maps.push_back(builder.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  Value empty = createEmpty(builder, location, sizes, elementType);
  auto generic = linalg::GenericOp::create(
      builder, location, empty.getType(), operands, empty, maps, iterators,
      [&](OpBuilder &b, Location loc, ValueRange args) {
        SmallVector<Value> elements;
        size_t next = 0;
        for (auto [input, open] : llvm::zip_equal(inputs, undecided)) {
          if (!llvm::is_contained(open, true)) {
            elements.push_back(args[next++]);
            continue;
          }
          auto type = cast<RankedTensorType>(input.getType());
          Value zero = arith::ConstantIndexOp::create(b, loc, 0);
          Value one = arith::ConstantIndexOp::create(b, loc, 1);
          SmallVector<Value> indices;
          for (int64_t axis = 0; axis < type.getRank(); ++axis) {
            int64_t loop = axis + rank - type.getRank();
            if (type.getDimSize(axis) == 1) {
              indices.push_back(zero);
              continue;
            }
            Value index = linalg::IndexOp::create(b, loc, loop);
            if (open[axis]) {
              Value size = tensor::DimOp::create(b, loc, input, axis);
              Value isOne = arith::CmpIOp::create(
                  b, loc, arith::CmpIPredicate::eq, size, one);
              index = arith::SelectOp::create(b, loc, isOne, zero, index);
            }
            indices.push_back(index);
          }
          elements.push_back(tensor::ExtractOp::create(b, loc, input, indices));
        }
        linalg::YieldOp::create(b, loc, body(b, loc, elements));
      });
  return generic.getResult(0);
}

Value neuroplast::createReduction(
    OpBuilder &builder, Location location, Value input, ArrayRef<int64_t> axes,
    Value init, function_ref<Value(OpBuilder &, Location, Value, Value)> body) {
  int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
  MLIRContext *context = builder.getContext();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  SmallVector<AffineExpr> kept;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (llvm::is_contained(axes, axis))
      iterators[axis] = utils::IteratorType::reduction;
    else
      kept.push_back(getAffineDimExpr(axis, context));
  SmallVector<AffineMap> maps{AffineMap::getMultiDimIdentityMap(rank, context),
                              AffineMap::get(rank, 0, kept, context)};
  auto reduce = linalg::GenericOp::create(
      builder, location, init.getType(), input, init, maps, iterators,
      [&](OpBuilder &b, Location loc, ValueRange args) {
        linalg::YieldOp::create(b, loc, body(b, loc, args[0], args[1]));
      });
  return reduce.getResult(0);
}

Value neuroplast::expandAxes(OpBuilder &builder, Location location, Value value,
                             ArrayRef<int64_t> axes) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t rank = type.getRank() + axes.size();
  SmallVector<ReassociationIndices> groups;
  SmallVector<OpFoldResult> sizes;
  ReassociationIndices pending;
  int64_t source = 0;
  SmallVector<int64_t> shape;
  for (int64_t axis = 0; axis < rank; ++axis) {
    pending.push_back(axis);
    if (llvm::is_contained(axes, axis)) {
      sizes.push_back(builder.getIndexAttr(1));
      shape.push_back(1);
      continue;
    }
    sizes.push_back(getDim(builder, location, value, source));
    shape.push_back(type.getDimSize(source));
    ++source;
    groups.push_back(pending);
    pending.clear();
  }
  if (!groups.empty())
    groups.back().append(pending);
  return tensor::ExpandShapeOp::create(
      builder, location, RankedTensorType::get(shape, type.getElementType()),
      value, groups, sizes);
}

Value neuroplast::createLoops(
    OpBuilder &builder, Location location, ArrayRef<OpFoldResult> sizes,
    Value init,
    function_ref<Value(OpBuilder &, Location, ValueRange, Value)> body,
    ValueRange outer) {
  if (sizes.empty())
    return body(builder, location, outer, init);
  Value zero = arith::ConstantIndexOp::create(builder, location, 0);
  Value one = arith::ConstantIndexOp::create(builder, location, 1);
  auto loop = scf::ForOp::create(
      builder, location, zero, toIndex(builder, location, sizes.front()), one,
      init, [&](OpBuilder &b, Location loc, Value index, ValueRange args) {
        SmallVector<Value> indices(outer);
        indices.push_back(index);
        scf::YieldOp::create(
            b, loc,
            createLoops(b, loc, sizes.drop_front(), args[0], body, indices));
      });
  return loop.getResult(0);
}

Value neuroplast::constantIndex(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

SmallVector<Value> neuroplast::insertAt(ValueRange others, int64_t axis,
                                        Value place) {
  SmallVector<Value> result(others);
  result.insert(result.begin() + axis, place);
  return result;
}

SmallVector<OpFoldResult> neuroplast::dropSize(ArrayRef<OpFoldResult> sizes,
                                               int64_t axis) {
  SmallVector<OpFoldResult> result(sizes);
  result.erase(result.begin() + axis);
  return result;
}

Value neuroplast::callRuntime(OpBuilder &b, Location loc, ModuleOp module,
                              StringRef name, ValueRange arguments,
                              Type result) {
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    func::FuncOp::create(b, module.getLoc(), name,
                         b.getFunctionType(arguments.getTypes(), result))
        .setPrivate();
  }
  return func::CallOp::create(b, loc, name, result, arguments).getResult(0);
}
