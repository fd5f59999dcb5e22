//===- ContractionToLinalg.cpp - Convolutions and matrix products ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Sums of products of f32 are kernels of their own; others have a form that
// fits every type, rank and size.

#include "Patterns.h"
#include "Window.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

#include <map>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Iterator = utils::IteratorType;

/// What a sum of products begins with, and where its elements stand by the
/// loops of the sum.
struct Bias {
  Value value;
  AffineMap map;
};

/// A contraction: the sum over the loops that the result lacks of the product
/// of the inputs, accumulated in the compute type of `element`. The maps are
/// those of the inputs and of the result, which has `sizes`.
Value createContraction(OpBuilder &b, Location loc, ValueRange inputs,
                        ArrayRef<Type> elements, ArrayRef<OpFoldResult> sizes,
                        Type element, ArrayRef<AffineMap> maps,
                        std::optional<Bias> bias = std::nullopt) {
  AffineMap output = maps.back();
  ScalarEmitter outer(b, loc, element);
  Value empty = createEmpty(b, loc, sizes, outer.getType());
  if (inputs.size() == 2 && element.isF32() &&
      llvm::all_of(elements, [](Type type) { return type.isF32(); })) {
    SmallVector<Value> operands(inputs);
    SmallVector<AffineMap> all(maps.drop_back());
    if (bias) {
      operands.push_back(bias->value);
      all.push_back(bias->map);
    }
    all.push_back(output);
    auto contract = kernel::ContractOp::create(
        b, loc, operands, empty, all,
        [&](OpBuilder &n, Location l, ValueRange args) -> Value {
          return bias ? ScalarEmitter(n, l, element).add(args[0], args[1])
                      : args[0];
        });
    return contract.getResult(0);
  }
  Value init;
  if (bias) {
    // The loops of the result alone, in its order.
    int64_t rank = output.getNumResults();
    SmallVector<AffineExpr> places(output.getNumDims());
    for (auto [axis, expr] : llvm::enumerate(output.getResults()))
      places[cast<AffineDimExpr>(expr).getPosition()] =
          getAffineDimExpr(axis, b.getContext());
    SmallVector<AffineExpr> from;
    for (AffineExpr expr : bias->map.getResults())
      from.push_back(expr.replaceDims(places));
    SmallVector<AffineMap> initMaps{
        AffineMap::get(rank, 0, from, b.getContext()),
        AffineMap::getMultiDimIdentityMap(rank, b.getContext())};
    init = linalg::GenericOp::create(
               b, loc, empty.getType(), bias->value, empty, initMaps,
               SmallVector<Iterator>(rank, Iterator::parallel),
               [&](OpBuilder &n, Location l, ValueRange args) {
                 Value x = ScalarEmitter(n, l, element).load(args[0], element);
                 linalg::YieldOp::create(n, l, x);
               })
               .getResult(0);
  } else {
    init = createFilled(b, loc, sizes, outer.constant(0));
  }
  SmallVector<Iterator> iterators(output.getNumDims(), Iterator::reduction);
  for (AffineExpr expr : output.getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      iterators[dim.getPosition()] = Iterator::parallel;
  auto generic = linalg::GenericOp::create(
      b, loc, init.getType(), inputs, init, maps, iterators,
      [&](OpBuilder &n, Location l, ValueRange args) {
        ScalarEmitter e(n, l, element);
        Value product;
        for (auto [arg, type] : llvm::zip(args, elements)) {
          Value x = e.convert(e.load(arg, type), type, element);
          product = product ? e.mul(product, x) : x;
        }
        linalg::YieldOp::create(n, l, e.add(args.back(), product));
      });
  return generic.getResult(0);
}

/// The accumulator in the storage type of `element`.
Value finishAccumulator(OpBuilder &b, Location loc, Value value, Type element) {
  Type storage = ScalarEmitter::getStorageType(element);
  if (getElementTypeOrSelf(value.getType()) == storage)
    return value;
  return createBroadcastMap(
      b, loc, value, getDims(b, loc, value), storage,
      [&](OpBuilder &n, Location l, ValueRange x) {
        return ScalarEmitter(n, l, element).store(x[0], element);
      });
}

/// An 8-bit tensor less its zero point, in i32; the zero point is a scalar or
/// has one entry per index of `axis`.
Value subtractZeroPoint(OpBuilder &b, Location loc, Value input, Type element,
                        Value zeroPoint, int64_t axis) {
  Type i32 = b.getI32Type();
  return createMap(b, loc, getDims(b, loc, input), i32,
                   [&](OpBuilder &n, Location l, ValueRange indices) -> Value {
                     ScalarEmitter e(n, l, element);
                     Value x = tensor::ExtractOp::create(n, l, input, indices);
                     x = e.convert(x, element, i32);
                     if (!zeroPoint)
                       return x;
                     auto type = cast<RankedTensorType>(zeroPoint.getType());
                     SmallVector<Value> at;
                     Value zero = arith::ConstantIndexOp::create(n, l, 0);
                     for (int64_t i = 0; i < type.getRank(); ++i)
                       at.push_back(type.getDimSize(i) == 1 ? zero
                                    : type.getRank() == 1   ? indices[axis]
                                                            : indices[i]);
                     Value z = tensor::ExtractOp::create(n, l, zeroPoint, at);
                     return arith::SubIOp::create(n, l, x,
                                                  e.convert(z, element, i32));
                   });
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

struct ConvShape {
  ArrayRef<int64_t> strides, dilations, pads;
  int64_t group;
  StringRef autoPad;
};

/// Convolves an N x C x spatial tensor; returns the accumulator.
FailureOr<Value> createConv(OpBuilder &b, Location loc, Value input,
                            Value weight, Value bias, Type inputElement,
                            Type element, const ConvShape &shape) {
  auto weightType = cast<RankedTensorType>(weight.getType());
  int64_t spatial = weightType.getRank() - 2;
  SmallVector<WindowAxis> window;
  for (int64_t axis = 0; axis < spatial; ++axis) {
    if (weightType.isDynamicDim(axis + 2))
      return failure();
    window.push_back(
        computeWindowAxis(b, loc, getDim(b, loc, input, axis + 2),
                          weightType.getDimSize(axis + 2), shape.strides[axis],
                          shape.dilations[axis], shape.pads[axis],
                          shape.pads[axis + spatial], shape.autoPad, false));
  }
  Type storage = getElementTypeOrSelf(input.getType());
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(storage));
  input = padSpatial(b, loc, input, window, zero);

  SmallVector<OpFoldResult> sizes{getDim(b, loc, input, 0),
                                  getDim(b, loc, weight, 0)};
  for (const WindowAxis &axis : window)
    sizes.push_back(axis.count);
  // Loops: n, [g], o, spatial, i, kernel.
  // A group of one channel and one kernel is both n and o: there is no g or i.
  bool isDepthwise = shape.group != 1 &&
                     weightType.getDimSize(0) == shape.group &&
                     weightType.getDimSize(1) == 1;
  bool grouped = shape.group != 1 && !isDepthwise;
  if (grouped) {
    auto expand = [&](Value value, int64_t axis) {
      SmallVector<OpFoldResult> dims = getDims(b, loc, value);
      OpFoldResult groups = b.getIndexAttr(shape.group);
      OpFoldResult per = divSizes(b, loc, dims[axis], groups);
      dims[axis] = per;
      dims.insert(dims.begin() + axis, groups);
      SmallVector<ReassociationIndices> cut;
      for (int64_t i = 0, at = 0,
                   rank = cast<RankedTensorType>(value.getType()).getRank();
           i < rank; ++i) {
        if (i == axis) {
          cut.push_back({at, at + 1});
          at += 2;
        } else {
          cut.push_back({at++});
        }
      }
      SmallVector<int64_t> dimSizes;
      for (OpFoldResult dim : dims)
        dimSizes.push_back(
            getConstantIntValue(dim).value_or(ShapedType::kDynamic));
      return tensor::ExpandShapeOp::create(
                 b, loc,
                 RankedTensorType::get(dimSizes,
                                       getElementTypeOrSelf(value.getType())),
                 value, cut, dims)
          .getResult();
    };
    input = expand(input, 1);
    weight = expand(weight, 0);
    if (bias)
      bias = expand(bias, 0);
    sizes[1] = divSizes(b, loc, sizes[1], b.getIndexAttr(shape.group));
    sizes.insert(sizes.begin() + 1, b.getIndexAttr(shape.group));
  }
  MLIRContext *context = b.getContext();
  int64_t next = 0;
  auto loop = [&] { return getAffineDimExpr(next++, context); };
  AffineExpr n = loop();
  AffineExpr g = grouped ? loop() : AffineExpr();
  AffineExpr o = loop();
  SmallVector<AffineExpr> places, kernel;
  for (int64_t axis = 0; axis < spatial; ++axis)
    places.push_back(loop());
  AffineExpr i = isDepthwise ? getAffineConstantExpr(0, context) : loop();
  for (int64_t axis = 0; axis < spatial; ++axis)
    kernel.push_back(loop());
  SmallVector<AffineExpr> in{n}, we, out{n};
  if (grouped) {
    in.push_back(g);
    we.push_back(g);
    out.push_back(g);
  }
  in.push_back(isDepthwise ? o : i);
  we.append({o, i});
  out.push_back(o);
  for (int64_t axis = 0; axis < spatial; ++axis)
    in.push_back(places[axis] * shape.strides[axis] +
                 kernel[axis] * shape.dilations[axis]);
  llvm::append_range(we, kernel);
  llvm::append_range(out, places);
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(next, 0, exprs, context);
  };
  std::optional<Bias> start;
  if (bias)
    start = {bias, grouped ? map({g, o}) : map(o)};
  Value sum =
      createContraction(b, loc, {input, weight}, {inputElement, inputElement},
                        sizes, element, {map(in), map(we), map(out)}, start);
  if (!grouped)
    return sum;
  SmallVector<ReassociationIndices> join{{0}, {1, 2}};
  for (int64_t axis = 0; axis < spatial; ++axis)
    join.push_back({axis + 3});
  return Value(tensor::CollapseShapeOp::create(b, loc, sum, join));
}

