//===- RandomOps.cpp - Tensors of random numbers -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/RandomOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast::neuro;

template <typename Op>
static LogicalResult inferRandom(std::optional<Location> location,
                                 typename Op::Adaptor adaptor,
                                 SmallVectorImpl<Type> &types) {
  if (!isa<FloatType>(adaptor.getTo()))
    return emitOptionalError(location, "'", Op::getOperationName(),
                             "' op draws no numbers of type ", adaptor.getTo());
  if (failed(neuroplast::neuro::detail::verifyDynamicList(
          Op::getOperationName(), location, "sizes", adaptor.getSizes(),
          adaptor.getDynamicSizes().size())))
    return failure();
  types.push_back(RankedTensorType::get(adaptor.getSizes(), adaptor.getTo()));
  return success();
}

LogicalResult RandomNormalOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> location,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type> &types) {
  return inferRandom<RandomNormalOp>(location, adaptor, types);
}

LogicalResult RandomUniformOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  return inferRandom<RandomUniformOp>(location, adaptor, types);
}

//===----------------------------------------------------------------------===//
// Dropout
//===----------------------------------------------------------------------===//

LogicalResult DropoutOp::verify() {
  double rate = toNumber(getRate());
  int64_t rank = getResult().getType().getRank(), block = getBlock();
  if (!(rate >= 0 && rate <= 1))
    return emitOpError("has a rate of ") << rate << ", which is no probability";
  for (int64_t axis : getShared())
    if (axis < 0 || axis >= rank)
      return emitOpError("shares decisions along axis ")
             << axis << " of a tensor of rank " << rank;
  if (std::optional<APFloat> targeted = getTargeted()) {
    double share = toNumber(*targeted);
    if (!(share > 0 && share <= 1))
      return emitOpError("decides about a share of ")
             << share << ", which is none";
    if (getGaussian() || block != 1)
      return emitOpError(
          "decides about a share of its places, and weighs by no "
          "normal factor and leaves out no squares");
  }
  for (int64_t axis : getApart())
    if (axis < 0 || axis >= rank || llvm::is_contained(getShared(), axis))
      return emitOpError("compares nothing along axis ")
             << axis << ", which is shared or none of a tensor of rank "
             << rank;
  if (block < 1)
    return emitOpError("leaves out squares of size ") << block;
  if (block == 1)
    return success();
  if (getGaussian())
    return emitOpError("weighs by a normal factor, and leaves out no squares");
  if (rank < 3 ||
      llvm::any_of(getShared(), [](int64_t axis) { return axis >= 2; }))
    return emitOpError("leaves out squares of space, along which it decides "
                       "nothing");
  return success();
}

namespace {

/// Numbers that are drawn for the result of an op.
class Draw {
public:
  Draw(Operation *op, OpBuilder &builder, Value counter, uint32_t stream,
       const BatchPart &part)
      : at{builder, op->getLoc(), part.count}, counter(counter), stream(stream),
        part(part.number), element(getElementTypeOrSelf(op->getResult(0))) {}

  /// Numbers of a distribution, which two parameters describe. Those that all
  /// examples share do not depend on the part of the batch.
  template <typename Op>
  Term draw(ArrayRef<OpFoldResult> sizes, double first, double second,
            bool isShared) {
    OpBuilder &b = at.builder;
    SmallVector<Value> dynamic;
    SmallVector<int64_t> fixed;
    dispatchIndexOpFoldResults(sizes, dynamic, fixed);
    auto seed = FloatAttr::get(
        b.getF32Type(), APFloat(APFloat::IEEEsingle(), APInt(32, stream)));
    Value before = part && !isShared ? countBefore(sizes) : Value();
    return {at, Op::create(b, at.location, dynamic, counter, before, fixed,
                           APFloat(static_cast<float>(first)),
                           APFloat(static_cast<float>(second)), seed, element)};
  }

  TermBuilder at;

private:
  /// How many numbers the parts of the batch before take.
  Value countBefore(ArrayRef<OpFoldResult> sizes) {
    Term first(at, part);
    for (OpFoldResult size : sizes) {
      std::optional<int64_t> known = getConstantIntValue(size);
      first = first * (known ? first.number(static_cast<double>(*known))
                             : Term(at, toScalar(cast<Value>(size))));
    }
    return first.get();
  }

