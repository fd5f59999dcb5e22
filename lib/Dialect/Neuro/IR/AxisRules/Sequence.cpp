//===- Sequence.cpp - Axis rules of recurrent layers and attention --------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleBuilder.h"
#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"
#include <cmath>

using namespace mlir;
using namespace neuroplast::neuro;
using namespace neuroplast::neuro::detail;

//===----------------------------------------------------------------------===//
// Recurrent layers
//===----------------------------------------------------------------------===//

namespace {

/// The factors that all recurrent layers share.
struct Recurrent {
  AxisExpr sequence, batch, direction;
  unsigned hidden;
  int64_t layout;

  /// The axes of initial and final states.
  TensorAxes state() const {
    AxisExpr h = AxisExpr::factor(hidden);
    return layout == 0 ? TensorAxes{direction, batch, h}
                       : TensorAxes{batch, direction, h};
  }
  /// The axes of all states over time.
  TensorAxes states() const {
    AxisExpr h = AxisExpr::factor(hidden);
    return layout == 0 ? TensorAxes{sequence, direction, batch, h}
                       : TensorAxes{batch, sequence, direction, h};
  }
  /// `copies` gates of hidden units, one after the other.
  AxisExpr gates(RuleBuilder &build, StringRef name, int64_t copies) const {
    unsigned c = build.factor(name, copies, FactorRole::Fixed);
    return AxisExpr::product({c, hidden});
  }
};

template <typename Op>
Recurrent buildRecurrent(RuleBuilder &build, Op op, int64_t gates) {
  Recurrent rnn;
  rnn.layout = op.getLayout();
  ArrayRef<int64_t> x = RuleBuilder::getShape(op.getInput());
  ArrayRef<int64_t> w = RuleBuilder::getShape(op.getW());
  rnn.sequence =
      build.axis("s", x[rnn.layout == 0 ? 0 : 1], FactorRole::Spatial);
  rnn.batch = build.axis("n", x[rnn.layout == 0 ? 1 : 0]);
  rnn.direction = build.axis("d", w[0], FactorRole::Fixed);
  rnn.hidden = build.factor("h", op.getHiddenSize());
  AxisExpr h = AxisExpr::factor(rnn.hidden);
  AxisExpr i = build.axis("i", ShapedType::isDynamic(x[2]) ? w[2] : x[2]);
  if (x[2] != w[2])
    build.pin(i, build.reason("contracts a size known at run time only"));
  build.set(op.getInputMutable(), rnn.layout == 0
                                      ? TensorAxes{rnn.sequence, rnn.batch, i}
                                      : TensorAxes{rnn.batch, rnn.sequence, i});
  AxisExpr gateAxis = rnn.gates(build, "g", gates);
  build.set(op.getWMutable(), {rnn.direction, gateAxis, i});
  build.set(op.getRMutable(), {rnn.direction, gateAxis, h});
  build.set(op.getBMutable(),
            {rnn.direction, rnn.gates(build, "b", 2 * gates)});
  build.set(op.getSequenceLensMutable(), {rnn.batch});
  build.set(op.getInitialHMutable(), rnn.state());
  build.set(op.getY(), rnn.states());
  build.set(op.getYH(), rnn.state());
  return rnn;
}

template <typename Op> bool hasRecurrentShapes(Op op) {
  return RuleBuilder::getShape(op.getInput()).size() == 3 &&
         RuleBuilder::getShape(op.getW()).size() == 3 &&
         RuleBuilder::getShape(op.getR()).size() == 3;
}

template <typename Op> void setHidden(Op op, ArrayRef<int64_t> extents) {
  AxisRule rule = op.getAxisRule();
  for (auto [factor, extent] : llvm::zip(rule.factors, extents))
    if (factor.name == "h")
      op.setHiddenSize(extent);
}

} // namespace

AxisRule RNNOp::getAxisRule() {
  RuleBuilder build(*this);
  if (hasRecurrentShapes(*this))
    buildRecurrent(build, *this, 1);
  return build.take();
}
void RNNOp::setFactorExtents(ArrayRef<int64_t> extents) {
  setHidden(*this, extents);
}

AxisRule GRUOp::getAxisRule() {
  RuleBuilder build(*this);
  if (hasRecurrentShapes(*this))
    buildRecurrent(build, *this, 3);
  return build.take();
}
void GRUOp::setFactorExtents(ArrayRef<int64_t> extents) {
  setHidden(*this, extents);
}

