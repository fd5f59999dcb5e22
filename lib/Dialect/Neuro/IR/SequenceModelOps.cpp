//===- SequenceModelOps.cpp - Recurrent layers and attention --------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"

#include <array>

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

#define INFER(OP)                                                              \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> location, Adaptor adaptor, \
      SmallVectorImpl<Type> &types)

//===----------------------------------------------------------------------===//
// Recurrent layers
//===----------------------------------------------------------------------===//

template <typename Adaptor>
static LogicalResult
inferRecurrent(StringRef opName, std::optional<Location> location,
               Adaptor adaptor, int64_t gates, unsigned states,
               SmallVectorImpl<Type> &types) {
  RankedTensorType input = getTensorType(adaptor.getInput());
  RankedTensorType w = getTensorType(adaptor.getW());
  RankedTensorType r = getTensorType(adaptor.getR());
  if (input.getRank() != 3 || w.getRank() != 3 || r.getRank() != 3)
    return emitOptionalError(location, "'", opName,
                             "' op input, W and R must have rank 3");
  StringRef direction = adaptor.getDirection();
  if (direction != "forward" && direction != "reverse" &&
      direction != "bidirectional")
    return emitOptionalError(location, "'", opName, "' op direction is '",
                             direction,
                             "', expected forward, reverse or bidirectional");
  int64_t hidden = adaptor.getHiddenSize();
  // Gates and directions multiply it.
  if (hidden < 1 || hidden > INT32_MAX)
    return emitOptionalError(location, "'", opName, "' op has hidden size ",
                             hidden);
  int64_t directions = adaptor.getDirection() == "bidirectional" ? 2 : 1;
  auto check = [&](StringRef operand, RankedTensorType type, int64_t axis,
                   int64_t expected) -> LogicalResult {
    int64_t size = type.getDimSize(axis);
    if (size == kDynamic || expected == kDynamic || size == expected)
      return success();
    return emitOptionalError(location, "'", opName, "' op ", operand, " has ",
                             size, " entries along axis ", axis, ", expected ",
                             expected);
  };
  if (failed(check("W", w, 0, directions)) ||
      failed(check("W", w, 1, gates * hidden)) ||
      failed(check("W", w, 2, input.getDimSize(2))) ||
      failed(check("R", r, 0, directions)) ||
      failed(check("R", r, 1, gates * hidden)) ||
      failed(check("R", r, 2, hidden)))
    return failure();
  bool batchFirst = adaptor.getLayout();
  int64_t steps = input.getDimSize(batchFirst ? 1 : 0),
          batch = input.getDimSize(batchFirst ? 0 : 1);
  auto checkAll = [&](StringRef operand, Value value,
                      ArrayRef<int64_t> expected) -> LogicalResult {
    if (!value)
      return success();
    RankedTensorType type = getTensorType(value);
    int64_t rank = expected.size();
    if (type.getRank() != rank)
      return emitOptionalError(location, "'", opName, "' op ", operand,
                               " has rank ", type.getRank(), ", expected ",
                               rank);
    for (auto [axis, size] : llvm::enumerate(expected))
      if (failed(check(operand, type, axis, size)))
        return failure();
    return success();
  };
  SmallVector<int64_t> state{directions, batch, hidden};
  if (batchFirst)
    std::swap(state[0], state[1]);
  if (failed(checkAll("B", adaptor.getB(), {directions, 2 * gates * hidden})) ||
      failed(checkAll("sequence_lens", adaptor.getSequenceLens(), {batch})) ||
      failed(checkAll("initial_h", adaptor.getInitialH(), state)))
    return failure();
  if constexpr (std::is_same_v<Adaptor, LSTMOp::Adaptor>)
    if (failed(checkAll("initial_c", adaptor.getInitialC(), state)) ||
        failed(checkAll("P", adaptor.getP(), {directions, 3 * hidden})))
      return failure();
  if (std::optional<ArrayAttr> names = adaptor.getActivations()) {
    size_t each = gates == 1 ? 1 : states + 1;
    if (!names->empty() && names->size() != each * directions)
      return emitOptionalError(location, "'", opName, "' op lists ",
                               names->size(), " activations, expected ",
                               each * directions);
    static constexpr StringLiteral known[] = {
        "relu",      "tanh",        "sigmoid",        "affine",
        "leakyrelu", "elu",         "scaledtanh",     "softsign",
        "softplus",  "hardsigmoid", "thresholdedrelu"};
    for (StringRef name : names->getAsValueRange<StringAttr>())
      if (!llvm::is_contained(known, name.lower()))
        return emitOptionalError(location, "'", opName,
                                 "' op has an unknown activation '", name, "'");
  }
  SmallVector<int64_t> all, last;
  if (batchFirst) {
    all = {batch, steps, directions, hidden};
    last = {batch, directions, hidden};
  } else {
    all = {steps, directions, batch, hidden};
    last = {directions, batch, hidden};
  }
  types.push_back(RankedTensorType::get(all, input.getElementType()));
  types.append(states, RankedTensorType::get(last, input.getElementType()));
  if (!adaptor.getKeepProducts())
    return success();
  if constexpr (std::is_same_v<Adaptor, GRUOp::Adaptor>)
    if (adaptor.getLinearBeforeReset() == 0)
      return emitOptionalError(location, "'", opName,
                               "' op can keep the products of its states only "
                               "if they are made before the reset");
  types.push_back(RankedTensorType::get(
      {steps, directions, batch, gates * hidden}, input.getElementType()));
  return success();
}

