//===- RuntimeContract.cpp - What must hold when an op runs ---------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/RuntimeContract.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"
#include "neuroplast/Dialect/Neuro/IR/TensorElements.h"

using namespace mlir;
using namespace neuroplast::neuro;
using Size = OpFoldResult;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

std::string RuntimeContract::getName(Value value) {
  StringRef name;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (auto function =
            dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp()))
      if (auto given = function.getArgAttrOfType<StringAttr>(
              argument.getArgNumber(), "neuro.name"))
        name = given;
  } else if (auto read = value.getDefiningOp<GetParamOp>()) {
    name = read.getName();
  } else {
    // The name of a node stands outside those of its results.
    unsigned place = cast<OpResult>(value).getResultNumber() + 1;
    auto named = dyn_cast<NameLoc>(value.getLoc());
    name = named ? named.getName() : StringRef();
    for (unsigned i = 0; named && i < place; ++i)
      named = dyn_cast<NameLoc>(named.getChildLoc());
    if (named && !named.getName().empty())
      name = named.getName();
  }
  if (!name.empty())
    return ("'" + name + "'").str();
  for (OpOperand &operand : op->getOpOperands())
    if (operand.get() == value)
      return ("operand #" + Twine(operand.getOperandNumber())).str();
  return "a tensor";
}

//===----------------------------------------------------------------------===//
// Sizes and conditions
//===----------------------------------------------------------------------===//

Size RuntimeContract::getSize(Value tensor, int64_t axis) {
  return tensor::getMixedSize(b, location, tensor, axis);
}

SmallVector<Size> RuntimeContract::getSizes(Value tensor) {
  return tensor::getMixedSizes(b, location, tensor);
}

SmallVector<Size> RuntimeContract::mix(ArrayRef<int64_t> sizes,
                                       ValueRange dynamic) {
  return getMixedValues(sizes, dynamic, b);
}

Value RuntimeContract::toValue(Size size) {
  return getValueOrCreateConstantIndexOp(b, location, size);
}

template <typename Op> Size RuntimeContract::combine(Size lhs, Size rhs) {
  Value result = b.createOrFold<Op>(location, toValue(lhs), toValue(rhs));
  if (auto constant = getConstantIntValue(result))
    return b.getIndexAttr(*constant);
  return result;
}

Size RuntimeContract::add(Size lhs, Size rhs) {
  return combine<arith::AddIOp>(lhs, rhs);
}
Size RuntimeContract::sub(Size lhs, Size rhs) {
  return combine<arith::SubIOp>(lhs, rhs);
}
Size RuntimeContract::mul(Size lhs, Size rhs) {
  return combine<arith::MulIOp>(lhs, rhs);
}
Size RuntimeContract::div(Size lhs, Size rhs) {
  return combine<arith::DivSIOp>(lhs, rhs);
}
Size RuntimeContract::rem(Size lhs, Size rhs) {
  return combine<arith::RemSIOp>(lhs, rhs);
}

Size RuntimeContract::atMostZero(Size size) {
  return combine<arith::MinSIOp>(size, constant(0));
}

RuntimeContract::Condition RuntimeContract::compare(Relation relation, Size lhs,
                                                    Size rhs) {
  if (relation != Relation::NotEqual && areSameSizes(lhs, rhs))
    return {true, Value()};
  auto predicate = relation == Relation::Equal    ? arith::CmpIPredicate::eq
                   : relation == Relation::AtMost ? arith::CmpIPredicate::sle
                                                  : arith::CmpIPredicate::ne;
  Value value = b.createOrFold<arith::CmpIOp>(location, predicate, toValue(lhs),
                                              toValue(rhs));
  return {isConstantIntValue(value, -1) || isConstantIntValue(value, 1), value};
}

