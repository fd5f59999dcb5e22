//===- SizeValues.cpp - Sizes as attributes and values --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/SizeValues.h"

#include "AxisRules/SymbolicSize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "neuroplast/Dialect/Neuro/IR/ParamArguments.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace mlir;
using namespace neuroplast;

namespace {

/// What a size is made of and no further: an axis of a tensor, or another
/// number, of which a pointer and an axis tell which; or a quotient or a
/// maximum of two forms.
using Unknown = std::tuple<const void *, int64_t, std::vector<int64_t>>;

/// A number and multiples of unknowns, which are numbered as they appear:
/// {number, unknown, factor, unknown, factor, ...}, the unknowns in order.
using Form = std::vector<int64_t>;

/// Brings sizes into a form of their own: a convolution that is padded to give
/// as many places as there were has the size that was there.
class SizeForms {
public:
  Form get(OpFoldResult size) {
    if (std::optional<int64_t> number = getConstantIntValue(size))
      return {*number};
    return get(cast<Value>(size));
  }
  /// No value of a form is less; none if there is no such number.
  std::optional<int64_t> getLeast(const Form &form) {
    int64_t least = form[0];
    for (size_t i = 1; i < form.size(); i += 2) {
      if (form[i + 1] < 0 || !leasts[form[i]])
        return std::nullopt;
      accumulate(least, form[i + 1], *leasts[form[i]]);
    }
    return least;
  }
  /// Whether a form is the smaller one of another form and a number above one.
  bool isBoundOf(const Form &form, const Form &other) const {
    auto it = minima.find(form);
    if (it == minima.end())
      return false;
    const auto &[lhs, rhs] = it->second;
    auto isNumber = [](const Form &bound) {
      return bound.size() == 1 && bound[0] > 1;
    };
    return (lhs == other && isNumber(rhs)) || (rhs == other && isNumber(lhs));
  }
  /// Whether a number on the way was larger than any size; what forms say is
  /// worth nothing then.
  bool haveOverflowed() const { return hasOverflowed; }

private:
  Form get(Value value) {
    if (auto it = known.find(value); it != known.end())
      return it->second;
    // Networks are deep; what lies further back stays an unknown.
    if (depth == kMostSteps)
      return makeUnknown({value.getAsOpaquePointer(), -1, {}}, std::nullopt);
    ++depth;
    Form form = compute(value);
    --depth;
    return known[value] = form;
  }

  Form compute(Value value) {
    if (std::optional<int64_t> number = getConstantIntValue(value))
      return {*number};
    Operation *op = value.getDefiningOp();
    if (auto dim = dyn_cast_or_null<tensor::DimOp>(op))
      if (std::optional<int64_t> axis = dim.getConstantIndex())
        return getAxis(dim.getSource(), *axis);
    if (isa_and_nonnull<arith::AddIOp, arith::SubIOp>(op)) {
      Form sum = get(op->getOperand(0));
      add(sum, get(op->getOperand(1)), isa<arith::AddIOp>(op) ? 1 : -1);
      return sum;
    }
    if (isa_and_nonnull<arith::MulIOp>(op)) {
      Form lhs = get(op->getOperand(0)), rhs = get(op->getOperand(1));
      if (lhs.size() == 1)
        std::swap(lhs, rhs);
      if (rhs.size() == 1) {
        Form product{0};
        add(product, lhs, rhs[0]);
        return product;
      }
    }
    if (isa_and_nonnull<arith::DivSIOp>(op))
      return divide(get(op->getOperand(0)), get(op->getOperand(1)), op);
    if (isa_and_nonnull<arith::MaxSIOp>(op))
      return getLarger(get(op->getOperand(0)), get(op->getOperand(1)), op);
    if (auto select = dyn_cast_or_null<arith::SelectOp>(op))
      if (std::optional<Form> size = getBroadcast(select))
        return *size;
    if (isa_and_nonnull<arith::MinSIOp>(op))
      return getSmaller(get(op->getOperand(0)), get(op->getOperand(1)), op);
    return makeUnknown({value.getAsOpaquePointer(), -1, {}}, std::nullopt);
  }

