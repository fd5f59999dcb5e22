//===- ElementwiseToLinalg.cpp - Elementwise ops to linalg.generic --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// One table gives the scalar arithmetic of every op; one pattern makes it a
// linalg.generic with broadcasting.

#include "Patterns.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Cmp = ScalarEmitter::Compare;

/// Computes one element of the result. `e` works in the element type of the
/// first operand; `x` are its operands in their compute types.
template <typename Op>
using ScalarBuilder = Value (*)(ScalarEmitter &e, Op op, ValueRange x);

template <typename Op> struct ElementwiseLowering : OpConversionPattern<Op> {
  ElementwiseLowering(const TypeConverter &converter, MLIRContext *context,
                      ScalarBuilder<Op> build)
      : OpConversionPattern<Op>(converter, context), build(build) {}

  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
    SmallVector<Type> types;
    for (Value operand : op->getOperands())
      types.push_back(getElementTypeOrSelf(operand.getType()));
    Type elementType = resultType.getElementType();
    for (Type type : types)
      if (!type.isIntOrFloat() && !isa<StringType>(type))
        return rewriter.notifyMatchFailure(op, "element type is not a number");
    if (!elementType.isIntOrFloat())
      return rewriter.notifyMatchFailure(op, "element type is not a number");
    Location location = op.getLoc();
    ValueRange inputs = adaptor.getOperands();
    Value result = createBroadcastMap(
        rewriter, location, inputs,
        getBroadcastSizes(rewriter, location, inputs),
        ScalarEmitter::getStorageType(elementType),
        [&](OpBuilder &b, Location loc, ValueRange stored) {
          ScalarEmitter emitter(b, loc, types[0]);
          SmallVector<Value> x;
          for (auto [value, type] : llvm::zip_equal(stored, types))
            x.push_back(emitter.load(value, type));
          return emitter.store(build(emitter, op, x), elementType);
        });
    rewriter.replaceOp(
        op, castTo(rewriter, location, result,
                   this->getTypeConverter()->convertType(resultType)));
    return success();
  }

  ScalarBuilder<Op> build;
};

/// x where the condition holds, else y, for a condition against zero.
Value selectPositive(ScalarEmitter &e, Value x, Value ifPositive,
                     Value otherwise) {
  return e.select(e.compare(Cmp::Greater, x, e.constant(0)), ifPositive,
                  otherwise);
}

Value buildSign(ScalarEmitter &e, Value x) {
  Value zero = e.constant(0), one = e.constant(1);
  Value negative = e.isUnsigned() ? zero : e.constant(-1);
  Value below = e.select(e.compare(Cmp::Less, x, zero), negative, zero);
  return e.select(e.compare(Cmp::Greater, x, zero), one, below);
}

Value buildMod(ScalarEmitter &e, ModOp op, ValueRange x) {
  OpBuilder &b = e.getBuilder();
  Location loc = e.getLoc();
  if (e.isFloat()) {
    Value remainder = arith::RemFOp::create(b, loc, x[0], x[1]);
    if (op.getFmod())
      return remainder;
    // As for integers, the remainder takes the sign of the divisor; zero too.
    Value zero = e.constant(0);
    Value isZero = e.compare(Cmp::Equal, remainder, zero);
    Value differs =
        arith::XOrIOp::create(b, loc, e.compare(Cmp::Less, remainder, zero),
                              e.compare(Cmp::Less, x[1], zero));
    Value moved = e.select(differs, e.add(remainder, x[1]), remainder);
    Value signedZero = math::CopySignOp::create(b, loc, zero, x[1]);
    return e.select(isZero, signedZero, moved);
  }
  if (e.isUnsigned())
    return arith::RemUIOp::create(b, loc, x[0], x[1]);
  Value remainder = arith::RemSIOp::create(b, loc, x[0], x[1]);
  if (op.getFmod())
    return remainder;
  // The remainder takes the sign of the divisor.
  Value zero = e.constant(0);
  Value differs = arith::XOrIOp::create(b, loc, remainder, x[1]);
  Value isNegative = e.compare(Cmp::Less, differs, zero);
  Value isNonZero =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, remainder, zero);
  Value adjust = arith::AndIOp::create(b, loc, isNegative, isNonZero);
  return e.select(adjust, e.add(remainder, x[1]), remainder);
}

Value buildPow(ScalarEmitter &e, PowOp op, ValueRange x) {
  Type base = getElementTypeOrSelf(op.getBase().getType());
  Type exponent = getElementTypeOrSelf(op.getExponent().getType());
  OpBuilder &b = e.getBuilder();
  // Integers go through f64, which holds the products that fit 53 bits; the
  // float path stays in the type of the base.
  Type real = isa<FloatType>(base) ? ScalarEmitter::getComputeType(base)
                                   : Type(b.getF64Type());
  Value lhs = e.convert(x[0], base, real);
  Value rhs = e.convert(x[1], exponent, real);
  Value power = math::PowFOp::create(b, e.getLoc(), lhs, rhs);
  return e.convert(power, real, base);
}