struct ConvLowering : OpConversionPattern<ConvOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult
  matchAndRewrite(ConvOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Type element = getElementTypeOrSelf(op.getInput().getType());
    ConvShape shape{op.getStrides(), op.getDilations(), op.getPads(),
                    static_cast<int64_t>(op.getGroup()), op.getAutoPad()};
    auto result = createConv(rewriter, op.getLoc(), adaptor.getInput(),
                             adaptor.getWeight(), adaptor.getBias(), element,
                             element, shape);
    if (failed(result))
      return rewriter.notifyMatchFailure(op, "the kernel has unknown sizes");
    Value value = finishAccumulator(rewriter, op.getLoc(), *result, element);
    rewriter.replaceOp(op, castTo(rewriter, op.getLoc(), value, op.getType()));
    return success();
  }
};

struct ConvIntegerLowering : OpConversionPattern<ConvIntegerOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ConvIntegerOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type i32 = b.getI32Type();
    Value input =
        subtractZeroPoint(b, loc, adaptor.getInput(),
                          getElementTypeOrSelf(op.getInput().getType()),
                          adaptor.getInputZeroPoint(), 0);
    Value weight =
        subtractZeroPoint(b, loc, adaptor.getWeight(),
                          getElementTypeOrSelf(op.getWeight().getType()),
                          adaptor.getWeightZeroPoint(), 0);
    ConvShape shape{op.getStrides(), op.getDilations(), op.getPads(),
                    static_cast<int64_t>(op.getGroup()), op.getAutoPad()};
    auto result = createConv(b, loc, input, weight, Value(), i32, i32, shape);
    if (failed(result))
      return b.notifyMatchFailure(op, "the kernel has unknown sizes");
    b.replaceOp(op, castTo(b, loc, *result, op.getType()));
    return success();
  }
};

