//===- Interpolation.cpp - Weighted sums of neighbouring elements ---------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpolation.h"

using namespace mlir;
using namespace neuroplast;

Value neuroplast::emitCubicKernel(ScalarEmitter &e, Value t, double a,
                                  bool near) {
  auto c = [&](double value) { return e.constant(value); };
  if (near) // ((a + 2) t - (a + 3)) t^2 + 1
    return e.add(e.mul(e.mul(e.sub(e.mul(c(a + 2), t), c(a + 3)), t), t), c(1));
  // ((a t - 5 a) t + 8 a) t - 4 a
  Value inner = e.add(e.mul(e.sub(e.mul(c(a), t), c(5 * a)), t), c(8 * a));
  return e.sub(e.mul(inner, t), c(4 * a));
}

static Value sumTaps(ScalarEmitter &e, Value tensor, Type element,
                     SmallVector<Value> &at, Value inside,
                     ArrayRef<SmallVector<Tap>> taps) {
  OpBuilder &b = e.getBuilder();
  if (taps.empty()) {
    Value x = tensor::ExtractOp::create(b, e.getLoc(), tensor, at);
    ScalarEmitter source(b, e.getLoc(), element);
    x = e.convert(source.load(x, element), element, e.getType());
    return inside ? e.select(inside, x, e.constant(0)) : x;
  }
  Value sum;
  for (const Tap &tap : taps.front()) {
    Value both =
        inside && tap.inside
            ? Value(arith::AndIOp::create(b, e.getLoc(), inside, tap.inside))
        : inside ? inside
                 : tap.inside;
    at.push_back(tap.index);
    Value x = sumTaps(e, tensor, element, at, both, taps.drop_front());
    at.pop_back();
    if (tap.weight)
      x = e.mul(x, tap.weight);
    sum = sum ? e.add(sum, x) : x;
  }
  return sum;
}

Value neuroplast::interpolate(ScalarEmitter &e, Value tensor, Type element,
                              ValueRange outer,
                              ArrayRef<SmallVector<Tap>> taps) {
  SmallVector<Value> at(outer);
  return sumTaps(e, tensor, element, at, Value(), taps);
}

Value neuroplast::indexToReal(ScalarEmitter &e, Value index) {
  Type i64 = e.getBuilder().getI64Type();
  Value integer =
      arith::IndexCastOp::create(e.getBuilder(), e.getLoc(), i64, index);
  return e.convert(integer, i64, e.getType());
}

Value neuroplast::realToIndex(ScalarEmitter &e, Value real) {
  Type i64 = e.getBuilder().getI64Type();
  return arith::IndexCastOp::create(e.getBuilder(), e.getLoc(),
                                    e.getBuilder().getIndexType(),
                                    e.convert(real, e.getType(), i64));
}

Value neuroplast::offsetIndex(ScalarEmitter &e, Value index, int64_t by) {
  return arith::AddIOp::create(
      e.getBuilder(), e.getLoc(), index,
      arith::ConstantIndexOp::create(e.getBuilder(), e.getLoc(), by));
}

Value neuroplast::clampIndex(ScalarEmitter &e, Value index, Value size) {
  OpBuilder &b = e.getBuilder();
  Value zero = arith::ConstantIndexOp::create(b, e.getLoc(), 0);
  Value low =
      arith::MinSIOp::create(b, e.getLoc(), index, offsetIndex(e, size, -1));
  return arith::MaxSIOp::create(b, e.getLoc(), low, zero);
}
