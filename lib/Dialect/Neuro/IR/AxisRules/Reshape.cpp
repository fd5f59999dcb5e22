//===- Reshape.cpp - Axis rules of reshapes -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

namespace {

/// Writes the rule of a reshape. Axes of size 1 say nothing; the others are
/// matched from both ends in the smallest runs with equal products, and a run
/// is cut at the union of the boundaries of its two sides.
class ReshapeRule {
public:
  explicit ReshapeRule(ReshapeOp op)
      : op(op), build(op), in(RuleBuilder::getShape(op.getInput())),
        out(RuleBuilder::getShape(op.getResult())) {
    inputAxes.assign(in.size(), AxisExpr::one());
    resultAxes.assign(out.size(), AxisExpr::one());
    for (size_t i = 0; i < in.size(); ++i)
      if (in[i] != 1)
        inputDims.push_back(i);
    for (size_t i = 0; i < out.size(); ++i)
      if (out[i] != 1)
        resultDims.push_back(i);
  }

  AxisRule write() {
    // Minor axes first: they agree whatever stands before them.
    while (matchRun(/*fromEnd=*/true)) {
    }
    while (matchRun(/*fromEnd=*/false)) {
    }
    pinRest(inputDims, in, inputAxes);
    pinRest(resultDims, out, resultAxes);
    build.set(op.getInputMutable(), inputAxes);
    build.set(op.getResult(), resultAxes);
    return build.take();
  }

private:
  /// Whether a size of the result is that of an axis of the input.
  bool isSameSize(size_t inputDim, size_t resultDim) {
    if (!ShapedType::isDynamic(in[inputDim]))
      return in[inputDim] == out[resultDim];
    if (!ShapedType::isDynamic(out[resultDim]))
      return false;
    ArrayRef<int64_t> sizes = op.getSizes();
    size_t position =
        llvm::count_if(sizes.take_front(resultDim), [](int64_t size) {
          return ShapedType::isDynamic(size);
        });
    if (resultDim < sizes.size() && ShapedType::isDynamic(sizes[resultDim]) &&
        position < op.getDynamicSizes().size())
      if (auto dim =
              op.getDynamicSizes()[position].getDefiningOp<tensor::DimOp>())
        if (dim.getSource() == op.getInput() &&
            dim.getConstantIndex() == static_cast<int64_t>(inputDim))
          return true;
    // The only unknown sizes of equally many elements are equal.
    return isOnlyDynamic(inputDims, in) && isOnlyDynamic(resultDims, out) &&
           staticProduct(inputDims, in) == staticProduct(resultDims, out);
  }

  static bool isOnlyDynamic(ArrayRef<size_t> dims, ArrayRef<int64_t> shape) {
    return llvm::count_if(dims, [&](size_t dim) {
             return ShapedType::isDynamic(shape[dim]);
           }) == 1;
  }

  static int64_t staticProduct(ArrayRef<size_t> dims, ArrayRef<int64_t> shape) {
    int64_t product = 1;
    for (size_t dim : dims)
      if (!ShapedType::isDynamic(shape[dim]))
        product *= shape[dim];
    return product;
  }

  /// Takes the shortest run of equal products off one end of both lists.
  bool matchRun(bool fromEnd) {
    if (inputDims.empty() || resultDims.empty())
      return false;
    auto at = [&](SmallVector<size_t> &dims, size_t i) {
      return fromEnd ? dims[dims.size() - 1 - i] : dims[i];
    };
    size_t firstIn = at(inputDims, 0), firstOut = at(resultDims, 0);
    size_t takeIn = 1, takeOut = 1;
    if (ShapedType::isDynamic(in[firstIn]) ||
        ShapedType::isDynamic(out[firstOut])) {
      if (!isSameSize(firstIn, firstOut))
        return false;
      AxisExpr axis = build.axis("n", ShapedType::kDynamic);
      inputAxes[firstIn] = resultAxes[firstOut] = axis;
    } else {
      int64_t left = in[firstIn], right = out[firstOut];
      while (left != right) {
        auto &dims = left < right ? inputDims : resultDims;
        auto &take = left < right ? takeIn : takeOut;
        auto &product = left < right ? left : right;
        ArrayRef<int64_t> shape = left < right ? in : out;
        if (take == dims.size() || ShapedType::isDynamic(shape[at(dims, take)]))
          return false;
        product *= shape[at(dims, take++)];
      }
      SmallVector<size_t> leftRun, rightRun;
      for (size_t i = 0; i < takeIn; ++i)
        leftRun.push_back(at(inputDims, i));
      for (size_t i = 0; i < takeOut; ++i)
        rightRun.push_back(at(resultDims, i));
      llvm::sort(leftRun);
      llvm::sort(rightRun);
      writeRun(leftRun, rightRun);
    }
    auto drop = [&](SmallVector<size_t> &dims, size_t count) {
      if (fromEnd)
        dims.truncate(dims.size() - count);
      else
        dims.erase(dims.begin(), dims.begin() + count);
    };
    drop(inputDims, takeIn);
    drop(resultDims, takeOut);
    return true;
  }

