//===- SpectrumToLinalg.cpp - Fourier transforms to loops ----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Sums as the definition has them, with one table of cosines and sines for a
// transform, computed in f64. What is read of the table is exact in the index,
// so that long transforms lose no digits.

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/SignalOps.h"

#include <numbers>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// A complex number; no imaginary part is zero.
struct Complex {
  Value real, imaginary;
};

class Transform {
public:
  /// `length` places of a circle, as numbers of the compute type of `element`.
  Transform(OpBuilder &b, Location loc, OpFoldResult length, Type element,
            bool isInverse)
      : loc(loc), compute(ScalarEmitter::getComputeType(element)),
        length(toIndex(b, loc, length)), isInverse(isInverse) {
    table = createMap(
        b, loc, {b.getIndexAttr(2), length}, compute,
        [&](OpBuilder &n, Location l, ValueRange at) -> Value {
          Type real = n.getF64Type(), i64 = n.getI64Type();
          ScalarEmitter e(n, l, real);
          auto toReal = [&](Value index) {
            return e.convert(arith::IndexCastOp::create(n, l, i64, index), i64,
                             real);
          };
          Value angle =
              e.div(e.mul(toReal(at[1]), e.constant(2 * std::numbers::pi)),
                    toReal(this->length));
          Value zero = arith::ConstantIndexOp::create(n, l, 0);
          Value isCosine = arith::CmpIOp::create(n, l, arith::CmpIPredicate::eq,
                                                 at[0], zero);
          Value x = e.select(isCosine, e.unary<math::CosOp>(angle),
                             e.unary<math::SinOp>(angle));
          return e.convert(x, real, compute);
        });
  }

  /// The sum over `count` places of what `read` gives, each turned by `bin`
  /// times its place; the real part where `part` is 0, else the other.
  Value sum(OpBuilder &b, Value count, Value bin, Value part,
            function_ref<Complex(ScalarEmitter &, Value place)> read) const {
    Value zero = arith::ConstantIndexOp::create(b, loc, 0),
          one = arith::ConstantIndexOp::create(b, loc, 1);
    ScalarEmitter outside(b, loc, compute);
    Value nothing = outside.constant(0);
    // The place on the circle moves on by `bin`.
    auto loop = scf::ForOp::create(
        b, loc, zero, count, one, ValueRange{nothing, nothing, zero},
        [&](OpBuilder &n, Location, Value place, ValueRange now) {
          ScalarEmitter e(n, loc, compute);
          auto look = [&](Value row) -> Value {
            return tensor::ExtractOp::create(n, loc, table,
                                             ValueRange{row, now[2]});
          };
          Value cosine = look(zero), sine = look(one);
          if (!isInverse)
            sine = e.neg(sine);
          Complex x = read(e, place);
          Value real = e.mul(x.real, cosine), other = e.mul(x.real, sine);
          if (x.imaginary) {
            real = e.sub(real, e.mul(x.imaginary, sine));
            other = e.add(other, e.mul(x.imaginary, cosine));
          }
          Value next = arith::AddIOp::create(n, loc, now[2], bin);
          Value isRound = arith::CmpIOp::create(
              n, loc, arith::CmpIPredicate::sge, next, length);
          next = e.select(isRound, arith::SubIOp::create(n, loc, next, length),
                          next);
          scf::YieldOp::create(
              n, loc,
              ValueRange{e.add(now[0], real), e.add(now[1], other), next});
        });
    Value isReal =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, part, zero);
    return outside.select(isReal, loop.getResult(0), loop.getResult(1));
  }

private:
  Location loc;
  Type compute;
  Value length, table;
  bool isInverse;
};

/// The number at a place of a tensor whose last axis has its parts.
Complex readComplex(ScalarEmitter &e, Value tensor, Type element,
                    ArrayRef<Value> at) {
  auto read = [&](int64_t part) {
    SmallVector<Value> indices(at);
    indices.push_back(
        arith::ConstantIndexOp::create(e.getBuilder(), e.getLoc(), part));
    return e.load(
        tensor::ExtractOp::create(e.getBuilder(), e.getLoc(), tensor, indices),
        element);
  };
  bool isComplex =
      cast<RankedTensorType>(tensor.getType()).getShape().back() == 2;
  return {read(0), isComplex ? read(1) : Value()};
}

OpFoldResult countBins(OpBuilder &b, Location loc, OpFoldResult length) {
  return addSizes(b, loc, divSizes(b, loc, length, b.getIndexAttr(2)),
                  b.getIndexAttr(1));
}

