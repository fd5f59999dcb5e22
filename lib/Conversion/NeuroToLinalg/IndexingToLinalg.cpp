//===- IndexingToLinalg.cpp - Gather, scatter and friends to linalg -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Reads by index are maps over the result; writes by index are loops over the
// updates, because two of them may hit the same place. Indices come from data:
// they are brought into bounds, so that no input reads or writes outside.

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Cmp = ScalarEmitter::Compare;

int64_t getRank(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

/// An index read from data, counted from the end if negative, in [0, size).
Value normalizeIndex(OpBuilder &b, Location loc, Value index, Value size) {
  if (!index.getType().isIndex())
    index = arith::IndexCastOp::create(b, loc, b.getIndexType(), index);
  Value zero = constantIndex(b, loc, 0);
  Value isNegative =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, index, zero);
  index = arith::SelectOp::create(
      b, loc, isNegative, arith::AddIOp::create(b, loc, index, size), index);
  Value last = arith::SubIOp::create(b, loc, size, constantIndex(b, loc, 1));
  return arith::MaxSIOp::create(
      b, loc, arith::MinSIOp::create(b, loc, index, last), zero);
}

/// `old` combined with `update` as `reduction` says.
Value combine(ScalarEmitter &e, StringRef reduction, Value old, Value update) {
  if (reduction == "add")
    return e.isBool() ? Value(arith::OrIOp::create(e.getBuilder(), e.getLoc(),
                                                   old, update))
                      : e.add(old, update);
  if (reduction == "mul")
    return e.isBool() ? Value(arith::AndIOp::create(e.getBuilder(), e.getLoc(),
                                                    old, update))
                      : e.mul(old, update);
  if (reduction == "max")
    return e.max(old, update);
  if (reduction == "min")
    return e.min(old, update);
  return update;
}

/// Replaces (or combines) one element of `tensor`.
Value updateElement(OpBuilder &b, Location loc, Value tensor, ValueRange at,
                    Value update, StringRef reduction, Type element) {
  if (reduction != "none") {
    ScalarEmitter e(b, loc, element);
    Value old = tensor::ExtractOp::create(b, loc, tensor, at);
    update = e.store(
        combine(e, reduction, e.load(old, element), e.load(update, element)),
        element);
  }
  return tensor::InsertOp::create(b, loc, update, tensor, at);
}

/// The places of the elements among `count` for which `predicate` holds, and
/// how many there are. Each place is written, and only advanced over if it is
/// to stay, so that there is no branch.
std::pair<Value, Value>
findPlaces(OpBuilder &b, Location loc, OpFoldResult count,
           function_ref<Value(OpBuilder &, Location, Value)> predicate) {
  Value empty = createEmpty(b, loc, {count}, b.getI64Type());
  Value zero = constantIndex(b, loc, 0), one = constantIndex(b, loc, 1);
  auto loop = scf::ForOp::create(
      b, loc, zero, toIndex(b, loc, count), one, ValueRange{empty, zero},
      [&](OpBuilder &inner, Location l, Value place, ValueRange args) {
        Value holds = predicate(inner, l, place);
        Value integer =
            arith::IndexCastOp::create(inner, l, inner.getI64Type(), place);
        Value next =
            tensor::InsertOp::create(inner, l, integer, args[0], args[1]);
        Value step =
            arith::IndexCastUIOp::create(inner, l, inner.getIndexType(), holds);
        Value found = arith::AddIOp::create(inner, l, args[1], step);
        scf::YieldOp::create(inner, l, ValueRange{next, found});
      });
  return {loop.getResult(0), loop.getResult(1)};
}

/// The row-major position `linear` as one index per axis.
SmallVector<Value> delinearize(OpBuilder &b, Location loc, Value linear,
                               ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> indices(sizes.size());
  for (int64_t axis = sizes.size() - 1; axis >= 0; --axis) {
    Value size = toIndex(b, loc, sizes[axis]);
    indices[axis] = arith::RemUIOp::create(b, loc, linear, size);
    linear = arith::DivUIOp::create(b, loc, linear, size);
  }
  return indices;
}

OpFoldResult countElements(OpBuilder &b, Location loc,
                           ArrayRef<OpFoldResult> sizes) {
  OpFoldResult count = b.getIndexAttr(1);
  for (OpFoldResult size : sizes)
    count = mulSizes(b, loc, count, size);
  return count;
}

Value readPlace(OpBuilder &b, Location loc, Value places, Value at) {
  Value place = tensor::ExtractOp::create(b, loc, places, at);
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), place);
}

