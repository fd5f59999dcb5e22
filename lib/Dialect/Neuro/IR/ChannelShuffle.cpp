//===- ChannelShuffle.cpp - Reshapes and transpositions that interleave ---===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AxisRules/SymbolicSize.h"
#include "mlir/IR/PatternMatch.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::SymbolicSize;

/// The first of two neighbouring axes that change places; none if others do.
static std::optional<int64_t> findSwap(ArrayRef<int64_t> permutation) {
  int64_t axis = 0;
  int64_t rank = permutation.size();
  while (axis < rank && permutation[axis] == axis)
    ++axis;
  if (axis + 1 >= rank || permutation[axis] != axis + 1 ||
      permutation[axis + 1] != axis)
    return std::nullopt;
  for (int64_t rest = axis + 2; rest < rank; ++rest)
    if (permutation[rest] != rest)
      return std::nullopt;
  return axis;
}

/// The axis of the input of a reshape that becomes two axes of the result, the
/// first of them `first`; none if there is none.
static std::optional<int64_t> findSplitAxis(ReshapeOp reshape, int64_t first) {
  AxisRule rule = reshape.getAxisRule();
  const TensorAxes &result = rule.results[0];
  for (auto [index, axis] : llvm::enumerate(rule.operands[0])) {
    if (axis.terms.size() != 1 || axis.terms[0].size() != 2)
      continue;
    if (result[first] == AxisExpr::factor(axis.terms[0][0]) &&
        result[first + 1] == AxisExpr::factor(axis.terms[0][1]))
      return index;
  }
  return std::nullopt;
}

namespace {

/// reshape(transpose(reshape(x))) that splits an axis in two, swaps them, and
/// joins them again.
struct RaiseChannelShuffle : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp join,
                                PatternRewriter &rewriter) const override {
    auto transpose = join.getInput().getDefiningOp<TransposeOp>();
    auto split = transpose ? transpose.getInput().getDefiningOp<ReshapeOp>()
                           : ReshapeOp();
    if (!split)
      return rewriter.notifyMatchFailure(join, "no transposition is joined");
    Value input = split.getInput();
    std::optional<int64_t> swap = findSwap(transpose.getPermutation());
    if (!swap || input.getType() != join.getType())
      return rewriter.notifyMatchFailure(join, "more than an axis is changed");
    std::optional<int64_t> axis = findSplitAxis(split, *swap);
    auto type = cast<RankedTensorType>(input.getType());
    int64_t groups = split.getType().getDimSize(*swap);
    if (!axis || type.isDynamicDim(*axis) || ShapedType::isDynamic(groups) ||
        llvm::is_contained(type.getShape(), 0))
      return rewriter.notifyMatchFailure(join, "no axis is split in two");
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (!(SymbolicSize::ofAxis(join, i) == SymbolicSize::ofAxis(input, i)))
        return rewriter.notifyMatchFailure(join,
                                           "sizes are not what they were");
    rewriter.replaceOpWithNewOp<ChannelShuffleOp>(
        join, type, input, static_cast<uint64_t>(*axis),
        static_cast<uint64_t>(groups));
    return success();
  }
};

} // namespace

void neuroplast::neuro::detail::populateChannelShufflePatterns(
    RewritePatternSet &patterns) {
  patterns.add<RaiseChannelShuffle>(patterns.getContext());
}
