//===- ShapeOps.cpp - Ops that move elements ------------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "mlir/Dialect/Traits.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::findAxis;
using neuroplast::neuro::detail::getTensorType;
using neuroplast::neuro::detail::verifyDynamicList;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

static RankedTensorType withShape(Value input, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, getTensorType(input).getElementType());
}

#define INFER(OP)                                                              \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types)

//===----------------------------------------------------------------------===//
// Reshape, transpose, expand, tile, fill
//===----------------------------------------------------------------------===//

INFER(ReshapeOp) {
  (void)context;
  ArrayRef<int64_t> sizes = adaptor.getSizes();
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (failed(verifyDynamicList(getOperationName(), location, "sizes", sizes,
                               adaptor.getDynamicSizes().size())))
    return failure();
  RankedTensorType result = withShape(adaptor.getInput(), sizes);
  int64_t have = countElements(input.getShape()), want = countElements(sizes);
  if (input.hasStaticShape() && result.hasStaticShape() && have != want)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op reshapes ", have, " elements to ", want);
  types.push_back(result);
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType() && getType().hasStaticShape())
    return getInput();
  return {};
}

namespace {
/// reshape(reshape(x)) is the outer reshape of x.
struct MergeReshapes : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<ReshapeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the input is no reshape");
    rewriter.modifyOpInPlace(
        op, [&] { op.getInputMutable().assign(inner.getInput()); });
    return success();
  }
};
} // namespace

void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<MergeReshapes>(context);
  detail::populateChannelShufflePatterns(patterns);
}

INFER(TransposeOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  SmallVector<bool> seen(input.getRank(), false);
  SmallVector<int64_t> shape;
  bool valid = static_cast<int64_t>(permutation.size()) == input.getRank();
  for (int64_t axis : permutation) {
    valid = valid && axis >= 0 && axis < input.getRank() && !seen[axis];
    if (!valid)
      break;
    seen[axis] = true;
    shape.push_back(input.getDimSize(axis));
  }
  if (!valid)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op permutation is none of the ",
                             input.getRank(), " axes of its operand");
  types.push_back(withShape(adaptor.getInput(), shape));
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return getInput().getType() == getType() ? getInput() : Value();
  auto inner = getInput().getDefiningOp<TransposeOp>();
  if (!inner)
    return {};
  SmallVector<int64_t> composed;
  for (int64_t axis : permutation)
    composed.push_back(inner.getPermutation()[axis]);
  setPermutation(composed);
  getInputMutable().assign(inner.getInput());
  return getResult();
}

INFER(ExpandOp) {
  (void)context;
  if (failed(verifyDynamicList(getOperationName(), location, "sizes",
                               adaptor.getSizes(),
                               adaptor.getDynamicSizes().size())))
    return failure();
  auto shape = neuroplast::neuro::detail::broadcastShapes(
      getTensorType(adaptor.getInput()).getShape(), adaptor.getSizes());
  if (failed(shape))
    return emitOptionalError(location, "'", getOperationName(), "' op operand ",
                             getTensorType(adaptor.getInput()),
                             " does not broadcast to the sizes asked for");
  types.push_back(withShape(adaptor.getInput(), *shape));
  return success();
}

OpFoldResult ExpandOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType() && getType().hasStaticShape())
    return getInput();
  return {};
}

INFER(TileOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  ArrayRef<int64_t> repeats = adaptor.getRepeats();
  if (failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, input.getRank(),
          {{"repeats", repeats.size()}})) ||
      failed(verifyDynamicList(getOperationName(), location, "repeats", repeats,
                               adaptor.getDynamicRepeats().size())))
    return failure();
  SmallVector<int64_t> shape;
  for (auto [size, repeat] : llvm::zip_equal(input.getShape(), repeats)) {
    if (repeat < 0 && repeat != kDynamic)
      return emitOptionalError(location, "'", getOperationName(),
                               "' op has a negative repeat, ", repeat);
    shape.push_back(mulSizes(size, repeat));
  }
  types.push_back(withShape(adaptor.getInput(), shape));
  return success();
}

INFER(FillOp) {
  (void)context;
  if (failed(verifyDynamicList(getOperationName(), location, "sizes",
                               adaptor.getSizes(),
                               adaptor.getDynamicSizes().size())))
    return failure();
  types.push_back(withShape(adaptor.getValue(), adaptor.getSizes()));
  return success();
}

