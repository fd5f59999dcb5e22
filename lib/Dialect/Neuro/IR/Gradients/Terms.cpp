//===- Terms.cpp - What gradients are made of -----------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast::neuro;

/// Builds an op with one result of the operands and attributes given.
template <typename OpT, typename... Args>
static Term build(TermBuilder &at, Args &&...args) {
  auto op = OpT::create(at.builder, at.location, std::forward<Args>(args)...);
  return {at, op->getResult(0)};
}

Term Term::operator-() const { return build<NegOp>(*at, value); }
Term neuroplast::neuro::operator+(const Term &a, const Term &b) {
  return build<AddOp>(*a.at, a.value, b.value);
}
Term neuroplast::neuro::operator-(const Term &a, const Term &b) {
  return build<SubOp>(*a.at, a.value, b.value);
}
Term neuroplast::neuro::operator*(const Term &a, const Term &b) {
  return build<MulOp>(*a.at, a.value, b.value);
}
Term neuroplast::neuro::operator/(const Term &a, const Term &b) {
  return build<DivOp>(*a.at, a.value, b.value);
}
Term neuroplast::neuro::operator>(const Term &a, const Term &b) {
  return build<GreaterOp>(*a.at, a.value, b.value);
}
Term neuroplast::neuro::operator&&(const Term &a, const Term &b) {
  return build<AndOp>(*a.at, a.value, b.value);
}
Term neuroplast::neuro::operator||(const Term &a, const Term &b) {
  return build<OrOp>(*a.at, a.value, b.value);
}
Term Term::isEqual(const Term &other) const {
  return build<EqualOp>(*at, value, other.value);
}
Term Term::isNot() const { return build<NotOp>(*at, value); }

Term Term::exp() const { return build<ExpOp>(*at, value); }
Term Term::log() const { return build<LogOp>(*at, value); }
Term Term::sqrt() const { return build<SqrtOp>(*at, value); }
Term Term::sin() const { return build<SinOp>(*at, value); }
Term Term::cos() const { return build<CosOp>(*at, value); }
Term Term::sinh() const { return build<SinhOp>(*at, value); }
Term Term::cosh() const { return build<CoshOp>(*at, value); }
Term Term::tanh() const { return build<TanhOp>(*at, value); }
Term Term::sigmoid() const { return build<SigmoidOp>(*at, value); }
Term Term::softplus() const { return build<SoftplusOp>(*at, value); }
Term Term::erf() const { return build<ErfOp>(*at, value); }
Term Term::abs() const { return build<AbsOp>(*at, value); }
Term Term::sign() const { return build<SignOp>(*at, value); }
Term Term::pow(const Term &exponent) const {
  return build<PowOp>(*at, value, exponent.value);
}
Term Term::floor() const { return build<FloorOp>(*at, value); }
Term Term::round() const { return build<RoundOp>(*at, value); }
Term Term::max(const Term &other) const {
  return build<MaxOp>(*at, ValueRange{value, other.value});
}
Term Term::clamp(double low, double high) const {
  return build<ClipOp>(*at, value, number(low).get(), number(high).get());
}
Term Term::select(const Term &yes, const Term &no) const {
  return build<WhereOp>(*at, value, yes.value, no.value);
}
Term Term::cast(Type elementType) const {
  if (elementType == getType().getElementType())
    return *this;
  return build<CastOp>(*at, value, TypeAttr::get(elementType));
}

Term Term::number(double number) const {
  auto element = getType().getElementType();
  auto type = RankedTensorType::get({}, element);
  Attribute attribute =
      isa<FloatType>(element)
          ? Attribute(FloatAttr::get(element, number))
          : Attribute(IntegerAttr::get(element, static_cast<int64_t>(number)));
  return build<ConstantOp>(*at, DenseElementsAttr::get(type, attribute));
}

Term Term::identityMatrix(int64_t size) const {
  Term zeros = build<ExpandOp>(*at, number(0).value, ValueRange(),
                               ArrayRef<int64_t>{size, size});
  return build<EyeLikeOp>(*at, zeros.value, 0, getType().getElementType());
}

Term Term::sum(ArrayRef<int64_t> axes, bool keep) const {
  return axes.empty() ? *this : build<ReduceSumOp>(*at, value, axes, keep);
}

Term Term::min(ArrayRef<int64_t> axes) const {
  return build<ReduceMinOp>(*at, value, axes);
}

Term Term::max(ArrayRef<int64_t> axes) const {
  return build<ReduceMaxOp>(*at, value, axes);
}

Term Term::transpose(ArrayRef<int64_t> permutation) const {
  auto identity = llvm::seq<int64_t>(0, permutation.size());
  if (llvm::equal(permutation, identity))
    return *this;
  return build<TransposeOp>(*at, value, permutation);
}

Term Term::transposeMatrix() const {
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, getRank()));
  std::swap(order[getRank() - 2], order[getRank() - 1]);
  return transpose(order);
}

