//===- SizeFolding.cpp - Evaluate the arithmetic of sizes -----------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "SizeLists.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <array>
#include <numeric>

using namespace mlir;
using namespace neuroplast;

using Size = OpFoldResult;

namespace {

/// Sizes or small integer constants, row by row.
struct Elements {
  SmallVector<Size> sizes;
  bool isScalar = false;
  Type type;
  SmallVector<int64_t> matrix; ///< The shape, if the rank is 2 or more.
};

/// The operand as elements of any rank; none if they are not known.
std::optional<Elements> getAnyElements(NodeContext &node, int index) {
  if (!node.hasInput(index))
    return std::nullopt;
  GraphValue *known = node.importer.lookup(node.node.input(index));
  if (!known)
    return std::nullopt;
  if (known->elements)
    return Elements{*known->elements, known->isScalar, known->elementType,
                    known->matrix};
  if (!known->constant)
    return std::nullopt;
  auto type = cast<RankedTensorType>(known->constant.getShapedType());
  auto integer = dyn_cast<IntegerType>(type.getElementType());
  if (!integer || integer.isUnsigned() || type.getNumElements() > 64)
    return std::nullopt;
  auto ints = getIntegers(known->constant);
  if (!ints)
    return std::nullopt;
  Elements result{{}, type.getRank() == 0, integer, {}};
  for (int64_t value : *ints)
    result.sizes.push_back(node.importer.builder.getIndexAttr(value));
  if (type.getRank() > 1)
    result.matrix.assign(type.getShape().begin(), type.getShape().end());
  return result;
}

/// The operand as elements of rank 0 or 1; none if it is something else.
std::optional<Elements> getElements(NodeContext &node, int index) {
  auto elements = getAnyElements(node, index);
  if (elements && !elements->matrix.empty())
    return std::nullopt;
  return elements;
}

/// Whether an operand comes from sizes, and is no constant of the model.
bool isComputed(NodeContext &node, int index) {
  GraphValue *known = node.importer.lookup(node.node.input(index));
  return known && known->elements;
}

void setMatrix(NodeContext &node, ArrayRef<Size> sizes, ArrayRef<int64_t> shape,
               Type type) {
  node.setElements(0, sizes, shape.empty(), type,
                   shape.size() > 1 ? shape : ArrayRef<int64_t>());
}

using BinaryFold = Size (SizeArithmetic::*)(Size, Size);

bool foldBinary(NodeContext &node, BinaryFold combine, bool isFlag) {
  auto lhs = getElements(node, 0), rhs = getElements(node, 1);
  if (!lhs || !rhs || node.node.input_size() != 2)
    return false;
  size_t count = std::max(lhs->sizes.size(), rhs->sizes.size());
  if (lhs->sizes.empty() || rhs->sizes.empty() ||
      (lhs->sizes.size() != count && lhs->sizes.size() != 1) ||
      (rhs->sizes.size() != count && rhs->sizes.size() != 1))
    return false;
  // A division by zero is left to run time.
  bool divides =
      combine == &SizeArithmetic::div || combine == &SizeArithmetic::rem;
  if (divides && llvm::any_of(rhs->sizes, [](Size size) {
        return isConstantIntValue(size, 0);
      }))
    return false;
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  SmallVector<Size> result;
  for (size_t i = 0; i < count; ++i) {
    Size left = lhs->sizes[lhs->sizes.size() == 1 ? 0 : i];
    Size right = rhs->sizes[rhs->sizes.size() == 1 ? 0 : i];
    result.push_back((arithmetic.*combine)(left, right));
  }
  Type type = isFlag ? Type(node.importer.builder.getI1Type()) : lhs->type;
  node.setElements(0, result, lhs->isScalar && rhs->isScalar, type);
  return true;
}

bool foldNegation(NodeContext &node) {
  auto data = getElements(node, 0);
  if (!data)
    return false;
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  SmallVector<Size> result;
  for (Size size : data->sizes)
    result.push_back(arithmetic.sub(arithmetic.constant(0), size));
  node.setElements(0, result, data->isScalar, data->type);
  return true;
}

/// 1 where an element is 0, and 0 where it is 1.
bool foldNot(NodeContext &node) {
  auto data = getElements(node, 0);
  if (!data || !isComputed(node, 0))
    return false;
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  SmallVector<Size> result;
  for (Size size : data->sizes)
    result.push_back(arithmetic.equal(size, arithmetic.constant(0)));
  node.setElements(0, result, data->isScalar, data->type);
  return true;
}

/// A short range of constants: axes, mostly.
bool foldRange(NodeContext &node) {
  std::array<int64_t, 3> bounds;
  Type type;
  for (int i = 0; i < 3; ++i) {
    auto elements = getElements(node, i);
    if (!elements || elements->sizes.size() != 1)
      return false;
    auto constant = getConstantIntValue(elements->sizes.front());
    if (!constant)
      return false;
    bounds[i] = *constant;
    type = elements->type;
  }
  auto [start, limit, step] = bounds;
  // Axes and the like; far numbers could not be stepped over without overflow.
  for (int64_t bound : bounds)
    if (bound < INT32_MIN || bound > INT32_MAX)
      return false;
  if (step == 0 || std::abs(limit - start) / std::abs(step) > 64)
    return false;
  SmallVector<Size> result;
  for (int64_t at = start; step > 0 ? at < limit : at > limit; at += step)
    result.push_back(node.importer.builder.getIndexAttr(at));
  node.setElements(0, result, false, type);
  return true;
}

bool foldConcat(NodeContext &node) {
  SmallVector<Size> result;
  Type type;
  for (int i = 0; i < node.node.input_size(); ++i) {
    auto piece = getElements(node, i);
    if (!piece || piece->isScalar)
      return false;
    result.append(piece->sizes);
    type = piece->type;
  }
  node.setElements(0, result, false, type);
  return true;
}

/// The elements of a short vector of integers that is known at run time only.
std::optional<Elements> extractElements(NodeContext &node, int index) {
  GraphValue *known = node.importer.lookup(node.node.input(index));
  auto type = known && known->value
                  ? dyn_cast<RankedTensorType>(known->value.getType())
                  : RankedTensorType();
  if (!type || type.getRank() != 1 || !type.hasStaticShape() ||
      type.getNumElements() > 64 ||
      !(type.getElementType().isInteger(64) ||
        type.getElementType().isInteger(32)))
    return std::nullopt;
  auto sizes = node.getSizes(index);
  if (!sizes)
    return std::nullopt;
  return Elements{*sizes, false, type.getElementType(), {}};
}

bool foldGather(NodeContext &node) {
  auto indices = getElements(node, 1);
  if (!indices || llvm::any_of(indices->sizes, [](Size index) {
        return !getConstantIntValue(index);
      }))
    return false;
  auto data = getElements(node, 0);
  if (!data && node.getInt("axis", 0) == 0)
    data = extractElements(node, 0);
  if (!data || data->isScalar)
    return false;
  SmallVector<Size> result;
  for (Size index : indices->sizes) {
    auto constant = getConstantIntValue(index);
    int64_t at = *constant < 0
                     ? *constant + static_cast<int64_t>(data->sizes.size())
                     : *constant;
    if (at < 0 || at >= static_cast<int64_t>(data->sizes.size()))
      return false;
    result.push_back(data->sizes[at]);
  }
  node.setElements(0, result, indices->isScalar, data->type);
  return true;
}

/// Of a vector, or of the rows of a matrix.
bool foldSlice(NodeContext &node) {
  auto data = getAnyElements(node, 0);
  auto starts = getElements(node, 1), ends = getElements(node, 2);
  if (!data || data->isScalar || !starts || !ends ||
      starts->sizes.size() != 1 || ends->sizes.size() != 1)
    return false;
  int64_t rows = data->matrix.empty() ? static_cast<int64_t>(data->sizes.size())
                                      : data->matrix.front();
  if (rows == 0)
    return false;
  int64_t width = data->sizes.size() / rows;
  if (node.hasInput(3)) {
    auto axes = getElements(node, 3);
    int64_t rank = data->matrix.empty() ? 1 : data->matrix.size();
    if (!axes || axes->sizes.size() != 1 ||
        (!isConstantIntValue(axes->sizes.front(), 0) &&
         !isConstantIntValue(axes->sizes.front(), -rank)))
      return false;
  }
  int64_t step = 1;
  if (node.hasInput(4)) {
    auto steps = getElements(node, 4);
    auto constant = steps && steps->sizes.size() == 1
                        ? getConstantIntValue(steps->sizes.front())
                        : std::nullopt;
    if (!constant || *constant == 0)
      return false;
    step = *constant;
  }
  auto first = getConstantIntValue(starts->sizes.front());
  auto last = getConstantIntValue(ends->sizes.front());
  if (!first || !last)
    return false;
  auto clamp = [&](int64_t value, int64_t low, int64_t high) {
    if (value < 0)
      value += rows;
    return std::clamp(value, low, high);
  };
  SmallVector<Size> result;
  auto take = [&](int64_t row) {
    result.append(data->sizes.begin() + row * width,
                  data->sizes.begin() + (row + 1) * width);
  };
  if (step > 0)
    for (int64_t i = clamp(*first, 0, rows), e = clamp(*last, 0, rows); i < e;
         i += std::min(step, rows))
      take(i);
  else
    for (int64_t i = clamp(*first, 0, rows - 1),
                 e = *last < -rows ? -1 : clamp(*last, -1, rows - 1);
         i > e; i += std::max(step, -rows))
      take(i);
  SmallVector<int64_t> shape{static_cast<int64_t>(result.size())};
  if (!data->matrix.empty()) {
    shape = data->matrix;
    shape.front() = result.size() / width;
  }
  setMatrix(node, result, shape, data->type);
  return true;
}

bool foldSplit(NodeContext &node) {
  auto data = getElements(node, 0);
  int64_t axis = node.getInt("axis", 0);
  if (!data || data->isScalar || (axis != 0 && axis != -1))
    return false;
  int64_t rows = data->sizes.size(), pieces = node.node.output_size();
  SmallVector<int64_t> sizes;
  if (node.hasInput(1))
    sizes = node.getConstantInts(1).value_or(SmallVector<int64_t>());
  else if (pieces > 0)
    sizes = shareRows(rows, pieces);
  if (static_cast<int64_t>(sizes.size()) != pieces ||
      llvm::any_of(sizes, [&](int64_t s) { return s < 0 || s > rows; }) ||
      std::accumulate(sizes.begin(), sizes.end(), int64_t(0)) != rows)
    return false;
  ArrayRef<Size> rest = data->sizes;
  for (auto [index, size] : llvm::enumerate(sizes)) {
    node.setElements(index, rest.take_front(size), false, data->type);
    rest = rest.drop_front(size);
  }
  return true;
}

bool foldTranspose(NodeContext &node) {
  auto data = getAnyElements(node, 0);
  if (!data || data->matrix.size() != 2)
    return false;
  auto permutation = node.getInts("perm").value_or(SmallVector<int64_t>{1, 0});
  if (permutation != SmallVector<int64_t>{1, 0})
    return false;
  int64_t rows = data->matrix[0], columns = data->matrix[1];
  SmallVector<Size> result;
  for (int64_t column = 0; column < columns; ++column)
    for (int64_t row = 0; row < rows; ++row)
      result.push_back(data->sizes[row * columns + column]);
  setMatrix(node, result, {columns, rows}, data->type);
  return true;
}

bool foldReshape(NodeContext &node) {
  auto data = getAnyElements(node, 0);
  auto shape = getElements(node, 1);
  if (!data || !shape || !isComputed(node, 0))
    return false;
  int64_t known = 1, count = data->sizes.size();
  SmallVector<int64_t> sizes;
  std::optional<size_t> open;
  for (Size size : shape->sizes) {
    auto constant = getConstantIntValue(size);
    if (!constant || *constant < -1 || (*constant == -1 && open))
      return false;
    if (*constant == -1)
      open = sizes.size();
    else
      known = neuro::mulSizes(known, *constant);
    sizes.push_back(*constant);
  }
  if (open) {
    if (known == 0 || count % known != 0)
      return false;
    sizes[*open] = count / known;
    known = count;
  }
  // A size of 0, which keeps that of the operand, is not worth a rule here.
  if (known != count || llvm::is_contained(sizes, 0))
    return false;
  setMatrix(node, data->sizes, sizes, data->type);
  return true;
}

/// Identity, and the ops that change only the rank (0 or 1).
bool foldRank(NodeContext &node) {
  auto data = getElements(node, 0);
  if (!data || !isComputed(node, 0))
    return false;
  StringRef name = node.node.op_type();
  bool isScalar = data->isScalar;
  if (name == "Squeeze") {
    if (data->sizes.size() != 1)
      return false;
    isScalar = true;
  } else if (name == "Unsqueeze") {
    auto axes = getElements(node, 1);
    if (!data->isScalar || !axes || axes->sizes.size() != 1)
      return false;
    isScalar = false;
  }
  node.setElements(0, data->sizes, isScalar, data->type);
  return true;
}

bool foldReduction(NodeContext &node, BinaryFold combine) {
  auto data = getElements(node, 0);
  if (!data || data->isScalar || data->sizes.empty() ||
      node.getInt("noop_with_empty_axes", 0))
    return false;
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  Size result = data->sizes.front();
  for (Size next : ArrayRef(data->sizes).drop_front())
    result = (arithmetic.*combine)(result, next);
  node.setElements(0, result, !node.getInt("keepdims", 1), data->type);
  return true;
}

bool foldWhere(NodeContext &node) {
  auto condition = getElements(node, 0), lhs = getElements(node, 1),
       rhs = getElements(node, 2);
  if (!condition || !lhs || !rhs)
    return false;
  size_t count =
      std::max({condition->sizes.size(), lhs->sizes.size(), rhs->sizes.size()});
  SizeArithmetic arithmetic(node.importer.builder, node.location);
  SmallVector<Size> result;
  auto at = [](const Elements &elements, size_t i) {
    return elements.sizes[elements.sizes.size() == 1 ? 0 : i];
  };
  for (const Elements *elements : {&*condition, &*lhs, &*rhs})
    if (elements->sizes.size() != 1 && elements->sizes.size() != count)
      return false;
  for (size_t i = 0; i < count; ++i)
    result.push_back(
        arithmetic.select(at(*condition, i), at(*lhs, i), at(*rhs, i)));
  node.setElements(0, result,
                   condition->isScalar && lhs->isScalar && rhs->isScalar,
                   lhs->type);
  return true;
}

} // namespace

