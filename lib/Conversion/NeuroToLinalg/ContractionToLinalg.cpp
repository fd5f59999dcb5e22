//===- ContractionToLinalg.cpp - Matrix products --------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"

#include <map>

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// numpy.matmul; returns the accumulator.
Value createMatMul(OpBuilder &b, Location loc, Value lhs, Value rhs,
                   Type lhsElement, Type rhsElement, Type element) {
  auto lhsType = cast<RankedTensorType>(lhs.getType());
  auto rhsType = cast<RankedTensorType>(rhs.getType());
  bool lhsVector = lhsType.getRank() == 1, rhsVector = rhsType.getRank() == 1;
  int64_t lhsBatch = std::max<int64_t>(0, lhsType.getRank() - 2);
  int64_t rhsBatch = std::max<int64_t>(0, rhsType.getRank() - 2);
  int64_t batch = std::max(lhsBatch, rhsBatch);
  MLIRContext *context = b.getContext();
  // Loops: batch, m, n, k.
  AffineExpr m = getAffineDimExpr(batch, context);
  AffineExpr n = getAffineDimExpr(batch + 1, context);
  AffineExpr k = getAffineDimExpr(batch + 2, context);
  SmallVector<OpFoldResult> sizes;
  SmallVector<AffineExpr> lhsExprs, rhsExprs, outExprs;
  for (int64_t axis = 0; axis < batch; ++axis) {
    AffineExpr loop = getAffineDimExpr(axis, context);
    int64_t i = axis - batch + lhsBatch, j = axis - batch + rhsBatch;
    OpFoldResult size = b.getIndexAttr(1);
    if (i >= 0) {
      bool isOne = lhsType.getDimSize(i) == 1;
      lhsExprs.push_back(isOne && (j < 0 || rhsType.getDimSize(j) != 1)
                             ? getAffineConstantExpr(0, context)
                             : loop);
      if (!isOne)
        size = getDim(b, loc, lhs, i);
    }
    if (j >= 0) {
      bool isOne = rhsType.getDimSize(j) == 1;
      rhsExprs.push_back(isOne && (i < 0 || lhsType.getDimSize(i) != 1)
                             ? getAffineConstantExpr(0, context)
                             : loop);
      if (!isOne &&
          (i < 0 || lhsType.getDimSize(i) == 1 || lhsType.isDynamicDim(i)))
        size = getDim(b, loc, rhs, j);
    }
    sizes.push_back(size);
    outExprs.push_back(loop);
  }
  if (lhsVector) {
    lhsExprs.push_back(k);
  } else {
    lhsExprs.append({m, k});
    sizes.push_back(getDim(b, loc, lhs, lhsType.getRank() - 2));
  }
  if (rhsVector) {
    rhsExprs.push_back(k);
  } else {
    rhsExprs.append({k, n});
    sizes.push_back(getDim(b, loc, rhs, rhsType.getRank() - 1));
  }
  if (!lhsVector)
    outExprs.push_back(m);
  if (!rhsVector)
    outExprs.push_back(n);
  // Loops of a missing axis are dropped by renumbering.
  SmallVector<AffineExpr> renumber;
  int64_t used = 0;
  for (int64_t loop = 0; loop < batch + 3; ++loop) {
    bool missing =
        (loop == batch && lhsVector) || (loop == batch + 1 && rhsVector);
    renumber.push_back(missing ? getAffineConstantExpr(0, context)
                               : getAffineDimExpr(used++, context));
  }
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> exprs :
       {ArrayRef(lhsExprs), ArrayRef(rhsExprs), ArrayRef(outExprs)}) {
    SmallVector<AffineExpr> renamed;
    for (AffineExpr expr : exprs)
      renamed.push_back(expr.replaceDims(renumber));
    maps.push_back(AffineMap::get(used, 0, renamed, context));
  }
  return createContraction(b, loc, {lhs, rhs}, {lhsElement, rhsElement}, sizes,
                           element, maps);
}