  /// An axis of a tensor, followed back to where that has it from.
  Form getAxis(Value tensor, int64_t axis) {
    for (;;) {
      auto type = cast<RankedTensorType>(tensor.getType());
      if (!type.isDynamicDim(axis))
        return {type.getDimSize(axis)};
      Operation *op = tensor.getDefiningOp();
      if (auto styled = dyn_cast_or_null<DestinationStyleOpInterface>(op)) {
        tensor = styled.getTiedOpOperand(cast<OpResult>(tensor))->get();
      } else if (isa_and_nonnull<tensor::CastOp>(op)) {
        tensor = op->getOperand(0);
      } else if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(op)) {
        return get(empty.getMixedSizes()[axis]);
      } else if (auto pad = dyn_cast_or_null<tensor::PadOp>(op)) {
        Form size = getAxis(pad.getSource(), axis);
        add(size, get(pad.getMixedLowPad()[axis]), 1);
        add(size, get(pad.getMixedHighPad()[axis]), 1);
        return size;
      } else if (auto expand = dyn_cast_or_null<tensor::ExpandShapeOp>(op)) {
        return get(expand.getMixedOutputShape()[axis]);
      } else if (auto slice = dyn_cast_or_null<tensor::ExtractSliceOp>(op);
                 slice && slice.getDroppedDims().none()) {
        return get(slice.getMixedSizes()[axis]);
      } else if (auto reshape = dyn_cast_or_null<tensor::ReshapeOp>(op);
                 reshape &&
                 reshape.getShape().getDefiningOp<tensor::FromElementsOp>()) {
        return get(reshape.getShape()
                       .getDefiningOp<tensor::FromElementsOp>()
                       .getElements()[axis]);
      } else {
        return getOwnAxis(tensor, axis);
      }
    }
  }

  /// An axis of a tensor that has it from nowhere; arguments may share them.
  Form getOwnAxis(Value tensor, int64_t axis) {
    if (auto argument = dyn_cast<BlockArgument>(tensor))
      if (ArrayRef<int64_t> numbers = neuro::getSizeNumbers(argument);
          !numbers.empty() && numbers[axis] >= 0)
        return makeUnknown({argument.getOwner(), -1, {numbers[axis]}}, 0);
    if (isa_and_nonnull<neuro::NeuroDialect>(
            tensor.getDefiningOp() ? tensor.getDefiningOp()->getDialect()
                                   : nullptr))
      if (std::optional<Form> size = findAxis(tensor, axis))
        return *size;
    return makeUnknown({tensor.getAsOpaquePointer(), axis, {}}, 0);
  }

  /// An axis of the result of an op, by those that it is the same as.
  std::optional<Form> findAxis(Value tensor, int64_t axis) {
    if (depth == kMostSteps)
      return std::nullopt;
    ++depth;
    std::optional<Form> found;
    bool isOne = true;
    for (auto [origin, place] :
         neuro::detail::SymbolicSize::findCandidates(tensor, axis)) {
      Form size = place < 0 ? get(origin) : getAxis(origin, place);
      if (!found || isBoundOf(*found, size))
        found = size;
      else
        isOne &= *found == size || isBoundOf(size, *found);
    }
    --depth;
    return isOne ? found : std::nullopt;
  }

  Form divide(Form lhs, const Form &rhs, Operation *op) {
    if (rhs.size() == 1 && rhs[0] > 0) {
      int64_t divisor = rhs[0];
      bool isExact = lhs[0] % divisor == 0;
      for (size_t i = 2; i < lhs.size(); i += 2)
        isExact &= lhs[i] % divisor == 0;
      if (isExact) {
        lhs[0] /= divisor;
        for (size_t i = 2; i < lhs.size(); i += 2)
          lhs[i] /= divisor;
        return lhs;
      }
      std::optional<int64_t> least = getLeast(lhs);
      return combine(op, lhs, rhs,
                     least ? std::optional(*least / divisor) : std::nullopt);
    }
    return combine(op, lhs, rhs, std::nullopt);
  }

  Form getLarger(const Form &lhs, const Form &rhs, Operation *op) {
    Form difference = lhs;
    add(difference, rhs, -1);
    if (std::optional<int64_t> least = getLeast(difference);
        least && *least >= 0)
      return lhs;
    Form opposite = rhs;
    add(opposite, lhs, -1);
    if (std::optional<int64_t> least = getLeast(opposite); least && *least >= 0)
      return rhs;
    std::optional<int64_t> left = getLeast(lhs), right = getLeast(rhs);
    if (!left || (right && *right > *left))
      left = right;
    return combine(op, lhs, rhs, left);
  }

