//===- SizeValuesTest.cpp - Tests of what is known of sizes ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/OwningOpRef.h"
#include "gtest/gtest.h"

#include <random>

using namespace mlir;
using namespace neuroplast::neuro;

namespace {

class SizeValuesTest : public testing::Test {
protected:
  SizeValuesTest() : b(&context) {
    context.loadDialect<arith::ArithDialect, func::FuncDialect,
                        tensor::TensorDialect>();
    auto type = RankedTensorType::get(
        {ShapedType::kDynamic, ShapedType::kDynamic}, b.getF32Type());
    function = func::FuncOp::create(loc, "f", b.getFunctionType(type, {}));
    b.setInsertionPointToStart(function->addEntryBlock());
    for (int64_t axis : {0, 1})
      axes.push_back(
          tensor::DimOp::create(b, loc, function->getArgument(0), axis));
  }

  Value number(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  template <typename Op> Value make(Value lhs, Value rhs) {
    return Op::create(b, loc, lhs, rhs);
  }

  /// The value of a number computed from axes of these sizes.
  int64_t evaluate(Value value, ArrayRef<int64_t> sizes) {
    Operation *op = value.getDefiningOp();
    if (auto constant = dyn_cast<arith::ConstantIndexOp>(op))
      return constant.value();
    if (auto dim = dyn_cast<tensor::DimOp>(op))
      return sizes[*dim.getConstantIndex()];
    int64_t lhs = evaluate(op->getOperand(0), sizes),
            rhs = evaluate(op->getOperand(1), sizes);
    if (isa<arith::AddIOp>(op))
      return lhs + rhs;
    if (isa<arith::SubIOp>(op))
      return lhs - rhs;
    if (isa<arith::MulIOp>(op))
      return lhs * rhs;
    if (isa<arith::DivSIOp>(op))
      return rhs == 0 ? 0 : lhs / rhs;
    return std::max(lhs, rhs);
  }

  MLIRContext context;
  OpBuilder b;
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<func::FuncOp> function;
  SmallVector<Value> axes;
};

/// Padded by one on each side, a convolution of three taps gives as many places
/// as there were; with a stride of two, fewer.
TEST_F(SizeValuesTest, FollowsConvolutions) {
  auto convolve = [&](Value size, int64_t stride) {
    Value padded = make<arith::AddIOp>(size, number(2));
    Value steps = make<arith::DivSIOp>(make<arith::SubIOp>(padded, number(3)),
                                       number(stride));
    return make<arith::MaxSIOp>(make<arith::AddIOp>(steps, number(1)),
                                number(0));
  };
  EXPECT_TRUE(areSameSizes(convolve(axes[0], 1), axes[0]));
  EXPECT_FALSE(areSameSizes(convolve(axes[0], 1), axes[1]));
  EXPECT_FALSE(areSameSizes(convolve(axes[0], 2), axes[0]));
  EXPECT_TRUE(
      areSameSizes(convolve(convolve(axes[0], 2), 1), convolve(axes[0], 2)));
  EXPECT_TRUE(isNonNegative(convolve(axes[0], 2)));
  EXPECT_FALSE(isNonNegative(make<arith::SubIOp>(axes[0], number(1))));
}

/// The axis of a result is that of what it is written to, and a pad adds.
TEST_F(SizeValuesTest, FollowsTensors) {
  Value source = function->getArgument(0);
  SmallVector<OpFoldResult> low{b.getIndexAttr(1), b.getIndexAttr(0)},
      high{axes[1], b.getIndexAttr(0)};
  Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
  Value padded =
      tensor::PadOp::create(b, loc, source.getType(), source, low, high, zero);
  Value rows = tensor::DimOp::create(b, loc, padded, 0);
  Value sum =
      make<arith::AddIOp>(make<arith::AddIOp>(axes[1], axes[0]), number(1));
  EXPECT_TRUE(areSameSizes(rows, sum));
  Value empty = tensor::EmptyOp::create(
      b, loc, ArrayRef<OpFoldResult>{sum, b.getIndexAttr(4)}, b.getF32Type());
  EXPECT_TRUE(
      areSameSizes(tensor::DimOp::create(b, loc, empty, 0).getResult(), rows));
}

/// What is said of sums, products, quotients and maxima of axes holds, whatever
/// the sizes.
TEST_F(SizeValuesTest, SaysNothingWrong) {
  std::mt19937 random(1);
  auto draw = [&](int most) { return static_cast<int>(random() % most); };
  SmallVector<Value> values(axes);
  for (int64_t constant : {-3, -1, 0, 1, 2, 3})
    values.push_back(number(constant));
  for (int i = 0; i < 200; ++i) {
    Value lhs = values[draw(values.size())], rhs = values[draw(values.size())];
    Value constant = values[2 + draw(6)];
    switch (draw(5)) {
    case 0:
      values.push_back(make<arith::AddIOp>(lhs, rhs));
      break;
    case 1:
      values.push_back(make<arith::SubIOp>(lhs, rhs));
      break;
    case 2:
      values.push_back(make<arith::MulIOp>(lhs, constant));
      break;
    case 3:
      values.push_back(make<arith::DivSIOp>(lhs, constant));
      break;
    default:
      values.push_back(make<arith::MaxSIOp>(lhs, rhs));
    }
    // Neither deep nor large numbers.
    if (std::abs(evaluate(values.back(), {100, 100})) > 1000000)
      values.pop_back();
  }
  int same = 0;
  for (Value value : values) {
    Value other = values[draw(values.size())];
    for (Value candidate : {other, axes[0], axes[1]}) {
      bool areSame = areSameSizes(value, candidate);
      same += areSame && value != candidate;
      for (int64_t first : {0, 1, 2, 7, 100})
        for (int64_t second : {0, 1, 5, 64})
          EXPECT_TRUE(!areSame || evaluate(value, {first, second}) ==
                                      evaluate(candidate, {first, second}));
    }
    if (isNonNegative(value))
      for (int64_t first : {0, 1, 2, 7, 100})
        for (int64_t second : {0, 1, 5, 64})
          EXPECT_GE(evaluate(value, {first, second}), 0);
  }
  EXPECT_GT(same, 0);
}

} // namespace