AxisRule LSTMOp::getAxisRule() {
  RuleBuilder build(*this);
  if (!hasRecurrentShapes(*this))
    return build.take();
  Recurrent rnn = buildRecurrent(build, *this, 4);
  build.set(getInitialCMutable(), rnn.state());
  if (getP())
    build.set(getPMutable(), {rnn.direction, rnn.gates(build, "p", 3)});
  build.set(getYC(), rnn.state());
  return build.take();
}
void LSTMOp::setFactorExtents(ArrayRef<int64_t> extents) {
  setHidden(*this, extents);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

AxisRule AttentionOp::getAxisRule() {
  RuleBuilder build(*this);
  ArrayRef<int64_t> q = RuleBuilder::getShape(getQ()),
                    k = RuleBuilder::getShape(getK()),
                    v = RuleBuilder::getShape(getV()),
                    y = RuleBuilder::getShape(getY());
  bool flat = q.size() == 3;
  if (q.size() != k.size() || q.size() != v.size() || q.size() != y.size() ||
      (!flat && q.size() != 4))
    return build.take();
  int64_t heads = flat ? getQNumHeads() : q[1],
          kvHeads = flat ? getKvNumHeads() : k[1];
  if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0 ||
      ShapedType::isDynamic(q.back()) || ShapedType::isDynamic(v.back()) ||
      (flat && (q[2] % heads != 0 || v[2] % kvHeads != 0)))
    return build.take();

  AxisExpr batch = build.axis("n", q[0]);
  // A key-value head goes with all its queries.
  unsigned h = build.factor("h", kvHeads);
  unsigned r = build.factor("r", heads / kvHeads, FactorRole::Fixed);
  AxisExpr s = build.axis("s", q[flat ? 1 : 2]);
  AxisExpr t = build.axis("t", k[flat ? 1 : 2]);
  unsigned d = build.factor("d", flat ? q[2] / heads : q[3]);
  unsigned e = build.factor("e", flat ? v[2] / kvHeads : v[3]);
  auto tensor = [&](bool query, const AxisExpr &length,
                    unsigned depth) -> TensorAxes {
    SmallVector<unsigned> head = {h};
    if (query)
      head.push_back(r);
    if (!flat)
      return {batch, AxisExpr::product(head), length, AxisExpr::factor(depth)};
    head.push_back(depth);
    return {batch, length, AxisExpr::product(head)};
  };
  build.pin(t, build.reason("runs a softmax over the axis"));
  // A window of -1 has no end on that side.
  auto isLimited = [](uint64_t window) {
    return static_cast<int64_t>(window) >= 0;
  };
  if (getIsCausal() || isLimited(getLeftWindowSize()) ||
      isLimited(getRightWindowSize()))
    build.pin(s, build.reason("masks by position in the axis"));
  build.set(getQMutable(), tensor(true, s, d));
  build.set(getKMutable(), tensor(false, t, d));
  build.set(getVMutable(), tensor(false, t, e));
  build.set(getY(), tensor(true, s, e));

  // Keys and values of the past come first along the axis of keys.
  AxisExpr total = t;
  TensorAxes pastKey, pastValue;
  auto cache = [&](const AxisExpr &length, unsigned depth) -> TensorAxes {
    return {batch, AxisExpr::factor(h), length, AxisExpr::factor(depth)};
  };
  if (getPastKey() && getPastValue() &&
      RuleBuilder::getShape(getPastKey()).size() == 4) {
    AxisExpr past = build.axis("u", RuleBuilder::getShape(getPastKey())[2]);
    build.pin(past, build.reason("runs a softmax over the axis"));
    build.set(getPastKeyMutable(), cache(past, d));
    build.set(getPastValueMutable(), cache(past, e));
    ArrayRef<int64_t> present = RuleBuilder::getShape(getPresentKey());
    total = build.axis("w",
                       present.size() == 4 ? present[2] : ShapedType::kDynamic);
    build.pin(total, build.reason("runs a softmax over the axis"));
  }
  build.set(getPresentKey(), cache(total, d));
  build.set(getPresentValue(), cache(total, e));
  TensorAxes scores = {batch, AxisExpr::product({h, r}), s, total};
  build.set(getQkMatmulOutput(), scores);
  if (getAttnMask())
    build.set(getAttnMaskMutable(), build.broadcast(getAttnMask(), scores));
  build.set(getNonpadKvSeqlenMutable(), {batch});
  return build.take();
}