/// A transposed convolution whose kernel is as large as its strides, so that
/// each element of the result is of one element of the data: a product for each
/// place of the kernel, which become places of the result.
Value createExpansion(ConvTransposeOp op, OpBuilder &b, Location loc,
                      Value input, Value weight, Value bias, Type element) {
  auto weightType = cast<RankedTensorType>(weight.getType());
  int64_t spatial = weightType.getRank() - 2;
  MLIRContext *context = b.getContext();
  // Loops: n, o, places, taps, i.
  auto loop = [&](int64_t number) { return getAffineDimExpr(number, context); };
  int64_t last = 2 + 2 * spatial;
  // Lanes run along many channels, or along the places of the data.
  constexpr int64_t kManyChannels = 8;
  bool isDirect = weightType.getDimSize(1) >= kManyChannels;
  SmallVector<AffineExpr> in{loop(0), loop(last)}, we{loop(last), loop(1)},
      out{loop(0), loop(1)};
  SmallVector<OpFoldResult> sizes{getDim(b, loc, input, 0),
                                  b.getIndexAttr(weightType.getDimSize(1))};
  SmallVector<ReassociationIndices> groups{{0}, {1}};
  for (int64_t axis = 0; axis < spatial; ++axis) {
    in.push_back(loop(2 + axis));
    we.push_back(loop(2 + spatial + axis));
    groups.push_back({2 + 2 * axis, 3 + 2 * axis});
  }
  auto add = [&](int64_t number, OpFoldResult size) {
    out.push_back(loop(number));
    sizes.push_back(size);
  };
  auto addPlace = [&](int64_t axis) {
    add(2 + axis, getDim(b, loc, input, 2 + axis));
  };
  auto addTap = [&](int64_t axis) {
    add(2 + spatial + axis, b.getIndexAttr(weightType.getDimSize(2 + axis)));
  };
  if (!isDirect)
    for (int64_t axis = 0; axis < spatial; ++axis)
      addTap(axis);
  for (int64_t axis = 0; axis < spatial; ++axis) {
    addPlace(axis);
    if (isDirect)
      addTap(axis);
  }
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(last + 1, 0, exprs, context);
  };
  std::optional<Bias> start;
  if (bias)
    start = {bias, map(loop(1))};
  Value result =
      createContraction(b, loc, {input, weight}, {element, element}, sizes,
                        element, {map(in), map(we), map(out)}, start);
  if (!isDirect) {
    // Taps come to stand beside their places.
    SmallVector<OpFoldResult> interleaved(ArrayRef(sizes).take_front(2));
    SmallVector<AffineExpr> from(2 + 2 * spatial);
    from[0] = loop(0);
    from[1] = loop(1);
    for (int64_t axis = 0; axis < spatial; ++axis) {
      interleaved.push_back(sizes[2 + spatial + axis]);
      interleaved.push_back(sizes[2 + axis]);
      from[2 + spatial + axis] = loop(2 + 2 * axis);
      from[2 + axis] = loop(3 + 2 * axis);
    }
    int64_t rank = from.size();
    Type storage = getElementTypeOrSelf(result.getType());
    Value empty = createEmpty(b, loc, interleaved, storage);
    SmallVector<AffineMap> maps{
        AffineMap::get(rank, 0, from, context),
        AffineMap::getMultiDimIdentityMap(rank, context)};
    result = linalg::GenericOp::create(
                 b, loc, empty.getType(), result, empty, maps,
                 SmallVector<Iterator>(rank, Iterator::parallel),
                 [](OpBuilder &n, Location l, ValueRange args) {
                   linalg::YieldOp::create(n, l, args[0]);
                 })
                 .getResult(0);
  }
  return tensor::CollapseShapeOp::create(b, loc, result, groups);
}

