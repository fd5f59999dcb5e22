//===- Contraction.cpp - Sums of products ---------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Sums of products of f32 are kernels of their own; others have a form that
// fits every type, rank and size.

#include "Contraction.h"

#include "neuroplast/Dialect/Kernel/IR/Kernel.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

using Iterator = utils::IteratorType;

Value neuroplast::createContraction(OpBuilder &b, Location loc,
                                    ValueRange inputs, ArrayRef<Type> elements,
                                    ArrayRef<OpFoldResult> sizes, Type element,
                                    ArrayRef<AffineMap> maps,
                                    std::optional<Bias> bias) {
  AffineMap output = maps.back();
  ScalarEmitter outer(b, loc, element);
  Value empty = createEmpty(b, loc, sizes, outer.getType());
  if (inputs.size() == 2 && element.isF32() &&
      llvm::all_of(elements, [](Type type) { return type.isF32(); })) {
    SmallVector<Value> operands(inputs);
    SmallVector<AffineMap> all(maps.drop_back());
    if (bias) {
      operands.push_back(bias->value);
      all.push_back(bias->map);
    }
    all.push_back(output);
    auto contract = kernel::ContractOp::create(
        b, loc, operands, empty, all,
        [&](OpBuilder &n, Location l, ValueRange args) -> Value {
          return bias ? ScalarEmitter(n, l, element).add(args[0], args[1])
                      : args[0];
        });
    return contract.getResult(0);
  }
  Value init;
  if (bias) {
    // The loops of the result alone, in its order.
    int64_t rank = output.getNumResults();
    SmallVector<AffineExpr> places(output.getNumDims());
    for (auto [axis, expr] : llvm::enumerate(output.getResults()))
      places[cast<AffineDimExpr>(expr).getPosition()] =
          getAffineDimExpr(axis, b.getContext());
    SmallVector<AffineExpr> from;
    for (AffineExpr expr : bias->map.getResults())
      from.push_back(expr.replaceDims(places));
    SmallVector<AffineMap> initMaps{
        AffineMap::get(rank, 0, from, b.getContext()),
        AffineMap::getMultiDimIdentityMap(rank, b.getContext())};
    init = linalg::GenericOp::create(
               b, loc, empty.getType(), bias->value, empty, initMaps,
               SmallVector<Iterator>(rank, Iterator::parallel),
               [&](OpBuilder &n, Location l, ValueRange args) {
                 Value x = ScalarEmitter(n, l, element).load(args[0], element);
                 linalg::YieldOp::create(n, l, x);
               })
               .getResult(0);
  } else {
    init = createFilled(b, loc, sizes, outer.constant(0));
  }
  SmallVector<Iterator> iterators(output.getNumDims(), Iterator::reduction);
  for (AffineExpr expr : output.getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      iterators[dim.getPosition()] = Iterator::parallel;
  auto generic = linalg::GenericOp::create(
      b, loc, init.getType(), inputs, init, maps, iterators,
      [&](OpBuilder &n, Location l, ValueRange args) {
        ScalarEmitter e(n, l, element);
        Value product;
        for (auto [arg, type] : llvm::zip(args, elements)) {
          Value x = e.convert(e.load(arg, type), type, element);
          product = product ? e.mul(product, x) : x;
        }
        linalg::YieldOp::create(n, l, e.add(args.back(), product));
      });
  return generic.getResult(0);
}

Value neuroplast::finishAccumulator(OpBuilder &b, Location loc, Value value,
                                    Type element) {
  Type storage = ScalarEmitter::getStorageType(element);
  if (getElementTypeOrSelf(value.getType()) == storage)
    return value;
  return createBroadcastMap(
      b, loc, value, getDims(b, loc, value), storage,
      [&](OpBuilder &n, Location l, ValueRange x) {
        return ScalarEmitter(n, l, element).store(x[0], element);
      });
}

Value neuroplast::subtractZeroPoint(OpBuilder &b, Location loc, Value input,
                                    Type element, Value zeroPoint,
                                    int64_t axis) {
  Type i32 = b.getI32Type();
  return createMap(b, loc, getDims(b, loc, input), i32,
                   [&](OpBuilder &n, Location l, ValueRange indices) -> Value {
                     ScalarEmitter e(n, l, element);
                     Value x = tensor::ExtractOp::create(n, l, input, indices);
                     x = e.convert(x, element, i32);
                     if (!zeroPoint)
                       return x;
                     auto type = cast<RankedTensorType>(zeroPoint.getType());
                     SmallVector<Value> at;
                     Value zero = arith::ConstantIndexOp::create(n, l, 0);
                     for (int64_t i = 0; i < type.getRank(); ++i)
                       at.push_back(type.getDimSize(i) == 1 ? zero
                                    : type.getRank() == 1   ? indices[axis]
                                                            : indices[i]);
                     Value z = tensor::ExtractOp::create(n, l, zeroPoint, at);
                     return arith::SubIOp::create(n, l, x,
                                                  e.convert(z, element, i32));
                   });
}