Term Term::matmul(const Term &other) const {
  return build<MatMulOp>(*at, value, other.value);
}

/// The size of an axis that is known at run time.
static Value createDim(TermBuilder &at, Value tensor, int64_t axis) {
  return tensor::DimOp::create(at.builder, at.location, tensor, axis);
}

/// The sizes of a tensor that are known at run time.
static SmallVector<Value> createDims(TermBuilder &at, Value tensor) {
  SmallVector<Value> dims;
  auto type = cast<RankedTensorType>(tensor.getType());
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (type.isDynamicDim(axis))
      dims.push_back(createDim(at, tensor, axis));
  return dims;
}

Term Term::reshapeLike(Value other) const {
  auto type = cast<RankedTensorType>(other.getType());
  if (type.getShape() == getType().getShape())
    return *this;
  return build<ReshapeOp>(*at, value, createDims(*at, other), type.getShape());
}

Term Term::reshape(ArrayRef<int64_t> shape) const {
  return shape == getType().getShape()
             ? *this
             : build<ReshapeOp>(*at, value, createDims(*at, value), shape);
}

Term Term::joinAxes(int64_t count) const {
  ArrayRef<int64_t> sizes = getType().getShape(),
                    first = sizes.take_front(count);
  SmallVector<int64_t> shape{1};
  llvm::append_range(shape, sizes.drop_front(count));
  if (llvm::none_of(first, ShapedType::isDynamic)) {
    shape.front() = ShapedType::getNumElements(first);
    return reshape(shape);
  }
  shape.front() = ShapedType::kDynamic;
  OpBuilder &b = at->builder;
  SmallVector<Value> dims{arith::ConstantIndexOp::create(b, at->location, 1)};
  for (int64_t axis = 0; axis < count; ++axis)
    dims.front() = arith::MulIOp::create(b, at->location, dims.front(),
                                         createDim(*at, value, axis));
  for (int64_t axis = count; axis < getRank(); ++axis)
    if (getType().isDynamicDim(axis))
      dims.push_back(createDim(*at, value, axis));
  return build<ReshapeOp>(*at, value, dims, shape);
}

Term Term::allReduce() const {
  Type type = getType().getElementType();
  // Networks of processes add up no half precision.
  if (isa<Float32Type, Float64Type>(type))
    return build<AllReduceOp>(*at, value);
  return build<AllReduceOp>(*at, cast(at->builder.getF32Type()).value)
      .cast(type);
}

Term Term::averageOverProcesses() const {
  return at->processes == 1 ? *this
                            : allReduce() / static_cast<double>(at->processes);
}

Term Term::slice(int64_t axis, int64_t start, int64_t size) const {
  SmallVector<int64_t> starts(getRank(), 0), sizes(getType().getShape()),
      steps(getRank(), 1);
  starts[axis] = start;
  sizes[axis] = size;
  return build<SliceOp>(*at, value, ValueRange(), ValueRange(), ValueRange(),
                        starts, sizes, steps);
}

Term Term::sliceLike(int64_t axis, ValueRange before, Value other) const {
  SmallVector<int64_t> starts(getRank(), 0), steps(getRank(), 1);
  SmallVector<Value> open;
  for (Value tensor : before) {
    auto type = cast<RankedTensorType>(tensor.getType());
    if (type.isDynamicDim(axis))
      open.push_back(createDim(*at, tensor, axis));
    else
      starts[axis] += type.getDimSize(axis);
  }
  OpBuilder &b = at->builder;
  if (!open.empty()) {
    Value sum = arith::ConstantIndexOp::create(b, at->location, starts[axis]);
    for (Value size : open)
      sum = arith::AddIOp::create(b, at->location, sum, size);
    open = {sum};
    starts[axis] = ShapedType::kDynamic;
  }
  return build<SliceOp>(
      *at, value, open, createDims(*at, other), ValueRange(), starts,
      cast<RankedTensorType>(other.getType()).getShape(), steps);
}

Term Term::gatherElements(const Term &indices, int64_t axis) const {
  return build<GatherElementsOp>(*at, value, indices.value, axis);
}

Term Term::reverse(int64_t axis) const {
  SmallVector<int64_t> starts(getRank(), 0), steps(getRank(), 1);
  starts[axis] = getType().getDimSize(axis) - 1;
  steps[axis] = -1;
  return build<SliceOp>(*at, value, ValueRange(), ValueRange(), ValueRange(),
                        starts, getType().getShape(), steps);
}

Term neuroplast::neuro::concatenate(ArrayRef<Term> terms, int64_t axis) {
  SmallVector<Value> values;
  for (const Term &term : terms)
    values.push_back(term.get());
  return build<ConcatOp>(terms.front().getBuilder(), values, axis);
}

Term Term::fitTo(ArrayRef<int64_t> shape) const {
  if (shape == getType().getShape())
    return *this;
  SmallVector<int64_t> low(getRank(), 0), high(low);
  for (auto [axis, size] : llvm::enumerate(shape))
    if (!ShapedType::isDynamic(size))
      high[axis] = size - getType().getDimSize(axis);
  return build<PadOp>(*at, value, Value(), ValueRange(), ValueRange(), low,
                      high);
}