template <typename Op> struct Lowering : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  using Adaptor = typename Op::Adaptor;

  LogicalResult
  matchAndRewrite(Op op, Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    FailureOr<Value> result = lower(op, adaptor, rewriter);
    if (failed(result))
      return failure();
    Type type =
        this->getTypeConverter()->convertType(op->getResult(0).getType());
    rewriter.replaceOp(op, castTo(rewriter, op.getLoc(), *result, type));
    return success();
  }

  FailureOr<Value> lower(Op op, Adaptor adaptor,
                         ConversionPatternRewriter &b) const;
};

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

template <>
FailureOr<Value> Lowering<GatherOp>::lower(GatherOp op, Adaptor adaptor,
                                           ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value data = adaptor.getData(), indices = adaptor.getIndices();
  int64_t axis = neuro::detail::normalizeAxis(op.getAxis(), data),
          count = getRank(indices);
  SmallVector<OpFoldResult> dataSizes = getDims(b, loc, data), sizes;
  llvm::append_range(sizes, ArrayRef(dataSizes).take_front(axis));
  llvm::append_range(sizes, getDims(b, loc, indices));
  llvm::append_range(sizes, ArrayRef(dataSizes).drop_front(axis + 1));
  Value size = toIndex(b, loc, dataSizes[axis]);
  Type element = getElementTypeOrSelf(data.getType());
  return createMap(b, loc, sizes, element,
                   [&](OpBuilder &inner, Location l, ValueRange at) -> Value {
                     Value index = tensor::ExtractOp::create(
                         inner, l, indices, at.slice(axis, count));
                     SmallVector<Value> from(at.take_front(axis));
                     from.push_back(normalizeIndex(inner, l, index, size));
                     llvm::append_range(from, at.drop_front(axis + count));
                     return tensor::ExtractOp::create(inner, l, data, from);
                   });
}

template <>
FailureOr<Value>
Lowering<GatherElementsOp>::lower(GatherElementsOp op, Adaptor adaptor,
                                  ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value data = adaptor.getData(), indices = adaptor.getIndices();
  int64_t axis = neuro::detail::normalizeAxis(op.getAxis(), data);
  Value size = toIndex(b, loc, getDim(b, loc, data, axis));
  return createMap(
      b, loc, getDims(b, loc, indices), getElementTypeOrSelf(data.getType()),
      [&](OpBuilder &inner, Location l, ValueRange at) -> Value {
        SmallVector<Value> from(at);
        Value index = tensor::ExtractOp::create(inner, l, indices, at);
        from[axis] = normalizeIndex(inner, l, index, size);
        return tensor::ExtractOp::create(inner, l, data, from);
      });
}

/// The indices that the tuple at `at` names, for the axes from `first` on.
SmallVector<Value> readTuple(OpBuilder &b, Location loc, Value indices,
                             ValueRange at, int64_t length, int64_t first,
                             ArrayRef<OpFoldResult> dataSizes) {
  SmallVector<Value> result;
  for (int64_t entry = 0; entry < length; ++entry) {
    SmallVector<Value> place(at);
    place.push_back(constantIndex(b, loc, entry));
    Value index = tensor::ExtractOp::create(b, loc, indices, place);
    result.push_back(normalizeIndex(b, loc, index,
                                    toIndex(b, loc, dataSizes[first + entry])));
  }
  return result;
}

template <>
FailureOr<Value>
Lowering<GatherNDOp>::lower(GatherNDOp op, Adaptor adaptor,
                            ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value data = adaptor.getData(), indices = adaptor.getIndices();
  int64_t batch = op.getBatchDims(), count = getRank(indices) - 1;
  int64_t length = cast<RankedTensorType>(indices.getType()).getShape().back();
  SmallVector<OpFoldResult> dataSizes = getDims(b, loc, data);
  SmallVector<OpFoldResult> sizes = getDims(b, loc, indices);
  sizes.pop_back();
  llvm::append_range(sizes, ArrayRef(dataSizes).drop_front(batch + length));
  return createMap(b, loc, sizes, getElementTypeOrSelf(data.getType()),
                   [&](OpBuilder &inner, Location l, ValueRange at) -> Value {
                     SmallVector<Value> from(at.take_front(batch));
                     llvm::append_range(from,
                                        readTuple(inner, l, indices,
                                                  at.take_front(count), length,
                                                  batch, dataSizes));
                     llvm::append_range(from, at.drop_front(count));
                     return tensor::ExtractOp::create(inner, l, data, from);
                   });
}

