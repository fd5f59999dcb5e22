//===- IndexingOps.cpp - Gather, scatter and friends ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "mlir/Dialect/Traits.h"
#include "mlir/IR/PatternMatch.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using neuroplast::neuro::detail::normalizeAxis;
using neuroplast::neuro::detail::verifyRank;
using neuroplast::neuro::detail::verifyShape;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

#define INFER(OP)                                                              \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types)

/// A vector of data-dependent size, or any shape with unknown sizes.
static RankedTensorType getIndexTensor(MLIRContext *context,
                                       ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, IntegerType::get(context, 64));
}

INFER(GatherOp) {
  (void)context;
  RankedTensorType data = getTensorType(adaptor.getData());
  RankedTensorType indices = getTensorType(adaptor.getIndices());
  int64_t axis = adaptor.getAxis(), rank = data.getRank();
  if (axis < -rank || axis >= rank)
    return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                             axis, " is outside its operand of rank ", rank);
  axis = normalizeAxis(axis, rank);
  SmallVector<int64_t> shape(data.getShape().take_front(axis));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, data.getShape().drop_front(axis + 1));
  types.push_back(RankedTensorType::get(shape, data.getElementType()));
  return success();
}

INFER(GatherElementsOp) {
  (void)context;
  RankedTensorType data = getTensorType(adaptor.getData());
  RankedTensorType indices = getTensorType(adaptor.getIndices());
  if (data.getRank() != indices.getRank())
    return emitOptionalError(location, "'", getOperationName(),
                             "' op indices have rank ", indices.getRank(),
                             ", expected ", data.getRank());
  types.push_back(indices.clone(data.getElementType()));
  return success();
}

INFER(GatherNDOp) {
  (void)context;
  RankedTensorType data = getTensorType(adaptor.getData());
  RankedTensorType indices = getTensorType(adaptor.getIndices());
  int64_t batch = adaptor.getBatchDims();
  int64_t tuple = indices.getRank() ? indices.getShape().back() : kDynamic;
  if (tuple == kDynamic)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op index tuples have an unknown length");
  if (batch < 0 || batch >= indices.getRank() || batch + tuple > data.getRank())
    return emitOptionalError(location, "'", getOperationName(),
                             "' op index tuples of length ", tuple, " and ",
                             batch, " batch axes exceed data of rank ",
                             data.getRank());
  SmallVector<int64_t> shape(indices.getShape().drop_back());
  llvm::append_range(shape, data.getShape().drop_front(batch + tuple));
  types.push_back(RankedTensorType::get(shape, data.getElementType()));
  return success();
}

INFER(OneHotOp) {
  (void)context;
  RankedTensorType indices = getTensorType(adaptor.getIndices());
  int64_t rank = indices.getRank() + 1, axis = adaptor.getAxis();
  if (axis < -rank || axis >= rank)
    return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                             axis, " is outside a result of rank ", rank);
  SmallVector<int64_t> shape(indices.getShape());
  shape.insert(shape.begin() + normalizeAxis(axis, rank),
               static_cast<int64_t>(adaptor.getDepth()));
  types.push_back(RankedTensorType::get(
      shape, getTensorType(adaptor.getValues()).getElementType()));
  return success();
}

INFER(NonZeroOp) {
  (void)location;
  types.push_back(getIndexTensor(
      context, {getTensorType(adaptor.getInput()).getRank(), kDynamic}));
  return success();
}

INFER(CompressOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  SmallVector<int64_t> shape{kDynamic};
  if (std::optional<int64_t> given = adaptor.getAxis()) {
    int64_t axis = *given < 0 ? *given + input.getRank() : *given;
    if (axis < 0 || axis >= input.getRank())
      return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                               *given, " is outside its operand of rank ",
                               input.getRank());
    shape.assign(input.getShape().begin(), input.getShape().end());
    shape[axis] = kDynamic;
  }
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  return success();
}

INFER(UniqueOp) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  SmallVector<int64_t> shape{kDynamic};
  int64_t rows = input.hasStaticShape() ? input.getNumElements() : kDynamic;
  if (std::optional<int64_t> given = adaptor.getAxis()) {
    int64_t axis = *given < 0 ? *given + input.getRank() : *given;
    if (axis < 0 || axis >= input.getRank())
      return emitOptionalError(location, "'", getOperationName(), "' op axis ",
                               *given, " is outside its operand of rank ",
                               input.getRank());
    shape.assign(input.getShape().begin(), input.getShape().end());
    rows = shape[axis];
    shape[axis] = kDynamic;
  }
  types.push_back(RankedTensorType::get(shape, input.getElementType()));
  types.push_back(getIndexTensor(context, kDynamic));
  types.push_back(getIndexTensor(context, rows));
  types.push_back(getIndexTensor(context, kDynamic));
  return success();
}

/// Checks that indices along `axis` do not reach beyond the data elsewhere.
static LogicalResult verifyIndices(Operation *op, Value data, Value indices,
                                   int64_t axis) {
  RankedTensorType type = getTensorType(data), places = getTensorType(indices);
  if (failed(verifyRank(op, "indices", indices, type.getRank())))
    return failure();
  axis = normalizeAxis(axis, type.getRank());
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (i != axis && !type.isDynamicDim(i) && !places.isDynamicDim(i) &&
        places.getDimSize(i) > type.getDimSize(i))
      return op->emitOpError() << "indices have " << places.getDimSize(i)
                               << " entries along axis " << i
                               << ", where the data has " << type.getDimSize(i);
  return success();
}