void AttentionOp::setFactorExtents(ArrayRef<int64_t> extents) {
  AxisRule rule = getAxisRule();
  int64_t kvHeads = 0, repeats = 0, depth = 0, newDepth = 0;
  for (auto [factor, extent] : llvm::zip(rule.factors, extents)) {
    if (factor.name == "h")
      kvHeads = extent;
    else if (factor.name == "r")
      repeats = extent;
    else if (factor.name == "d") {
      depth = factor.extent;
      newDepth = extent;
    }
  }
  if (getQNumHeads() != 0 && kvHeads != 0) {
    setKvNumHeads(kvHeads);
    setQNumHeads(kvHeads * repeats);
  }
  // The default scale follows the depth; the edit must not change the function.
  if (depth != newDepth && !getScale())
    setScale(llvm::APFloat(
        static_cast<float>(1.0 / std::sqrt(static_cast<double>(depth)))));
}

AxisRule RotaryEmbeddingOp::getAxisRule() {
  RuleBuilder build(*this);
  ArrayRef<int64_t> x = RuleBuilder::getShape(getInput());
  ArrayRef<int64_t> cache = RuleBuilder::getShape(getCosCache());
  bool flat = x.size() == 3;
  int64_t heads = flat ? getNumHeads() : (x.size() == 4 ? x[1] : 0);
  if (heads < 1 || cache.empty() || ShapedType::isDynamic(x.back()) ||
      ShapedType::isDynamic(cache.back()) || (flat && x[2] % heads != 0))
    return build.take();
  int64_t depth = flat ? x[2] / heads : x[3], pairs = cache.back();
  // Part of a head under flat heads has no rule.
  if (pairs < 1 || 2 * pairs > depth || (flat && 2 * pairs != depth))
    return build.take();
  AxisExpr n = build.axis("n", x[0]), s = build.axis("s", x[flat ? 1 : 2]);
  unsigned h = build.factor("h", heads);
  unsigned two = build.factor("two", 2, FactorRole::Fixed);
  unsigned p = build.factor("p", pairs);
  SmallVector<unsigned> rotated = getInterleaved()
                                      ? SmallVector<unsigned>{p, two}
                                      : SmallVector<unsigned>{two, p};
  TensorAxes axes;
  if (flat) {
    rotated.insert(rotated.begin(), h);
    axes = {n, s, AxisExpr::product(rotated)};
  } else {
    AxisExpr features = AxisExpr::product(rotated);
    if (2 * pairs < depth)
      features.terms.push_back({build.factor("rest", depth - 2 * pairs)});
    axes = {n, AxisExpr::factor(h), s, features};
  }
  TensorAxes caches;
  if (getPositionIds()) {
    AxisExpr positions = build.axis("m", cache[0]);
    build.pin(positions,
              build.reason("picks places of the axis by index values",
                           getPositionIds()));
    caches = {positions, AxisExpr::factor(p)};
    build.set(getPositionIdsMutable(), {n, s});
  } else {
    caches = {n, s, AxisExpr::factor(p)};
  }
  build.set(getInputMutable(), axes);
  build.set(getCosCacheMutable(), caches);
  build.set(getSinCacheMutable(), caches);
  build.set(getResult(), axes);
  return build.take();
}
void RotaryEmbeddingOp::setFactorExtents(ArrayRef<int64_t> extents) {
  AxisRule rule = getAxisRule();
  for (auto [factor, extent] : llvm::zip(rule.factors, extents)) {
    if (factor.name == "h" && getNumHeads() != 0)
      setNumHeads(extent);
    if (factor.name == "p" && getRotaryEmbeddingDim() != 0)
      setRotaryEmbeddingDim(2 * extent);
  }
}

AxisRule DetOp::getAxisRule() {
  RuleBuilder build(*this);
  TensorAxes axes = build.axes(getInput());
  if (axes.size() < 2)
    return build.take();
  build.pin(ArrayRef<AxisExpr>(axes).take_back(2),
            build.reason("takes the determinant over the axis"));
  build.set(getInputMutable(), axes);
  axes.truncate(axes.size() - 2);
  build.set(getResult(), axes);
  return build.take();
}
