//===- ShapeToLinalg.cpp - Ops that move elements -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// Static sizes with the dynamic operands in their places.
SmallVector<OpFoldResult> mix(OpBuilder &b, ArrayRef<int64_t> sizes,
                              ValueRange dynamic) {
  return getMixedValues(sizes, dynamic, b);
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

template <>
FailureOr<Value>
Lowering<ReshapeOp>::lower(ReshapeOp op, Adaptor adaptor,
                           ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  auto inputType = cast<RankedTensorType>(input.getType());
  auto resultType =
      RankedTensorType::get(op.getSizes(), inputType.getElementType());
  if (inputType.hasStaticShape() && resultType.hasStaticShape()) {
    if (inputType == resultType)
      return input;
    if (auto groups =
            getReassociationIndicesForReshape(inputType, resultType)) {
      if (inputType.getRank() > resultType.getRank())
        return Value(tensor::CollapseShapeOp::create(b, loc, resultType, input,
                                                     *groups));
      return Value(
          tensor::ExpandShapeOp::create(b, loc, resultType, input, *groups));
    }
  }
  // An expansion of one axis into several of unknown size crashes upstream's
  // expand-strided-metadata (22.1.8).
  if (llvm::count(resultType.getShape(), ShapedType::kDynamic) > 1) {
    SmallVector<Value> sizes;
    for (OpFoldResult size : mix(b, op.getSizes(), adaptor.getDynamicSizes()))
      sizes.push_back(toIndex(b, loc, size));
    Value shape = tensor::FromElementsOp::create(b, loc, sizes);
    return Value(tensor::ReshapeOp::create(b, loc, resultType, input, shape));
  }
  // Through one axis, which any shape collapses to and expands from.
  if (inputType.getRank() != 1) {
    SmallVector<ReassociationIndices> all;
    int64_t count = inputType.hasStaticShape() ? inputType.getNumElements()
                                               : ShapedType::kDynamic;
    auto flat = RankedTensorType::get(count, inputType.getElementType());
    if (inputType.getRank() == 0) {
      input = tensor::ExpandShapeOp::create(
          b, loc, RankedTensorType::get(1, inputType.getElementType()), input,
          all);
    } else {
      all.push_back(
          llvm::to_vector<2>(llvm::seq<int64_t>(0, inputType.getRank())));
      input = tensor::CollapseShapeOp::create(b, loc, flat, input, all);
    }
  }
  auto flatType = cast<RankedTensorType>(input.getType());
  int64_t rank = resultType.getRank();
  if (rank == 1)
    return castTo(b, loc, input, resultType);
  SmallVector<ReassociationIndices> all;
  if (rank == 0) {
    input = castTo(b, loc, input, flatType.clone(ArrayRef<int64_t>(1)));
    return Value(
        tensor::CollapseShapeOp::create(b, loc, resultType, input, all));
  }
  all.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(0, rank)));
  if (resultType.hasStaticShape())
    input =
        castTo(b, loc, input,
               flatType.clone(ArrayRef<int64_t>(resultType.getNumElements())));
  else
    input = castTo(b, loc, input,
                   flatType.clone(ArrayRef<int64_t>(ShapedType::kDynamic)));
  return Value(tensor::ExpandShapeOp::create(
      b, loc, resultType, input, all,
      mix(b, op.getSizes(), adaptor.getDynamicSizes())));
}

template <>
FailureOr<Value>
Lowering<TransposeOp>::lower(TransposeOp op, Adaptor adaptor,
                             ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> sizes;
  for (int64_t axis : op.getPermutation())
    sizes.push_back(getDim(b, loc, adaptor.getInput(), axis));
  Value empty = createEmpty(b, loc, sizes,
                            getElementTypeOrSelf(adaptor.getInput().getType()));
  return linalg::TransposeOp::create(b, loc, adaptor.getInput(), empty,
                                     op.getPermutation())
      ->getResult(0);
}

