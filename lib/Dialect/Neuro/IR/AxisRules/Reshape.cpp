//===- Reshape.cpp - Axis rules of reshapes -------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "SymbolicSize.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

namespace {

/// Writes the rule of a reshape. Axes of size 1 say nothing; the others are
/// matched from both ends in the smallest runs with equal products, and a run
/// is cut at the union of the boundaries of its two sides. Sizes known at run
/// time only take part as far as it is known what they are products of.
class ReshapeRule {
public:
  explicit ReshapeRule(ReshapeOp op) : op(op), build(op) {
    for (auto [axis, size] :
         llvm::enumerate(RuleBuilder::getShape(op.getInput()))) {
      in.push_back(SymbolicSize::ofAxis(op.getInput(), axis));
      if (size != 1)
        inputDims.push_back(axis);
    }
    for (auto [axis, size] :
         llvm::enumerate(RuleBuilder::getShape(op.getResult()))) {
      out.push_back(SymbolicSize::ofAxis(op.getResult(), axis));
      if (size != 1)
        resultDims.push_back(axis);
    }
    inputAxes.assign(in.size(), AxisExpr::one());
    resultAxes.assign(out.size(), AxisExpr::one());
  }

  AxisRule write() {
    // Minor axes first: they agree whatever stands before them.
    while (matchRun(/*fromEnd=*/true)) {
    }
    while (matchRun(/*fromEnd=*/false)) {
    }
    matchOnlyDynamic();
    pinRest(inputDims, in, inputAxes);
    pinRest(resultDims, out, resultAxes);
    build.set(op.getInputMutable(), inputAxes);
    build.set(op.getResult(), resultAxes);
    return build.take();
  }

private:
  using Sizes = SmallVector<SymbolicSize, 4>;

  static void drop(SmallVector<size_t> &dims, size_t count, bool fromEnd) {
    if (fromEnd)
      dims.truncate(dims.size() - count);
    else
      dims.erase(dims.begin(), dims.begin() + count);
  }

  /// Takes the shortest run of equal products off one end of both lists.
  bool matchRun(bool fromEnd) {
    if (inputDims.empty() || resultDims.empty())
      return false;
    auto at = [&](SmallVector<size_t> &dims, size_t i) {
      return fromEnd ? dims[dims.size() - 1 - i] : dims[i];
    };
    size_t takeIn = 1, takeOut = 1;
    SymbolicSize left = in[at(inputDims, 0)], right = out[at(resultDims, 0)];
    while (!(left == right)) {
      // The side that is a part of the other grows; of two numbers the smaller.
      bool areNumbers = left.isStatic() && right.isStatic();
      bool growLeft = areNumbers ? left.getNumber() < right.getNumber()
                                 : right.dividedBy(left).has_value();
      if (!growLeft && !areNumbers && !left.dividedBy(right))
        return false;
      auto &dims = growLeft ? inputDims : resultDims;
      auto &take = growLeft ? takeIn : takeOut;
      if (take == dims.size())
        return false;
      size_t next = at(dims, take++);
      (growLeft ? left : right) =
          growLeft ? left * in[next] : right * out[next];
    }
    SmallVector<size_t> leftRun, rightRun;
    for (size_t i = 0; i < takeIn; ++i)
      leftRun.push_back(at(inputDims, i));
    for (size_t i = 0; i < takeOut; ++i)
      rightRun.push_back(at(resultDims, i));
    llvm::sort(leftRun);
    llvm::sort(rightRun);
    if (!writeRun(leftRun, rightRun))
      return false;
    drop(inputDims, takeIn, fromEnd);
    drop(resultDims, takeOut, fromEnd);
    return true;
  }

  /// The only unknown sizes of equally many elements are equal.
  void matchOnlyDynamic() {
    auto findOnly = [](ArrayRef<size_t> dims, const Sizes &sizes,
                       int64_t &product) -> std::optional<size_t> {
      std::optional<size_t> found;
      for (size_t dim : dims) {
        if (sizes[dim].isStatic()) {
          product *= sizes[dim].getNumber();
          continue;
        }
        if (found)
          return std::nullopt;
        found = dim;
      }
      return found;
    };
    int64_t left = 1, right = 1;
    auto input = findOnly(inputDims, in, left);
    auto result = findOnly(resultDims, out, right);
    if (!input || !result || left != right)
      return;
    in[*input] = out[*result];
    while (matchRun(/*fromEnd=*/true)) {
    }
    while (matchRun(/*fromEnd=*/false)) {
    }
  }