RuntimeContract::Condition RuntimeContract::both(Condition lhs, Condition rhs) {
  if (lhs.isProved)
    return rhs;
  if (rhs.isProved)
    return lhs;
  return {false, b.createOrFold<arith::AndIOp>(location, lhs.value, rhs.value)};
}

RuntimeContract::Condition RuntimeContract::either(Condition lhs,
                                                   Condition rhs) {
  if (lhs.isProved || rhs.isProved)
    return {true, Value()};
  return {false, b.createOrFold<arith::OrIOp>(location, lhs.value, rhs.value)};
}

void RuntimeContract::refuse(const Twine &message, ArrayRef<Size> numbers) {
  // The first reason is enough.
  if (std::exchange(isRefused, true))
    return;
  std::string pattern = message.str();
  StringRef rest = pattern;
  InFlightDiagnostic diagnostic = op->emitError();
  for (Size number : numbers) {
    auto [before, after] = rest.split("{}");
    diagnostic << before;
    if (auto constant = getConstantIntValue(number))
      diagnostic << *constant;
    else
      diagnostic << "?";
    rest = after;
  }
  diagnostic << rest;
}

void RuntimeContract::require(Condition condition, bool isShape,
                              const Twine &message, ArrayRef<Size> numbers) {
  if (condition.isProved)
    return;
  if (condition.value && isConstantIntValue(condition.value, 0))
    return refuse(message, numbers);
  std::string text;
  if (auto node = dyn_cast<NameLoc>(location))
    text = ("node '" + node.getName().strref() + "': ").str();
  text += message.str();
  SmallVector<Value> values;
  for (Size number : numbers)
    values.push_back(toValue(number));
  RequireOp::create(b, location, condition.value, values,
                    /*of_data=*/!isShape, text);
}

//===----------------------------------------------------------------------===//
// Relations between sizes
//===----------------------------------------------------------------------===//

void RuntimeContract::requireSize(Value tensor, int64_t axis, Size expected) {
  Size size = getSize(tensor, axis);
  require(compare(Relation::Equal, size, expected), true,
          getName(tensor) + " has size {} along axis " + Twine(axis) +
              ", expected {}",
          {size, expected});
}

void RuntimeContract::requireSizeUnlessEmpty(Value tensor, int64_t axis,
                                             Size expected, int64_t emptyAxis) {
  Size size = getSize(tensor, axis);
  require(
      either(compare(Relation::Equal, size, expected),
             compare(Relation::Equal, getSize(tensor, emptyAxis), constant(0))),
      true,
      getName(tensor) + " has size {} along axis " + Twine(axis) +
          ", expected {}",
      {size, expected});
}

void RuntimeContract::requireShape(Value tensor, ArrayRef<Size> expected) {
  if (!tensor)
    return;
  for (auto [axis, size] : llvm::enumerate(expected))
    requireSize(tensor, axis, size);
}

void RuntimeContract::requireAtMost(Value tensor, int64_t axis, Size bound) {
  Size size = getSize(tensor, axis);
  require(compare(Relation::AtMost, size, bound), true,
          getName(tensor) + " has size {} along axis " + Twine(axis) +
              ", expected at most {}",
          {size, bound});
}

void RuntimeContract::requireAtLeast(Value tensor, int64_t axis,
                                     int64_t bound) {
  Size size = getSize(tensor, axis);
  require(compare(Relation::AtMost, constant(bound), size), true,
          getName(tensor) + " has size {} along axis " + Twine(axis) +
              ", expected at least {}",
          {size, constant(bound)});
}

void RuntimeContract::requireSomeAlong(Value tensor, int64_t axis) {
  Size size = getSize(tensor, axis);
  Condition fits = compare(Relation::AtMost, constant(1), size);
  for (int64_t i = 0; i < detail::getTensorType(tensor).getRank(); ++i)
    if (i != axis)
      fits = either(fits,
                    compare(Relation::Equal, getSize(tensor, i), constant(0)));
  require(fits, true,
          getName(tensor) + " has nothing along axis " + Twine(axis), {});
}

