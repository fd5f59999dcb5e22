//===- Attention.cpp - Gradients of attention and what belongs to it ------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"

#include <cmath>

using namespace mlir;
using namespace neuroplast::neuro;

namespace {

/// Operands and results of an attention as batch x heads x places x depth, with
/// the queries of heads that share keys as rows of one matrix.
class Heads {
public:
  Heads(int64_t batch, int64_t shared, int64_t perShared, bool isPacked)
      : batch(batch), shared(shared), perShared(perShared), isPacked(isPacked) {
  }

  /// Of queries, or what has as many heads.
  Term split(const Term &term) const {
    Term value = apart(term, shared * perShared);
    auto shape = value.getType().getShape();
    return value.reshape({batch, shared, perShared * shape[2], shape[3]});
  }
  Term join(const Term &term) const {
    auto shape = term.getType().getShape();
    return together(term.reshape(
        {batch, shared * perShared, shape[2] / perShared, shape[3]}));
  }
  /// Of keys and values.
  Term together(const Term &term) const {
    if (!isPacked)
      return term;
    auto shape = term.getType().getShape();
    return term.transpose({0, 2, 1, 3})
        .reshape({shape[0], shape[2], shape[1] * shape[3]});
  }

private:
  Term apart(const Term &term, int64_t heads) const {
    if (term.getRank() == 4)
      return term;
    auto shape = term.getType().getShape();
    return term.reshape({shape[0], shape[1], heads, shape[2] / heads})
        .transpose({0, 2, 1, 3});
  }

  int64_t batch, shared, perShared;
  bool isPacked;
};

} // namespace

/// With the probabilities P, the results P V and what is scaled by s:
/// dV = P^T dY, dS = P (dP - sum(P dP)), dP = dY V^T, dQ = s dS K,
/// dK = s dS^T Q.
LogicalResult AttentionOp::buildGradient(GradientScope &scope) {
  if (failed(scope.requireStaticSizes()))
    return failure();
  if (scope.hasGradient(3))
    return emitOpError("has no gradient through its products");
  RankedTensorType queries = detail::getTensorType(getQ());
  bool isPacked = queries.getRank() == 3;
  Term k = scope.getResult(1), v = scope.getResult(2);
  int64_t batch = queries.getDimSize(0),
          heads = isPacked ? static_cast<int64_t>(getQNumHeads())
                           : queries.getDimSize(1),
          shared = k.getType().getDimSize(1), keys = k.getType().getDimSize(2);
  Heads shape(batch, shared, heads / shared, isPacked);
  auto &at = scope.getBuilder();
  // The probabilities are a result that nobody else may want to be something
  // else.
  Value shown = getQkMatmulOutput();
  if (getQkMatmulOutputMode() != 3 && shown.use_empty()) {
    setQkMatmulOutputMode(3);
  } else if (getQkMatmulOutputMode() != 3) {
    auto again = cast<AttentionOp>(at.builder.clone(**this));
    again.setQkMatmulOutputMode(3);
    shown = again.getQkMatmulOutput();
  }
  Term p = shape.split(scope.wrap(shown)), g = shape.split(scope.getGradient()),
       q = shape.split(scope.getOperand(0));
  Term ofValues = p.transposeMatrix().matmul(g);
  Term ofP = g.matmul(v.transposeMatrix());
  Term ofScores = p * (ofP - (p * ofP).sum(3));
  int64_t depth = q.getType().getDimSize(3);
  double scale = getScale() ? getScale()->convertToDouble()
                            : 1.0 / std::sqrt(static_cast<double>(depth));
  std::optional<unsigned> mask;
  if (getAttnMask())
    mask = getAttnMaskMutable()[0].getOperandNumber();
  if (mask && scope.isNeeded(*mask)) {
    RankedTensorType type = detail::getTensorType(getAttnMask());
    if (type.getShape().back() != 1 && type.getShape().back() != keys)
      return emitOpError("with a mask that ends early has no gradient yet");
    Term ofMask = ofScores.reshape(
        {batch, heads, ofScores.getType().getDimSize(2) * shared / heads,
         keys});
    scope.give(*mask, ofMask);
  }
  if (double cap = getSoftcap().convertToDouble(); cap > 0) {
    Term tanh = (q.matmul(k.transposeMatrix()) * (scale / cap)).tanh();
    ofScores = ofScores * (1 - tanh * tanh);
  }
  Term scaled = ofScores * scale;
  if (scope.isNeeded(0))
    scope.give(0, shape.join(scaled.matmul(k)));
  Term ofKeys = scaled.transposeMatrix().matmul(q);
  if (scope.hasGradient(1))
    ofKeys = ofKeys + scope.getGradient(1);
  if (scope.hasGradient(2))
    ofValues = ofValues + scope.getGradient(2);
  // Those of the past come first.
  auto give = [&](unsigned operand, MutableOperandRange pastOperand,
                  const Term &gradient) {
    int64_t past = 0;
    if (!pastOperand.empty()) {
      past = detail::getTensorType(pastOperand[0].get()).getDimSize(2);
      if (scope.isNeeded(pastOperand[0].getOperandNumber()))
        scope.give(pastOperand[0].getOperandNumber(),
                   gradient.slice(2, 0, past));
    }
    if (scope.isNeeded(operand))
      scope.give(operand, shape.together(gradient.slice(2, past, keys - past)));
  };
  give(1, getPastKeyMutable(), ofKeys);
  give(2, getPastValueMutable(), ofValues);
  return success();
}

/// What was turned is turned back.
LogicalResult RotaryEmbeddingOp::buildGradient(GradientScope &scope) {
  if (scope.isNeeded(1) || scope.isNeeded(2))
    return emitOpError("has no gradient of its angles");
  Term g = scope.getGradient(), sine = -scope.getOperand(2);
  auto back = cast<RotaryEmbeddingOp>(scope.getBuilder().builder.clone(**this));
  back.getInputMutable().assign(g.get());
  back.getSinCacheMutable().assign(sine.get());
  scope.give(0, scope.wrap(back));
  return success();
}