template <>
FailureOr<Value> Lowering<ExpandOp>::lower(ExpandOp op, Adaptor adaptor,
                                           ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  // The sizes asked for broadcast with the input's own.
  SmallVector<OpFoldResult> asked =
      mix(b, op.getSizes(), adaptor.getDynamicSizes());
  int64_t own = cast<RankedTensorType>(input.getType()).getRank();
  int64_t rank = std::max<int64_t>(asked.size(), own);
  SmallVector<OpFoldResult> sizes(rank, b.getIndexAttr(1));
  for (int64_t axis = 0; axis < rank; ++axis) {
    int64_t i = axis - rank + own;
    int64_t j = axis - rank + static_cast<int64_t>(asked.size());
    if (j >= 0)
      sizes[axis] = asked[j];
    if (i < 0)
      continue;
    OpFoldResult size = getDim(b, loc, input, i);
    if (isConstantIntValue(size, 1))
      continue;
    if (isConstantIntValue(sizes[axis], 1) || getConstantIntValue(size)) {
      sizes[axis] = size;
      continue;
    }
    if (getConstantIntValue(sizes[axis]))
      continue;
    Value isOne = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::eq, toIndex(b, loc, sizes[axis]),
        arith::ConstantIndexOp::create(b, loc, 1));
    sizes[axis] = arith::SelectOp::create(b, loc, isOne, toIndex(b, loc, size),
                                          toIndex(b, loc, sizes[axis]))
                      .getResult();
  }
  auto type = cast<RankedTensorType>(input.getType());
  bool isDecided = llvm::all_of(llvm::seq<int64_t>(0, own), [&](int64_t axis) {
    return !type.isDynamicDim(axis) ||
           neuro::areSameIfBroadcast(getDim(b, loc, input, axis),
                                     sizes[axis + rank - own]);
  });
  if (isDecided)
    return createBroadcastMap(b, loc, input, sizes, type.getElementType(),
                              [](OpBuilder &, Location, ValueRange elements) {
                                return elements.front();
                              });
  // Which axes are repeated, the run alone knows.
  return createMap(
      b, loc, sizes, type.getElementType(),
      [&](OpBuilder &nested, Location l, ValueRange indices) -> Value {
        SmallVector<Value> at;
        for (int64_t axis = 0; axis < type.getRank(); ++axis) {
          Value index = indices[axis + rank - own];
          Value zero = arith::ConstantIndexOp::create(nested, l, 0);
          if (type.getDimSize(axis) == 1) {
            index = zero;
          } else if (type.isDynamicDim(axis)) {
            Value size = tensor::DimOp::create(nested, l, input, axis);
            Value isOne = arith::CmpIOp::create(
                nested, l, arith::CmpIPredicate::eq, size,
                arith::ConstantIndexOp::create(nested, l, 1));
            index = arith::SelectOp::create(nested, l, isOne, zero, index);
          }
          at.push_back(index);
        }
        return tensor::ExtractOp::create(nested, l, input, at);
      });
}

template <>
FailureOr<Value> Lowering<TileOp>::lower(TileOp op, Adaptor adaptor,
                                         ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  SmallVector<OpFoldResult> sizes, own = getDims(b, loc, input);
  for (auto [size, repeat] : llvm::zip_equal(
           own, mix(b, op.getRepeats(), adaptor.getDynamicRepeats())))
    sizes.push_back(mulSizes(b, loc, size, repeat));
  return createMap(
      b, loc, sizes, getElementTypeOrSelf(input.getType()),
      [&](OpBuilder &nested, Location l, ValueRange indices) -> Value {
        SmallVector<Value> at;
        for (auto [index, size] : llvm::zip_equal(indices, own))
          at.push_back(arith::RemUIOp::create(nested, l, index,
                                              toIndex(nested, l, size)));
        return tensor::ExtractOp::create(nested, l, input, at);
      });
}

template <>
FailureOr<Value> Lowering<FillOp>::lower(FillOp op, Adaptor adaptor,
                                         ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value value = adaptor.getValue();
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  SmallVector<Value> origin(rank, arith::ConstantIndexOp::create(b, loc, 0));
  Value scalar = tensor::ExtractOp::create(b, loc, value, origin);
  return createFilled(b, loc, mix(b, op.getSizes(), adaptor.getDynamicSizes()),
                      scalar);
}