INFER(RNNOp) {
  (void)context;
  return inferRecurrent(getOperationName(), location, adaptor, 1, 1, types);
}
INFER(GRUOp) {
  (void)context;
  return inferRecurrent(getOperationName(), location, adaptor, 3, 1, types);
}
INFER(LSTMOp) {
  (void)context;
  return inferRecurrent(getOperationName(), location, adaptor, 4, 2, types);
}

/// Each step and direction multiplies a row by W and a row by R.
template <typename Op> static std::optional<int64_t> countRecurrent(Op op) {
  RankedTensorType input = getTensorType(op.getInput());
  RankedTensorType w = getTensorType(op.getW());
  RankedTensorType r = getTensorType(op.getR());
  if (!input.hasStaticShape() || !w.hasStaticShape() || !r.hasStaticShape())
    return std::nullopt;
  int64_t rows = input.getDimSize(0) * input.getDimSize(1);
  return mulSizes(2 * rows, w.getNumElements() + r.getNumElements());
}
std::optional<int64_t> RNNOp::getFlops() { return countRecurrent(*this); }
std::optional<int64_t> GRUOp::getFlops() { return countRecurrent(*this); }
std::optional<int64_t> LSTMOp::getFlops() { return countRecurrent(*this); }

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

INFER(AttentionOp) {
  (void)context;
  RankedTensorType q = getTensorType(adaptor.getQ());
  RankedTensorType k = getTensorType(adaptor.getK());
  RankedTensorType v = getTensorType(adaptor.getV());
  int64_t rank = q.getRank();
  if ((rank != 3 && rank != 4) || k.getRank() != rank || v.getRank() != rank)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op Q, K and V must all have rank 3 or 4");
  int64_t heads = rank == 4 ? q.getDimSize(1) : adaptor.getQNumHeads();
  int64_t kvHeads = rank == 4 ? k.getDimSize(1) : adaptor.getKvNumHeads();
  auto isCount = [](int64_t count) { return count == kDynamic || count > 0; };
  if (!isCount(heads) || !isCount(kvHeads))
    return emitOptionalError(location, "'", getOperationName(),
                             "' op needs q_num_heads and kv_num_heads for "
                             "operands of rank 3");
  if (heads != kDynamic && kvHeads != kDynamic && heads % kvHeads != 0)
    return emitOptionalError(location, "'", getOperationName(), "' op has ",
                             heads, " query heads for ", kvHeads,
                             " key heads, expected a multiple");
  auto depth = [&](RankedTensorType type, int64_t count) {
    int64_t size = type.getShape().back();
    return rank == 4 || size == kDynamic || count == kDynamic ? size
                                                              : size / count;
  };
  int64_t sequence = q.getDimSize(rank - 2), keys = k.getDimSize(rank - 2);
  if (Value past = adaptor.getPastKey()) {
    int64_t before = getTensorType(past).getDimSize(2);
    keys = addSizes(keys, before);
  }
  int64_t vDepth = depth(v, kvHeads);
  SmallVector<int64_t> y(q.getShape());
  y.back() = rank == 4 ? vDepth : mulSizes(vDepth, heads);
  Type element = q.getElementType();
  types.push_back(RankedTensorType::get(y, element));
  types.push_back(RankedTensorType::get(
      {q.getDimSize(0), kvHeads, keys, depth(k, kvHeads)}, k.getElementType()));
  types.push_back(RankedTensorType::get(
      {q.getDimSize(0), kvHeads, keys, vDepth}, v.getElementType()));
  types.push_back(
      RankedTensorType::get({q.getDimSize(0), heads, sequence, keys}, element));
  return success();
}

