//===- CumulativeToLinalg.cpp - Running sums and products to loops --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::normalizeAxis;

namespace {

/// Running sums or products: one pass along the axis per row.
template <typename Op, bool isProduct>
struct RunningLowering : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;

  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(op.getInput().getType());
    int64_t axis = normalizeAxis(op.getAxis(), input);
    SmallVector<OpFoldResult> sizes = getDims(b, loc, input);
    Value length = toIndex(b, loc, sizes[axis]);
    Value empty =
        createEmpty(b, loc, sizes, ScalarEmitter::getStorageType(element));
    Value result = createLoops(
        b, loc, dropSize(sizes, axis), empty,
        [&](OpBuilder &row, Location l, ValueRange at, Value tensor) -> Value {
          Value zero = constantIndex(row, l, 0), one = constantIndex(row, l, 1);
          Value start = ScalarEmitter(row, l, element).constant(isProduct);
          auto loop = scf::ForOp::create(
              row, l, zero, length, one, ValueRange{tensor, start},
              [&](OpBuilder &inner, Location, Value step, ValueRange args) {
                ScalarEmitter e(inner, l, element);
                Value place = step;
                if (op.getReverse()) {
                  Value last = arith::SubIOp::create(inner, l, length, one);
                  place = arith::SubIOp::create(inner, l, last, step);
                }
                SmallVector<Value> here = insertAt(at, axis, place);
                Value x = e.load(
                    tensor::ExtractOp::create(inner, l, input, here), element);
                Value next = isProduct ? e.mul(args[1], x) : e.add(args[1], x);
                Value written = op.getExclusive() ? args[1] : next;
                Value stored = tensor::InsertOp::create(
                    inner, l, e.store(written, element), args[0], here);
                scf::YieldOp::create(inner, l, ValueRange{stored, next});
              });
          return loop.getResult(0);
        });
    b.replaceOp(op,
                castTo(b, loc, result,
                       this->getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

} // namespace

void neuroplast::populateCumulativeToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns
      .add<RunningLowering<CumSumOp, false>, RunningLowering<CumProdOp, true>>(
          converter, patterns.getContext());
}
