//===- AttentionToLinalg.cpp - Attention and rotary embeddings ------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Attention is decomposed into matrix products and a softmax, so that it takes
// part in whatever is done for those; masks become numbers to be added. Heads
// that share keys and values are rows of one product: no key or value is
// repeated.

#include "Patterns.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

#include <cmath>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Cmp = ScalarEmitter::Compare;

/// The element type that ONNX numbers in `softmax_precision`.
FailureOr<Type> getOnnxFloat(OpBuilder &b, int64_t number) {
  switch (number) {
  case 1:
    return Type(b.getF32Type());
  case 10:
    return Type(b.getF16Type());
  case 11:
    return Type(b.getF64Type());
  case 16:
    return Type(b.getBF16Type());
  default:
    return failure();
  }
}

Value reshapeTo(OpBuilder &b, Location loc, Value value,
                ArrayRef<OpFoldResult> sizes) {
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  dispatchIndexOpFoldResults(sizes, dynamic, shape);
  return ReshapeOp::create(b, loc, value, dynamic, shape);
}

Value transposeTo(OpBuilder &b, Location loc, Value value,
                  ArrayRef<int64_t> permutation) {
  return TransposeOp::create(b, loc, value, permutation);
}

Value scalarTensor(OpBuilder &b, Location loc, Type element, double value) {
  auto type = RankedTensorType::get({}, element);
  return ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, b.getFloatAttr(element, value)));
}

struct AttentionLowering : OpConversionPattern<AttentionOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(AttentionOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value q = adaptor.getQ(), k = adaptor.getK(), v = adaptor.getV();
    auto queryType = cast<RankedTensorType>(q.getType());
    Type element = queryType.getElementType();
    bool packed = queryType.getRank() == 3;
    int64_t heads = packed ? op.getQNumHeads() : queryType.getDimSize(1);
    int64_t shared = packed ? op.getKvNumHeads()
                            : cast<RankedTensorType>(k.getType()).getDimSize(1);
    if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(shared) ||
        heads < 1 || shared < 1 || heads % shared != 0)
      return b.notifyMatchFailure(op, "head counts are unknown or do not fit");
    Type precision = element;
    if (op.getSoftmaxPrecision()) {
      FailureOr<Type> type = getOnnxFloat(b, *op.getSoftmaxPrecision());
      if (failed(type))
        return b.notifyMatchFailure(op, "unknown softmax precision");
      precision = *type;
    }
    if (packed) {
      q = splitHeads(b, loc, q, heads);
      k = splitHeads(b, loc, k, shared);
      v = splitHeads(b, loc, v, shared);
    }
    if (adaptor.getPastKey())
      k = ConcatOp::create(b, loc, ValueRange{adaptor.getPastKey(), k}, 2);
    if (adaptor.getPastValue())
      v = ConcatOp::create(b, loc, ValueRange{adaptor.getPastValue(), v}, 2);

    int64_t depth = cast<RankedTensorType>(q.getType()).getDimSize(3);
    if (!op.getScale() && ShapedType::isDynamic(depth))
      return b.notifyMatchFailure(op, "depth of the heads is unknown");
    double scale = op.getScale() ? op.getScale()->convertToDouble()
                                 : 1.0 / std::sqrt(double(depth));
    Value scores = multiply(b, loc, q, k, scale, heads, shared, element);
    Value exposed = scores; // what qk_matmul_output shows

    if (op.getSoftcap().convertToDouble() > 0) {
      Value cap =
          scalarTensor(b, loc, element, op.getSoftcap().convertToDouble());
      scores = MulOp::create(
          b, loc, TanhOp::create(b, loc, DivOp::create(b, loc, scores, cap)),
          cap);
      if (op.getQkMatmulOutputMode() == 1)
        exposed = scores;
    }
    // A query that may attend to nothing gets zeros, not a division by zero.
    bool mayMaskAll = op.getAttnMask() || op.getNonpadKvSeqlen() ||
                      static_cast<int64_t>(op.getLeftWindowSize()) >= 0 ||
                      static_cast<int64_t>(op.getRightWindowSize()) >= 0;
    if (mayMaskAll || op.getIsCausal()) {
      Value bias = createBias(b, op, adaptor, q, k);
      scores = AddOp::create(b, loc, scores,
                             groupHeads(b, loc, bias, heads, shared));
    }
    if (op.getQkMatmulOutputMode() == 2)
      exposed = scores;

    Value probabilities = createShares(b, loc, scores, precision, mayMaskAll);
    if (precision != element)
      probabilities = CastOp::create(b, loc, probabilities, element);
    if (op.getQkMatmulOutputMode() == 3)
      exposed = probabilities;

    Value y = MatMulOp::create(b, loc, probabilities,
                               shareHeads(b, loc, v, heads, shared));
    y = ungroupHeads(b, loc, y, heads, shared);
    exposed = ungroupHeads(b, loc, exposed, heads, shared);
    if (packed) {
      y = transposeTo(b, loc, y, {0, 2, 1, 3});
      SmallVector<OpFoldResult> sizes = getDims(b, loc, y);
      OpFoldResult width = mulSizes(b, loc, sizes[2], sizes[3]);
      y = reshapeTo(b, loc, y, {sizes[0], sizes[1], width});
    }
    SmallVector<Value> results{y, k, v, exposed};
    for (auto [result, old] : llvm::zip_equal(results, op->getResults()))
      result = castTo(b, loc, result, old.getType());
    b.replaceOp(op, results);
    return success();
  }