  /// An index as a scalar of i64.
  Value toScalar(Value index) {
    OpBuilder &b = at.builder;
    Value number =
        arith::IndexCastOp::create(b, at.location, b.getI64Type(), index);
    return tensor::FromElementsOp::create(
        b, at.location, RankedTensorType::get({}, b.getI64Type()), number);
  }

  Value counter;
  uint32_t stream;
  Value part; ///< of the batch; null for all of it
  Type element;
};

/// What places are weighed by in a draw.
class DropoutFactor : Draw {
public:
  DropoutFactor(DropoutOp op, OpBuilder &builder, Value counter,
                uint32_t stream, const BatchPart &part)
      : Draw(op, builder, counter, stream, part), op(op),
        rate(toNumber(op.getRate())) {}

  /// Null after an error.
  Value build() {
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(at.builder, at.location, op.getInput());
    for (int64_t axis : op.getShared())
      sizes[axis] = at.builder.getIndexAttr(1);
    if (op.getBlock() > 1)
      return buildSquares(sizes);
    if (op.getTargeted())
      return buildTargeted(sizes);
    if (op.getGaussian())
      return draw<RandomNormalOp>(sizes, 1, std::sqrt(rate / (1 - rate))).get();
    Term drawn = draw<RandomUniformOp>(sizes, 0, 1);
    return (drawn < rate).select(drawn.number(0), 1 / (1 - rate)).get();
  }

private:
  template <typename Op>
  Term draw(ArrayRef<OpFoldResult> sizes, double first, double second) {
    return Draw::draw<Op>(sizes, first, second,
                          llvm::is_contained(op.getShared(), 0));
  }

  /// Where a square begins is drawn of the places where all of it has room, so
  /// that it is left out as a whole; what stays makes up for what does not, as
  /// it was drawn.
  Value buildSquares(SmallVector<OpFoldResult> sizes) {
    SmallVector<int64_t> window;
    double begins = 1, area = 1;
    for (OpFoldResult &size : MutableArrayRef(sizes).drop_front(2)) {
      std::optional<int64_t> known = getConstantIntValue(size);
      if (!known) {
        op.emitOpError("leaves out squares of what the run alone knows the "
                       "size of");
        return {};
      }
      window.push_back(std::min<int64_t>(op.getBlock(), *known));
      begins *= static_cast<double>(*known - window.back() + 1) / *known;
      area *= window.back();
      size = at.builder.getIndexAttr(*known - window.back() + 1);
    }
    Term drawn = draw<RandomUniformOp>(sizes, 0, 1);
    Term begun = (drawn < rate / area / begins).select(drawn.number(1), 0);
    OpBuilder &b = at.builder;
    SmallVector<int64_t> ones(window.size(), 1), pads;
    for (int side = 0; side < 2; ++side)
      for (int64_t size : window)
        pads.push_back(size - 1);
    Term left(at, MaxPoolOp::create(b, at.location, begun.get(), window, ones,
                                    ones, pads)
                      .getResult());
    Term stays = 1 - left;
    auto all = llvm::to_vector(llvm::seq<int64_t>(0, stays.getRank()));
    Term count = stays.sum(all).averageOverProcesses();
    return (stays * (countElements(stays, stays.get(), all) /
                     (count > 0).select(count, 1)))
        .get();
  }

