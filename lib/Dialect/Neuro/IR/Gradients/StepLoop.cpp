//===- StepLoop.cpp - Loops over the steps of sequences -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StepLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace neuroplast::neuro;

Term StepLoop::run(ArrayRef<Term> factors, SmallVectorImpl<Term> &states,
                   int64_t count, bool isBackwards, Body body) {
  OpBuilder &b = at.builder;
  Location loc = at.location;
  SmallVector<Value> carried;
  for (const Term &state : states)
    carried.push_back(state.get());
  carried.push_back(tensor::EmptyOp::create(
      b, loc, ArrayRef<int64_t>{steps, batch, count, hidden}, compute));
  auto number = [&](OpBuilder &builder, int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  auto loop = scf::ForOp::create(
      b, loc, number(b, 0), number(b, steps), number(b, 1), carried,
      [&](OpBuilder &nested, Location, Value trip, ValueRange args) {
        Value step = trip;
        if (isBackwards)
          step = arith::SubIOp::create(nested, loc, number(nested, steps - 1),
                                       trip);
        TermBuilder inner{nested, loc};
        auto index = [&](int64_t value) -> OpFoldResult {
          return inner.builder.getIndexAttr(value);
        };
        SmallVector<Term> own, present;
        for (const Term &factor : factors) {
          int64_t last = factor.getType().getDimSize(2);
          own.emplace_back(inner,
                           tensor::ExtractSliceOp::create(
                               inner.builder, loc,
                               RankedTensorType::get({batch, last}, compute),
                               factor.get(), {step, index(0), index(0)},
                               {index(1), index(batch), index(last)},
                               SmallVector<OpFoldResult>(3, index(1))));
        }
        for (Value state : args.drop_back())
          present.emplace_back(inner, state);
        Value all = args.back();
        auto locate = [&](int64_t gate) {
          return SmallVector<OpFoldResult>{step, index(0), index(gate),
                                           index(0)};
        };
        auto measure = [&](int64_t gates) {
          return SmallVector<OpFoldResult>{index(1), index(batch), index(gates),
                                           index(hidden)};
        };
        SmallVector<OpFoldResult> ones(4, index(1));
        auto countGates = [](const Term &part) {
          return part.getRank() == 3 ? part.getType().getDimSize(1) : 1;
        };
        auto insert = [&](int64_t place, const Term &part) {
          all = tensor::InsertSliceOp::create(inner.builder, loc, part.get(),
                                              all, locate(place),
                                              measure(countGates(part)), ones);
        };
        // A part that is read by itself is written where it goes only if it
        // is put there behind that.
        SmallVector<std::pair<int64_t, Term>> pending;
        auto keep = [&](int64_t first, ArrayRef<Term> parts) -> Term {
          if (parts.size() == 1) {
            pending.emplace_back(first, parts[0]);
            return parts[0].reshape({batch, countGates(parts[0]) * hidden});
          }
          int64_t place = first;
          for (const Term &part : parts) {
            insert(place, part);
            place += countGates(part);
          }
          auto type =
              RankedTensorType::get({batch, place - first, hidden}, compute);
          Term kept(inner, tensor::ExtractSliceOp::create(
                               inner.builder, loc, type, all, locate(first),
                               measure(place - first), ones));
          return kept.reshape({batch, (place - first) * hidden});
        };
        body(own, present, keep);
        for (const auto &[place, part] : pending)
          insert(place, part);
        SmallVector<Value> next;
        for (const Term &state : present)
          next.push_back(state.get());
        next.push_back(all);
        scf::YieldOp::create(inner.builder, loc, next);
      });
  for (auto [state, result] :
       llvm::zip_equal(states, loop.getResults().drop_back()))
    state = Term(at, result);
  return Term(at, loop.getResults().back())
      .reshape({steps, batch, count * hidden});
}
