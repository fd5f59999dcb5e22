//===- Contraction.cpp - Gradients of products and convolutions -----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast::neuro;

LogicalResult MatMulOp::buildGradient(GradientScope &scope) {
  Term a = scope.getOperand(0), b = scope.getOperand(1),
       g = scope.getGradient();
  // Vectors are matrices of one row or column.
  int64_t aRank = a.getRank(), bRank = b.getRank();
  if (bRank == 1) {
    b = b.expandAxes(1);
    g = g.expandAxes(g.getRank());
  }
  if (aRank == 1) {
    a = a.expandAxes(0);
    g = g.expandAxes(g.getRank() - 1);
  }
  if (scope.isNeeded(0)) {
    Term gradient = g.matmul(b.transposeMatrix()).unbroadcastTo(a.get());
    scope.give(0, gradient.reshapeLike(getLhs()));
  }
  if (scope.isNeeded(1)) {
    Term gradient = a.transposeMatrix().matmul(g).unbroadcastTo(b.get());
    scope.give(1, gradient.reshapeLike(getRhs()));
  }
  return success();
}

LogicalResult GemmOp::buildGradient(GradientScope &scope) {
  Term g = scope.getGradient();
  Term scaled = toNumber(getAlpha()) == 1 ? g : g * toNumber(getAlpha());
  auto orient = [](Term matrix, bool isTransposed) {
    return isTransposed ? matrix.transposeMatrix() : matrix;
  };
  Term a = orient(scope.getOperand(0), getTransA()),
       b = orient(scope.getOperand(1), getTransB());
  if (scope.isNeeded(0))
    scope.give(0, orient(scaled.matmul(b.transposeMatrix()), getTransA()));
  if (scope.isNeeded(1))
    scope.give(1, orient(a.transposeMatrix().matmul(scaled), getTransB()));
  if (scope.isNeeded(2))
    scope.give(2, g * toNumber(getBeta()));
  return success();
}

LogicalResult EinsumOp::buildGradient(GradientScope &scope) {
  auto terms = detail::parseEinsum(getEquation(), getInputs());
  if (failed(terms))
    return emitOpError("has an equation that does not fit");
  // The axes of an ellipsis get letters that nobody has.
  std::string all = terms->output;
  for (const std::string &term : terms->inputs)
    all += term;
  auto rename = [&](std::string text) {
    char next = 'A';
    for (char digit = '0'; digit <= '9'; ++digit) {
      while (StringRef(all).contains(next))
        ++next;
      llvm::replace(text, digit, next++);
    }
    return text;
  };
  std::string output = rename(terms->output);
  SmallVector<std::string> inputs;
  for (const std::string &term : terms->inputs)
    inputs.push_back(rename(term));
  auto &at = scope.getBuilder();
  for (auto [i, term] : llvm::enumerate(inputs)) {
    if (!scope.isNeeded(i))
      continue;
    for (char axis : term)
      if (StringRef(term).count(axis) > 1)
        return emitOpError("that takes a diagonal has no gradient yet");
    SmallVector<Value> factors{scope.getGradient().get()};
    std::string equation = output, present = output;
    for (auto [j, other] : llvm::enumerate(inputs)) {
      if (i == j)
        continue;
      factors.push_back(getInputs()[j]);
      equation += "," + other;
      present += other;
    }
    // An axis that is summed over here alone has the same gradient everywhere.
    std::string kept;
    SmallVector<int64_t> missing;
    for (auto [place, axis] : llvm::enumerate(term))
      if (StringRef(present).contains(axis))
        kept.push_back(axis);
      else
        missing.push_back(static_cast<int64_t>(place));
    Term gradient = scope.wrap(EinsumOp::create(
        at.builder, at.location, factors, equation + "->" + kept));
    scope.give(i, gradient.expandAxes(missing));
  }
  return success();
}

/// The sums over everything but the channels.
static Term sumOverPlaces(const Term &g) {
  SmallVector<int64_t> axes{0};
  llvm::append_range(axes, llvm::seq<int64_t>(2, g.getRank()));
  return g.sum(axes, /*keep=*/false);
}