Term Term::expandAxes(ArrayRef<int64_t> axes) const {
  if (axes.empty())
    return *this;
  SmallVector<int64_t> shape;
  int64_t rank = getRank() + static_cast<int64_t>(axes.size());
  for (int64_t axis = 0, next = 0; axis < rank; ++axis)
    shape.push_back(
        llvm::is_contained(axes, axis) ? 1 : getType().getDimSize(next++));
  return build<ReshapeOp>(*at, value, createDims(*at, value), shape);
}

Term Term::broadcastLike(Value other) const {
  auto type = cast<RankedTensorType>(other.getType());
  if (type.getShape() == getType().getShape() && type.hasStaticShape())
    return *this;
  return build<ExpandOp>(*at, value, createDims(*at, other), type.getShape());
}

Term Term::broadcastTo(ArrayRef<int64_t> shape) const {
  return build<ExpandOp>(*at, value, createDims(*at, value), shape);
}

Term Term::unbroadcastTo(Value other) const {
  auto type = cast<RankedTensorType>(other.getType());
  int64_t added = getRank() - type.getRank();
  SmallVector<int64_t> leading, ones;
  for (int64_t axis = 0; axis < getRank(); ++axis) {
    if (axis < added)
      leading.push_back(axis);
    else if (type.getDimSize(axis - added) == 1 &&
             getType().getDimSize(axis) != 1)
      ones.push_back(axis - added);
  }
  Term result = sum(leading, /*keep=*/false).sum(ones);
  // Whether a size of a run is repeated is nothing that sums can wait for.
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    if (!type.isDynamicDim(axis) || result.getType().getDimSize(axis) == 1)
      continue;
    OpBuilder &b = at->builder;
    Value wanted = createDim(*at, other, axis),
          found = createDim(*at, result.value, axis);
    Value same = arith::CmpIOp::create(b, at->location,
                                       arith::CmpIPredicate::eq, wanted, found);
    RequireOp::create(b, at->location, same, ValueRange{wanted, found},
                      /*of_data=*/false,
                      "a tensor of size {} is repeated {} times by sizes that "
                      "only the run knows, which has no gradient");
  }
  return result;
}

Term neuroplast::neuro::countElements(const Term &like, Value tensor,
                                      ArrayRef<int64_t> axes) {
  auto type = cast<RankedTensorType>(tensor.getType());
  TermBuilder &at = like.getBuilder();
  int64_t known = 1;
  SmallVector<Value> open;
  for (int64_t axis : axes)
    if (type.isDynamicDim(axis))
      open.push_back(createDim(at, tensor, axis));
    else
      known *= type.getDimSize(axis);
  Term count = like.number(static_cast<double>(known));
  for (Value size : open) {
    OpBuilder &b = at.builder;
    Value number =
        arith::IndexCastOp::create(b, at.location, b.getI64Type(), size);
    Value scalar = tensor::FromElementsOp::create(
        b, at.location, RankedTensorType::get({}, b.getI64Type()), number);
    count = count * Term(at, scalar).cast(like.getType().getElementType());
  }
  return count;
}

//===----------------------------------------------------------------------===//
// The scope of an op
//===----------------------------------------------------------------------===//

GradientScope::GradientScope(OpBuilder &b, Operation *op,
                             ArrayRef<Value> results, ArrayRef<bool> active)
    : builder{b, op->getLoc()}, op(op), results(results),
      given(op->getNumOperands()), active(active) {}

Term GradientScope::getGradient(unsigned result) {
  if (results[result])
    return wrap(results[result]);
  Term value = getResult(result);
  return value.number(0).broadcastLike(value.get());
}
Term GradientScope::getOperand(unsigned operand) {
  return operand < op->getNumOperands() ? wrap(op->getOperand(operand))
                                        : Term();
}
Term GradientScope::getResult(unsigned result) {
  return wrap(op->getResult(result));
}

void GradientScope::give(unsigned operand, const Term &gradient) {
  Value like = op->getOperand(operand);
  Value value = gradient.unbroadcastTo(like).get();
  // What broadcast from less, as the gradient of a sum that is one number.
  if (value.getType() != like.getType())
    value = wrap(value).broadcastLike(like).get();
  given[operand] = value;
}

LogicalResult neuroplast::neuro::requireStaticSizes(Operation *op,
                                                    unsigned fromAxis) {
  auto isStatic = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return !tensor || tensor.getRank() <= fromAxis ||
           llvm::none_of(tensor.getShape().drop_front(fromAxis),
                         ShapedType::isDynamic);
  };
  if (llvm::all_of(op->getOperandTypes(), isStatic) &&
      llvm::all_of(op->getResultTypes(), isStatic))
    return success();
  return op->emitOpError("of unknown sizes has no gradient yet");
}
