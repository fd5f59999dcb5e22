//===- SharedLoop.cpp - Loops whose steps threads share -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace neuroplast;

double neuroplast::countSteps(ArrayRef<int64_t> sizes) {
  constexpr double kFew = 16;
  double steps = 1;
  for (int64_t size : sizes)
    steps *= ShapedType::isDynamic(size) ? kFew : static_cast<double>(size);
  return steps;
}

double neuroplast::countElementWork(ArrayRef<int64_t> sizes, Block *body) {
  // As many multiply-adds take the time of an element that a cache holds, of
  // a division, and of a function that is a polynomial.
  constexpr double kElement = 8, kDivision = 6, kFunction = 25;
  double each = kElement;
  if (!body)
    return each * countSteps(sizes);
  for (Operation &op : *body) {
    if (isa<math::MathDialect>(op.getDialect()))
      each += kFunction;
    else if (isa<arith::DivFOp>(op))
      each += kDivision;
  }
  return each * countSteps(sizes);
}

double neuroplast::countWork(kernel::KernelOpInterface op) {
  double total = 0;
  for (const kernel::LoopWork &work : op.getWork())
    total += work.isElementwise ? countElementWork(work.sizes)
                                : countSteps(work.sizes);
  return total;
}

std::optional<SharableLoop>
neuroplast::chooseSharedLoop(ArrayRef<SharableLoop> loops, double work,
                             int64_t threads) {
  // To wake the other threads and wait for them takes microseconds.
  constexpr double kWorthWaking = 3e5;
  if (threads < 2 || work < kWorthWaking)
    return std::nullopt;
  // The share of the time in which threads have something to do.
  auto getUse = [&](const SharableLoop &loop) {
    constexpr double kProbably = 0.7;
    if (ShapedType::isDynamic(loop.size))
      return kProbably;
    int64_t steps = llvm::divideCeil(loop.size, loop.step);
    return static_cast<double>(steps) /
           (threads * llvm::divideCeil(steps, threads));
  };
  std::optional<SharableLoop> best;
  double bestUse = 0.5; // as much as one of two threads alone
  for (const SharableLoop &loop : loops)
    if (double use = getUse(loop); use > bestUse + 0.06) {
      bestUse = use;
      best = loop;
    }
  return best;
}

void neuroplast::shareLoop(
    OpBuilder &builder, Location location, const SharableLoop &loop, Value size,
    int64_t threads,
    function_ref<void(OpBuilder &, Value, Value, Value)> body) {
  auto constant = [&](OpBuilder &b, int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, location, value);
  };
  Value zero = constant(builder, 0), one = constant(builder, 1),
        count = constant(builder, threads);
  auto parallel = scf::ParallelOp::create(builder, location, zero, count, one);
  OpBuilder b = OpBuilder::atBlockTerminator(parallel.getBody());
  Value thread = parallel.getInductionVars()[0];
  Value step = constant(b, loop.step);
  Value steps = arith::CeilDivUIOp::create(b, location, size, step);
  auto getBound = [&](Value number) -> Value {
    Value share = arith::MulIOp::create(b, location, steps, number);
    share = arith::DivUIOp::create(b, location, share, constant(b, threads));
    return arith::MinUIOp::create(
        b, location, arith::MulIOp::create(b, location, share, step), size);
  };
  Value next = arith::AddIOp::create(b, location, thread, constant(b, 1));
  Value begin = getBound(thread), end = getBound(next);
  body(b, thread, begin, end);
}

LoopBounds::LoopBounds(OpBuilder &builder, Location location,
                       const LoopNest &loops) {
  Value zero = arith::ConstantIndexOp::create(builder, location, 0);
  begins.assign(loops.sizes.size(), zero);
  for (size_t loop = 0; loop < loops.sizes.size(); ++loop)
    ends.push_back(loops.createSize(builder, location, loop));
}

void neuroplast::shareLoops(OpBuilder &builder, Location location,
                            ArrayRef<SharableLoop> sharable, double work,
                            int64_t threads, LoopNest &loops,
                            LoopBounds &bounds,
                            function_ref<void(OpBuilder &, Value)> body) {
  std::optional<SharableLoop> shared =
      chooseSharedLoop(sharable, work, threads);
  if (!shared) {
    Value alone = arith::ConstantIndexOp::create(builder, location, 0);
    return body(builder, alone);
  }
  shareLoop(builder, location, *shared, bounds.ends[shared->loop], threads,
            [&](OpBuilder &inner, Value thread, Value begin, Value end) {
              bounds.begins[shared->loop] = begin;
              bounds.ends[shared->loop] = end;
              loops.sizes[shared->loop] = ShapedType::kDynamic;
              body(inner, thread);
            });
}