template <>
FailureOr<Value> Lowering<RangeOp>::lower(RangeOp op, Adaptor adaptor,
                                          ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Type element = getElementTypeOrSelf(op.getStart().getType());
  OpFoldResult size = op.getDynamicSize()
                          ? OpFoldResult(adaptor.getDynamicSize())
                          : b.getIndexAttr(op.getSize());
  auto scalarOf = [&](Value tensor) -> Value {
    SmallVector<Value> origin(
        cast<RankedTensorType>(tensor.getType()).getRank(),
        arith::ConstantIndexOp::create(b, loc, 0));
    return tensor::ExtractOp::create(b, loc, tensor, origin);
  };
  Value start = scalarOf(adaptor.getStart()),
        delta = scalarOf(adaptor.getDelta());
  return createMap(
      b, loc, size, ScalarEmitter::getStorageType(element),
      [&](OpBuilder &nested, Location l, ValueRange indices) {
        ScalarEmitter e(nested, l, element);
        Type i64 = nested.getI64Type();
        Value step = arith::IndexCastOp::create(nested, l, i64, indices[0]);
        Value scaled =
            e.mul(e.convert(step, i64, e.getType()), e.load(delta, element));
        return e.store(e.add(e.load(start, element), scaled), element);
      });
}

template <>
FailureOr<Value> Lowering<ConcatOp>::lower(ConcatOp op, Adaptor adaptor,
                                           ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  ValueRange inputs = adaptor.getInputs();
  int64_t rank = cast<RankedTensorType>(inputs[0].getType()).getRank();
  int64_t axis = static_cast<int64_t>(op.getAxis()) < 0
                     ? static_cast<int64_t>(op.getAxis()) + rank
                     : static_cast<int64_t>(op.getAxis());
  SmallVector<OpFoldResult> sizes = getDims(b, loc, inputs[0]);
  // Of unknown sizes the last operand decides: an empty stack that a loop
  // grows is the first.
  for (Value input : inputs.drop_front()) {
    SmallVector<OpFoldResult> own = getDims(b, loc, input);
    own[axis] = addSizes(b, loc, sizes[axis], own[axis]);
    for (auto [size, other] : llvm::zip_equal(sizes, own))
      if (!getConstantIntValue(size) || &size == &sizes[axis])
        size = other;
  }
  Value result =
      createEmpty(b, loc, sizes, getElementTypeOrSelf(inputs[0].getType()));
  SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(rank, b.getIndexAttr(1));
  for (Value input : inputs) {
    if (cast<RankedTensorType>(input.getType()).getDimSize(axis) == 0)
      continue;
    SmallVector<OpFoldResult> own = getDims(b, loc, input);
    result = tensor::InsertSliceOp::create(b, loc, input, result, offsets, own,
                                           strides);
    offsets[axis] = addSizes(b, loc, offsets[axis], own[axis]);
  }
  return result;
}

/// A slice that may hold nothing: then it may start where its input ends, which
/// `tensor.extract_slice` does not take.
static Value extractSlice(OpBuilder &b, Location loc, Value input,
                          ArrayRef<OpFoldResult> starts,
                          ArrayRef<OpFoldResult> sizes,
                          ArrayRef<OpFoldResult> steps) {
  if (llvm::any_of(sizes,
                   [](OpFoldResult size) { return isZeroInteger(size); }))
    return createEmpty(b, loc, sizes, getElementTypeOrSelf(input.getType()));
  return tensor::ExtractSliceOp::create(b, loc, input, starts, sizes, steps);
}