std::optional<int64_t> AttentionOp::getFlops() {
  auto scores = getTensorType(getQkMatmulOutput());
  auto keys = getTensorType(getPresentKey());
  auto values = getTensorType(getPresentValue());
  if (!scores.hasStaticShape() || keys.isDynamicDim(3) ||
      values.isDynamicDim(3))
    return std::nullopt;
  return mulSizes(2 * countElements(scores.getShape()),
                  keys.getDimSize(3) + values.getDimSize(3));
}

INFER(DetOp) {
  (void)context;
  RankedTensorType input = getTensorType(adaptor.getInput());
  if (input.getRank() < 2)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op needs matrices");
  int64_t rows = input.getDimSize(input.getRank() - 2),
          columns = input.getShape().back();
  if (rows != kDynamic && columns != kDynamic && rows != columns)
    return emitOptionalError(location, "'", getOperationName(),
                             "' op needs square matrices, not ", rows, " x ",
                             columns);
  types.push_back(RankedTensorType::get(input.getShape().drop_back(2),
                                        input.getElementType()));
  return success();
}

LogicalResult AttentionOp::verify() {
  RankedTensorType q = detail::getTensorType(getQ()),
                   k = detail::getTensorType(getK());
  if (failed(detail::verifyRank(*this, "K", getK(), q.getRank())) ||
      failed(detail::verifyRank(*this, "V", getV(), q.getRank())))
    return failure();
  // Batch, and the axis of the keys.
  int64_t keyAxis = q.getRank() - 2;
  if (failed(detail::verifySize(*this, "K", getK(), 0, q.getDimSize(0))) ||
      failed(detail::verifySize(*this, "V", getV(), 0, q.getDimSize(0))) ||
      failed(detail::verifySize(*this, "V", getV(), keyAxis,
                                k.getDimSize(keyAxis))))
    return failure();
  if (q.getRank() == 4 &&
      (failed(detail::verifySize(*this, "K", getK(), 3, q.getDimSize(3))) ||
       failed(detail::verifySize(*this, "V", getV(), 1, k.getDimSize(1)))))
    return failure();
  if (!getAttnMask())
    return success();
  // The mask broadcasts to batch x heads x queries x keys; it may end early.
  RankedTensorType mask = detail::getTensorType(getAttnMask());
  int64_t keys = k.getDimSize(keyAxis), rank = mask.getRank();
  if (getPastKey()) {
    int64_t past = detail::getTensorType(getPastKey()).getDimSize(2);
    keys = addSizes(keys, past);
  }
  int64_t heads = q.getRank() == 4 ? q.getDimSize(1) : getQNumHeads();
  std::array<int64_t, 4> whole{q.getDimSize(0), heads, q.getDimSize(keyAxis),
                               keys};
  bool fits = rank <= 4;
  for (int64_t i = 0; fits && i < rank; ++i) {
    int64_t size = mask.getDimSize(i), expected = whole[4 - rank + i];
    bool isLast = i + 1 == rank;
    fits = size == kDynamic || expected == kDynamic || size == 1 ||
           size == expected || (isLast && size < expected);
  }
  if (fits)
    return success();
  return emitOpError() << "mask of type " << mask << " does not fit "
                       << whole[2] << " queries and " << keys << " keys";
}

LogicalResult RotaryEmbeddingOp::verify() {
  RankedTensorType input = detail::getTensorType(getInput()),
                   cache = detail::getTensorType(getCosCache());
  bool hasHeads = input.getRank() == 4;
  if (!hasHeads && (input.getRank() != 3 || getNumHeads() < 1))
    return emitOpError("input must have rank 4, or 3 with num_heads");
  int64_t batch = input.getDimSize(0), length = input.getDimSize(hasHeads + 1);
  int64_t depth = input.getShape().back();
  if (!hasHeads && depth != kDynamic)
    depth /= static_cast<int64_t>(getNumHeads());
  if (getRotaryEmbeddingDim())
    depth = getRotaryEmbeddingDim();
  int64_t pairs = depth == kDynamic ? kDynamic : depth / 2;
  if (failed(detail::verifyShape(*this, "sin_cache", getSinCache(),
                                 cache.getShape())))
    return failure();
  if (!getPositionIds())
    return detail::verifyShape(*this, "cos_cache", getCosCache(),
                               {batch, length, pairs});
  if (failed(detail::verifyShape(*this, "position_ids", getPositionIds(),
                                 {batch, length})))
    return failure();
  return detail::verifyShape(*this, "cos_cache", getCosCache(),
                             {kDynamic, pairs});
}

#define GET_OP_CLASSES
#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.cpp.inc"
