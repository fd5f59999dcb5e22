//===- PoolingToLinalg.cpp - Pooling and resizing -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "Window.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Kernel/IR/Kernel.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

#include <functional>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Iterator = utils::IteratorType;

template <typename Op>
SmallVector<WindowAxis> computeWindow(OpBuilder &b, Location loc, Op op,
                                      Value input) {
  SmallVector<WindowAxis> window;
  int64_t spatial = cast<RankedTensorType>(input.getType()).getRank() - 2;
  for (int64_t axis = 0; axis < spatial; ++axis)
    window.push_back(computeWindowAxis(
        b, loc, getDim(b, loc, input, axis + 2), op.getKernelShape()[axis],
        op.getStrides()[axis], op.getDilations()[axis], op.getPads()[axis],
        op.getPads()[axis + spatial], op.getAutoPad(), op.getCeilMode()));
  return window;
}

/// Where the elements of a window are in the padded input: a map from the
/// places of the result, and of the window behind them.
template <typename Op> AffineMap getWindowMap(OpBuilder &b, Op op) {
  int64_t spatial = op.getKernelShape().size(), rank = spatial + 2;
  SmallVector<AffineExpr> in{b.getAffineDimExpr(0), b.getAffineDimExpr(1)};
  for (int64_t axis = 0; axis < spatial; ++axis)
    in.push_back(b.getAffineDimExpr(axis + 2) * op.getStrides()[axis] +
                 b.getAffineDimExpr(rank + axis) * op.getDilations()[axis]);
  return AffineMap::get(rank + spatial, 0, in, b.getContext());
}

/// The sums, or the largest, of each window of a padded input of f32.
template <typename Op>
Value createPool(OpBuilder &b, Location loc, Op op, Value padded,
                 ArrayRef<OpFoldResult> sizes, bool largest) {
  Value empty = createEmpty(b, loc, sizes, b.getF32Type());
  return kernel::PoolOp::create(b, loc, padded, empty, getWindowMap(b, op),
                                op.getKernelShape(), largest)
      .getResult(0);
}

/// Folds each window of the padded input into `init`.
template <typename Op>
Value reduceWindows(
    OpBuilder &b, Location loc, Op op, Value padded, Value init,
    function_ref<Value(OpBuilder &, Location, Value, Value)> body) {
  int64_t rank = cast<RankedTensorType>(padded.getType()).getRank();
  int64_t spatial = rank - 2, loops = rank + spatial;
  MLIRContext *context = b.getContext();
  SmallVector<AffineExpr> kernel, outputs;
  for (int64_t axis = 0; axis < rank; ++axis)
    outputs.push_back(getAffineDimExpr(axis, context));
  for (int64_t axis = 0; axis < spatial; ++axis)
    kernel.push_back(getAffineDimExpr(rank + axis, context));
  SmallVector<OpFoldResult> kernelSizes;
  for (int64_t size : op.getKernelShape())
    kernelSizes.push_back(b.getIndexAttr(size));
  // An operand that is never read gives the kernel loops their bounds.
  Value extent = createEmpty(b, loc, kernelSizes, b.getI1Type());
  SmallVector<Iterator> iterators(rank, Iterator::parallel);
  iterators.append(spatial, Iterator::reduction);
  auto generic = linalg::GenericOp::create(
      b, loc, init.getType(), ValueRange{padded, extent}, init,
      {getWindowMap(b, op), AffineMap::get(loops, 0, kernel, context),
       AffineMap::get(loops, 0, outputs, context)},
      iterators, [&](OpBuilder &n, Location l, ValueRange args) {
        linalg::YieldOp::create(n, l, body(n, l, args[0], args[2]));
      });
  return generic.getResult(0);
}

SmallVector<OpFoldResult> getPooledSizes(OpBuilder &b, Location loc,
                                         Value input,
                                         ArrayRef<WindowAxis> window) {
  SmallVector<OpFoldResult> sizes{getDim(b, loc, input, 0),
                                  getDim(b, loc, input, 1)};
  for (const WindowAxis &axis : window)
    sizes.push_back(axis.count);
  return sizes;
}

struct MaxPoolLowering : OpConversionPattern<MaxPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MaxPoolOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Value input = adaptor.getInput();
    SmallVector<WindowAxis> window = computeWindow(b, loc, op, input);
    ScalarEmitter e(b, loc, element);
    Value lowest = e.store(e.lowest(), element);
    Value padded = padSpatial(b, loc, input, window, lowest);
    SmallVector<OpFoldResult> sizes = getPooledSizes(b, loc, input, window);
    Value result;
    if (element.isF32())
      result = createPool(b, loc, op, padded, sizes, /*largest=*/true);
    else
      result = reduceWindows(
          b, loc, op, padded, createFilled(b, loc, sizes, lowest),
          [&](OpBuilder &n, Location l, Value x, Value best) -> Value {
            ScalarEmitter inner(n, l, element);
            Value value = inner.load(x, element),
                  soFar = inner.load(best, element);
            return inner.store(inner.max(value, soFar), element);
          });
    Value indices =
        op.getIndices().use_empty()
            ? createEmpty(b, loc, sizes, b.getI64Type())
            : findIndices(b, loc, op, input, window, sizes, element);
    b.replaceOp(
        op, {castTo(b, loc, result,
                    getTypeConverter()->convertType(op.getResult().getType())),
             castTo(b, loc, indices, op.getIndices().getType())});
    return success();
  }