template <>
FailureOr<Value> Lowering<SliceOp>::lower(SliceOp op, Adaptor adaptor,
                                          ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  auto starts = mix(b, op.getStarts(), adaptor.getDynamicStarts());
  auto sizes = mix(b, op.getSizes(), adaptor.getDynamicSizes());
  auto steps = mix(b, op.getSteps(), adaptor.getDynamicSteps());
  auto isPositive = [](OpFoldResult step) {
    std::optional<int64_t> constant = getConstantIntValue(step);
    return constant && *constant > 0;
  };
  if (llvm::all_of(steps, isPositive))
    return extractSlice(b, loc, input, starts, sizes, steps);
  return createMap(
      b, loc, sizes, getElementTypeOrSelf(input.getType()),
      [&](OpBuilder &nested, Location l, ValueRange indices) -> Value {
        SmallVector<Value> at;
        for (auto [index, start, step] :
             llvm::zip_equal(indices, starts, steps))
          at.push_back(arith::AddIOp::create(
              nested, l, toIndex(nested, l, start),
              arith::MulIOp::create(nested, l, index,
                                    toIndex(nested, l, step))));
        return tensor::ExtractOp::create(nested, l, input, at);
      });
}

template <>
FailureOr<Value> Lowering<PadOp>::lower(PadOp op, Adaptor adaptor,
                                        ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  auto low = mix(b, op.getLow(), adaptor.getDynamicLow());
  auto high = mix(b, op.getHigh(), adaptor.getDynamicHigh());
  SmallVector<OpFoldResult> own = getDims(b, loc, input), sizes;
  for (auto [size, before, after] : llvm::zip_equal(own, low, high))
    sizes.push_back(addSizes(b, loc, addSizes(b, loc, size, before), after));
  Type element = getElementTypeOrSelf(op.getInput().getType());
  Type storage = ScalarEmitter::getStorageType(element);
  StringRef mode = op.getMode();
  Value fill;
  if (mode == "constant") {
    if (Value value = adaptor.getValue()) {
      SmallVector<Value> origin(
          cast<RankedTensorType>(value.getType()).getRank(),
          arith::ConstantIndexOp::create(b, loc, 0));
      fill = tensor::ExtractOp::create(b, loc, value, origin);
    } else {
      fill = arith::ConstantOp::create(b, loc, b.getZeroAttr(storage));
    }
    auto isAdded = [](OpFoldResult pad) {
      std::optional<int64_t> constant = getConstantIntValue(pad);
      return constant && *constant >= 0;
    };
    if (llvm::all_of(low, isAdded) && llvm::all_of(high, isAdded))
      return tensor::PadOp::create(b, loc, Type(), input, low, high, fill)
          .getResult();
  } else if (mode != "edge" && mode != "reflect" && mode != "wrap") {
    return b.notifyMatchFailure(op, "the padding mode is unknown");
  }
  // What negative pads cut off is no part of what the others continue.
  SmallVector<OpFoldResult> starts, kept, padded,
      steps(own.size(), b.getIndexAttr(1));
  Value none = arith::ConstantIndexOp::create(b, loc, 0);
  for (auto [size, before, after] : llvm::zip_equal(own, low, high)) {
    auto split = [&](OpFoldResult pad) {
      Value value = toIndex(b, loc, pad);
      Value more = b.createOrFold<arith::MaxSIOp>(loc, value, none);
      return std::pair<Value, Value>(
          more, b.createOrFold<arith::SubIOp>(loc, more, value));
    };
    auto [added, cut] = split(before);
    Value cutAfter = split(after).second, whole = toIndex(b, loc, size);
    Value rest = b.createOrFold<arith::SubIOp>(loc, whole, cut);
    rest = b.createOrFold<arith::SubIOp>(loc, rest, cutAfter);
    padded.push_back(getAsOpFoldResult(added));
    starts.push_back(
        getAsOpFoldResult(b.createOrFold<arith::MinSIOp>(loc, cut, whole)));
    kept.push_back(
        getAsOpFoldResult(b.createOrFold<arith::MaxSIOp>(loc, rest, none)));
  }
  if (mode == "constant") {
    // More may be cut than there is.
    SmallVector<OpFoldResult> lowest, highest;
    for (auto [size, rest, added] : llvm::zip_equal(sizes, kept, padded)) {
      Value room = b.createOrFold<arith::SubIOp>(loc, toIndex(b, loc, size),
                                                 toIndex(b, loc, rest));
      Value first =
          b.createOrFold<arith::MinSIOp>(loc, toIndex(b, loc, added), room);
      lowest.push_back(getAsOpFoldResult(first));
      highest.push_back(
          getAsOpFoldResult(b.createOrFold<arith::SubIOp>(loc, room, first)));
    }
    if (kept != own)
      input =
          tensor::ExtractSliceOp::create(b, loc, input, starts, kept, steps);
    auto pad =
        tensor::PadOp::create(b, loc, Type(), input, lowest, highest, fill);
    return pad.getResult();
  }
  return createMap(
      b, loc, sizes, storage,
      [&](OpBuilder &n, Location l, ValueRange indices) -> Value {
        Value zero = arith::ConstantIndexOp::create(n, l, 0);
        Value one = arith::ConstantIndexOp::create(n, l, 1);
        SmallVector<Value> at;
        for (auto [index, before, keptSize] :
             llvm::zip_equal(indices, padded, kept)) {
          Value size = toIndex(n, l, keptSize);
          Value last = arith::SubIOp::create(n, l, size, one);
          Value i = arith::SubIOp::create(n, l, index, toIndex(n, l, before));
          if (mode == "edge") {
            at.push_back(arith::MinSIOp::create(
                n, l, arith::MaxSIOp::create(n, l, i, zero), last));
          } else if (mode == "wrap") {
            Value r = arith::RemSIOp::create(n, l, i, size);
            Value negative =
                arith::CmpIOp::create(n, l, arith::CmpIPredicate::slt, r, zero);
            at.push_back(arith::SelectOp::create(
                n, l, negative, arith::AddIOp::create(n, l, r, size), r));
          } else {
            // Reflection repeats with period 2 * (size - 1).
            Value period = arith::MaxSIOp::create(
                n, l, arith::AddIOp::create(n, l, last, last), one);
            Value r = arith::RemSIOp::create(n, l, i, period);
            Value negative =
                arith::CmpIOp::create(n, l, arith::CmpIPredicate::slt, r, zero);
            r = arith::SelectOp::create(
                n, l, negative, arith::AddIOp::create(n, l, r, period), r);
            at.push_back(arith::MinSIOp::create(
                n, l, r, arith::SubIOp::create(n, l, period, r)));
            Value single = arith::CmpIOp::create(n, l, arith::CmpIPredicate::eq,
                                                 last, zero);
            at.back() = arith::SelectOp::create(n, l, single, zero, at.back());
          }
        }
        for (auto [place, start] : llvm::zip_equal(at, starts))
          place = arith::AddIOp::create(n, l, place, toIndex(n, l, start));
        return tensor::ExtractOp::create(n, l, input, at);
      });
}