  /// Factors of a run whose two sides have the same product.
  void writeRun(ArrayRef<size_t> leftRun, ArrayRef<size_t> rightRun) {
    SmallVector<int64_t> cuts = {1};
    auto addCuts = [&](ArrayRef<size_t> run, ArrayRef<int64_t> shape) {
      int64_t product = 1;
      for (size_t dim : llvm::reverse(run))
        cuts.push_back(product *= shape[dim]);
    };
    addCuts(leftRun, in);
    addCuts(rightRun, out);
    llvm::sort(cuts);
    cuts.erase(llvm::unique(cuts), cuts.end());
    bool refines = true;
    for (size_t i = 1; i < cuts.size(); ++i)
      refines &= cuts[i] % cuts[i - 1] == 0;
    if (!refines) {
      // No common factors: the whole runs are equated.
      SmallVector<unsigned> left, right;
      for (size_t dim : leftRun) {
        left.push_back(build.factor("a", in[dim]));
        inputAxes[dim] = AxisExpr::factor(left.back());
      }
      for (size_t dim : rightRun) {
        right.push_back(build.factor("b", out[dim]));
        resultAxes[dim] = AxisExpr::factor(right.back());
      }
      build.rule.equations.push_back(
          {AxisExpr::product(left), AxisExpr::product(right)});
      return;
    }
    // factors[i] runs between cuts[i] and cuts[i + 1]; the last is major.
    SmallVector<unsigned> factors;
    for (size_t i = cuts.size() - 1; i > 0; --i)
      factors.push_back(build.factor("a", cuts[i] / cuts[i - 1]));
    std::reverse(factors.begin(), factors.end());
    auto assign = [&](ArrayRef<size_t> run, ArrayRef<int64_t> shape,
                      TensorAxes &axes) {
      int64_t product = 1;
      for (size_t dim : llvm::reverse(run)) {
        SmallVector<unsigned> list;
        int64_t end = product * shape[dim];
        for (size_t i = 0; i + 1 < cuts.size(); ++i)
          if (cuts[i] >= product && cuts[i] < end)
            list.push_back(factors[i]);
        std::reverse(list.begin(), list.end());
        axes[dim] = AxisExpr::product(list);
        product = end;
      }
    };
    assign(leftRun, in, inputAxes);
    assign(rightRun, out, resultAxes);
  }

  void pinRest(ArrayRef<size_t> dims, ArrayRef<int64_t> shape,
               TensorAxes &axes) {
    for (size_t dim : dims) {
      axes[dim] = build.axis("u", shape[dim]);
      build.pin(axes[dim],
                build.reason("mixes the axis with sizes known at run time only",
                             op.getDynamicSizes()));
    }
  }

  ReshapeOp op;
  RuleBuilder build;
  ArrayRef<int64_t> in, out;
  TensorAxes inputAxes, resultAxes;
  /// The axes still to be matched.
  SmallVector<size_t> inputDims, resultDims;
};

} // namespace

AxisRule ReshapeOp::getAxisRule() {
  // Of no elements, any sizes will do: nothing says which axes correspond.
  if (llvm::is_contained(detail::getTensorType(getInput()).getShape(), 0) ||
      llvm::is_contained(getType().getShape(), 0))
    return detail::RuleBuilder(*this).take();
  return ReshapeRule(*this).write();
}

void ReshapeOp::setFactorExtents(ArrayRef<int64_t> extents) {
  AxisRule rule = getAxisRule();
  SmallVector<int64_t> sizes(getSizes());
  for (auto [size, axis] : llvm::zip(sizes, rule.results[0]))
    if (!ShapedType::isDynamic(size))
      size = AxisRule::getExtent(axis, extents);
  setSizes(sizes);
}