void RuntimeContract::requireMultiple(Value tensor, int64_t axis,
                                      int64_t divisor) {
  Size size = getSize(tensor, axis);
  require(compare(Relation::Equal, rem(size, constant(divisor)), constant(0)),
          true,
          getName(tensor) + " has size {} along axis " + Twine(axis) +
              ", which is no multiple of {}",
          {size, constant(divisor)});
}

void RuntimeContract::requireBetween(Size number, Size low, Size high,
                                     StringRef what) {
  require(both(compare(Relation::AtMost, low, number),
               compare(Relation::AtMost, number, high)),
          false, what + " is {}, expected {} to {}", {number, low, high});
}

void RuntimeContract::requireTensorSizes(ArrayRef<Size> sizes, StringRef what) {
  for (Size size : sizes)
    if (!getConstantIntValue(size))
      requireBetween(size, constant(0), constant(maxTensorBytes), what);
}

void RuntimeContract::requireSingle(Value tensor) {
  for (int64_t axis = 0; axis < detail::getTensorType(tensor).getRank(); ++axis)
    requireSize(tensor, axis, constant(1));
}

void RuntimeContract::requireQuotient(Value dividend, Value divisor) {
  if (auto known = getConstantIntValue(divisor); known && *known > 0)
    return;
  // The quotient of the least number and -1 has no room.
  Condition isDefined =
      both(compare(Relation::NotEqual, divisor, constant(0)),
           either(compare(Relation::NotEqual, divisor, constant(-1)),
                  compare(Relation::NotEqual, dividend, constant(INT64_MIN))));
  require(isDefined, false, "a size of {} is divided by {}",
          {dividend, divisor});
}

void RuntimeContract::requireBroadcast(ValueRange tensors) {
  int64_t rank = 0;
  for (Value tensor : tensors)
    rank = std::max(rank, detail::getTensorType(tensor).getRank());
  for (int64_t axis = 0; axis < rank; ++axis) {
    // Sizes that are known lead, so that unknown ones are held to them.
    SmallVector<std::pair<Value, int64_t>> known, open;
    for (Value tensor : tensors) {
      RankedTensorType type = detail::getTensorType(tensor);
      int64_t own = axis - rank + type.getRank();
      if (own < 0 || type.getDimSize(own) == 1)
        continue;
      (type.isDynamicDim(own) ? open : known).push_back({tensor, own});
    }
    if (open.empty())
      continue;
    llvm::append_range(known, open);
    auto [first, firstAxis] = known.front();
    Size common = getSize(first, firstAxis);
    for (auto [tensor, own] : ArrayRef(known).drop_front()) {
      Size size = getSize(tensor, own);
      Condition isSame = compare(Relation::Equal, size, common);
      if (isSame.isProved)
        continue;
      Condition isOne = compare(Relation::Equal, size, constant(1));
      Condition wasOne = compare(Relation::Equal, common, constant(1));
      require(either(isSame, either(isOne, wasOne)), true,
              getName(tensor) + " has size {} along axis " + Twine(own) +
                  ", which does not broadcast with {} of " + getName(first),
              {size, common});
      if (!getConstantIntValue(common))
        common = b.createOrFold<arith::SelectOp>(
            location, wasOne.value, toValue(size), toValue(common));
    }
  }
}

void RuntimeContract::requireBroadcastAxes(Value lhs, int64_t lhsAxis,
                                           Value rhs, int64_t rhsAxis) {
  Size left = getSize(lhs, lhsAxis), right = getSize(rhs, rhsAxis);
  require(either(compare(Relation::Equal, left, right),
                 either(compare(Relation::Equal, left, constant(1)),
                        compare(Relation::Equal, right, constant(1)))),
          true,
          getName(lhs) + " has size {} along axis " + Twine(lhsAxis) +
              ", which does not broadcast with {} of " + getName(rhs),
          {left, right});
}