LogicalResult GatherElementsOp::verify() {
  return verifyIndices(*this, getData(), getIndices(), getAxis());
}

LogicalResult ScatterElementsOp::verify() {
  if (failed(verifyIndices(*this, getData(), getIndices(), getAxis())))
    return failure();
  return verifyShape(*this, "updates", getUpdates(),
                     getTensorType(getIndices()).getShape());
}

namespace {

/// What is added up in zeros, and these to a tensor, is added up in that: rows
/// of gradients take no time for the rows that have none.
struct ScatterIntoSummand : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [sum, data] : {std::pair(op.getRhs(), op.getLhs()),
                             std::pair(op.getLhs(), op.getRhs())}) {
      auto scatter = sum.getDefiningOp<ScatterNDOp>();
      if (!scatter || !scatter->hasOneUse() ||
          scatter.getReduction() != "add" ||
          data.getType() != scatter.getType() ||
          op.getType() != scatter.getType() || !isZero(scatter.getData()))
        continue;
      rewriter.replaceOpWithNewOp<ScatterNDOp>(op, data, scatter.getIndices(),
                                               scatter.getUpdates(), "add");
      return success();
    }
    return rewriter.notifyMatchFailure(op, "nothing is scattered into zeros");
  }

private:
  static bool isZero(Value value) {
    if (auto repeated = value.getDefiningOp<ExpandOp>())
      value = repeated.getInput();
    return neuroplast::neuro::detail::isConstantInRange(value, 0, 0);
  }
};

} // namespace

void ScatterNDOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<ScatterIntoSummand>(context);
}

LogicalResult ScatterNDOp::verify() {
  RankedTensorType data = getTensorType(getData()),
                   indices = getTensorType(getIndices());
  if (indices.getRank() == 0)
    return emitOpError("indices are no tuples");
  int64_t length = indices.getShape().back();
  if (ShapedType::isDynamic(length))
    return success();
  if (length > data.getRank())
    return emitOpError() << "index tuples of length " << length
                         << " exceed data of rank " << data.getRank();
  SmallVector<int64_t> shape(indices.getShape().drop_back());
  llvm::append_range(shape, data.getShape().drop_front(length));
  return verifyShape(*this, "updates", getUpdates(), shape);
}

LogicalResult CompressOp::verify() {
  RankedTensorType input = getTensorType(getInput());
  if (failed(verifyRank(*this, "condition", getCondition(), 1)))
    return failure();
  int64_t count = kDynamic;
  if (std::optional<int64_t> axis = getAxis())
    count = input.getDimSize(normalizeAxis(*axis, input.getRank()));
  else if (input.hasStaticShape())
    count = input.getNumElements();
  int64_t flags = getTensorType(getCondition()).getDimSize(0);
  if (flags != kDynamic && count != kDynamic && flags > count)
    return emitOpError() << "condition has " << flags << " entries for "
                         << count << " places";
  return success();
}

//===----------------------------------------------------------------------===//
// N-grams
//===----------------------------------------------------------------------===//

INFER(TfIdfVectorizerOp) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (input.getRank() != 1 && input.getRank() != 2)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op takes a list or rows of items, not ", input);
  int64_t places = 0;
  for (int64_t place : adaptor.getNgramIndexes())
    places = std::max(places, addSizes(place, 1));
  SmallVector<int64_t> shape(input.getShape().drop_back());
  shape.push_back(places);
  types.push_back(RankedTensorType::get(shape, Float32Type::get(context)));
  return success();
}

LogicalResult TfIdfVectorizerOp::verify() {
  if (!llvm::is_contained({"TF", "IDF", "TFIDF"}, getMode()))
    return emitOpError() << "has an unknown mode '" << getMode() << "'";
  auto most = static_cast<int64_t>(getMaxGramLength()),
       least = static_cast<int64_t>(getMinGramLength()),
       skips = static_cast<int64_t>(getMaxSkipCount());
  ArrayRef<int64_t> starts = getNgramCounts();
  if (least < 1 || most < least || skips < 0 ||
      most > static_cast<int64_t>(starts.size()))
    return emitOpError() << "has n-grams of " << least << " to " << most
                         << " items with " << skips << " skips in a pool of "
                         << starts.size() << " lengths";
  size_t count = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    int64_t end =
        i + 1 < starts.size() ? starts[i + 1] : getPoolInt64s().size();
    int64_t items = end - starts[i], length = i + 1;
    if (starts[i] < 0 || items < 0 || items % length != 0 ||
        end > static_cast<int64_t>(getPoolInt64s().size()))
      return emitOpError() << "has " << items << " items in n-grams of length "
                           << length;
    count += items / length;
  }
  if (getNgramIndexes().size() != count ||
      (getWeights() && getWeights()->size() != count))
    return emitOpError() << "has " << count
                         << " n-grams, but another number of places or weights";
  if (llvm::any_of(getNgramIndexes(), [](int64_t place) { return place < 0; }))
    return emitOpError() << "puts an n-gram at a negative place";
  return success();
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.cpp.inc"
