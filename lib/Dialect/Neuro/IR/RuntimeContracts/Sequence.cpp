//===- Sequence.cpp - What recurrent layers and attention rely on -------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"

using namespace mlir;
using namespace neuroplast::neuro;
using neuroplast::neuro::detail::getTensorType;
using Size = RuntimeContract::Size;

template <typename Op>
static void stateRecurrent(RuntimeContract &contract, Op op, int64_t gates) {
  bool batchFirst = op.getLayout();
  Size directions =
      contract.constant(op.getDirection() == "bidirectional" ? 2 : 1);
  Size hidden = contract.constant(op.getHiddenSize());
  auto times = [&](int64_t count) {
    return contract.mul(hidden, contract.constant(count));
  };
  Size steps = contract.getSize(op.getInput(), batchFirst ? 1 : 0);
  Size batch = contract.getSize(op.getInput(), batchFirst ? 0 : 1);
  contract.requireShape(op.getW(), {directions, times(gates),
                                    contract.getSize(op.getInput(), 2)});
  contract.requireShape(op.getR(), {directions, times(gates), hidden});
  contract.requireShape(op.getB(), {directions, times(2 * gates)});
  SmallVector<Size> state{directions, batch, hidden};
  if (batchFirst)
    std::swap(state[0], state[1]);
  contract.requireShape(op.getInitialH(), state);
  if constexpr (std::is_same_v<Op, LSTMOp>) {
    contract.requireShape(op.getInitialC(), state);
    contract.requireShape(op.getP(), {directions, times(3)});
  }
  if (Value lengths = op.getSequenceLens()) {
    contract.requireShape(lengths, batch);
    contract.requireEntries(lengths, contract.constant(0),
                            contract.add(steps, contract.constant(1)),
                            "lengths");
  }
}

void RNNOp::stateContract(RuntimeContract &contract) {
  stateRecurrent(contract, *this, 1);
}
void GRUOp::stateContract(RuntimeContract &contract) {
  stateRecurrent(contract, *this, 3);
}
void LSTMOp::stateContract(RuntimeContract &contract) {
  stateRecurrent(contract, *this, 4);
}

void AttentionOp::stateContract(RuntimeContract &contract) {
  int64_t rank = getTensorType(getQ()).getRank();
  bool packed = rank == 3;
  int64_t rows = rank - 2, columns = rank - 1;
  Size batch = contract.getSize(getQ(), 0);
  contract.requireSize(getK(), 0, batch);
  contract.requireSize(getV(), 0, batch);
  contract.requireSize(getV(), rows, contract.getSize(getK(), rows));
  Size heads =
      packed ? contract.constant(getQNumHeads()) : contract.getSize(getQ(), 1);
  Size shared =
      packed ? contract.constant(getKvNumHeads()) : contract.getSize(getK(), 1);
  Size depth = contract.getSize(getK(), columns);
  Size valueDepth = contract.getSize(getV(), columns);
  if (packed) {
    contract.requireMultiple(getQ(), 2, getQNumHeads());
    contract.requireMultiple(getK(), 2, getKvNumHeads());
    contract.requireMultiple(getV(), 2, getKvNumHeads());
    depth = contract.div(depth, shared);
    valueDepth = contract.div(valueDepth, shared);
  } else {
    contract.requireSize(getV(), 1, shared);
  }
  contract.requireSize(getQ(), columns,
                       packed ? contract.mul(depth, heads) : depth);
  Size keys = contract.getSize(getK(), rows);
  if (Value past = getPastKey()) {
    Size before = contract.getSize(past, 2);
    contract.requireShape(past, {batch, shared, before, depth});
    contract.requireShape(getPastValue(), {batch, shared, before, valueDepth});
    keys = contract.add(keys, before);
  }
  if (Value lengths = getNonpadKvSeqlen()) {
    contract.requireShape(lengths, batch);
    contract.requireEntries(lengths, contract.constant(0),
                            contract.add(keys, contract.constant(1)),
                            "lengths");
  }
  Value mask = getAttnMask();
  if (!mask)
    return;
  // Its last axis may end early.
  int64_t maskRank = getTensorType(mask).getRank();
  contract.requireAtMost(mask, maskRank - 1, keys);
  contract.requireBroadcastTo(mask,
                              {batch, heads, contract.getSize(getQ(), rows),
                               contract.getSize(mask, maskRank - 1)});
}

void RotaryEmbeddingOp::stateContract(RuntimeContract &contract) {
  int64_t rank = getTensorType(getInput()).getRank();
  bool packed = rank == 3;
  Size width = contract.getSize(getInput(), rank - 1);
  int64_t heads = packed ? getNumHeads() : 1;
  if (packed) {
    contract.requireMultiple(getInput(), 2, heads);
    width = contract.div(width, contract.constant(heads));
  }
  if (int64_t rotated = getRotaryEmbeddingDim()) {
    contract.requireAtLeast(getInput(), rank - 1, rotated * heads);
    width = contract.constant(rotated);
  }
  Size pairs = contract.div(width, contract.constant(2));
  Size batch = contract.getSize(getInput(), 0);
  Size length = contract.getSize(getInput(), rank - 2);
  Value cache = getCosCache(), ids = getPositionIds();
  contract.requireShape(getSinCache(), contract.getSizes(cache));
  if (!ids)
    return contract.requireShape(cache, {batch, length, pairs});
  contract.requireSize(cache, 1, pairs);
  contract.requireShape(ids, {batch, length});
  contract.requireEntries(ids, contract.constant(0), contract.getSize(cache, 0),
                          "positions");
}

void DetOp::stateContract(RuntimeContract &contract) {
  int64_t rank = getTensorType(getInput()).getRank();
  contract.requireSize(getInput(), rank - 1,
                       contract.getSize(getInput(), rank - 2));
}