/// Splits axes into blocks, permutes, and joins again.
Value shuffleBlocks(OpBuilder &b, Location loc, Value input,
                    ArrayRef<OpFoldResult> split, ArrayRef<int64_t> order,
                    ArrayRef<ReassociationIndices> join,
                    ArrayRef<ReassociationIndices> cut) {
  auto type = cast<RankedTensorType>(input.getType());
  SmallVector<int64_t> shape;
  for (OpFoldResult size : split)
    shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  Value expanded = tensor::ExpandShapeOp::create(
      b, loc, RankedTensorType::get(shape, type.getElementType()), input, cut,
      split);
  SmallVector<OpFoldResult> sizes;
  for (int64_t axis : order)
    sizes.push_back(split[axis]);
  Value empty = createEmpty(b, loc, sizes, type.getElementType());
  Value moved =
      linalg::TransposeOp::create(b, loc, expanded, empty, order)->getResult(0);
  return tensor::CollapseShapeOp::create(b, loc, moved, join);
}

template <>
FailureOr<Value>
Lowering<ChannelShuffleOp>::lower(ChannelShuffleOp op, Adaptor adaptor,
                                  ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> sizes = getDims(b, loc, adaptor.getInput());
  auto axis = static_cast<int64_t>(op.getAxis());
  OpFoldResult groups = b.getIndexAttr(op.getGroups());
  OpFoldResult size = divSizes(b, loc, sizes[axis], groups);
  sizes[axis] = size;
  sizes.insert(sizes.begin() + axis, groups);
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, sizes.size()));
  std::swap(order[axis], order[axis + 1]);
  SmallVector<ReassociationIndices> parts;
  for (int64_t i = 0; i < static_cast<int64_t>(sizes.size()); ++i)
    if (i == axis + 1)
      parts.back().push_back(i);
    else
      parts.push_back({i});
  return shuffleBlocks(b, loc, adaptor.getInput(), sizes, order, parts, parts);
}