/// f(x, y) folded over all operands.
template <typename Fn> Value foldOperands(ValueRange x, Fn combine) {
  Value result = x[0];
  for (Value next : x.drop_front())
    result = combine(result, next);
  return result;
}

Value buildShift(ScalarEmitter &e, BitShiftOp op, ValueRange x) {
  OpBuilder &b = e.getBuilder();
  Location loc = e.getLoc();
  // A shift by the width or more leaves nothing but the sign, where the
  // machine's is undefined.
  Value width = e.constant(x[0].getType().getIntOrFloatBitWidth());
  Value inRange =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, x[1], width);
  Value amount = e.select(inRange, x[1], e.constant(0));
  Value shifted;
  if (op.getDirection() == "LEFT")
    shifted = arith::ShLIOp::create(b, loc, x[0], amount);
  else if (e.isUnsigned())
    shifted = arith::ShRUIOp::create(b, loc, x[0], amount);
  else
    shifted = arith::ShRSIOp::create(b, loc, x[0], amount);
  Value rest = e.constant(0);
  if (op.getDirection() != "LEFT" && !e.isUnsigned())
    rest = e.select(e.compare(Cmp::Less, x[0], rest), e.constant(-1), rest);
  return e.select(inRange, shifted, rest);
}

Value buildGelu(ScalarEmitter &e, GeluOp op, ValueRange x) {
  Value half = e.mul(x[0], e.constant(0.5));
  Value inner;
  if (op.getApproximate() == "tanh") {
    Value cube = e.mul(x[0], e.mul(x[0], x[0]));
    Value sum = e.add(x[0], e.mul(cube, e.constant(0.044715)));
    inner = e.tanh(e.mul(sum, e.constant(0.7978845608028654)));
  } else {
    inner = e.unary<math::ErfOp>(e.mul(x[0], e.constant(0.7071067811865476)));
  }
  return e.mul(half, e.add(inner, e.constant(1)));
}

Value buildClip(ScalarEmitter &e, ClipOp op, ValueRange x) {
  Value result = x[0];
  size_t next = 1;
  if (op.getMin())
    result = e.max(result, x[next++]);
  if (op.getMax())
    result = e.min(result, x[next]);
  return result;
}

Value buildIsInf(ScalarEmitter &e, IsInfOp op, ValueRange x) {
  OpBuilder &b = e.getBuilder();
  Value no = arith::ConstantIntOp::create(b, e.getLoc(), 0, 1);
  Value above =
      op.getDetectPositive() ? e.compare(Cmp::Equal, x[0], e.highest()) : no;
  Value below =
      op.getDetectNegative() ? e.compare(Cmp::Equal, x[0], e.lowest()) : no;
  return arith::OrIOp::create(b, e.getLoc(), above, below);
}

Value buildShrink(ScalarEmitter &integers, ShrinkOp op, ValueRange operands) {
  double bias = op.getBias().convertToDouble();
  double lambd = op.getLambd().convertToDouble();
  // The bounds of integers are floats, too; the result is cut off.
  Type element = getElementTypeOrSelf(op.getInput().getType());
  Type real = integers.isFloat() ? integers.getType()
                                 : integers.getBuilder().getF32Type();
  ScalarEmitter e(integers.getBuilder(), integers.getLoc(), real);
  Value x = operands[0];
  if (!integers.isFloat())
    x = e.convert(x, element, real);
  Value above = e.select(e.compare(Cmp::Greater, x, e.constant(lambd)),
                         e.sub(x, e.constant(bias)), e.constant(0));
  Value result = e.select(e.compare(Cmp::Less, x, e.constant(-lambd)),
                          e.add(x, e.constant(bias)), above);
  return integers.isFloat() ? result : e.convert(result, real, element);
}

class Table {
public:
  Table(TypeConverter &converter, RewritePatternSet &patterns)
      : converter(converter), patterns(patterns) {}
  template <typename Op> void add(ScalarBuilder<Op> build) {
    patterns.add<ElementwiseLowering<Op>>(converter, patterns.getContext(),
                                          build);
  }
  /// A unary op that the math dialect has.
  template <typename Op, typename MathOp> void addMath() {
    add<Op>([](ScalarEmitter &e, Op, ValueRange x) {
      return e.unary<MathOp>(x[0]);
    });
  }
  template <typename Op, typename ArithOp> void addBits() {
    add<Op>([](ScalarEmitter &e, Op, ValueRange x) -> Value {
      return ArithOp::create(e.getBuilder(), e.getLoc(), x[0], x[1]);
    });
  }
  template <typename Op, Cmp kind> void addCompare() {
    add<Op>([](ScalarEmitter &e, Op, ValueRange x) {
      return e.compare(kind, x[0], x[1]);
    });
  }

private:
  TypeConverter &converter;
  RewritePatternSet &patterns;
};