/// A transposed convolution is a convolution, with the kernel mirrored and its
/// channels exchanged, of the input with zeros between its elements.
struct ConvTransposeLowering : OpConversionPattern<ConvTransposeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ConvTransposeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Value input = adaptor.getInput(), weight = adaptor.getWeight();
    auto weightType = cast<RankedTensorType>(weight.getType());
    if (!weightType.hasStaticShape())
      return b.notifyMatchFailure(op, "the kernel has unknown sizes");
    auto isAll = [](ArrayRef<int64_t> numbers, int64_t number) {
      return llvm::all_of(numbers, [&](int64_t n) { return n == number; });
    };
    if (op.getGroup() == 1 && isAll(op.getPads(), 0) &&
        isAll(op.getOutputPadding(), 0) && isAll(op.getDilations(), 1) &&
        op.getStrides() == weightType.getShape().drop_front(2)) {
      Value sum = createExpansion(op, b, loc, input, weight, adaptor.getBias(),
                                  element);
      Value value = finishAccumulator(b, loc, sum, element);
      b.replaceOp(op, castTo(b, loc, value, op.getType()));
      return success();
    }
    int64_t spatial = weightType.getRank() - 2, group = op.getGroup();
    int64_t perGroup = weightType.getDimSize(0) / group;
    int64_t outputs = weightType.getDimSize(1);
    // weight'[g * O + o, i, k] = weight[g * I + i, o, K - 1 - k]
    SmallVector<OpFoldResult> sizes{b.getIndexAttr(group * outputs),
                                    b.getIndexAttr(perGroup)};
    for (int64_t axis = 0; axis < spatial; ++axis)
      sizes.push_back(b.getIndexAttr(weightType.getDimSize(axis + 2)));
    Value mirrored = createMap(
        b, loc, sizes, weightType.getElementType(),
        [&](OpBuilder &n, Location l, ValueRange x) -> Value {
          auto index = [&](int64_t value) {
            return Value(arith::ConstantIndexOp::create(n, l, value));
          };
          Value g = arith::DivUIOp::create(n, l, x[0], index(outputs));
          Value o = arith::RemUIOp::create(n, l, x[0], index(outputs));
          Value row = arith::AddIOp::create(
              n, l, arith::MulIOp::create(n, l, g, index(perGroup)), x[1]);
          SmallVector<Value> at{row, o};
          for (int64_t axis = 0; axis < spatial; ++axis)
            at.push_back(arith::SubIOp::create(
                n, l, index(weightType.getDimSize(axis + 2) - 1), x[axis + 2]));
          return tensor::ExtractOp::create(n, l, weight, at);
        });
    // The input spread by the strides and padded (or cropped) around.
    Value zero = arith::ConstantOp::create(
        b, loc, b.getZeroAttr(getElementTypeOrSelf(input.getType())));
    SmallVector<OpFoldResult> dims = getDims(b, loc, input);
    SmallVector<OpFoldResult> spread{dims[0], dims[1]},
        padded{dims[0], dims[1]};
    SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
    SmallVector<int64_t> lows;
    for (int64_t axis = 0; axis < spatial; ++axis) {
      int64_t reach =
          (weightType.getDimSize(axis + 2) - 1) * op.getDilations()[axis];
      int64_t low = reach - op.getPads()[axis];
      int64_t high =
          reach - op.getPads()[axis + spatial] + op.getOutputPadding()[axis];
      lows.push_back(low);
      // (size - 1) * stride + 1 + low + high
      OpFoldResult between =
          mulSizes(b, loc, addSizes(b, loc, dims[axis + 2], b.getIndexAttr(-1)),
                   b.getIndexAttr(op.getStrides()[axis]));
      padded.push_back(
          addSizes(b, loc, between, b.getIndexAttr(1 + low + high)));
    }
    bool canInsert = llvm::all_of(lows, [](int64_t low) { return low >= 0; });
    for (int64_t axis = 0; axis < spatial; ++axis)
      canInsert &=
          (weightType.getDimSize(axis + 2) - 1) * op.getDilations()[axis] -
              op.getPads()[axis + spatial] + op.getOutputPadding()[axis] >=
          0;
    Value wide;
    if (canInsert) {
      for (int64_t axis = 0; axis < spatial; ++axis) {
        offsets.push_back(b.getIndexAttr(lows[axis]));
        strides.push_back(b.getIndexAttr(op.getStrides()[axis]));
      }
      Value zeros = createFilled(b, loc, padded, zero);
      wide = tensor::InsertSliceOp::create(b, loc, input, zeros, offsets, dims,
                                           strides);
    } else {
      wide = createMap(
          b, loc, padded, getElementTypeOrSelf(input.getType()),
          [&](OpBuilder &n, Location l, ValueRange x) -> Value {
            auto index = [&](int64_t value) {
              return Value(arith::ConstantIndexOp::create(n, l, value));
            };
            Value inside = arith::ConstantIntOp::create(n, l, 1, 1);
            SmallVector<Value> at{x[0], x[1]};
            for (int64_t axis = 0; axis < spatial; ++axis) {
              Value place =
                  arith::SubIOp::create(n, l, x[axis + 2], index(lows[axis]));
              Value stride = index(op.getStrides()[axis]);
              Value quotient = arith::DivSIOp::create(n, l, place, stride);
              Value rest = arith::RemSIOp::create(n, l, place, stride);
              Value size = toIndex(n, l, dims[axis + 2]);
              auto test = [&](arith::CmpIPredicate predicate, Value lhs,
                              Value rhs) {
                inside = arith::AndIOp::create(
                    n, l, inside,
                    arith::CmpIOp::create(n, l, predicate, lhs, rhs));
              };
              test(arith::CmpIPredicate::eq, rest, index(0));
              test(arith::CmpIPredicate::sge, place, index(0));
              test(arith::CmpIPredicate::slt, quotient, size);
              Value last = arith::SubIOp::create(n, l, size, index(1));
              at.push_back(arith::MaxSIOp::create(
                  n, l, arith::MinSIOp::create(n, l, quotient, last),
                  index(0)));
            }
            Value element0 = tensor::ExtractOp::create(n, l, input, at);
            return arith::SelectOp::create(n, l, inside, element0, zero);
          });
    }
    SmallVector<int64_t> ones(spatial, 1), none(2 * spatial, 0);
    ConvShape shape{ones, op.getDilations(), none, group, "NOTSET"};
    auto result = createConv(b, loc, wide, mirrored, adaptor.getBias(), element,
                             element, shape);
    if (failed(result))
      return failure();
    Value value = finishAccumulator(b, loc, *result, element);
    b.replaceOp(op, castTo(b, loc, value, op.getType()));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// numpy.matmul; returns the accumulator.