template <>
FailureOr<Value>
Lowering<DepthToSpaceOp>::lower(DepthToSpaceOp op, Adaptor adaptor,
                                ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> d = getDims(b, loc, adaptor.getInput());
  OpFoldResult block = b.getIndexAttr(op.getBlocksize());
  OpFoldResult channels = divSizes(
      b, loc, d[1], b.getIndexAttr(op.getBlocksize() * op.getBlocksize()));
  bool crd = op.getMode() == "CRD";
  SmallVector<OpFoldResult> split =
      crd ? SmallVector<OpFoldResult>{d[0], channels, block, block, d[2], d[3]}
          : SmallVector<OpFoldResult>{d[0], block, block, channels, d[2], d[3]};
  SmallVector<int64_t> order = crd ? SmallVector<int64_t>{0, 1, 4, 2, 5, 3}
                                   : SmallVector<int64_t>{0, 3, 4, 1, 5, 2};
  return shuffleBlocks(b, loc, adaptor.getInput(), split, order,
                       {{0}, {1}, {2, 3}, {4, 5}}, {{0}, {1, 2, 3}, {4}, {5}});
}

template <>
FailureOr<Value>
Lowering<SpaceToDepthOp>::lower(SpaceToDepthOp op, Adaptor adaptor,
                                ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  SmallVector<OpFoldResult> d = getDims(b, loc, adaptor.getInput());
  OpFoldResult block = b.getIndexAttr(op.getBlocksize());
  SmallVector<OpFoldResult> split{d[0],
                                  d[1],
                                  divSizes(b, loc, d[2], block),
                                  block,
                                  divSizes(b, loc, d[3], block),
                                  block};
  return shuffleBlocks(b, loc, adaptor.getInput(), split, {0, 3, 5, 1, 2, 4},
                       {{0}, {1, 2, 3}, {4}, {5}}, {{0}, {1}, {2, 3}, {4, 5}});
}

template <>
FailureOr<Value> Lowering<TriluOp>::lower(TriluOp op, Adaptor adaptor,
                                          ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value input = adaptor.getInput();
  auto type = cast<RankedTensorType>(input.getType());
  int64_t rank = type.getRank();
  Value shift = arith::ConstantIndexOp::create(b, loc, 0);
  if (Value k = adaptor.getK()) {
    SmallVector<Value> origin(cast<RankedTensorType>(k.getType()).getRank(),
                              shift);
    Value scalar = tensor::ExtractOp::create(b, loc, k, origin);
    shift = arith::IndexCastOp::create(b, loc, b.getIndexType(), scalar);
  }
  Value zero =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
  return createMap(
      b, loc, getDims(b, loc, input), type.getElementType(),
      [&](OpBuilder &n, Location l, ValueRange indices) -> Value {
        Value diagonal = arith::AddIOp::create(n, l, indices[rank - 2], shift);
        Value keep =
            arith::CmpIOp::create(n, l,
                                  op.getUpper() ? arith::CmpIPredicate::sge
                                                : arith::CmpIPredicate::sle,
                                  indices[rank - 1], diagonal);
        return arith::SelectOp::create(
            n, l, keep, tensor::ExtractOp::create(n, l, input, indices), zero);
      });
}

template <>
FailureOr<Value>
Lowering<EyeLikeOp>::lower(EyeLikeOp op, Adaptor adaptor,
                           ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Type element = op.getTo();
  return createMap(
      b, loc, getDims(b, loc, adaptor.getInput()),
      ScalarEmitter::getStorageType(element),
      [&](OpBuilder &n, Location l, ValueRange indices) -> Value {
        ScalarEmitter e(n, l, element);
        Value shift = arith::ConstantIndexOp::create(n, l, op.getK());
        Value diagonal = arith::AddIOp::create(n, l, indices[0], shift);
        Value keep = arith::CmpIOp::create(n, l, arith::CmpIPredicate::eq,
                                           indices[1], diagonal);
        return e.store(e.select(keep, e.constant(1), e.constant(0)), element);
      });
}