  Form getSmaller(const Form &lhs, const Form &rhs, Operation *op) {
    std::optional<int64_t> left = getLeast(lhs), right = getLeast(rhs);
    Form smaller = combine(
        op, lhs, rhs,
        left && right ? std::optional(std::min(*left, *right)) : std::nullopt);
    minima.try_emplace(smaller, lhs, rhs);
    return smaller;
  }

  /// What `x == 1 ? y : x` is if y is 1 where x is: it is x.
  std::optional<Form> getBroadcast(arith::SelectOp select) {
    auto compare = select.getCondition().getDefiningOp<arith::CmpIOp>();
    Value size = select.getFalseValue();
    if (!compare || compare.getPredicate() != arith::CmpIPredicate::eq ||
        compare.getLhs() != size || !isConstantIntValue(compare.getRhs(), 1))
      return std::nullopt;
    Form own = get(size), other = get(select.getTrueValue());
    if (own == other || isBoundOf(own, other) || isBoundOf(other, own))
      return own;
    return std::nullopt;
  }

  /// What an op makes of two forms.
  Form combine(Operation *op, const Form &lhs, const Form &rhs,
               std::optional<int64_t> least) {
    std::vector<int64_t> operands{static_cast<int64_t>(lhs.size())};
    llvm::append_range(operands, lhs);
    llvm::append_range(operands, rhs);
    return makeUnknown({op->getName().getAsOpaquePointer(), -1, operands},
                       least);
  }

  Form makeUnknown(const Unknown &unknown, std::optional<int64_t> least) {
    auto [it, isNew] = numbers.try_emplace(unknown, numbers.size());
    if (isNew)
      leasts.push_back(least);
    return {0, it->second, 1};
  }

  void accumulate(int64_t &sum, int64_t factor, int64_t number) {
    int64_t product = 0;
    hasOverflowed |= llvm::MulOverflow(factor, number, product) ||
                     llvm::AddOverflow(sum, product, sum);
  }

  /// Adds a multiple of a form to another.
  void add(Form &form, const Form &other, int64_t factor) {
    std::map<int64_t, int64_t> factors;
    for (size_t i = 1; i < form.size(); i += 2)
      factors[form[i]] = form[i + 1];
    for (size_t i = 1; i < other.size(); i += 2)
      accumulate(factors[other[i]], factor, other[i + 1]);
    form.resize(1);
    accumulate(form[0], factor, other[0]);
    for (auto [unknown, count] : factors)
      if (count != 0)
        form.insert(form.end(), {unknown, count});
  }

  static constexpr int kMostSteps = 200;
  int depth = 0;
  bool hasOverflowed = false;
  llvm::DenseMap<Value, Form> known;
  std::map<Unknown, int64_t> numbers;
  /// The forms that these are the smaller one of.
  std::map<Form, std::pair<Form, Form>> minima;
  /// By the number of an unknown.
  std::vector<std::optional<int64_t>> leasts;
};

} // namespace

bool neuroplast::neuro::areSameSizes(OpFoldResult lhs, OpFoldResult rhs) {
  if (isEqualConstantIntOrValue(lhs, rhs))
    return true;
  SizeForms forms;
  return forms.get(lhs) == forms.get(rhs) && !forms.haveOverflowed();
}

bool neuroplast::neuro::areSameIfBroadcast(OpFoldResult lhs, OpFoldResult rhs) {
  if (isEqualConstantIntOrValue(lhs, rhs))
    return true;
  SizeForms forms;
  Form left = forms.get(lhs), right = forms.get(rhs);
  return (left == right || forms.isBoundOf(left, right) ||
          forms.isBoundOf(right, left)) &&
         !forms.haveOverflowed();
}

bool neuroplast::neuro::isNonNegative(OpFoldResult number) {
  SizeForms forms;
  std::optional<int64_t> least = forms.getLeast(forms.get(number));
  return least && *least >= 0 && !forms.haveOverflowed();
}