bool neuroplast::foldSizes(NodeContext &node) {
  StringRef name = node.node.op_type();
  using A = SizeArithmetic;
  if (name == "Add")
    return foldBinary(node, &A::add, false);
  if (name == "Sub")
    return foldBinary(node, &A::sub, false);
  if (name == "Mul")
    return foldBinary(node, &A::mul, false);
  if (name == "Div")
    return foldBinary(node, &A::div, false);
  if (name == "Min")
    return foldBinary(node, &A::min, false);
  if (name == "Max")
    return foldBinary(node, &A::max, false);
  if (name == "Equal")
    return foldBinary(node, &A::equal, true);
  if (name == "Less")
    return foldBinary(node, &A::less, true);
  if (name == "Concat")
    return foldConcat(node);
  if (name == "Gather")
    return foldGather(node);
  if (name == "Slice")
    return foldSlice(node);
  if (name == "Split")
    return foldSplit(node);
  if (name == "Identity" || name == "Squeeze" || name == "Unsqueeze")
    return foldRank(node);
  if (name == "Reshape")
    return foldReshape(node);
  if (name == "Transpose")
    return foldTranspose(node);
  if (name == "Not")
    return foldNot(node);
  if (name == "Neg")
    return foldNegation(node);
  if (name == "Range")
    return foldRange(node);
  if (name == "ReduceProd")
    return foldReduction(node, &A::mul);
  if (name == "ReduceSum")
    return foldReduction(node, &A::add);
  if (name == "ReduceMax")
    return foldReduction(node, &A::max);
  if (name == "ReduceMin")
    return foldReduction(node, &A::min);
  if (name == "Where")
    return foldWhere(node);
  return false;
}