Value createMatMul(OpBuilder &b, Location loc, Value lhs, Value rhs,
                   Type lhsElement, Type rhsElement, Type element) {
  auto lhsType = cast<RankedTensorType>(lhs.getType());
  auto rhsType = cast<RankedTensorType>(rhs.getType());
  bool lhsVector = lhsType.getRank() == 1, rhsVector = rhsType.getRank() == 1;
  int64_t lhsBatch = std::max<int64_t>(0, lhsType.getRank() - 2);
  int64_t rhsBatch = std::max<int64_t>(0, rhsType.getRank() - 2);
  int64_t batch = std::max(lhsBatch, rhsBatch);
  MLIRContext *context = b.getContext();
  // Loops: batch, m, n, k.
  AffineExpr m = getAffineDimExpr(batch, context);
  AffineExpr n = getAffineDimExpr(batch + 1, context);
  AffineExpr k = getAffineDimExpr(batch + 2, context);
  SmallVector<OpFoldResult> sizes;
  SmallVector<AffineExpr> lhsExprs, rhsExprs, outExprs;
  for (int64_t axis = 0; axis < batch; ++axis) {
    AffineExpr loop = getAffineDimExpr(axis, context);
    int64_t i = axis - batch + lhsBatch, j = axis - batch + rhsBatch;
    OpFoldResult size = b.getIndexAttr(1);
    if (i >= 0) {
      bool isOne = lhsType.getDimSize(i) == 1;
      lhsExprs.push_back(isOne && (j < 0 || rhsType.getDimSize(j) != 1)
                             ? getAffineConstantExpr(0, context)
                             : loop);
      if (!isOne)
        size = getDim(b, loc, lhs, i);
    }
    if (j >= 0) {
      bool isOne = rhsType.getDimSize(j) == 1;
      rhsExprs.push_back(isOne && (i < 0 || lhsType.getDimSize(i) != 1)
                             ? getAffineConstantExpr(0, context)
                             : loop);
      if (!isOne &&
          (i < 0 || lhsType.getDimSize(i) == 1 || lhsType.isDynamicDim(i)))
        size = getDim(b, loc, rhs, j);
    }
    sizes.push_back(size);
    outExprs.push_back(loop);
  }
  if (lhsVector) {
    lhsExprs.push_back(k);
  } else {
    lhsExprs.append({m, k});
    sizes.push_back(getDim(b, loc, lhs, lhsType.getRank() - 2));
  }
  if (rhsVector) {
    rhsExprs.push_back(k);
  } else {
    rhsExprs.append({k, n});
    sizes.push_back(getDim(b, loc, rhs, rhsType.getRank() - 1));
  }
  if (!lhsVector)
    outExprs.push_back(m);
  if (!rhsVector)
    outExprs.push_back(n);
  // Loops of a missing axis are dropped by renumbering.
  SmallVector<AffineExpr> renumber;
  int64_t used = 0;
  for (int64_t loop = 0; loop < batch + 3; ++loop) {
    bool missing =
        (loop == batch && lhsVector) || (loop == batch + 1 && rhsVector);
    renumber.push_back(missing ? getAffineConstantExpr(0, context)
                               : getAffineDimExpr(used++, context));
  }
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> exprs :
       {ArrayRef(lhsExprs), ArrayRef(rhsExprs), ArrayRef(outExprs)}) {
    SmallVector<AffineExpr> renamed;
    for (AffineExpr expr : exprs)
      renamed.push_back(expr.replaceDims(renumber));
    maps.push_back(AffineMap::get(used, 0, renamed, context));
  }
  return createContraction(b, loc, {lhs, rhs}, {lhsElement, rhsElement}, sizes,
                           element, maps);
}