template <>
FailureOr<Value> Lowering<OneHotOp>::lower(OneHotOp op, Adaptor adaptor,
                                           ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value indices = adaptor.getIndices(), values = adaptor.getValues();
  int64_t rank = getRank(indices) + 1;
  int64_t axis = neuro::detail::normalizeAxis(op.getAxis(), rank);
  OpFoldResult depth = op.getDynamicDepth()
                           ? OpFoldResult(adaptor.getDynamicDepth())
                           : b.getIndexAttr(op.getDepth());
  SmallVector<OpFoldResult> sizes = getDims(b, loc, indices);
  sizes.insert(sizes.begin() + axis, depth);
  Type from = getElementTypeOrSelf(op.getIndices().getType());
  Value size = toIndex(b, loc, depth);
  return createMap(
      b, loc, sizes, getElementTypeOrSelf(values.getType()),
      [&](OpBuilder &inner, Location l, ValueRange at) -> Value {
        SmallVector<Value> place(at);
        place.erase(place.begin() + axis);
        ScalarEmitter e(inner, l, from);
        Value index = e.convert(
            e.load(tensor::ExtractOp::create(inner, l, indices, place), from),
            from, inner.getI64Type());
        index =
            arith::IndexCastOp::create(inner, l, inner.getIndexType(), index);
        Value zero = constantIndex(inner, l, 0),
              one = constantIndex(inner, l, 1);
        Value isNegative = arith::CmpIOp::create(
            inner, l, arith::CmpIPredicate::slt, index, zero);
        Value wrapped = arith::AddIOp::create(inner, l, index, size);
        index = arith::SelectOp::create(inner, l, isNegative, wrapped, index);
        Value isHot = arith::CmpIOp::create(inner, l, arith::CmpIPredicate::eq,
                                            index, at[axis]);
        Value choice = arith::SelectOp::create(inner, l, isHot, one, zero);
        return tensor::ExtractOp::create(inner, l, values, choice);
      });
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

template <>
FailureOr<Value>
Lowering<ScatterElementsOp>::lower(ScatterElementsOp op, Adaptor adaptor,
                                   ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value indices = adaptor.getIndices(), data = adaptor.getData();
  int64_t axis = neuro::detail::normalizeAxis(op.getAxis(), data);
  Type element = getElementTypeOrSelf(op.getData().getType());
  Value size = toIndex(b, loc, getDim(b, loc, data, axis));
  return createLoops(
      b, loc, getDims(b, loc, indices), data,
      [&](OpBuilder &inner, Location l, ValueRange at, Value tensor) {
        SmallVector<Value> to(at);
        Value index = tensor::ExtractOp::create(inner, l, indices, at);
        to[axis] = normalizeIndex(inner, l, index, size);
        Value update =
            tensor::ExtractOp::create(inner, l, adaptor.getUpdates(), at);
        return updateElement(inner, l, tensor, to, update, op.getReduction(),
                             element);
      });
}

template <>
FailureOr<Value>
Lowering<ScatterNDOp>::lower(ScatterNDOp op, Adaptor adaptor,
                             ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value indices = adaptor.getIndices(), data = adaptor.getData();
  int64_t count = getRank(indices) - 1;
  int64_t length = cast<RankedTensorType>(indices.getType()).getShape().back();
  if (ShapedType::isDynamic(length)) {
    (void)b.notifyMatchFailure(op, "index tuples have an unknown length");
    return failure();
  }
  Type element = getElementTypeOrSelf(op.getData().getType());
  SmallVector<OpFoldResult> dataSizes = getDims(b, loc, data);
  return createLoops(
      b, loc, getDims(b, loc, adaptor.getUpdates()), data,
      [&](OpBuilder &inner, Location l, ValueRange at, Value tensor) {
        ValueRange tuple = at.take_front(count);
        SmallVector<Value> to = readTuple(inner, l, indices, tuple, length,
                                          /*first=*/0, dataSizes);
        llvm::append_range(to, at.drop_front(count));
        Value update =
            tensor::ExtractOp::create(inner, l, adaptor.getUpdates(), at);
        return updateElement(inner, l, tensor, to, update, op.getReduction(),
                             element);
      });
}

template <>
FailureOr<Value>
Lowering<TensorScatterOp>::lower(TensorScatterOp op, Adaptor adaptor,
                                 ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value cache = adaptor.getPastCache(), update = adaptor.getUpdate();
  int64_t axis = neuro::detail::normalizeAxis(op.getAxis(), cache);
  bool circular = op.getMode() == "circular";
  Value size = toIndex(b, loc, getDim(b, loc, cache, axis));
  return createLoops(
      b, loc, getDims(b, loc, update), cache,
      [&](OpBuilder &inner, Location l, ValueRange at, Value tensor) -> Value {
        SmallVector<Value> to(at);
        if (adaptor.getWriteIndices()) {
          Value start = readPlace(inner, l, adaptor.getWriteIndices(), at[0]);
          to[axis] = arith::AddIOp::create(inner, l, start, at[axis]);
        }
        if (circular)
          to[axis] = arith::RemUIOp::create(inner, l, to[axis], size);
        else
          to[axis] = normalizeIndex(inner, l, to[axis], size);
        Value value = tensor::ExtractOp::create(inner, l, update, at);
        return tensor::InsertOp::create(inner, l, value, tensor, to);
      });
}

//===----------------------------------------------------------------------===//
// Results of data-dependent size
//===----------------------------------------------------------------------===//

template <>
FailureOr<Value>
Lowering<NonZeroOp>::lower(NonZeroOp op, Adaptor adaptor,
                           ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  Type element = getElementTypeOrSelf(op.getInput().getType());
  if (!element.isIntOrFloat()) {
    (void)b.notifyMatchFailure(op, "element type is not a number");
    return failure();
  }
  SmallVector<OpFoldResult> sizes = getDims(b, loc, input);
  auto [places, count] = findPlaces(
      b, loc, countElements(b, loc, sizes),
      [&](OpBuilder &inner, Location l, Value place) {
        ScalarEmitter e(inner, l, element);
        Value value = tensor::ExtractOp::create(
            inner, l, input, delinearize(inner, l, place, sizes));
        return e.convert(e.load(value, element), element, inner.getI1Type());
      });
  Value found = places;
  return createMap(
      b, loc, {b.getIndexAttr(sizes.size()), count}, b.getI64Type(),
      [&](OpBuilder &inner, Location l, ValueRange at) -> Value {
        Value place = readPlace(inner, l, found, at[1]);
        SmallVector<Value> indices = delinearize(inner, l, place, sizes);
        Value result = constantIndex(inner, l, 0);
        for (auto [axis, index] : llvm::enumerate(indices)) {
          Value isAxis =
              arith::CmpIOp::create(inner, l, arith::CmpIPredicate::eq, at[0],
                                    constantIndex(inner, l, axis));
          result = arith::SelectOp::create(inner, l, isAxis, index, result);
        }
        return arith::IndexCastOp::create(inner, l, inner.getI64Type(), result);
      });
}

template <>
FailureOr<Value>
Lowering<CompressOp>::lower(CompressOp op, Adaptor adaptor,
                            ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value input = adaptor.getInput(), condition = adaptor.getCondition();
  SmallVector<OpFoldResult> sizes = getDims(b, loc, input);
  Type element = getElementTypeOrSelf(input.getType());
  auto [places, count] =
      findPlaces(b, loc, getDim(b, loc, condition, 0),
                 [&](OpBuilder &inner, Location l, Value place) -> Value {
                   return tensor::ExtractOp::create(inner, l, condition, place);
                 });
  Value found = places;
  if (!op.getAxis())
    return createMap(b, loc, {count}, element,
                     [&](OpBuilder &inner, Location l, ValueRange at) -> Value {
                       Value place = readPlace(inner, l, found, at[0]);
                       return tensor::ExtractOp::create(
                           inner, l, input,
                           delinearize(inner, l, place, sizes));
                     });
  int64_t axis = neuro::detail::normalizeAxis(*op.getAxis(), input);
  SmallVector<OpFoldResult> kept(sizes);
  kept[axis] = count;
  return createMap(b, loc, kept, element,
                   [&](OpBuilder &inner, Location l, ValueRange at) -> Value {
                     SmallVector<Value> from(at);
                     from[axis] = readPlace(inner, l, found, at[axis]);
                     return tensor::ExtractOp::create(inner, l, input, from);
                   });
}

} // namespace

void neuroplast::populateIndexingToLinalgPatterns(TypeConverter &converter,
                                                  RewritePatternSet &patterns) {
  patterns.add<
      Lowering<GatherOp>, Lowering<GatherElementsOp>, Lowering<GatherNDOp>,
      Lowering<OneHotOp>, Lowering<ScatterElementsOp>, Lowering<ScatterNDOp>,
      Lowering<TensorScatterOp>, Lowering<NonZeroOp>, Lowering<CompressOp>>(
      converter, patterns.getContext());
}