/// Makes batch axes that are unknown on both sides agree: one of them may turn
/// out to be 1.
void settleBatch(OpBuilder &b, Location loc, Value &lhs, Value &rhs) {
  auto lhsType = cast<RankedTensorType>(lhs.getType());
  auto rhsType = cast<RankedTensorType>(rhs.getType());
  int64_t shared = std::min(lhsType.getRank(), rhsType.getRank());
  bool open = false;
  for (int64_t back = 3; back <= shared; ++back) {
    int64_t i = lhsType.getRank() - back, j = rhsType.getRank() - back;
    int64_t left = lhsType.getDimSize(i), right = rhsType.getDimSize(j);
    open |= (ShapedType::isDynamic(left) && right != 1) ||
            (ShapedType::isDynamic(right) && left != 1);
  }
  if (!open)
    return;
  auto batchOf = [&](Value value) {
    return createEmpty(b, loc,
                       SmallVector<OpFoldResult>(
                           ArrayRef(getDims(b, loc, value)).drop_back(2)),
                       b.getI1Type());
  };
  SmallVector<OpFoldResult> batch =
      getBroadcastSizes(b, loc, {batchOf(lhs), batchOf(rhs)});
  for (Value *side : {&lhs, &rhs}) {
    SmallVector<OpFoldResult> sizes(batch);
    SmallVector<OpFoldResult> own = getDims(b, loc, *side);
    sizes.append(own.end() - 2, own.end());
    Value other = createEmpty(b, loc, sizes, b.getI1Type());
    // The second operand only makes the sizes open.
    *side = createBroadcastMap(
        b, loc, {*side, other}, sizes, getElementTypeOrSelf(side->getType()),
        [](OpBuilder &, Location, ValueRange x) { return x[0]; });
  }
}

struct MatMulLowering : OpConversionPattern<MatMulOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MatMulOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getLhs().getType());
    Value lhs = adaptor.getLhs(), rhs = adaptor.getRhs();
    settleBatch(b, loc, lhs, rhs);
    Value sum = createMatMul(b, loc, lhs, rhs, element, element, element);
    Value value = finishAccumulator(b, loc, sum, element);
    b.replaceOp(op, castTo(b, loc, value,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

struct MatMulIntegerLowering : OpConversionPattern<MatMulIntegerOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MatMulIntegerOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type i32 = b.getI32Type();
    int64_t aRank = cast<RankedTensorType>(adaptor.getA().getType()).getRank();
    int64_t bRank = cast<RankedTensorType>(adaptor.getB().getType()).getRank();
    Value lhs = subtractZeroPoint(
        b, loc, adaptor.getA(), getElementTypeOrSelf(op.getA().getType()),
        adaptor.getAZeroPoint(), std::max<int64_t>(0, aRank - 2));
    Value rhs = subtractZeroPoint(b, loc, adaptor.getB(),
                                  getElementTypeOrSelf(op.getB().getType()),
                                  adaptor.getBZeroPoint(), bRank - 1);
    settleBatch(b, loc, lhs, rhs);
    Value sum = createMatMul(b, loc, lhs, rhs, i32, i32, i32);
    b.replaceOp(op, castTo(b, loc, sum, op.getType()));
    return success();
  }
};