/// Makes batch axes that are unknown on both sides agree: one of them may turn
/// out to be 1.
void settleBatch(OpBuilder &b, Location loc, Value &lhs, Value &rhs) {
  auto lhsType = cast<RankedTensorType>(lhs.getType());
  auto rhsType = cast<RankedTensorType>(rhs.getType());
  int64_t shared = std::min(lhsType.getRank(), rhsType.getRank());
  bool open = false;
  for (int64_t back = 3; back <= shared; ++back) {
    int64_t i = lhsType.getRank() - back, j = rhsType.getRank() - back;
    int64_t left = lhsType.getDimSize(i), right = rhsType.getDimSize(j);
    open |= (ShapedType::isDynamic(left) && right != 1) ||
            (ShapedType::isDynamic(right) && left != 1);
  }
  if (!open)
    return;
  auto batchOf = [&](Value value) {
    return createEmpty(b, loc,
                       SmallVector<OpFoldResult>(
                           ArrayRef(getDims(b, loc, value)).drop_back(2)),
                       b.getI1Type());
  };
  SmallVector<OpFoldResult> batch =
      getBroadcastSizes(b, loc, {batchOf(lhs), batchOf(rhs)});
  for (Value *side : {&lhs, &rhs}) {
    SmallVector<OpFoldResult> sizes(batch);
    SmallVector<OpFoldResult> own = getDims(b, loc, *side);
    sizes.append(own.end() - 2, own.end());
    Value other = createEmpty(b, loc, sizes, b.getI1Type());
    // The second operand only makes the sizes open.
    *side = createBroadcastMap(
        b, loc, {*side, other}, sizes, getElementTypeOrSelf(side->getType()),
        [](OpBuilder &, Location, ValueRange x) { return x[0]; });
  }
}