/// The gradient of the weight of a convolution of `x` whose results have the
/// gradient `g`: the places of one are moved over those of the other, with
/// strides and dilations exchanged; batches are what is summed over, as
/// channels are.
static Term convolveForWeight(GradientScope &scope, const Term &x,
                              const Term &g, ArrayRef<int64_t> strides,
                              ArrayRef<int64_t> dilations,
                              ArrayRef<int64_t> pads, int64_t groups,
                              ArrayRef<int64_t> kernel) {
  int64_t batch = x.getType().getDimSize(0), ins = x.getType().getDimSize(1),
          rank = x.getRank(), axes = rank - 2;
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(order[0], order[1]);
  auto &at = scope.getBuilder();
  // Paddings belong to the data before their axes are exchanged, where they are
  // those of the convolution.
  SmallVector<int64_t> low{0, 0}, high{0, 0};
  llvm::append_range(low, pads.take_front(axes));
  llvm::append_range(high, pads.drop_front(axes));
  Term data = x;
  if (llvm::any_of(pads, [](int64_t pad) { return pad != 0; }))
    data = scope.wrap(PadOp::create(at.builder, at.location, x.get(), Value(),
                                    ValueRange(), ValueRange(), low, high));
  if (groups == 1) {
    data = data.transpose(order);
  } else {
    // n (g i) s.. -> i (g n) s..
    auto places = data.getType().getShape().drop_front(2);
    SmallVector<int64_t> split{batch, groups, ins / groups},
        permutation{2, 1, 0}, joined{ins / groups, groups * batch};
    llvm::append_range(split, places);
    llvm::append_range(joined, places);
    llvm::append_range(permutation, llvm::seq<int64_t>(3, rank + 1));
    data = data.reshape(split).transpose(permutation).reshape(joined);
  }
  SmallVector<int64_t> none(2 * axes, 0);
  Term sums = scope.wrap(ConvOp::create(at.builder, at.location, data.get(),
                                        g.transpose(order).get(), Value(),
                                        dilations, strides, none, groups));
  Term gradient = sums.transpose(order);
  // What the strides left over behind the last place is no part of the kernel.
  SmallVector<int64_t> shape(gradient.getType().getShape().take_front(2));
  llvm::append_range(shape, kernel);
  return gradient.fitTo(shape);
}

/// Batches and channels, the first axes of data and weights, may be open where
/// there are no groups.
static constexpr unsigned kFirstPlaceAxis = 2;

LogicalResult ConvOp::buildGradient(GradientScope &scope) {
  if (failed(scope.requireStaticSizes(getGroup() == 1 ? kFirstPlaceAxis : 0)))
    return failure();
  if (getAutoPad() == "SAME_UPPER" || getAutoPad() == "SAME_LOWER")
    return emitOpError("with automatic paddings has no gradient");
  Term g = scope.getGradient(), x = scope.getOperand(0),
       w = scope.getOperand(1);
  auto &at = scope.getBuilder();
  ArrayRef<int64_t> strides = getStrides(), dilations = getDilations(),
                    pads = getPads(), sizes = x.getType().getShape(),
                    kernel = w.getType().getShape().drop_front(2);
  size_t axes = strides.size();
  if (scope.isNeeded(0)) {
    // What the strides left over behind the last place has no influence.
    SmallVector<int64_t> rest;
    for (size_t i = 0; i < axes; ++i) {
      int64_t room = sizes[i + 2] + pads[i] + pads[i + axes] -
                     ((kernel[i] - 1) * dilations[i] + 1);
      rest.push_back(room % strides[i]);
    }
    Term gradient = scope.wrap(ConvTransposeOp::create(
        at.builder, at.location, g.get(), w.get(), Value(), strides, dilations,
        pads, rest, getGroup()));
    scope.give(0, gradient.fitTo(sizes));
  }
  if (scope.isNeeded(1))
    scope.give(1, convolveForWeight(scope, x, g, strides, dilations, pads,
                                    getGroup(), kernel));
  if (scope.isNeeded(2))
    scope.give(2, sumOverPlaces(g));
  return success();
}

LogicalResult ConvTransposeOp::buildGradient(GradientScope &scope) {
  if (failed(scope.requireStaticSizes(getGroup() == 1 ? kFirstPlaceAxis : 0)))
    return failure();
  Term g = scope.getGradient(), x = scope.getOperand(0),
       w = scope.getOperand(1);
  auto &at = scope.getBuilder();
  if (scope.isNeeded(0)) {
    Term gradient = scope.wrap(
        ConvOp::create(at.builder, at.location, g.get(), w.get(), Value(),
                       getStrides(), getDilations(), getPads(), getGroup()));
    scope.give(0, gradient.fitTo(x.getType().getShape()));
  }
  // Data and results exchange their places.
  if (scope.isNeeded(1))
    scope.give(1, convolveForWeight(scope, g, x, getStrides(), getDilations(),
                                    getPads(), getGroup(),
                                    w.getType().getShape().drop_front(2)));
  if (scope.isNeeded(2))
    scope.give(2, sumOverPlaces(g));
  return success();
}
