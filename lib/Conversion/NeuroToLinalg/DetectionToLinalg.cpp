//===- DetectionToLinalg.cpp - Ops of detectors to loops ------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Greedy suppression, class by class: the best box that is left is taken, and
// those that overlap it too much are left out. Each box taken costs one pass
// over all boxes, so that what is asked for decides, not what there is.

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

using Cmp = ScalarEmitter::Compare;

/// The only element of a tensor, or null for an absent one.
Value extractSingle(OpBuilder &b, Location loc, Value tensor) {
  if (!tensor)
    return Value();
  SmallVector<Value> origin(cast<RankedTensorType>(tensor.getType()).getRank(),
                            arith::ConstantIndexOp::create(b, loc, 0));
  return tensor::ExtractOp::create(b, loc, tensor, origin);
}

/// A box by its borders.
struct Box {
  Value top, left, bottom, right;
};

class Suppression {
public:
  Suppression(OpBuilder &b, Location loc, NonMaxSuppressionOp op,
              NonMaxSuppressionOp::Adaptor adaptor)
      : loc(loc), boxes(adaptor.getBoxes()), scores(adaptor.getScores()),
        element(getElementTypeOrSelf(boxes.getType())),
        isCentred(op.getCenterPointBox() != 0) {
    zero = arith::ConstantIndexOp::create(b, loc, 0);
    one = arith::ConstantIndexOp::create(b, loc, 1);
    count = toIndex(b, loc, getDim(b, loc, boxes, 1));
    most = zero; // without a number no box is asked for
    if (Value number =
            extractSingle(b, loc, adaptor.getMaxOutputBoxesPerClass()))
      most = arith::IndexCastOp::create(b, loc, b.getIndexType(), number);
    ScalarEmitter e(b, loc, element);
    Value bound = extractSingle(b, loc, adaptor.getIouThreshold());
    overlap = bound ? bound : e.constant(0);
    leastScore = extractSingle(b, loc, adaptor.getScoreThreshold());
  }

  /// All triples, and how many they are.
  std::pair<Value, Value> emit(OpBuilder &b) {
    OpFoldResult batches = getDim(b, loc, scores, 0),
                 classes = getDim(b, loc, scores, 1);
    OpFoldResult rows = mulSizes(b, loc, mulSizes(b, loc, batches, classes),
                                 getDim(b, loc, boxes, 1));
    Value results =
        createEmpty(b, loc, {rows, b.getIndexAttr(3)}, b.getI64Type());
    auto outer = scf::ForOp::create(
        b, loc, zero, toIndex(b, loc, batches), one, ValueRange{results, zero},
        [&](OpBuilder &n, Location, Value batch, ValueRange state) {
          auto inner = scf::ForOp::create(
              n, loc, zero, toIndex(n, loc, classes), one, state,
              [&](OpBuilder &m, Location, Value label, ValueRange now) {
                scf::YieldOp::create(
                    m, loc, emitClass(m, batch, label, now[0], now[1]));
              });
          scf::YieldOp::create(n, loc, inner.getResults());
        });
    return {outer.getResult(0), outer.getResult(1)};
  }

private:
  Value read(OpBuilder &b, Value tensor, ValueRange at) {
    return tensor::ExtractOp::create(b, loc, tensor, at);
  }

  /// Takes the boxes of one class; returns the triples and their number.
  SmallVector<Value> emitClass(OpBuilder &b, Value batch, Value label,
                               Value results, Value found) {
    // Those that may be taken.
    Value open = createMap(
        b, loc, OpFoldResult(count), b.getI1Type(),
        [&](OpBuilder &n, Location, ValueRange at) -> Value {
          if (!leastScore)
            return arith::ConstantIntOp::create(n, loc, 1, 1);
          ScalarEmitter e(n, loc, element);
          return e.compare(Cmp::Greater, read(n, scores, {batch, label, at[0]}),
                           leastScore);
        });
    SmallVector<Value> state{open, results, found, zero};
    SmallVector<Type> types = llvm::to_vector(ValueRange(state).getTypes());
    SmallVector<Type> withBest(types);
    withBest.push_back(b.getIndexType());
    auto loop = scf::WhileOp::create(
        b, loc, withBest, state,
        [&](OpBuilder &n, Location, ValueRange now) {
          Value best = findBest(n, batch, label, now[0]);
          Value isFound = arith::CmpIOp::create(
              n, loc, arith::CmpIPredicate::slt, best, count);
          Value isWanted = arith::CmpIOp::create(
              n, loc, arith::CmpIPredicate::slt, now[3], most);
          SmallVector<Value> next(now);
          next.push_back(best);
          scf::ConditionOp::create(
              n, loc, arith::AndIOp::create(n, loc, isFound, isWanted), next);
        },
        [&](OpBuilder &n, Location, ValueRange now) {
          Value best = now[4], triples = now[1];
          SmallVector<Value> triple{batch, label, best};
          for (auto [place, part] : llvm::enumerate(triple)) {
            Value number =
                arith::IndexCastOp::create(n, loc, n.getI64Type(), part);
            Value column = arith::ConstantIndexOp::create(n, loc, place);
            triples = tensor::InsertOp::create(n, loc, number, triples,
                                               ValueRange{now[2], column});
          }
          scf::YieldOp::create(
              n, loc,
              ValueRange{leaveOut(n, batch, best, now[0]), triples,
                         arith::AddIOp::create(n, loc, now[2], one),
                         arith::AddIOp::create(n, loc, now[3], one)});
        });
    return {loop.getResult(1), loop.getResult(2)};
  }