void RuntimeContract::requireBroadcastSize(Value tensor, int64_t axis,
                                           Size asked) {
  Size size = getSize(tensor, axis);
  require(either(compare(Relation::Equal, size, asked),
                 either(compare(Relation::Equal, size, constant(1)),
                        compare(Relation::Equal, asked, constant(1)))),
          true,
          getName(tensor) + " has size {} along axis " + Twine(axis) +
              ", which does not broadcast with {}",
          {size, asked});
}

void RuntimeContract::requireSlice(Value tensor, int64_t axis, Size start,
                                   Size count, Size step) {
  Size size = getSize(tensor, axis);
  // All of an axis, as most slices take of most axes.
  if (isConstantIntValue(start, 0) && isConstantIntValue(step, 1) &&
      areSameSizes(count, size))
    return;
  Size last = add(start, mul(sub(count, constant(1)), step));
  auto isInside = [&](Size place) {
    return both(compare(Relation::AtMost, constant(0), place),
                compare(Relation::AtMost, add(place, constant(1)), size));
  };
  Condition isEmpty = compare(Relation::Equal, count, constant(0));
  require(either(isEmpty, both(isInside(start), isInside(last))), true,
          getName(tensor) + " has size {} along axis " + Twine(axis) +
              ", which a slice from {} to {} exceeds",
          {size, start, last});
  if (!getConstantIntValue(count))
    require(compare(Relation::AtMost, constant(0), count), true,
            "a slice of " + getName(tensor) + " takes {} entries of axis " +
                Twine(axis),
            count);
}

void RuntimeContract::requireBroadcastTo(Value tensor, ArrayRef<Size> shape) {
  int64_t rank = detail::getTensorType(tensor).getRank();
  int64_t offset = static_cast<int64_t>(shape.size()) - rank;
  for (int64_t axis = 0; axis < rank; ++axis) {
    Size size = getSize(tensor, axis), whole = shape[axis + offset];
    require(either(compare(Relation::Equal, size, constant(1)),
                   compare(Relation::Equal, size, whole)),
            true,
            getName(tensor) + " has size {} along axis " + Twine(axis) +
                ", which does not broadcast to {}",
            {size, whole});
  }
}

