//===- UnpoolingToLinalg.cpp - Values put back where they came from ------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// An index as one per axis of a tensor of `sizes`.
SmallVector<Value> delinearize(OpBuilder &b, Location loc, Value index,
                               ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> at(sizes.size());
  for (size_t axis = sizes.size(); axis-- > 0;) {
    Value size = toIndex(b, loc, sizes[axis]);
    at[axis] = arith::RemSIOp::create(b, loc, index, size);
    index = arith::DivSIOp::create(b, loc, index, size);
  }
  return at;
}

struct MaxUnpoolLowering : OpConversionPattern<MaxUnpoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MaxUnpoolOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    SmallVector<OpFoldResult> in = getDims(b, loc, input), pooled;
    for (auto [axis, size] : llvm::enumerate(in)) {
      auto [factor, summand] = op.getPooledSize(axis);
      pooled.push_back(addSizes(b, loc,
                                mulSizes(b, loc, size, b.getIndexAttr(factor)),
                                b.getIndexAttr(summand)));
    }
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
    Value start = createFilled(
        b, loc, getMixedValues(op.getSizes(), adaptor.getDynamicSizes(), b),
        zero);
    Value result = createLoops(
        b, loc, in, start,
        [&](OpBuilder &n, Location l, ValueRange at, Value tensor) -> Value {
          Value place = arith::IndexCastOp::create(
              n, l, n.getIndexType(),
              tensor::ExtractOp::create(n, l, adaptor.getIndices(), at));
          Value x = tensor::ExtractOp::create(n, l, input, at);
          return tensor::InsertOp::create(n, l, x, tensor,
                                          delinearize(n, l, place, pooled));
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

/// Every pixel is the sum of the entries of the blocks that cover it.
struct Col2ImLowering : OpConversionPattern<Col2ImOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(Col2ImOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    ArrayRef<int64_t> block = op.getBlockShape();
    int64_t volume = 1;
    SmallVector<OpFoldResult> blockSizes;
    for (int64_t size : block) {
      volume *= size;
      blockSizes.push_back(b.getIndexAttr(size));
    }
    SmallVector<OpFoldResult> out{
        getDim(b, loc, input, 0),
        divSizes(b, loc, getDim(b, loc, input, 1), b.getIndexAttr(volume))};
    for (int64_t size : op.getImageShape())
      out.push_back(b.getIndexAttr(size));
    Value result = createMap(
        b, loc, out, ScalarEmitter::getStorageType(element),
        [&](OpBuilder &n, Location l, ValueRange at) -> Value {
          ScalarEmitter e(n, l, element);
          auto index = [&](OpBuilder &at, int64_t value) -> Value {
            return arith::ConstantIndexOp::create(at, l, value);
          };
          auto sum = scf::ForOp::create(
              n, l, index(n, 0), index(n, volume), index(n, 1), e.constant(0),
              [&](OpBuilder &m, Location, Value entry, ValueRange now) {
                ScalarEmitter s(m, l, element);
                SmallVector<Value> offset =
                    delinearize(m, l, entry, blockSizes);
                Value covers = arith::ConstantIntOp::create(m, l, 1, 1);
                Value place = index(m, 0);
                for (size_t axis = 0; axis < block.size(); ++axis) {
                  Value stride = index(m, op.getStrides()[axis]),
                        count = index(m, op.countPlaces(axis));
                  Value start = arith::SubIOp::create(
                      m, l,
                      arith::AddIOp::create(m, l, at[axis + 2],
                                            index(m, op.getPads()[axis])),
                      arith::MulIOp::create(m, l, offset[axis],
                                            index(m, op.getDilations()[axis])));
                  Value step = arith::DivSIOp::create(m, l, start, stride);
                  auto require = [&](arith::CmpIPredicate predicate, Value x,
                                     Value y) {
                    covers = arith::AndIOp::create(
                        m, l, covers,
                        arith::CmpIOp::create(m, l, predicate, x, y));
                  };
                  require(arith::CmpIPredicate::sge, start, index(m, 0));
                  require(arith::CmpIPredicate::eq, start,
                          arith::MulIOp::create(m, l, step, stride));
                  require(arith::CmpIPredicate::slt, step, count);
                  place = arith::AddIOp::create(
                      m, l, arith::MulIOp::create(m, l, place, count), step);
                }
                Value row = arith::AddIOp::create(
                    m, l, entry,
                    arith::MulIOp::create(m, l, at[1], index(m, volume)));
                place =
                    arith::SelectOp::create(m, l, covers, place, index(m, 0));
                Value x =
                    s.load(tensor::ExtractOp::create(
                               m, l, input, ValueRange{at[0], row, place}),
                           element);
                scf::YieldOp::create(
                    m, l, s.add(now[0], s.select(covers, x, s.constant(0))));
              });
          return e.store(sum.getResult(0), element);
        });
    b.replaceOp(op, castTo(b, loc, result,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

} // namespace

void neuroplast::populateUnpoolingToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<MaxUnpoolLowering, Col2ImLowering>(converter,
                                                  patterns.getContext());
}
