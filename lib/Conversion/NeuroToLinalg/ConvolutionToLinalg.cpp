//===- ConvolutionToLinalg.cpp - Convolutions -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "Window.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Iterator = utils::IteratorType;

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
  // Loops: n, o, places, taps, i. Where the kernel has one place, so has the
  // result for one of the data: of 1 x 1, it is a convolution.
  auto loop = [&](int64_t number) { return getAffineDimExpr(number, context); };
  SmallVector<std::optional<int64_t>> taps;
  int64_t last = 2 + spatial;
  for (int64_t axis = 0; axis < spatial; ++axis) {
    taps.emplace_back();
    if (weightType.getDimSize(2 + axis) != 1)
      taps.back() = last++;
  }
  bool hasTaps = last > 2 + spatial;
  // Lanes run along many channels, or along the places of the data.
  constexpr int64_t kManyChannels = 8;
  bool isDirect = !hasTaps || weightType.isDynamicDim(1) ||
                  weightType.getDimSize(1) >= kManyChannels;
  SmallVector<AffineExpr> in{loop(0), loop(last)}, we{loop(last), loop(1)},
      out{loop(0), loop(1)};
  SmallVector<OpFoldResult> sizes{getDim(b, loc, input, 0),
                                  getDim(b, loc, weight, 1)};
  SmallVector<ReassociationIndices> groups{{0}, {1}};
  int64_t rank = 2; // of the result with taps beside their places
  for (auto [axis, tap] : llvm::enumerate(taps)) {
    in.push_back(loop(2 + axis));
    we.push_back(tap ? loop(*tap) : getAffineConstantExpr(0, context));
    groups.push_back({rank++});
    if (tap)
      groups.back().push_back(rank++);
  }
  auto add = [&](int64_t number, OpFoldResult size) {
    out.push_back(loop(number));
    sizes.push_back(size);
  };
  auto addPlace = [&](int64_t axis) {
    add(2 + axis, getDim(b, loc, input, 2 + axis));
  };
  auto addTap = [&](int64_t axis) {
    if (taps[axis])
      add(*taps[axis], b.getIndexAttr(weightType.getDimSize(2 + axis)));
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
    int64_t numTaps = last - 2 - spatial;
    SmallVector<OpFoldResult> interleaved(ArrayRef(sizes).take_front(2));
    SmallVector<AffineExpr> from(rank);
    from[0] = loop(0);
    from[1] = loop(1);
    auto move = [&](int64_t axis) {
      from[axis] = loop(interleaved.size());
      interleaved.push_back(sizes[axis]);
    };
    for (auto [axis, tap] : llvm::enumerate(taps)) {
      move(2 + numTaps + axis);
      if (tap)
        move(*tap - spatial);
    }
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

/// weight'[g * O + o, i, k] = weight[g * I + i, o, K - 1 - k]; channels are of
/// known sizes, unless there is one group.
Value mirrorKernel(OpBuilder &b, Location loc, Value weight, int64_t group) {
  auto type = cast<RankedTensorType>(weight.getType());
  ArrayRef<int64_t> kernel = type.getShape().drop_front(2);
  MLIRContext *context = b.getContext();
  int64_t rank = type.getRank();
  if (llvm::any_of(kernel, [](int64_t size) { return size != 1; })) {
    SmallVector<AffineExpr> from;
    for (int64_t axis = 0; axis < rank; ++axis) {
      AffineExpr place = getAffineDimExpr(axis, context);
      from.push_back(axis < 2 ? place : type.getDimSize(axis) - 1 - place);
    }
    SmallVector<AffineMap> maps{
        AffineMap::get(rank, 0, from, context),
        AffineMap::getMultiDimIdentityMap(rank, context)};
    Value empty =
        createEmpty(b, loc, getDims(b, loc, weight), type.getElementType());
    weight = linalg::GenericOp::create(
                 b, loc, type, weight, empty, maps,
                 SmallVector<Iterator>(rank, Iterator::parallel),
                 [](OpBuilder &n, Location l, ValueRange args) {
                   linalg::YieldOp::create(n, l, args[0]);
                 })
                 .getResult(0);
  }
  auto exchange = [&](Value value, ArrayRef<int64_t> order) -> Value {
    SmallVector<OpFoldResult> dims = getDims(b, loc, value);
    applyPermutationToVector(dims, order);
    Value empty = createEmpty(b, loc, dims, type.getElementType());
    return linalg::TransposeOp::create(b, loc, value, empty, order)
        .getResult()[0];
  };
  if (group == 1) {
    SmallVector<int64_t> order{1, 0};
    llvm::append_range(order, llvm::seq<int64_t>(2, rank));
    return exchange(weight, order);
  }
  // Groups stand by themselves while the channels change places.
  int64_t ins = type.getDimSize(0) / group, outs = type.getDimSize(1);
  SmallVector<int64_t> split{group, ins, outs}, joined{group * outs, ins},
      order{0, 2, 1};
  llvm::append_range(split, kernel);
  llvm::append_range(joined, kernel);
  llvm::append_range(order, llvm::seq<int64_t>(3, rank + 1));
  SmallVector<ReassociationIndices> groups{{0, 1}};
  for (int64_t axis = 2; axis <= rank; ++axis)
    groups.push_back({axis});
  weight =
      tensor::ExpandShapeOp::create(b, loc, type.clone(split), weight, groups);
  return tensor::CollapseShapeOp::create(b, loc, type.clone(joined),
                                         exchange(weight, order), groups);
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
    ArrayRef<int64_t> kernel = weightType.getShape();
    if (llvm::any_of(op.getGroup() == 1 ? kernel.drop_front(2) : kernel,
                     ShapedType::isDynamic))
      return b.notifyMatchFailure(op, "the kernel has unknown sizes");
    auto isAll = [](ArrayRef<int64_t> numbers, int64_t number) {
      return llvm::all_of(numbers, [&](int64_t n) { return n == number; });
    };
    if (op.getGroup() == 1 && isAll(op.getPads(), 0) &&
        isAll(op.getOutputPadding(), 0) && isAll(op.getDilations(), 1) &&
        op.getStrides() == kernel.drop_front(2)) {
      Value sum = createExpansion(op, b, loc, input, weight, adaptor.getBias(),
                                  element);
      Value value = finishAccumulator(b, loc, sum, element);
      b.replaceOp(op, castTo(b, loc, value, op.getType()));
      return success();
    }
    int64_t spatial = weightType.getRank() - 2, group = op.getGroup();
    Value mirrored = mirrorKernel(b, loc, weight, group);
    // The input spread by the strides and padded (or cropped) around.
    Value zero = arith::ConstantOp::create(
        b, loc, b.getZeroAttr(getElementTypeOrSelf(input.getType())));
    SmallVector<OpFoldResult> dims = getDims(b, loc, input);
    SmallVector<OpFoldResult> spread{dims[0], dims[1]},
        padded{dims[0], dims[1]};
    SmallVector<OpFoldResult> offsets(2, b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
    SmallVector<int64_t> lows, highs;
    for (int64_t axis = 0; axis < spatial; ++axis) {
      int64_t reach =
          (weightType.getDimSize(axis + 2) - 1) * op.getDilations()[axis];
      int64_t low = reach - op.getPads()[axis];
      int64_t high =
          reach - op.getPads()[axis + spatial] + op.getOutputPadding()[axis];
      lows.push_back(low);
      highs.push_back(high);
      // (size - 1) * stride + 1 + low + high
      OpFoldResult between =
          mulSizes(b, loc, addSizes(b, loc, dims[axis + 2], b.getIndexAttr(-1)),
                   b.getIndexAttr(op.getStrides()[axis]));
      padded.push_back(
          addSizes(b, loc, between, b.getIndexAttr(1 + low + high)));
    }
    auto isNoCrop = [](int64_t pad) { return pad >= 0; };
    bool canInsert =
        llvm::all_of(lows, isNoCrop) && llvm::all_of(highs, isNoCrop);
    Value wide;
    if (canInsert && isAll(op.getStrides(), 1)) {
      SmallVector<OpFoldResult> before(2, b.getIndexAttr(0)), behind(before);
      for (auto [low, high] : llvm::zip_equal(lows, highs)) {
        before.push_back(b.getIndexAttr(low));
        behind.push_back(b.getIndexAttr(high));
      }
      wide = tensor::PadOp::create(b, loc, Type(), input, before, behind, zero);
    } else if (canInsert) {
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

} // namespace

void neuroplast::populateConvolutionToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<ConvLowering, ConvIntegerLowering, ConvTransposeLowering>(
      converter, patterns.getContext());
}