struct DFTLowering : OpConversionPattern<DFTOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(DFTOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    Type element = getElementTypeOrSelf(input.getType());
    Type compute = ScalarEmitter::getComputeType(element);
    auto axis = static_cast<int64_t>(op.getAxis());
    OpFoldResult length = op.getDynamicLength()
                              ? OpFoldResult(adaptor.getDynamicLength())
                              : b.getIndexAttr(op.getLength());
    bool isInverse = op.getInverse(), isHalf = isInverse && op.getOnesided();
    SmallVector<OpFoldResult> sizes = getDims(b, loc, input);
    Value known = toIndex(b, loc, sizes[axis]), whole = toIndex(b, loc, length);
    sizes[axis] =
        op.getOnesided() && !isHalf ? countBins(b, loc, length) : length;
    sizes.back() = b.getIndexAttr(isHalf ? 1 : 2);
    Transform transform(b, loc, length, element, isInverse);
    // Of what is cut off nothing is read; of half of the numbers all are.
    Value count =
        isHalf ? whole : b.createOrFold<arith::MinSIOp>(loc, known, whole);
    Value result = createMap(
        b, loc, sizes, element,
        [&](OpBuilder &n, Location l, ValueRange at) -> Value {
          Value sum = transform.sum(
              n, count, at[axis], at.back(),
              [&](ScalarEmitter &e, Value place) {
                SmallVector<Value> indices(at.drop_back());
                indices[axis] = place;
                if (!isHalf)
                  return readComplex(e, input, element, indices);
                return readHalf(e, input, element, indices, axis, known, whole);
              });
          ScalarEmitter e(n, l, compute);
          if (isInverse) {
            Value divisor =
                arith::IndexCastOp::create(n, l, n.getI64Type(), whole);
            sum = e.div(sum, e.convert(divisor, n.getI64Type(), compute));
          }
          return e.store(sum, element);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }

private:
  /// A number of a spectrum of which the first half is there: the others are
  /// the conjugates of those.
  static Complex readHalf(ScalarEmitter &e, Value input, Type element,
                          SmallVector<Value> at, int64_t axis, Value known,
                          Value length) {
    OpBuilder &b = e.getBuilder();
    Location loc = e.getLoc();
    Value place = at[axis];
    Value mirrored = arith::SubIOp::create(b, loc, length, place);
    Value isMirrored = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                             mirrored, place);
    place = e.select(isMirrored, mirrored, place);
    Value isThere =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, place, known);
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    at[axis] = e.select(isThere, place, zero);
    Complex x = readComplex(e, input, element, at);
    Value nothing = e.constant(0);
    x.real = e.select(isThere, x.real, nothing);
    if (x.imaginary) {
      x.imaginary = e.select(isThere, x.imaginary, nothing);
      x.imaginary = e.select(isMirrored, e.neg(x.imaginary), x.imaginary);
    }
    return x;
  }
};

struct STFTLowering : OpConversionPattern<STFTOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(STFTOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value signal = adaptor.getSignal(), window = adaptor.getWindow();
    Type element = getElementTypeOrSelf(signal.getType());
    Type compute = ScalarEmitter::getComputeType(element);
    OpFoldResult length = b.getIndexAttr(op.getFrameLength()),
                 step = b.getIndexAttr(op.getFrameStep());
    // Frames: the whole steps that fit, and one more where there is room at
    // all.
    Value places = toIndex(b, loc, getDim(b, loc, signal, 1));
    Value room = b.createOrFold<arith::SubIOp>(
        loc, b.createOrFold<arith::AddIOp>(loc, places, toIndex(b, loc, step)),
        toIndex(b, loc, length));
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    OpFoldResult frames =
        divSizes(b, loc, b.createOrFold<arith::MaxSIOp>(loc, room, zero), step);
    Transform transform(b, loc, length, element, /*isInverse=*/false);
    Value count = toIndex(b, loc, length), apart = toIndex(b, loc, step);
    Value result = createMap(
        b, loc,
        {getDim(b, loc, signal, 0), frames,
         op.getOnesided() ? countBins(b, loc, length) : length,
         b.getIndexAttr(2)},
        element, [&](OpBuilder &n, Location l, ValueRange at) -> Value {
          Value start = arith::MulIOp::create(n, l, at[1], apart);
          Value sum = transform.sum(
              n, count, at[2], at[3], [&](ScalarEmitter &e, Value place) {
                OpBuilder &m = e.getBuilder();
                Value from = arith::AddIOp::create(m, l, start, place);
                Complex x = readComplex(e, signal, element, {at[0], from});
                if (!window)
                  return x;
                Value factor = e.load(
                    tensor::ExtractOp::create(m, l, window, place), element);
                x.real = e.mul(x.real, factor);
                if (x.imaginary)
                  x.imaginary = e.mul(x.imaginary, factor);
                return x;
              });
          return ScalarEmitter(n, l, compute).store(sum, element);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

} // namespace

void neuroplast::populateSpectrumToLinalgPatterns(TypeConverter &converter,
                                                  RewritePatternSet &patterns) {
  patterns.add<DFTLowering, STFTLowering>(converter, patterns.getContext());
}