INFER(RangeOp) {
  (void)context;
  types.push_back(
      withShape(adaptor.getStart(), static_cast<int64_t>(adaptor.getSize())));
  return success();
}

INFER(EyeLikeOp) {
  (void)context;
  int64_t rank = getTensorType(adaptor.getInput()).getRank();
  if (rank != 2)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op makes a matrix, not a tensor of rank ",
                             rank);
  types.push_back(getTensorType(adaptor.getInput()).clone(adaptor.getTo()));
  return success();
}

//===----------------------------------------------------------------------===//
// Concat, split, slice, pad
//===----------------------------------------------------------------------===//

INFER(ConcatOp) {
  (void)context;
  if (adaptor.getInputs().empty())
    return emitOptionalError(location, "'", getOperationName(),
                             "' op joins no tensors");
  RankedTensorType first = getTensorType(adaptor.getInputs().front());
  auto axis = findAxis(getOperationName(), location, adaptor.getAxis(),
                       first.getRank());
  if (failed(axis))
    return failure();
  SmallVector<int64_t> shape(first.getShape());
  shape[*axis] = 0;
  for (auto [index, input] : llvm::enumerate(adaptor.getInputs())) {
    RankedTensorType type = getTensorType(input);
    bool fits = type.getRank() == first.getRank() &&
                type.getElementType() == first.getElementType();
    for (int64_t i = 0; fits && i < type.getRank(); ++i) {
      int64_t size = type.getDimSize(i);
      if (i == *axis) {
        shape[i] = addSizes(shape[i], size);
      } else if (shape[i] == kDynamic) {
        shape[i] = size;
      } else {
        fits = size == kDynamic || size == shape[i];
      }
    }
    if (!fits)
      return emitOptionalError(location, "'", getOperationName(),
                               "' op operand #", index, " of type ", type,
                               " cannot follow ", first, " along axis ", *axis);
  }
  types.push_back(withShape(adaptor.getInputs().front(), shape));
  return success();
}

INFER(SplitOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  auto axis = findAxis(getOperationName(), location, adaptor.getAxis(),
                       input.getRank());
  if (failed(axis))
    return failure();
  int64_t total = 0;
  for (int64_t size : adaptor.getSizes()) {
    total = addSizes(total, size);
    SmallVector<int64_t> shape(input.getShape());
    shape[*axis] = size;
    types.push_back(withShape(adaptor.getInput(), shape));
  }
  int64_t available = input.getDimSize(*axis);
  if (total != kDynamic && available != kDynamic && total != available)
    return emitOptionalError(location, "'", getOperationName(), "' op splits ",
                             available, " rows into ", total);
  return success();
}

INFER(SliceOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, input.getRank(),
          {{"starts", adaptor.getStarts().size()},
           {"sizes", adaptor.getSizes().size()},
           {"steps", adaptor.getSteps().size()}})) ||
      failed(verifyDynamicList(getOperationName(), location, "starts",
                               adaptor.getStarts(),
                               adaptor.getDynamicStarts().size())) ||
      failed(verifyDynamicList(getOperationName(), location, "sizes",
                               adaptor.getSizes(),
                               adaptor.getDynamicSizes().size())) ||
      failed(verifyDynamicList(getOperationName(), location, "steps",
                               adaptor.getSteps(),
                               adaptor.getDynamicSteps().size())))
    return failure();
  for (int64_t axis = 0; axis < input.getRank(); ++axis) {
    int64_t size = input.getDimSize(axis), start = adaptor.getStarts()[axis],
            count = adaptor.getSizes()[axis], step = adaptor.getSteps()[axis];
    if (size == kDynamic || start == kDynamic || count == kDynamic ||
        step == kDynamic || count == 0)
      continue;
    int64_t last = addSizes(start, mulSizes(addSizes(count, -1), step));
    if (start < 0 || start >= size || last < 0 || last >= size)
      return emitOptionalError(location, "'", getOperationName(),
                               "' op reaches outside axis ", axis, " of size ",
                               size);
  }
  types.push_back(withShape(adaptor.getInput(), adaptor.getSizes()));
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  bool isWhole =
      getInput().getType() == getType() && getType().hasStaticShape() &&
      llvm::all_of(getStarts(), [](int64_t start) { return start == 0; }) &&
      llvm::all_of(getSteps(), [](int64_t step) { return step == 1; });
  return isWhole ? getInput() : Value();
}