private:
  /// The flat index, in the unpadded input, of the first largest element of
  /// each window; `storage_order` 1 counts the last two axes column by column.
  static Value findIndices(OpBuilder &b, Location loc, MaxPoolOp op,
                           Value input, ArrayRef<WindowAxis> window,
                           ArrayRef<OpFoldResult> sizes, Type element) {
    SmallVector<OpFoldResult> dims = getDims(b, loc, input);
    int64_t rank = dims.size(), spatial = rank - 2;
    SmallVector<int64_t> kernel(op.getKernelShape());
    return createMap(
        b, loc, sizes, b.getI64Type(),
        [&](OpBuilder &n, Location l, ValueRange place) -> Value {
          ScalarEmitter e(n, l, element);
          auto index = [&](int64_t value) -> Value {
            return arith::ConstantIndexOp::create(n, l, value);
          };
          Value best = e.lowest();
          Value at = arith::ConstantIntOp::create(n, l, -1, 64);
          int64_t taps = 1;
          for (int64_t size : kernel)
            taps *= size;
          for (int64_t tap = 0; tap < taps; ++tap) {
            int64_t rest = tap;
            SmallVector<int64_t> offsets(spatial);
            for (int64_t axis = spatial - 1; axis >= 0; --axis) {
              offsets[axis] = rest % kernel[axis];
              rest /= kernel[axis];
            }
            Value inside = arith::ConstantIntOp::create(n, l, 1, 1);
            SmallVector<Value> source{place[0], place[1]};
            for (int64_t axis = 0; axis < spatial; ++axis) {
              Value start = arith::MulIOp::create(n, l, place[axis + 2],
                                                  index(op.getStrides()[axis]));
              Value raw = arith::SubIOp::create(
                  n, l,
                  arith::AddIOp::create(
                      n, l, start,
                      index(offsets[axis] * op.getDilations()[axis])),
                  toIndex(n, l, window[axis].low));
              Value size = toIndex(n, l, dims[axis + 2]);
              Value last = arith::SubIOp::create(n, l, size, index(1));
              Value clamped = arith::MaxSIOp::create(
                  n, l, arith::MinSIOp::create(n, l, raw, last), index(0));
              inside = arith::AndIOp::create(
                  n, l, inside,
                  arith::CmpIOp::create(n, l, arith::CmpIPredicate::eq, raw,
                                        clamped));
              source.push_back(clamped);
            }
            Value x =
                e.load(tensor::ExtractOp::create(n, l, input, source), element);
            Value better = e.compare(ScalarEmitter::Compare::Greater, x, best);
            Value unset = arith::CmpIOp::create(
                n, l, arith::CmpIPredicate::slt, at,
                arith::ConstantIntOp::create(n, l, 0, 64));
            better = arith::AndIOp::create(
                n, l, inside, arith::OrIOp::create(n, l, better, unset));
            auto order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
            if (op.getStorageOrder())
              std::swap(order[rank - 1], order[rank - 2]);
            Value flat = index(0);
            for (int64_t axis : order)
              flat = arith::AddIOp::create(
                  n, l,
                  arith::MulIOp::create(n, l, flat, toIndex(n, l, dims[axis])),
                  source[axis]);
            Value flat64 =
                arith::IndexCastOp::create(n, l, n.getI64Type(), flat);
            best = e.select(better, x, best);
            at = e.select(better, flat64, at);
          }
          return at;
        });
  }
};