  /// The first of the open boxes with the highest score; the number of boxes if
  /// none is open.
  Value findBest(OpBuilder &b, Value batch, Value label, Value open) {
    ScalarEmitter outside(b, loc, element);
    auto search = scf::ForOp::create(
        b, loc, zero, count, one, ValueRange{count, outside.lowest()},
        [&](OpBuilder &n, Location, Value box, ValueRange best) {
          ScalarEmitter e(n, loc, element);
          Value score = read(n, scores, {batch, label, box});
          Value isFirst = arith::CmpIOp::create(
              n, loc, arith::CmpIPredicate::eq, best[0], count);
          Value isBetter = arith::OrIOp::create(
              n, loc, isFirst, e.compare(Cmp::Greater, score, best[1]));
          Value takes =
              arith::AndIOp::create(n, loc, read(n, open, {box}), isBetter);
          scf::YieldOp::create(n, loc,
                               ValueRange{e.select(takes, box, best[0]),
                                          e.select(takes, score, best[1])});
        });
    return search.getResult(0);
  }

  /// The open boxes without one and those that overlap it.
  Value leaveOut(OpBuilder &b, Value batch, Value best, Value open) {
    Box taken = readBox(b, batch, best);
    auto loop = scf::ForOp::create(
        b, loc, zero, count, one, open,
        [&](OpBuilder &n, Location, Value box, ValueRange now) {
          Value isOther = arith::CmpIOp::create(
              n, loc, arith::CmpIPredicate::ne, box, best);
          Value overlaps = isOverlapping(n, taken, readBox(n, batch, box));
          Value no = arith::ConstantIntOp::create(n, loc, 0, 1);
          Value stays = arith::SelectOp::create(n, loc, overlaps, no, isOther);
          stays = arith::AndIOp::create(n, loc, stays, read(n, now[0], {box}));
          Value next = tensor::InsertOp::create(n, loc, stays, now[0], box);
          scf::YieldOp::create(n, loc, next);
        });
    return loop.getResult(0);
  }

  /// Two corners in any order, or a centre with width and height.
  Box readBox(OpBuilder &b, Value batch, Value box) {
    ScalarEmitter e(b, loc, element);
    SmallVector<Value> parts;
    for (int64_t i = 0; i < 4; ++i)
      parts.push_back(read(
          b, boxes,
          {batch, box, arith::ConstantIndexOp::create(b, loc, i).getResult()}));
    if (!isCentred)
      return {e.min(parts[0], parts[2]), e.min(parts[1], parts[3]),
              e.max(parts[0], parts[2]), e.max(parts[1], parts[3])};
    Value halfWidth = e.mul(parts[2], e.constant(0.5)),
          halfHeight = e.mul(parts[3], e.constant(0.5));
    return {e.sub(parts[1], halfHeight), e.sub(parts[0], halfWidth),
            e.add(parts[1], halfHeight), e.add(parts[0], halfWidth)};
  }

  /// Whether the common part of two boxes is more of both together than is
  /// allowed.
  Value isOverlapping(OpBuilder &b, const Box &first, const Box &second) {
    ScalarEmitter e(b, loc, element);
    auto area = [&](const Box &box) {
      return e.mul(e.sub(box.bottom, box.top), e.sub(box.right, box.left));
    };
    Value nothing = e.constant(0);
    Box common{e.max(first.top, second.top), e.max(first.left, second.left),
               e.min(first.bottom, second.bottom),
               e.min(first.right, second.right)};
    Value meets = arith::AndIOp::create(
        b, loc, e.compare(Cmp::Greater, common.bottom, common.top),
        e.compare(Cmp::Greater, common.right, common.left));
    Value shared = area(common);
    Value whole = e.sub(e.add(area(first), area(second)), shared);
    Value isReal = e.compare(Cmp::Greater, whole, nothing);
    Value ratio = e.div(shared, e.select(isReal, whole, e.constant(1)));
    Value isMuch = e.compare(Cmp::Greater, ratio, overlap);
    return arith::AndIOp::create(b, loc, meets,
                                 arith::AndIOp::create(b, loc, isReal, isMuch));
  }

  Location loc;
  Value boxes, scores;
  Type element;
  bool isCentred;
  Value zero, one, count, most, overlap, leastScore;
};

struct NonMaxSuppressionLowering : OpConversionPattern<NonMaxSuppressionOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(NonMaxSuppressionOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Location loc = op.getLoc();
    Type element = getElementTypeOrSelf(op.getBoxes().getType());
    if (ScalarEmitter::getComputeType(element) != element)
      return b.notifyMatchFailure(op, "narrow floats are not implemented");
    auto [triples, count] = Suppression(b, loc, op, adaptor).emit(b);
    OpFoldResult three = b.getIndexAttr(3), none = b.getIndexAttr(0),
                 step = b.getIndexAttr(1);
    SmallVector<OpFoldResult> starts{none, none}, sizes{count, three},
        steps{step, step};
    Value result =
        tensor::ExtractSliceOp::create(b, loc, triples, starts, sizes, steps);
    b.replaceOp(op, castTo(b, loc, result, op.getType()));
    return success();
  }
};

} // namespace

void neuroplast::populateDetectionToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<NonMaxSuppressionLowering>(converter, patterns.getContext());
}