private:
  /// B x S x (heads * D) as B x heads x S x D.
  static Value splitHeads(OpBuilder &b, Location loc, Value value,
                          int64_t heads) {
    SmallVector<OpFoldResult> sizes = getDims(b, loc, value);
    OpFoldResult count = b.getIndexAttr(heads);
    Value split = reshapeTo(
        b, loc, value,
        {sizes[0], sizes[1], count, divSizes(b, loc, sizes[2], count)});
    return transposeTo(b, loc, split, {0, 2, 1, 3});
  }

  /// B x heads x M x N with those heads as an axis of their own that share
  /// keys: B x shared x heads / shared x M x N. One for all of them stays so.
  static Value groupHeads(OpBuilder &b, Location loc, Value value,
                          int64_t heads, int64_t shared) {
    if (heads == shared)
      return value;
    SmallVector<OpFoldResult> sizes = getDims(b, loc, value);
    if (isConstantIntValue(sizes[1], 1))
      return expandAxes(b, loc, value, {2});
    return reshapeTo(b, loc, value,
                     {sizes[0], b.getIndexAttr(shared),
                      b.getIndexAttr(heads / shared), sizes[2], sizes[3]});
  }
  static Value ungroupHeads(OpBuilder &b, Location loc, Value value,
                            int64_t heads, int64_t shared) {
    if (heads == shared)
      return value;
    SmallVector<OpFoldResult> sizes = getDims(b, loc, value);
    return reshapeTo(b, loc, value,
                     {sizes[0], b.getIndexAttr(heads), sizes[3], sizes[4]});
  }
  /// Keys or values for every head of a group.
  static Value shareHeads(OpBuilder &b, Location loc, Value value,
                          int64_t heads, int64_t shared) {
    return heads == shared ? value : expandAxes(b, loc, value, {2});
  }

  /// The scaled products of queries and keys. Narrow types scale both operands
  /// by the root, as ONNX does, lest the product overflows.
  static Value multiply(OpBuilder &b, Location loc, Value q, Value k,
                        double scale, int64_t heads, int64_t shared,
                        Type element) {
    if (element.getIntOrFloatBitWidth() < 32) {
      Value root = scalarTensor(b, loc, element, std::sqrt(scale));
      q = MulOp::create(b, loc, q, root);
      k = MulOp::create(b, loc, k, root);
    } else {
      q = MulOp::create(b, loc, q, scalarTensor(b, loc, element, scale));
    }
    Value keys =
        shareHeads(b, loc, transposeTo(b, loc, k, {0, 1, 3, 2}), heads, shared);
    return MatMulOp::create(b, loc, groupHeads(b, loc, q, heads, shared), keys);
  }

  /// A softmax along the keys.
  static Value createShares(OpBuilder &b, Location loc, Value scores,
                            Type precision, bool mayMaskAll) {
    if (precision != getElementTypeOrSelf(scores.getType()))
      scores = CastOp::create(b, loc, scores, precision);
    if (precision.isF32())
      return createRowSoftmax(b, loc, scores, mayMaskAll);
    int64_t keys = cast<RankedTensorType>(scores.getType()).getRank() - 1;
    Value best = ReduceMaxOp::create(b, loc, scores, ArrayRef<int64_t>{keys});
    Value shares;
    if (precision.getIntOrFloatBitWidth() < 32) {
      // Rounded after every step, as a softmax in that precision is.
      Value raised = ExpOp::create(b, loc, SubOp::create(b, loc, scores, best));
      Value sum = ReduceSumOp::create(b, loc, raised, ArrayRef<int64_t>{keys});
      shares = DivOp::create(b, loc, raised, sum);
    } else {
      shares = SoftmaxOp::create(b, loc, scores, keys);
    }
    if (!mayMaskAll)
      return shares;
    Value nothing =
        EqualOp::create(b, loc, best,
                        scalarTensor(b, loc, precision,
                                     -std::numeric_limits<double>::infinity()));
    return WhereOp::create(b, loc, nothing, scalarTensor(b, loc, precision, 0),
                           shares);
  }

  /// The mask with its last axis as long as there are keys; keys that it does
  /// not mention are masked.
  static Value padMask(OpBuilder &b, Location loc, Value mask,
                       OpFoldResult keys) {
    auto type = cast<RankedTensorType>(mask.getType());
    int64_t rank = type.getRank();
    OpFoldResult length = getDim(b, loc, mask, rank - 1);
    if (isEqualConstantIntOrValue(length, keys))
      return mask;
    Value missing = arith::SubIOp::create(b, loc, toIndex(b, loc, keys),
                                          toIndex(b, loc, length));
    SmallVector<int64_t> low(rank, 0), high(rank, 0);
    high.back() = ShapedType::kDynamic;
    Type element = type.getElementType();
    Value fill;
    if (isa<FloatType>(element))
      fill = scalarTensor(b, loc, element,
                          -std::numeric_limits<double>::infinity());
    else
      fill = ConstantOp::create(
          b, loc,
          DenseElementsAttr::get(RankedTensorType::get({}, element),
                                 b.getIntegerAttr(element, 0)));
    Value padded =
        PadOp::create(b, loc, mask, fill, ValueRange(), missing, low, high);
    // The new length is that of the keys by construction.
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = getConstantIntValue(keys).value_or(ShapedType::kDynamic);
    return castTo(b, loc, padded, type.clone(shape));
  }

  /// What is added to the scores: the mask, and minus infinity where nothing
  /// may be attended to. Of one place along the axes that it does not hang on.
  static Value createBias(OpBuilder &b, AttentionOp op, OpAdaptor adaptor,
                          Value q, Value k) {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(q.getType());
    OpFoldResult one = b.getIndexAttr(1), keys = getDim(b, loc, k, 2),
                 queries = getDim(b, loc, q, 2);
    SmallVector<OpFoldResult> sizes{one, one, one, keys};
    SmallVector<Value> inputs;
    Value mask = adaptor.getAttnMask(), lengths = adaptor.getNonpadKvSeqlen();
    Type maskType;
    if (mask) {
      maskType = getElementTypeOrSelf(mask.getType());
      mask = padMask(b, loc, mask, keys);
      auto type = cast<RankedTensorType>(mask.getType());
      SmallVector<int64_t> missing =
          llvm::to_vector(llvm::seq<int64_t>(0, 4 - type.getRank()));
      if (!missing.empty())
        mask = expandAxes(b, loc, mask, missing);
      sizes = getDims(b, loc, mask);
      sizes.back() = keys;
      inputs.push_back(mask);
    }
    if (lengths) {
      inputs.push_back(expandAxes(b, loc, lengths, {1, 2, 3}));
      sizes[0] = getDim(b, loc, q, 0);
    }
    int64_t left = op.getLeftWindowSize(), right = op.getRightWindowSize();
    if (op.getIsCausal())
      right = right < 0 ? 0 : std::min<int64_t>(right, 0);
    if (left >= 0 || right >= 0)
      sizes[2] = queries;
    else if (mask && !lengths && maskType == element)
      return mask;
    // The position of the first query among the keys.
    Value past = adaptor.getPastKey()
                     ? toIndex(b, loc, getDim(b, loc, adaptor.getPastKey(), 2))
                     : arith::ConstantIndexOp::create(b, loc, 0);
    Value queryCount = toIndex(b, loc, queries);
    return createBroadcastMap(
        b, loc, inputs, sizes, element,
        [&](OpBuilder &inner, Location l, ValueRange x) {
          ScalarEmitter e(inner, l, element);
          Value bias = e.constant(0);
          Value allowed = arith::ConstantIntOp::create(inner, l, 1, 1);
          auto require = [&](Value condition) {
            allowed = arith::AndIOp::create(inner, l, allowed, condition);
          };
          auto isAtMost = [&](Value lhs, Value rhs) -> Value {
            return arith::CmpIOp::create(inner, l, arith::CmpIPredicate::sle,
                                         lhs, rhs);
          };
          if (mask && maskType.isInteger(1))
            require(x[0]);
          else if (mask)
            bias = e.convert(
                ScalarEmitter(inner, l, maskType).load(x[0], maskType),
                maskType, element);
          Value key = linalg::IndexOp::create(inner, l, 3);
          Value first = past;
          if (lengths) {
            Value length = arith::IndexCastOp::create(
                inner, l, inner.getIndexType(), x.back());
            require(arith::CmpIOp::create(inner, l, arith::CmpIPredicate::slt,
                                          key, length));
            if (!adaptor.getPastKey())
              first = arith::SubIOp::create(inner, l, length, queryCount);
          }
          Value position = arith::AddIOp::create(
              inner, l, first, linalg::IndexOp::create(inner, l, 2));
          if (right >= 0) {
            Value bound = arith::ConstantIndexOp::create(inner, l, right);
            require(isAtMost(key,
                             arith::AddIOp::create(inner, l, position, bound)));
          }
          if (left >= 0) {
            Value bound = arith::ConstantIndexOp::create(inner, l, left);
            require(isAtMost(position,
                             arith::AddIOp::create(inner, l, key, bound)));
          }
          return e.store(e.select(allowed, bias, e.lowest()), element);
        });
  }
};