INFER(PadOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (failed(neuroplast::neuro::detail::verifyListSizes(
          getOperationName(), location, input.getRank(),
          {{"low", adaptor.getLow().size()},
           {"high", adaptor.getHigh().size()}})) ||
      failed(verifyDynamicList(getOperationName(), location, "low",
                               adaptor.getLow(),
                               adaptor.getDynamicLow().size())) ||
      failed(verifyDynamicList(getOperationName(), location, "high",
                               adaptor.getHigh(),
                               adaptor.getDynamicHigh().size())))
    return failure();
  SmallVector<int64_t> shape;
  for (auto [size, low, high] :
       llvm::zip_equal(input.getShape(), adaptor.getLow(), adaptor.getHigh())) {
    int64_t padded = addSizes(addSizes(size, low), high);
    shape.push_back(padded == kDynamic ? kDynamic
                                       : std::max<int64_t>(0, padded));
  }
  types.push_back(withShape(adaptor.getInput(), shape));
  return success();
}

//===----------------------------------------------------------------------===//
// Depth and space
//===----------------------------------------------------------------------===//

static LogicalResult inferBlocks(StringRef opName,
                                 std::optional<Location> location, Value input,
                                 int64_t block, bool toSpace,
                                 SmallVectorImpl<Type> &types) {
  RankedTensorType type = getTensorType(input);
  if (type.getRank() != 4 || block < 1)
    return emitOptionalError(location, "'", opName,
                             "' op needs a tensor of rank 4 and a positive "
                             "block size");
  SmallVector<int64_t> shape(type.getShape());
  auto scale = [&](int64_t axis, int64_t factor, bool multiply) {
    if (shape[axis] == kDynamic)
      return true;
    if (!multiply && shape[axis] % factor)
      return false;
    shape[axis] =
        multiply ? mulSizes(shape[axis], factor) : shape[axis] / factor;
    return true;
  };
  if (!scale(1, mulSizes(block, block), !toSpace) ||
      !scale(2, block, toSpace) || !scale(3, block, toSpace))
    return emitOptionalError(location, "'", opName, "' op block size ", block,
                             " does not divide ", type);
  types.push_back(withShape(input, shape));
  return success();
}

INFER(DepthToSpaceOp) {
  (void)context;
  return inferBlocks(getOperationName(), location, adaptor.getInput(),
                     adaptor.getBlocksize(), true, types);
}

INFER(SpaceToDepthOp) {
  (void)context;
  return inferBlocks(getOperationName(), location, adaptor.getInput(),
                     adaptor.getBlocksize(), false, types);
}

LogicalResult ChannelShuffleOp::verify() {
  RankedTensorType type = detail::getTensorType(getInput());
  auto axis = static_cast<int64_t>(getAxis());
  if (axis >= type.getRank())
    return emitOpError() << "axis " << axis
                         << " is outside its operand of rank "
                         << type.getRank();
  int64_t size = type.getDimSize(axis);
  if (ShapedType::isDynamic(size) || size % getGroups() != 0)
    return emitOpError() << getGroups() << " groups do not divide the axis";
  return success();
}

LogicalResult TriluOp::verify() {
  int64_t rank = detail::getTensorType(getInput()).getRank();
  if (rank < 2)
    return emitOpError() << "needs matrices, not a tensor of rank " << rank;
  if (!getK())
    return success();
  RankedTensorType k = detail::getTensorType(getK());
  bool isInteger = k.getElementType().isSignlessInteger();
  if (isInteger && k.hasStaticShape() && k.getNumElements() == 1)
    return success();
  return emitOpError() << "k of type " << k << " is no single integer";
}

LogicalResult ReverseSequenceOp::verify() {
  RankedTensorType input = detail::getTensorType(getInput());
  auto rank = input.getRank();
  for (int64_t axis : {getBatchAxis(), getTimeAxis()})
    if (axis < -rank || axis >= rank)
      return emitOpError() << "axis " << axis
                           << " is outside its operand of rank " << rank;
  int64_t batch = getBatchAxis();
  return detail::verifyShape(
      *this, "sequence_lens", getSequenceLens(),
      input.getDimSize(batch < 0 ? batch + rank : batch));
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.cpp.inc"