struct GemmLowering : OpConversionPattern<GemmOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(GemmOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getA().getType());
    AffineExpr m, n, k;
    bindDims(b.getContext(), m, n, k);
    bool transA = op.getTransA(), transB = op.getTransB();
    SmallVector<OpFoldResult> sizes{
        getDim(b, loc, adaptor.getA(), transA ? 1 : 0),
        getDim(b, loc, adaptor.getB(), transB ? 0 : 1)};
    auto map = [&](AffineExpr row, AffineExpr column) {
      return AffineMap::get(3, 0, {row, column}, b.getContext());
    };
    Value sum = createContraction(b, loc, {adaptor.getA(), adaptor.getB()},
                                  {element, element}, sizes, element,
                                  {transA ? map(k, m) : map(m, k),
                                   transB ? map(n, k) : map(k, n), map(m, n)});
    double alpha = op.getAlpha().convertToDouble();
    double beta = op.getBeta().convertToDouble();
    SmallVector<Value> inputs{sum};
    if (Value c = adaptor.getC())
      inputs.push_back(c);
    Value result = createBroadcastMap(
        b, loc, inputs, sizes, ScalarEmitter::getStorageType(element),
        [&](OpBuilder &nested, Location l, ValueRange x) {
          ScalarEmitter e(nested, l, element);
          // The scales are floats, also for integer matrices.
          Type real = e.isFloat() ? e.getType() : Type(nested.getF64Type());
          auto scale = [&](Value value, double factor) {
            if (factor == 1)
              return value;
            ScalarEmitter wide(nested, l, real);
            Value product = wide.mul(e.convert(value, element, real),
                                     wide.constant(factor));
            return e.convert(product, real, element);
          };
          Value value = scale(x[0], alpha);
          if (x.size() > 1)
            value = e.add(value, scale(e.load(x[1], element), beta));
          return e.store(value, element);
        });
    b.replaceOp(op, castTo(b, loc, result,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

struct EinsumLowering : OpConversionPattern<EinsumOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(EinsumOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getInputs()[0].getType());
    auto terms = neuroplast::neuro::detail::parseEinsum(op.getEquation(),
                                                        op.getInputs());
    if (failed(terms))
      return failure();
    // Loops: the axes of the result, then the summed ones.
    std::map<char, int64_t> loops;
    std::map<char, OpFoldResult> sizes;
    auto addLoop = [&](char name) {
      loops.try_emplace(name, static_cast<int64_t>(loops.size()));
    };
    for (char name : terms->output)
      addLoop(name);
    for (auto [axes, input] :
         llvm::zip_equal(terms->inputs, adaptor.getInputs()))
      for (auto [axis, name] : llvm::enumerate(axes)) {
        addLoop(name);
        OpFoldResult size = getDim(b, loc, input, axis);
        auto [it, isNew] = sizes.try_emplace(name, size);
        if (!isNew && isConstantIntValue(it->second, 1))
          it->second = size;
      }
    MLIRContext *context = b.getContext();
    SmallVector<AffineMap> maps;
    SmallVector<Type> elements;
    for (auto [axes, input] :
         llvm::zip_equal(terms->inputs, adaptor.getInputs())) {
      SmallVector<AffineExpr> exprs;
      for (auto [axis, name] : llvm::enumerate(axes)) {
        bool isOne =
            cast<RankedTensorType>(input.getType()).getDimSize(axis) == 1 &&
            !isConstantIntValue(sizes[name], 1);
        exprs.push_back(isOne ? getAffineConstantExpr(0, context)
                              : getAffineDimExpr(loops[name], context));
      }
      maps.push_back(AffineMap::get(loops.size(), 0, exprs, context));
      elements.push_back(element);
    }
    SmallVector<AffineExpr> out;
    SmallVector<OpFoldResult> resultSizes;
    for (char name : terms->output) {
      out.push_back(getAffineDimExpr(loops[name], context));
      resultSizes.push_back(sizes[name]);
    }
    maps.push_back(AffineMap::get(loops.size(), 0, out, context));
    Value sum = createContraction(b, loc, adaptor.getInputs(), elements,
                                  resultSizes, element, maps);
    Value value = finishAccumulator(b, loc, sum, element);
    b.replaceOp(op, castTo(b, loc, value,
                           getTypeConverter()->convertType(op.getType())));
    return success();
  }
};

} // namespace

void neuroplast::populateContractionToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns
      .add<MatMulLowering, MatMulIntegerLowering, GemmLowering, EinsumLowering>(
          converter, patterns.getContext());
}