/// Reads the bits as they are stored; a boolean is stored as a byte.
struct BitCastLowering : OpConversionPattern<BitCastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BitCastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Type from = getElementTypeOrSelf(adaptor.getInput().getType());
    Type to = ScalarEmitter::getStorageType(op.getTo());
    if (from == to) {
      b.replaceOp(op, castTo(b, op.getLoc(), adaptor.getInput(),
                             getTypeConverter()->convertType(op.getType())));
      return success();
    }
    Value result = createBroadcastMap(
        b, op.getLoc(), adaptor.getInput(),
        getDims(b, op.getLoc(), adaptor.getInput()), to,
        [&](OpBuilder &n, Location l, ValueRange x) -> Value {
          Value bits = x[0];
          if (from.isInteger(1))
            bits = arith::ExtUIOp::create(n, l, n.getI8Type(), bits);
          if (!to.isInteger(1))
            return bits.getType() == to
                       ? bits
                       : arith::BitcastOp::create(n, l, to, bits);
          Value zero = arith::ConstantIntOp::create(n, l, 0, 8);
          return arith::CmpIOp::create(n, l, arith::CmpIPredicate::ne, bits,
                                       zero);
        });
    b.replaceOp(op, castTo(b, op.getLoc(), result,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

} // namespace

void neuroplast::populateElementwiseToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  using E = ScalarEmitter;
  using X = ValueRange;
  patterns.add<BitCastLowering>(converter, patterns.getContext());
  Table table(converter, patterns);
  table.add<AddOp>([](E &e, AddOp, X x) { return e.add(x[0], x[1]); });
  table.add<SubOp>([](E &e, SubOp, X x) { return e.sub(x[0], x[1]); });
  table.add<MulOp>([](E &e, MulOp, X x) { return e.mul(x[0], x[1]); });
  table.add<DivOp>([](E &e, DivOp, X x) { return e.div(x[0], x[1]); });
  table.add<PowOp>(buildPow);
  table.add<ModOp>(buildMod);
  table.add<MaxOp>([](E &e, MaxOp, X x) {
    return foldOperands(x, [&](Value a, Value b) { return e.max(a, b); });
  });
  table.add<MinOp>([](E &e, MinOp, X x) {
    return foldOperands(x, [&](Value a, Value b) { return e.min(a, b); });
  });
  table.add<SumOp>([](E &e, SumOp, X x) {
    return foldOperands(x, [&](Value a, Value b) { return e.add(a, b); });
  });
  table.add<MeanOp>([](E &e, MeanOp, X x) {
    Value sum = foldOperands(x, [&](Value a, Value b) { return e.add(a, b); });
    return e.div(sum, e.constant(x.size()));
  });
  table.add<AbsOp>([](E &e, AbsOp, X x) { return e.abs(x[0]); });
  table.add<NegOp>([](E &e, NegOp, X x) { return e.neg(x[0]); });
  table.add<SignOp>([](E &e, SignOp, X x) { return buildSign(e, x[0]); });
  table.addMath<CeilOp, math::CeilOp>();
  table.addMath<FloorOp, math::FloorOp>();
  table.addMath<RoundOp, math::RoundEvenOp>();
  table.addMath<SqrtOp, math::SqrtOp>();
  table.addMath<ExpOp, math::ExpOp>();
  table.addMath<LogOp, math::LogOp>();
  table.addMath<SinOp, math::SinOp>();
  table.addMath<CosOp, math::CosOp>();
  table.addMath<TanOp, math::TanOp>();
  table.addMath<AsinOp, math::AsinOp>();
  table.addMath<AcosOp, math::AcosOp>();
  table.addMath<AtanOp, math::AtanOp>();
  table.addMath<SinhOp, math::SinhOp>();
  table.addMath<CoshOp, math::CoshOp>();
  table.addMath<AsinhOp, math::AsinhOp>();
  table.addMath<AcoshOp, math::AcoshOp>();
  table.addMath<AtanhOp, math::AtanhOp>();
  table.addMath<TanhOp, math::TanhOp>();
  table.add<ErfOp>([](E &e, ErfOp op, X x) {
    Type type = getElementTypeOrSelf(op.getInput().getType());
    Type real = e.isFloat() ? e.getType() : Type(e.getBuilder().getF32Type());
    Value erf = e.unary<math::ErfOp>(e.convert(x[0], type, real));
    return e.convert(erf, real, type);
  });
  table.add<ReciprocalOp>(
      [](E &e, ReciprocalOp, X x) { return e.div(e.constant(1), x[0]); });
  table.add<IsNaNOp>([](E &e, IsNaNOp, X x) { return e.isNaN(x[0]); });
  table.add<IsInfOp>(buildIsInf);

  table.add<ReluOp>([](E &e, ReluOp, X x) { return e.relu(x[0]); });
  table.add<SigmoidOp>([](E &e, SigmoidOp, X x) { return e.sigmoid(x[0]); });
  table.add<SoftplusOp>([](E &e, SoftplusOp, X x) { return e.softplus(x[0]); });
  table.add<SoftsignOp>([](E &e, SoftsignOp, X x) { return e.softsign(x[0]); });
  table.add<HardSwishOp>([](E &e, HardSwishOp, X x) {
    return e.mul(x[0], e.hardSigmoid(x[0], 1.0 / 6, 0.5));
  });
  table.add<MishOp>(
      [](E &e, MishOp, X x) { return e.mul(x[0], e.tanh(e.softplus(x[0]))); });
  table.add<EluOp>([](E &e, EluOp op, X x) {
    return e.elu(x[0], op.getAlpha().convertToDouble());
  });
  table.add<CeluOp>([](E &e, CeluOp op, X x) {
    double alpha = op.getAlpha().convertToDouble();
    Value scaled = e.div(x[0], e.constant(alpha));
    return e.add(e.max(x[0], e.constant(0)),
                 e.min(e.constant(0), e.scaledExpm1(scaled, alpha)));
  });
  table.add<SeluOp>([](E &e, SeluOp op, X x) {
    double gamma = op.getGamma().convertToDouble();
    double alpha = op.getAlpha().convertToDouble();
    return selectPositive(e, x[0], e.mul(x[0], e.constant(gamma)),
                          e.scaledExpm1(x[0], alpha * gamma));
  });
  table.add<LeakyReluOp>([](E &e, LeakyReluOp op, X x) {
    return e.leakyRelu(x[0], op.getAlpha().convertToDouble());
  });
  table.add<ThresholdedReluOp>([](E &e, ThresholdedReluOp op, X x) {
    return e.thresholdedRelu(x[0], op.getAlpha().convertToDouble());
  });
  table.add<SwishOp>([](E &e, SwishOp op, X x) {
    Value alpha = e.constant(op.getAlpha().convertToDouble());
    return e.mul(x[0], e.sigmoid(e.mul(x[0], alpha)));
  });
  table.add<HardSigmoidOp>([](E &e, HardSigmoidOp op, X x) {
    return e.hardSigmoid(x[0], op.getAlpha().convertToDouble(),
                         op.getBeta().convertToDouble());
  });
  table.add<ShrinkOp>(buildShrink);
  table.add<GeluOp>(buildGelu);
  table.add<PReluOp>([](E &e, PReluOp, X x) {
    return e.select(e.compare(Cmp::Less, x[0], e.constant(0)),
                    e.mul(x[0], x[1]), x[0]);
  });
  table.add<ClipOp>(buildClip);

  table.addCompare<EqualOp, Cmp::Equal>();
  table.addCompare<GreaterOp, Cmp::Greater>();
  table.addCompare<GreaterOrEqualOp, Cmp::GreaterOrEqual>();
  table.addCompare<LessOp, Cmp::Less>();
  table.addCompare<LessOrEqualOp, Cmp::LessOrEqual>();
  table.addBits<AndOp, arith::AndIOp>();
  table.addBits<OrOp, arith::OrIOp>();
  table.addBits<XorOp, arith::XOrIOp>();
  table.addBits<BitwiseAndOp, arith::AndIOp>();
  table.addBits<BitwiseOrOp, arith::OrIOp>();
  table.addBits<BitwiseXorOp, arith::XOrIOp>();
  table.add<NotOp>([](E &e, NotOp, X x) -> Value {
    Value one = arith::ConstantIntOp::create(e.getBuilder(), e.getLoc(), 1, 1);
    return arith::XOrIOp::create(e.getBuilder(), e.getLoc(), x[0], one);
  });
  table.add<BitwiseNotOp>([](E &e, BitwiseNotOp, X x) -> Value {
    return arith::XOrIOp::create(e.getBuilder(), e.getLoc(), x[0],
                                 e.constant(-1));
  });
  table.add<BitShiftOp>(buildShift);
  table.add<WhereOp>(
      [](E &e, WhereOp, X x) { return e.select(x[0], x[1], x[2]); });
  table.add<CastOp>([](E &e, CastOp op, X x) {
    Value result = e.convert(
        x[0], getElementTypeOrSelf(op.getInput().getType()), op.getTo());
    // Only 8-bit floats can be asked not to saturate.
    bool isNarrow =
        isa<FloatType>(op.getTo()) && op.getTo().getIntOrFloatBitWidth() == 8;
    return isNarrow ? e.store(result, op.getTo(), op.getSaturate()) : result;
  });
}