void RuntimeContract::requireEqualCounts(ArrayRef<Size> lhs,
                                         ArrayRef<Size> rhs) {
  // What both have need not be multiplied.
  SmallVector<Size> left(lhs), right(rhs);
  for (Size size : lhs) {
    auto *same = llvm::find_if(
        right, [&](Size other) { return areSameSizes(size, other); });
    if (same == right.end())
      continue;
    right.erase(same);
    left.erase(llvm::find(left, size));
  }
  auto multiply = [&](ArrayRef<Size> sizes) {
    Size product = constant(1);
    for (Size size : sizes)
      product = mul(product, size);
    return product;
  };
  Size have = multiply(left), want = multiply(right);
  Condition equal = compare(Relation::Equal, have, want);
  if (equal.isProved)
    return;
  // Products wrap; those of floats do not.
  Condition small{true, Value()};
  Value estimate;
  Type real = b.getF64Type();
  for (Size size : right) {
    Value wide =
        arith::IndexCastOp::create(b, location, b.getI64Type(), toValue(size));
    Value number = arith::SIToFPOp::create(b, location, real, wide);
    estimate = estimate
                   ? Value(arith::MulFOp::create(b, location, estimate, number))
                   : number;
    small = both(small, compare(Relation::AtMost, constant(0), size));
  }
  if (right.size() > 1) {
    Value limit = arith::ConstantOp::create(
        b, location, b.getFloatAttr(real, double(maxTensorBytes)));
    small = both(small, {false, arith::CmpFOp::create(b, location,
                                                      arith::CmpFPredicate::OLE,
                                                      estimate, limit)});
  }
  require(both(equal, small), true,
          getName(op->getOperand(0)) + " has {} elements for {}",
          {multiply(lhs), multiply(rhs)});
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

/// The elements of a constant of integers; none if it is none.
static std::optional<SmallVector<int64_t>> getConstantElements(Value tensor) {
  auto constant = tensor.getDefiningOp<ConstantOp>();
  return constant ? neuroplast::getIntegers(constant.getValue()) : std::nullopt;
}

Value RuntimeContract::getColumn(Value tensor, int64_t column) {
  RankedTensorType type = detail::getTensorType(tensor);
  int64_t rank = type.getRank();
  SmallVector<int64_t> starts(rank, 0), sizes(type.getShape()), steps(rank, 1);
  starts.back() = column;
  sizes.back() = 1;
  SmallVector<Value> dynamic;
  for (int64_t axis = 0; axis + 1 < rank; ++axis)
    if (type.isDynamicDim(axis))
      dynamic.push_back(cast<Value>(getSize(tensor, axis)));
  return SliceOp::create(b, location, tensor, ValueRange(), dynamic,
                         ValueRange(), starts, sizes, steps);
}

template <typename Op> Value RuntimeContract::reduce(Value tensor) {
  RankedTensorType type = detail::getTensorType(tensor);
  // No wider than an index, whatever it was.
  if (!type.getElementType().isSignlessInteger(64))
    tensor = CastOp::create(b, location, tensor, b.getI64Type());
  if (type.getRank() > 0)
    tensor = Op::create(b, location, tensor,
                        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())),
                        /*keepdims=*/false);
  Value element = tensor::ExtractOp::create(b, location, tensor, ValueRange());
  return arith::IndexCastOp::create(b, location, b.getIndexType(), element);
}

void RuntimeContract::requireEntries(Value tensor, Size low, Size high,
                                     StringRef what) {
  auto lowest = getConstantIntValue(low), limit = getConstantIntValue(high);
  if (detail::getTensorType(tensor).hasStaticShape() &&
      detail::getTensorType(tensor).getNumElements() == 0)
    return;
  if (auto known = getConstantElements(tensor); known && lowest && limit)
    if (llvm::all_of(*known, [&](int64_t element) {
          return element >= *lowest && element < *limit;
        }))
      return;
  // The least of no elements is the largest number, and the other way round.
  Size least = reduce<ReduceMinOp>(tensor);
  Size greatest = reduce<ReduceMaxOp>(tensor);
  Size last = sub(high, constant(1));
  Condition within = both(compare(Relation::AtMost, low, least),
                          compare(Relation::AtMost, greatest, last));
  require(within, false,
          getName(tensor) + " has " + what +
              " from {} to {}, expected {} to {}",
          {least, greatest, low, last});
}

void RuntimeContract::requireIndices(Value tensor, Size size, StringRef what) {
  requireEntries(tensor, sub(constant(0), size), size, what);
}

void RuntimeContract::requireNoZero(Value tensor, StringRef what) {
  RankedTensorType type = detail::getTensorType(tensor);
  if (auto known = getConstantElements(tensor))
    if (!llvm::is_contained(*known, 0))
      return;
  auto zeroType = RankedTensorType::get({}, type.getElementType());
  Value zero = ConstantOp::create(
      b, location,
      DenseElementsAttr::get(zeroType,
                             b.getIntegerAttr(type.getElementType(), 0)));
  Value isZero = EqualOp::create(b, location, tensor, zero);
  Size count = reduce<ReduceMaxOp>(isZero);
  // Of no elements, too, the greatest is not 1.
  require(compare(Relation::NotEqual, count, constant(1)), false,
          getName(tensor) + " " + what, {});
}

void neuroplast::neuro::detail::stateDefaultContract(
    Operation *op, RuntimeContract &contract) {
  if (op->hasTrait<Elementwise>())
    contract.requireBroadcast(op->getOperands());
}