struct MatMulLowering : OpConversionPattern<MatMulOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MatMulOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getLhs().getType());
    Value lhs = adaptor.getLhs(), rhs = adaptor.getRhs();
    settleBatch(b, loc, lhs, rhs);
    Value sum = createMatMul(b, loc, lhs, rhs, element, element, element);
    Value value = finishAccumulator(b, loc, sum, element);
    b.replaceOp(op, castTo(b, loc, value,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

struct MatMulIntegerLowering : OpConversionPattern<MatMulIntegerOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MatMulIntegerOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type i32 = b.getI32Type();
    int64_t aRank = cast<RankedTensorType>(adaptor.getA().getType()).getRank();
    int64_t bRank = cast<RankedTensorType>(adaptor.getB().getType()).getRank();
    Value lhs = subtractZeroPoint(
        b, loc, adaptor.getA(), getElementTypeOrSelf(op.getA().getType()),
        adaptor.getAZeroPoint(), std::max<int64_t>(0, aRank - 2));
    Value rhs = subtractZeroPoint(b, loc, adaptor.getB(),
                                  getElementTypeOrSelf(op.getB().getType()),
                                  adaptor.getBZeroPoint(), bRank - 1);
    settleBatch(b, loc, lhs, rhs);
    Value sum = createMatMul(b, loc, lhs, rhs, i32, i32, i32);
    b.replaceOp(op, castTo(b, loc, sum, op.getType()));
    return success();
  }
};