struct AveragePoolLowering : OpConversionPattern<AveragePoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AveragePoolOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Value input = adaptor.getInput();
    SmallVector<WindowAxis> window = computeWindow(b, loc, op, input);
    SmallVector<OpFoldResult> dims = getDims(b, loc, input);
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
    Value padded = padSpatial(b, loc, input, window, zero);
    SmallVector<OpFoldResult> sizes = getPooledSizes(b, loc, input, window);
    ScalarEmitter outer(b, loc, element);
    Value sum;
    if (element.isF32())
      sum = createPool(b, loc, op, padded, sizes, /*largest=*/false);
    else
      sum = reduceWindows(
          b, loc, op, padded, createFilled(b, loc, sizes, outer.constant(0)),
          [&](OpBuilder &n, Location l, Value x, Value acc) -> Value {
            ScalarEmitter e(n, l, element);
            return e.add(acc, e.load(x, element));
          });
    // The number of places of a window that count is a product of numbers along
    // each axis: a constant where no window leaves what counts.
    int64_t rank = sizes.size();
    double count = 1;
    SmallVector<Value> inputs{sum};
    SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(rank)};
    for (auto [axis, along] : llvm::enumerate(window)) {
      bool isWhole = (op.getCountIncludePad() && !op.getCeilMode()) ||
                     (isConstantIntValue(along.low, 0) &&
                      isConstantIntValue(along.high, 0));
      if (isWhole) {
        count *= op.getKernelShape()[axis];
        continue;
      }
      inputs.push_back(createCounts(b, loc, op, axis, along, dims[axis + 2],
                                    outer.getType()));
      maps.push_back(AffineMap::get(rank, 0, b.getAffineDimExpr(axis + 2)));
    }
    maps.push_back(b.getMultiDimIdentityMap(rank));
    Value empty = createEmpty(b, loc, sizes, element);
    auto generic = linalg::GenericOp::create(
        b, loc, empty.getType(), inputs, empty, maps,
        SmallVector<Iterator>(rank, Iterator::parallel),
        [&](OpBuilder &n, Location l, ValueRange args) {
          ScalarEmitter e(n, l, element);
          Value divisor = e.constant(count);
          for (Value factor : args.drop_front().drop_back())
            divisor = e.mul(divisor, factor);
          Value mean = e.div(args[0], divisor);
          linalg::YieldOp::create(n, l, e.store(mean, element));
        });
    b.replaceOp(op, castTo(b, loc, generic.getResult(0), op.getType()));
    return success();
  }
  /// For every place of the result along an axis, how many taps count: those
  /// inside the input or, if padding counts, inside the padding asked for (not
  /// that of rounding up).
  static Value createCounts(OpBuilder &b, Location loc, AveragePoolOp op,
                            int64_t axis, const WindowAxis &window,
                            OpFoldResult size, Type type) {
    int64_t kernel = op.getKernelShape()[axis];
    int64_t spatial = op.getKernelShape().size();
    return createMap(
        b, loc, window.count, type,
        [&](OpBuilder &n, Location l, ValueRange indices) -> Value {
          auto number = [&](int64_t value) -> Value {
            return arith::ConstantIndexOp::create(n, l, value);
          };
          Value low = toIndex(n, l, window.low);
          Value stride = number(op.getStrides()[axis]),
                dilation = number(op.getDilations()[axis]);
          Value start = arith::SubIOp::create(
              n, l, arith::MulIOp::create(n, l, indices[0], stride), low);
          Value first = number(0), end = toIndex(n, l, size);
          if (op.getCountIncludePad()) {
            first = arith::SubIOp::create(n, l, number(0), low);
            Value high = op.getCeilMode() ? number(op.getPads()[axis + spatial])
                                          : toIndex(n, l, window.high);
            end = arith::AddIOp::create(n, l, end, high);
          }
          // Taps in [ceil((first - start) / d), ceil((end - start) / d)).
          auto tapsBelow = [&](Value bound) -> Value {
            Value distance = arith::SubIOp::create(n, l, bound, start);
            Value taps = arith::CeilDivSIOp::create(n, l, distance, dilation);
            taps = arith::MinSIOp::create(n, l, taps, number(kernel));
            return arith::MaxSIOp::create(n, l, taps, number(0));
          };
          Value taps =
              arith::SubIOp::create(n, l, tapsBelow(end), tapsBelow(first));
          ScalarEmitter e(n, l, type);
          Type i64 = n.getI64Type();
          return e.convert(arith::IndexCastOp::create(n, l, i64, taps), i64,
                           type);
        });
  }
};

struct LpPoolLowering : OpConversionPattern<LpPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LpPoolOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Value input = adaptor.getInput();
    SmallVector<WindowAxis> window = computeWindow(b, loc, op, input);
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
    Value padded = padSpatial(b, loc, input, window, zero);
    SmallVector<OpFoldResult> sizes = getPooledSizes(b, loc, input, window);
    ScalarEmitter outer(b, loc, element);
    double p = op.getP();
    Value sum = reduceWindows(
        b, loc, op, padded, createFilled(b, loc, sizes, outer.constant(0)),
        [&](OpBuilder &n, Location l, Value x, Value acc) -> Value {
          ScalarEmitter e(n, l, element);
          return e.add(acc, e.power(e.abs(e.load(x, element)), p));
        });
    Value result =
        createBroadcastMap(b, loc, sum, sizes, element,
                           [&](OpBuilder &n, Location l, ValueRange x) {
                             ScalarEmitter e(n, l, element);
                             return e.store(e.power(x[0], 1 / p), element);
                           });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

} // namespace

void neuroplast::populatePoolingToLinalgPatterns(TypeConverter &converter,
                                                 RewritePatternSet &patterns) {
  patterns.add<MaxPoolLowering, AveragePoolLowering, LpPoolLowering>(
      converter, patterns.getContext());
}
