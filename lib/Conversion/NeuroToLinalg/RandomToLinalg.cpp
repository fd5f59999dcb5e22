//===- RandomToLinalg.cpp - Random numbers to linalg ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A generator by counting: the runtime gives each evaluation a number to start
// from, unless a counter of its own does, and an element is a hash of that and
// its place, so that no order of computing them matters. The hash is SplitMix64
// (Steele et al., "Fast splittable pseudorandom number generators", OOPSLA
// 2014).

#include "Patterns.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/RandomOps.h"

#include <numbers>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

Value getWord(OpBuilder &b, Location loc, uint64_t value) {
  return arith::ConstantIntOp::create(b, loc, b.getI64Type(),
                                      static_cast<int64_t>(value));
}

/// The hash of a number.
Value emitHash(OpBuilder &b, Location loc, Value x) {
  auto mix = [&](Value value, uint64_t shift) -> Value {
    return arith::XOrIOp::create(
        b, loc, value,
        arith::ShRUIOp::create(b, loc, value, getWord(b, loc, shift)));
  };
  x = arith::MulIOp::create(b, loc, mix(x, 30),
                            getWord(b, loc, 0xbf58476d1ce4e5b9));
  x = arith::MulIOp::create(b, loc, mix(x, 27),
                            getWord(b, loc, 0x94d049bb133111eb));
  return mix(x, 31);
}

/// Draws the numbers of one place.
class Generator {
public:
  /// Places are counted from `first`.
  Generator(ScalarEmitter &e, Value start, Value first,
            ArrayRef<OpFoldResult> sizes, ValueRange at)
      : e(e) {
    OpBuilder &b = e.getBuilder();
    Location loc = e.getLoc();
    Value place = arith::ConstantIndexOp::create(b, loc, 0);
    for (auto [size, index] : llvm::zip_equal(sizes, at))
      place = arith::AddIOp::create(
          b, loc, arith::MulIOp::create(b, loc, place, toIndex(b, loc, size)),
          index);
    Value word = arith::IndexCastOp::create(b, loc, b.getI64Type(), place);
    if (first)
      word = arith::AddIOp::create(b, loc, word, first);
    // Two numbers belong to a place.
    word = arith::MulIOp::create(b, loc, word,
                                 getWord(b, loc, 2 * 0x9e3779b97f4a7c15));
    state = arith::AddIOp::create(b, loc, start, word);
  }

  /// A number in [0, 1): as many random bits as the type has digits.
  Value draw() {
    OpBuilder &b = e.getBuilder();
    Location loc = e.getLoc();
    state = arith::AddIOp::create(b, loc, state,
                                  getWord(b, loc, 0x9e3779b97f4a7c15));
    unsigned digits = isa<Float64Type>(e.getType()) ? 53 : 24;
    Value bits = arith::ShRUIOp::create(b, loc, emitHash(b, loc, state),
                                        getWord(b, loc, 64 - digits));
    Value real = arith::SIToFPOp::create(b, loc, e.getType(), bits);
    return e.mul(real, e.constant(std::ldexp(1.0, -int(digits))));
  }

private:
  ScalarEmitter &e;
  Value state;
};

template <typename Op> struct RandomLowering : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;

  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = op.getTo();
    SmallVector<OpFoldResult> sizes =
        getMixedValues(op.getSizes(), adaptor.getDynamicSizes(), b);
    uint32_t seed =
        op.getSeed() ? op.getSeed()->bitcastToAPInt().getZExtValue() : 0;
    Value start = adaptor.getCounter()
                      ? startAt(b, loc, adaptor.getCounter(), seed)
                      : startAnywhere(b, op, seed);
    Value first;
    if (adaptor.getFirst())
      first = tensor::ExtractOp::create(b, loc, adaptor.getFirst());
    Value result =
        createMap(b, loc, sizes, element,
                  [&](OpBuilder &n, Location l, ValueRange at) -> Value {
                    ScalarEmitter e(n, l, element);
                    Generator generator(e, start, first, sizes, at);
                    return e.store(draw(op, e, generator), element);
                  });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }

private:
  static Value startAnywhere(OpBuilder &b, Op op, uint32_t seed) {
    Location loc = op.getLoc();
    Value arguments[] = {
        arith::ConstantIntOp::create(b, loc, op.getSeed().has_value(), 32),
        arith::ConstantIntOp::create(b, loc, seed, 32)};
    return callRuntime(b, loc, op->template getParentOfType<ModuleOp>(),
                       "neuroplast_random", arguments, b.getI64Type());
  }

  /// Streams of a counter, and counters of a stream, are as far apart as hashes
  /// are.
  static Value startAt(OpBuilder &b, Location loc, Value counter,
                       uint32_t seed) {
    Value number = tensor::ExtractOp::create(b, loc, counter);
    Value start = arith::AddIOp::create(
        b, loc, emitHash(b, loc, number),
        getWord(b, loc, (uint64_t(seed) + 1) * 0x9e3779b97f4a7c15));
    return emitHash(b, loc, start);
  }

  static Value draw(RandomUniformOp op, ScalarEmitter &e,
                    Generator &generator) {
    double low = op.getLow().convertToFloat(),
           high = op.getHigh().convertToFloat();
    return e.add(e.mul(generator.draw(), e.constant(high - low)),
                 e.constant(low));
  }

  /// Box and Muller's transform of two even numbers (1958).
  static Value draw(RandomNormalOp op, ScalarEmitter &e, Generator &generator) {
    Value first = e.sub(e.constant(1), generator.draw()); // never 0
    Value radius = e.sqrt(e.mul(e.log(first), e.constant(-2)));
    Value angle = e.mul(generator.draw(), e.constant(2 * std::numbers::pi));
    Value normal = e.mul(radius, e.unary<math::CosOp>(angle));
    return e.add(e.mul(normal, e.constant(op.getScale().convertToFloat())),
                 e.constant(op.getMean().convertToFloat()));
  }
};

/// What is a draw while a network learns alone.
template <typename Op> struct AnswerLowering : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  using OpAdaptor = typename Op::Adaptor;

  LogicalResult matchAndRewrite(Op op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    b.replaceOp(op, adaptor.getInput());
    return success();
  }
};

} // namespace

void neuroplast::populateRandomToLinalgPatterns(TypeConverter &converter,
                                                RewritePatternSet &patterns) {
  patterns.add<RandomLowering<RandomNormalOp>, RandomLowering<RandomUniformOp>,
               AnswerLowering<DropoutOp>, AnswerLowering<JoinOp>,
               AnswerLowering<ConcreteDropoutOp>>(converter,
                                                  patterns.getContext());
}