struct GemmLowering : OpConversionPattern<GemmOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(GemmOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getA().getType());
    AffineExpr m, n, k;
    bindDims(b.getContext(), m, n, k);
    bool transA = op.getTransA(), transB = op.getTransB();
    SmallVector<OpFoldResult> sizes{
        getDim(b, loc, adaptor.getA(), transA ? 1 : 0),
        getDim(b, loc, adaptor.getB(), transB ? 0 : 1)};
    auto map = [&](AffineExpr row, AffineExpr column) {
      return AffineMap::get(3, 0, {row, column}, b.getContext());
    };
    Value sum = createContraction(b, loc, {adaptor.getA(), adaptor.getB()},
                                  {element, element}, sizes, element,
                                  {transA ? map(k, m) : map(m, k),
                                   transB ? map(n, k) : map(k, n), map(m, n)});
    double alpha = op.getAlpha().convertToDouble();
    double beta = op.getBeta().convertToDouble();
    SmallVector<Value> inputs{sum};
    if (Value c = adaptor.getC())
      inputs.push_back(c);
    Value result = createBroadcastMap(
        b, loc, inputs, sizes, ScalarEmitter::getStorageType(element),
        [&](OpBuilder &nested, Location l, ValueRange x) {
          ScalarEmitter e(nested, l, element);
          // The scales are floats, also for integer matrices.
          Type real = e.isFloat() ? e.getType() : Type(nested.getF64Type());
          auto scale = [&](Value value, double factor) {
            if (factor == 1)
              return value;
            ScalarEmitter wide(nested, l, real);
            Value product = wide.mul(e.convert(value, element, real),
                                     wide.constant(factor));
            return e.convert(product, real, element);
          };
          Value value = scale(x[0], alpha);
          if (x.size() > 1)
            value = e.add(value, scale(e.load(x[1], element), beta));
          return e.store(value, element);
        });
    b.replaceOp(op, castTo(b, loc, result,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

struct EinsumLowering : OpConversionPattern<EinsumOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(EinsumOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInputs()[0].getType());
    auto terms = neuroplast::neuro::detail::parseEinsum(op.getEquation(),
                                                        op.getInputs());
    if (failed(terms))
      return failure();
    // Loops: the axes of the result, then the summed ones.
    std::map<char, int64_t> loops;
    std::map<char, OpFoldResult> sizes;
    auto addLoop = [&](char name) {
      loops.try_emplace(name, static_cast<int64_t>(loops.size()));
    };
    for (char name : terms->output)
      addLoop(name);
    for (auto [axes, input] :
         llvm::zip_equal(terms->inputs, adaptor.getInputs()))
      for (auto [axis, name] : llvm::enumerate(axes)) {
        addLoop(name);
        OpFoldResult size = getDim(b, loc, input, axis);
        auto [it, isNew] = sizes.try_emplace(name, size);
        if (!isNew && isConstantIntValue(it->second, 1))
          it->second = size;
      }
    MLIRContext *context = b.getContext();
    SmallVector<AffineMap> maps;
    SmallVector<Type> elements;
    for (auto [axes, input] :
         llvm::zip_equal(terms->inputs, adaptor.getInputs())) {
      SmallVector<AffineExpr> exprs;
      for (auto [axis, name] : llvm::enumerate(axes)) {
        bool isOne =
            cast<RankedTensorType>(input.getType()).getDimSize(axis) == 1 &&
            !isConstantIntValue(sizes[name], 1);
        exprs.push_back(isOne ? getAffineConstantExpr(0, context)
                              : getAffineDimExpr(loops[name], context));
      }
      maps.push_back(AffineMap::get(loops.size(), 0, exprs, context));
      elements.push_back(element);
    }
    SmallVector<AffineExpr> out;
    SmallVector<OpFoldResult> resultSizes;
    for (char name : terms->output) {
      out.push_back(getAffineDimExpr(loops[name], context));
      resultSizes.push_back(sizes[name]);
    }
    maps.push_back(AffineMap::get(loops.size(), 0, out, context));
    Value sum = createContraction(b, loc, adaptor.getInputs(), elements,
                                  resultSizes, element, maps);
    Value value = finishAccumulator(b, loc, sum, element);
    b.replaceOp(op, castTo(b, loc, value,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

} // namespace

void neuroplast::populateContractionToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns
      .add<ConvLowering, ConvIntegerLowering, ConvTransposeLowering,
           MatMulLowering, MatMulIntegerLowering, GemmLowering, EinsumLowering>(
          converter, patterns.getContext());
}