/// One loop over the result: each element is a combination of the two of its
/// pair.
struct RotaryEmbeddingLowering : OpConversionPattern<RotaryEmbeddingOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(RotaryEmbeddingOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value input = adaptor.getInput();
    auto type = cast<RankedTensorType>(input.getType());
    bool packed = type.getRank() == 3;
    if (!packed && type.getRank() != 4)
      return b.notifyMatchFailure(op, "expected an input of rank 3 or 4");
    if (packed && op.getNumHeads() < 1)
      return b.notifyMatchFailure(op, "rank 3 needs num_heads");
    Type element = type.getElementType();
    SmallVector<OpFoldResult> sizes = getDims(b, loc, input);
    OpFoldResult headSize = sizes.back();
    if (packed)
      headSize = divSizes(b, loc, headSize, b.getIndexAttr(op.getNumHeads()));
    OpFoldResult rotated = op.getRotaryEmbeddingDim()
                               ? b.getIndexAttr(op.getRotaryEmbeddingDim())
                               : headSize;
    Value half = toIndex(b, loc, divSizes(b, loc, rotated, b.getIndexAttr(2)));
    Value rotatedSize = toIndex(b, loc, rotated);
    Value size = toIndex(b, loc, headSize);
    bool interleaved = op.getInterleaved() != 0;

    Value result = createMap(
        b, loc, sizes, element,
        [&](OpBuilder &inner, Location l, ValueRange at) {
          auto constant = [&](int64_t value) -> Value {
            return arith::ConstantIndexOp::create(inner, l, value);
          };
          auto minimum = [&](Value lhs, Value rhs) -> Value {
            return arith::MinSIOp::create(inner, l, lhs, rhs);
          };
          Value column = at.back();
          Value d = packed
                        ? Value(arith::RemSIOp::create(inner, l, column, size))
                        : column;
          Value sequence = packed ? at[1] : at[2];
          // The pair's number, whether this is its second element, and the
          // distance to the other one. Elements that are not rotated read
          // inside the bounds and are discarded.
          Value pair, isSecond, distance;
          if (interleaved) {
            pair = arith::DivSIOp::create(inner, l, d, constant(2));
            Value odd = arith::RemSIOp::create(inner, l, d, constant(2));
            isSecond = arith::CmpIOp::create(inner, l, arith::CmpIPredicate::ne,
                                             odd, constant(0));
            distance = constant(1);
          } else {
            isSecond = arith::CmpIOp::create(
                inner, l, arith::CmpIPredicate::sge, d, half);
            pair = arith::SelectOp::create(
                inner, l, isSecond, arith::SubIOp::create(inner, l, d, half),
                d);
            distance = half;
          }
          Value isRotated = arith::CmpIOp::create(
              inner, l, arith::CmpIPredicate::slt, d, rotatedSize);
          pair =
              minimum(pair, arith::SubIOp::create(inner, l, half, constant(1)));
          Value partner = arith::SelectOp::create(
              inner, l, isSecond,
              arith::SubIOp::create(inner, l, column, distance),
              arith::AddIOp::create(inner, l, column, distance));
          partner =
              arith::SelectOp::create(inner, l, isRotated, partner, column);

          ScalarEmitter e(inner, l, element);
          auto read = [&](Value tensor, ValueRange indices) {
            return e.load(tensor::ExtractOp::create(inner, l, tensor, indices),
                          element);
          };
          SmallVector<Value> cacheIndex{at[0], sequence, pair};
          if (Value ids = adaptor.getPositionIds()) {
            Value id =
                tensor::ExtractOp::create(inner, l, ids, {at[0], sequence});
            cacheIndex = {
                arith::IndexCastOp::create(inner, l, inner.getIndexType(), id),
                pair};
          }
          Value cosine = read(adaptor.getCosCache(), cacheIndex);
          Value sine = read(adaptor.getSinCache(), cacheIndex);
          SmallVector<Value> other(at);
          other.back() = partner;
          Value own = read(input, at);
          Value across = e.mul(sine, read(input, other));
          Value along = e.mul(cosine, own);
          Value turned =
              e.select(isSecond, e.add(along, across), e.sub(along, across));
          return e.store(e.select(isRotated, turned, own), element);
        });
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

} // namespace

void neuroplast::populateAttentionToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<AttentionLowering, RotaryEmbeddingLowering>(
      converter, patterns.getContext());
}