  /// Factors of a run whose two sides have the same product; false if its sizes
  /// do not tell them.
  bool writeRun(ArrayRef<size_t> leftRun, ArrayRef<size_t> rightRun) {
    // The products of minor sizes, by which the two sides are cut.
    SmallVector<SymbolicSize> leftCuts{SymbolicSize(1)},
        rightCuts{SymbolicSize(1)};
    for (size_t dim : llvm::reverse(leftRun))
      leftCuts.push_back(leftCuts.back() * in[dim]);
    for (size_t dim : llvm::reverse(rightRun))
      rightCuts.push_back(rightCuts.back() * out[dim]);
    // Merged into one chain in which each divides the next.
    SmallVector<SymbolicSize> cuts;
    bool refines = true;
    size_t i = 0, j = 0;
    while (i < leftCuts.size() || j < rightCuts.size()) {
      bool takeLeft = j == rightCuts.size();
      if (i < leftCuts.size() && j < rightCuts.size()) {
        takeLeft = rightCuts[j].dividedBy(leftCuts[i]).has_value();
        refines &= takeLeft || leftCuts[i].dividedBy(rightCuts[j]).has_value();
      }
      const SymbolicSize &cut = takeLeft ? leftCuts[i++] : rightCuts[j++];
      if (cuts.empty() || !(cuts.back() == cut))
        cuts.push_back(cut);
    }
    for (size_t k = 1; k < cuts.size(); ++k)
      refines &= cuts[k].dividedBy(cuts[k - 1]).has_value();
    if (!refines)
      return equateRuns(leftRun, rightRun);
    // factors[k] runs between cuts[k] and cuts[k + 1]; the last is major.
    SmallVector<unsigned> factors(cuts.size() - 1);
    for (size_t k = factors.size(); k-- > 0;)
      factors[k] =
          build.factor("a", cuts[k + 1].dividedBy(cuts[k])->getExtent());
    auto assign = [&](ArrayRef<size_t> run, ArrayRef<SymbolicSize> ownCuts,
                      TensorAxes &axes) {
      auto *from = cuts.begin();
      for (auto [position, dim] : llvm::enumerate(llvm::reverse(run))) {
        auto *to = llvm::find(cuts, ownCuts[position + 1]);
        SmallVector<unsigned> list;
        for (auto *cut = from; cut != to; ++cut)
          list.push_back(factors[cut - cuts.begin()]);
        std::reverse(list.begin(), list.end());
        axes[dim] = AxisExpr::product(list);
        from = to;
      }
    };
    assign(leftRun, leftCuts, inputAxes);
    assign(rightRun, rightCuts, resultAxes);
    return true;
  }

  /// Without common factors the whole runs are equated.
  bool equateRuns(ArrayRef<size_t> leftRun, ArrayRef<size_t> rightRun) {
    auto isStatic = [](ArrayRef<size_t> run, const Sizes &sizes) {
      return llvm::all_of(run,
                          [&](size_t dim) { return sizes[dim].isStatic(); });
    };
    if (!isStatic(leftRun, in) || !isStatic(rightRun, out))
      return false;
    auto makeAxes = [&](ArrayRef<size_t> run, const Sizes &sizes,
                        StringRef name, TensorAxes &axes) {
      SmallVector<unsigned> factors;
      for (size_t dim : run) {
        factors.push_back(build.factor(name, sizes[dim].getNumber()));
        axes[dim] = AxisExpr::factor(factors.back());
      }
      return AxisExpr::product(factors);
    };
    AxisExpr left = makeAxes(leftRun, in, "a", inputAxes);
    build.rule.equations.push_back(
        {left, makeAxes(rightRun, out, "b", resultAxes)});
    return true;
  }

  void pinRest(ArrayRef<size_t> dims, const Sizes &sizes, TensorAxes &axes) {
    for (size_t dim : dims) {
      axes[dim] = build.axis("u", sizes[dim].getExtent());
      build.pin(axes[dim],
                build.reason("mixes the axis with sizes known at run time only",
                             op.getDynamicSizes()));
    }
  }

  ReshapeOp op;
  RuleBuilder build;
  Sizes in, out;
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
  unsigned dynamic = 0;
  for (auto [size, axis] : llvm::zip(sizes, rule.results[0])) {
    if (!ShapedType::isDynamic(size)) {
      size = AxisRule::getExtent(axis, extents);
      continue;
    }
    // What is computed at run time has old extents as factors.
    int64_t before = 1, after = 1;
    for (unsigned factor : axis.terms[0])
      if (!ShapedType::isDynamic(rule.factors[factor].extent)) {
        before *= rule.factors[factor].extent;
        after *= extents[factor];
      }
    OpOperand &operand = getDynamicSizesMutable()[dynamic++];
    if (before == after)
      continue;
    OpBuilder builder(*this);
    auto number = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(builder, getLoc(), value);
    };
    // A product that has them as a number is written with another one.
    Value rest;
    if (auto product = operand.get().getDefiningOp<arith::MulIOp>())
      for (unsigned i : {0, 1})
        if (getConstantIntValue(product->getOperand(1 - i)) == before)
          rest = product->getOperand(i);
    if (!rest)
      rest = arith::DivUIOp::create(builder, getLoc(), operand.get(),
                                    number(before));
    operand.set(arith::MulIOp::create(builder, getLoc(), rest, number(after)));
  }
  setSizes(sizes);
}