template <>
FailureOr<Value>
Lowering<ReverseSequenceOp>::lower(ReverseSequenceOp op, Adaptor adaptor,
                                   ConversionPatternRewriter &b) const {
  Location loc = op.getLoc();
  Value input = adaptor.getInput(), lengths = adaptor.getSequenceLens();
  int64_t batch = neuro::detail::normalizeAxis(op.getBatchAxis(), input),
          time = neuro::detail::normalizeAxis(op.getTimeAxis(), input);
  return createMap(
      b, loc, getDims(b, loc, input), getElementTypeOrSelf(input.getType()),
      [&](OpBuilder &n, Location l, ValueRange indices) -> Value {
        Value length = arith::IndexCastOp::create(
            n, l, n.getIndexType(),
            tensor::ExtractOp::create(n, l, lengths, indices[batch]));
        Value one = arith::ConstantIndexOp::create(n, l, 1);
        Value mirrored = arith::SubIOp::create(
            n, l, arith::SubIOp::create(n, l, length, one), indices[time]);
        Value within = arith::CmpIOp::create(n, l, arith::CmpIPredicate::slt,
                                             indices[time], length);
        SmallVector<Value> at(indices);
        at[time] =
            arith::SelectOp::create(n, l, within, mirrored, indices[time]);
        return tensor::ExtractOp::create(n, l, input, at);
      });
}

struct SplitLowering : OpConversionPattern<SplitOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(SplitOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
    int64_t axis = static_cast<int64_t>(op.getAxis()) < 0
                       ? static_cast<int64_t>(op.getAxis()) + rank
                       : static_cast<int64_t>(op.getAxis());
    SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(rank, b.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes = getDims(b, loc, input);
    // Unknown sizes are equal: ceil(rows / pieces), the last one the rest.
    OpFoldResult rows = sizes[axis];
    int64_t pieces = op.getSizes().size();
    OpFoldResult share =
        divSizes(b, loc, addSizes(b, loc, rows, b.getIndexAttr(pieces - 1)),
                 b.getIndexAttr(pieces));
    SmallVector<Value> results;
    for (auto [size, result] :
         llvm::zip_equal(op.getSizes(), op.getOutputs())) {
      if (size != ShapedType::kDynamic) {
        sizes[axis] = b.getIndexAttr(size);
      } else {
        Value rest = arith::SubIOp::create(b, loc, toIndex(b, loc, rows),
                                           toIndex(b, loc, offsets[axis]));
        sizes[axis] =
            arith::MinSIOp::create(b, loc, rest, toIndex(b, loc, share))
                .getResult();
      }
      Value piece = extractSlice(b, loc, input, offsets, sizes, strides);
      results.push_back(castTo(
          b, loc, piece, getTypeConverter()->convertType(result.getType())));
      offsets[axis] = addSizes(b, loc, offsets[axis], sizes[axis]);
    }
    b.replaceOp(op, results);
    return success();
  }
};

} // namespace

void neuroplast::populateShapeToLinalgPatterns(TypeConverter &converter,
                                               RewritePatternSet &patterns) {
  patterns.add<Lowering<ReshapeOp>, Lowering<TransposeOp>, Lowering<ExpandOp>,
               Lowering<TileOp>, Lowering<FillOp>, Lowering<RangeOp>,
               Lowering<ConcatOp>, Lowering<SliceOp>, Lowering<PadOp>,
               Lowering<ChannelShuffleOp>, Lowering<DepthToSpaceOp>,
               Lowering<SpaceToDepthOp>, Lowering<TriluOp>, Lowering<EyeLikeOp>,
               Lowering<ReverseSequenceOp>, SplitLowering>(
      converter, patterns.getContext());
}