  /// Zero for some of the places that are not larger than that with as many
  /// smaller ones as are to be decided about.
  Value buildTargeted(ArrayRef<OpFoldResult> sizes) {
    Term input(at, op.getInput());
    if (!input.getType().hasStaticShape()) {
      op.emitOpError("decides about a share of what the run alone knows the "
                     "size of");
      return {};
    }
    Term norms = input * input;
    if (!op.getShared().empty())
      norms = norms.sum(op.getShared());
    // Rows are compared by themselves.
    ArrayRef<int64_t> shape = norms.getType().getShape();
    SmallVector<int64_t> order(op.getApart()), ordered;
    for (int64_t axis = 0; axis < norms.getRank(); ++axis)
      if (!llvm::is_contained(op.getApart(), axis))
        order.push_back(axis);
    int64_t rows = 1, places = 1;
    for (auto [index, axis] : llvm::enumerate(order)) {
      bool isApart = index < op.getApart().size();
      (isApart ? rows : places) *= shape[axis];
      ordered.push_back(isApart ? shape[axis] : 1);
    }
    auto count = static_cast<int64_t>(toNumber(*op.getTargeted()) *
                                      static_cast<double>(places));
    if (count == 0)
      return input.number(1).get();
    Term compared = norms.transpose(order).reshape({rows, places});
    Term smallest(at, TopKOp::create(at.builder, at.location, compared.get(),
                                     Value(), count, /*axis=*/1,
                                     /*largest=*/false, /*sorted=*/true)
                          .getValues());
    Term bound = smallest.slice(1, count - 1, 1)
                     .reshape(ordered)
                     .transpose(invertPermutationVector(order));
    Term drawn = draw<RandomUniformOp>(sizes, 0, 1);
    return ((norms > bound).isNot() && drawn < rate)
        .select(drawn.number(0), 1)
        .get();
  }

  DropoutOp op;
  double rate;
};

} // namespace

Value DropoutOp::buildSample(OpBuilder &builder, Value counter, uint32_t stream,
                             const BatchPart &part) {
  double rate = toNumber(getRate());
  TermBuilder at{builder, getLoc()};
  Term input(at, getInput());
  if (rate == 0)
    return getInput();
  if (rate == 1 && !getTargeted())
    return input.zerosLike(getInput()).get();
  Value factor = DropoutFactor(*this, builder, counter, stream, part).build();
  return factor ? (input * Term(at, factor)).get() : Value();
}

Value JoinOp::buildSample(OpBuilder &builder, Value counter, uint32_t stream,
                          const BatchPart &part) {
  Draw draws(*this, builder, counter, stream, part);
  Term input(draws.at, getInput()), skip(draws.at, getSkip());
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, getLoc(), getInput());
  Term drawn = draws.draw<RandomUniformOp>(sizes, 0, 1, /*isShared=*/false);
  Term taken = Term(draws.at, counter) - static_cast<double>(getStart());
  Term share =
      taken.cast(getElementTypeOrSelf(*this)) / static_cast<double>(getSteps());
  return (drawn < share).select(input, skip).get();
}

//===----------------------------------------------------------------------===//
// Concrete dropout
//===----------------------------------------------------------------------===//

Value ConcreteDropoutOp::buildSample(OpBuilder &builder, Value counter,
                                     uint32_t stream, const BatchPart &part) {
  /// How near to decisions the draws are, as in the paper.
  constexpr double kTemperature = 0.1, kLeast = 1e-6;
  Draw draws(*this, builder, counter, stream, part);
  Term input(draws.at, getInput()), logit(draws.at, getLogit());
  Term drawn = draws.draw<RandomUniformOp>(
      tensor::getMixedSizes(builder, getLoc(), getInput()), 0, 1,
      /*isShared=*/false);
  Term odds = (drawn + kLeast).log() - (1 + kLeast - drawn).log();
  Term stays = (-(odds + logit) / kTemperature).sigmoid();
  return (input * stays * (1 / (-logit).sigmoid())).get();
}

FailureOr<Value> ConcreteDropoutOp::buildPenalty(OpBuilder &builder) {
  ArrayRef<int64_t> shape = getInput().getType().getShape();
  int64_t decisions = 1;
  for (int64_t extent : shape.drop_front(std::min<size_t>(1, shape.size()))) {
    if (ShapedType::isDynamic(extent))
      return emitOpError("decides about as many places as the run alone knows");
    decisions *= extent;
  }
  TermBuilder at{builder, getLoc()};
  Term logit(at, getLogit());
  // log p = -softplus(-l), log(1 - p) = -softplus(l)
  Term rate = logit.sigmoid();
  Term entropy = rate * (-logit).softplus() + (1 - rate) * logit.softplus();
  return (entropy * (-static_cast<double>(decisions) /
                     static_cast<double>(getExamples())))
      .get();
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/RandomOps.cpp.inc"
