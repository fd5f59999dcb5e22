//===- DeformConvToLinalg.cpp - Convolution at learned offsets -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpolation.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// Samples the input where each entry of the kernel looks, and multiplies what
/// it finds with the weights as matrices, group by group (Dai et al., 2017; the
/// mask is of Zhu et al., 2019).
struct DeformConvLowering : OpConversionPattern<DeformConvOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(DeformConvOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    auto weightType = cast<RankedTensorType>(adaptor.getWeight().getType());
    if (!weightType.hasStaticShape())
      return b.notifyMatchFailure(op, "the kernel has no known size");
    Value input = adaptor.getInput();
    SmallVector<OpFoldResult> in = getDims(b, loc, input);
    int64_t group = op.getGroup(), offsetGroup = op.getOffsetGroup();
    if (weightType.getDimSize(1) * group % offsetGroup != 0)
      return b.notifyMatchFailure(op, "the channels are in no groups");
    SmallVector<OpFoldResult> places(
        llvm::drop_begin(getDims(b, loc, adaptor.getOffset()), 2));
    ArrayRef<int64_t> weight = weightType.getShape();
    int64_t volume = ShapedType::getNumElements(weight.drop_front(2));

    OpFoldResult area = b.getIndexAttr(1);
    for (OpFoldResult place : places)
      area = mulSizes(b, loc, area, place);
    OpFoldResult groups = b.getIndexAttr(group),
                 rows = b.getIndexAttr(weight[1] * volume),
                 outputs = b.getIndexAttr(weight[0] / group);
    Value columns = reshape(b, loc, sample(b, op, adaptor, places),
                            {in[0], groups, rows, area});
    Value matrix =
        reshape(b, loc, adaptor.getWeight(), {groups, outputs, rows});
    Value product = MatMulOp::create(b, loc, matrix, columns);
    SmallVector<OpFoldResult> sizes{in[0], b.getIndexAttr(weight[0])};
    llvm::append_range(sizes, places);
    Value result = reshape(b, loc, product, sizes);
    if (op.getBias()) {
      SmallVector<OpFoldResult> list(places.size() + 1, b.getIndexAttr(1));
      list[0] = b.getIndexAttr(weight[0]);
      result = AddOp::create(b, loc, result,
                             reshape(b, loc, adaptor.getBias(), list));
    }
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }

private:
  static Value reshape(OpBuilder &b, Location loc, Value value,
                       ArrayRef<OpFoldResult> sizes) {
    SmallVector<int64_t> shape;
    SmallVector<Value> dynamic;
    dispatchIndexOpFoldResults(sizes, dynamic, shape);
    return ReshapeOp::create(b, loc, value, dynamic, shape);
  }

  /// The input at the places of the kernel: N x C x kernel x places.
  static Value sample(OpBuilder &b, DeformConvOp op, OpAdaptor adaptor,
                      ArrayRef<OpFoldResult> places) {
    Location loc = op.getLoc();
    Value input = adaptor.getInput(), offset = adaptor.getOffset(),
          mask = adaptor.getMask();
    Type element = getElementTypeOrSelf(input.getType());
    Type compute = ScalarEmitter::getComputeType(element);
    SmallVector<OpFoldResult> in = getDims(b, loc, input);
    ArrayRef<int64_t> kernel =
        cast<RankedTensorType>(adaptor.getWeight().getType())
            .getShape()
            .drop_front(2);
    size_t spatial = kernel.size();
    // The contract has made sure of these channels.
    int64_t channels =
        cast<RankedTensorType>(adaptor.getWeight().getType()).getDimSize(1) *
        static_cast<int64_t>(op.getGroup());
    int64_t perGroup = channels / static_cast<int64_t>(op.getOffsetGroup());
    SmallVector<OpFoldResult> sizes{in[0], b.getIndexAttr(channels)};
    for (int64_t size : kernel)
      sizes.push_back(b.getIndexAttr(size));
    llvm::append_range(sizes, places);
    return createMap(
        b, loc, sizes, element,
        [&](OpBuilder &n, Location l, ValueRange at) -> Value {
          ScalarEmitter e(n, l, compute);
          auto index = [&](int64_t value) -> Value {
            return arith::ConstantIndexOp::create(n, l, value);
          };
          auto mulAdd = [&](Value x, int64_t factor, Value y) -> Value {
            return arith::AddIOp::create(
                n, l, arith::MulIOp::create(n, l, x, index(factor)), y);
          };
          ValueRange entry = at.slice(2, spatial),
                     place = at.drop_front(2 + spatial);
          // The entry of the kernel, counted through all groups.
          Value row = arith::DivSIOp::create(n, l, at[1], index(perGroup));
          for (size_t axis = 0; axis < spatial; ++axis)
            row = mulAdd(row, kernel[axis], entry[axis]);
          auto read = [&](Value tensor, Value channel) {
            SmallVector<Value> indices{at[0], channel};
            llvm::append_range(indices, place);
            return e.load(tensor::ExtractOp::create(n, l, tensor, indices),
                          element);
          };
          SmallVector<SmallVector<Tap>> taps;
          for (size_t axis = 0; axis < spatial; ++axis) {
            Value start = mulAdd(place[axis], op.getStrides()[axis],
                                 mulAdd(entry[axis], op.getDilations()[axis],
                                        index(-op.getPads()[axis])));
            Value moved =
                e.add(indexToReal(e, start),
                      read(offset, mulAdd(row, spatial, index(axis))));
            taps.push_back(getTaps(e, moved, toIndex(n, l, in[axis + 2])));
          }
          Value x = interpolate(e, input, element, at.take_front(2), taps);
          if (mask)
            x = e.mul(x, read(mask, row));
          return e.store(x, element);
        });
  }

  /// The neighbours of a place; those outside count as zero.
  static SmallVector<Tap> getTaps(ScalarEmitter &e, Value x, Value size) {
    OpBuilder &b = e.getBuilder();
    Value base = e.unary<math::FloorOp>(x), fraction = e.sub(x, base);
    Value last = e.sub(indexToReal(e, size), e.constant(1));
    SmallVector<Tap> taps;
    for (int64_t i : {0, 1}) {
      using Cmp = ScalarEmitter::Compare;
      Value place = e.add(base, e.constant(i));
      Value inside = arith::AndIOp::create(
          b, e.getLoc(), e.compare(Cmp::GreaterOrEqual, place, e.constant(0)),
          e.compare(Cmp::LessOrEqual, place, last));
      Value bounded = e.select(inside, place, e.constant(0));
      Value weight = i ? fraction : e.sub(e.constant(1), fraction);
      taps.push_back(
          {clampIndex(e, realToIndex(e, bounded), size), weight, inside});
    }
    return taps;
  }
};

} // namespace

void neuroplast::populateDeformConvToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<DeformConvLowering>(converter, patterns.getContext());
}
