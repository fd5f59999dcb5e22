//===- Recurrent.cpp - Gradients of recurrent layers ----------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Backpropagation through time (Werbos, 1990). The states of all steps are the
// results of the layer, so that the gates of all steps are computed again at
// once, by two products. Only what depends on the gradient of the step behind
// it is in a loop: it finds the gradients of the sums of all gates, of which
// two more products make those of the weights.

#include "CellActivations.h"
#include "StepLoop.h"

#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/RecurrentCells.h"
#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace neuroplast::neuro;

namespace {

/// What is asked of the gradient of a layer, whatever its cell.
struct Layer {
  CellKind kind;
  int64_t hidden;
  StringRef direction;
  bool isBatchFirst, isLinearBeforeReset = false, isCoupled = false;
  std::optional<double> clip;
  SmallVector<CellActivation> activations; ///< of all directions
  /// The operands that may be missing.
  std::optional<unsigned> b, lens, initialH, initialC, p;
  /// What it gives at all steps, and the products of its states, if it keeps
  /// them.
  Value outputs, products;

  bool hasTwoDirections() const { return direction == "bidirectional"; }
  bool isReversed(int64_t d) const { return d == 1 || direction == "reverse"; }
};

/// The gradient of a layer, direction by direction. Sequences are steps x
/// batches x features.
class LayerGradient {
public:
  LayerGradient(GradientScope &scope, Operation *op, const Layer &layer)
      : scope(scope), op(op), layer(layer), at(scope.getBuilder()),
        hidden(layer.hidden), gates(countGates(layer.kind)) {
    Type element = getElementTypeOrSelf(op->getOperand(0).getType());
    // Narrow floats would lose too much over the steps.
    compute = element.getIntOrFloatBitWidth() < 32
                  ? Type(Float32Type::get(op->getContext()))
                  : element;
    auto shape = cast<RankedTensorType>(op->getOperand(0).getType()).getShape();
    steps = shape[layer.isBatchFirst ? 1 : 0];
    batch = shape[layer.isBatchFirst ? 0 : 1];
  }

  void build() {
    int64_t directions = layer.hasTwoDirections() ? 2 : 1;
    for (int64_t d = 0; d < directions; ++d)
      visit(d);
    Term ofData = data[0];
    for (const Term &term : ArrayRef(data).drop_front())
      ofData = ofData + term;
    give(0, layer.isBatchFirst ? ofData.transpose({1, 0, 2}) : ofData);
    give(1, concatenate(weights, 0));
    give(2, concatenate(recurrents, 0));
    if (layer.b)
      give(*layer.b, concatenate(biases, 0));
    // Directions are the second axis of states of which batches are the first.
    int64_t axis = layer.isBatchFirst ? 1 : 0;
    auto giveStates = [&](unsigned operand, ArrayRef<Term> states) {
      SmallVector<Term> rows;
      for (const Term &state : states)
        rows.push_back(state.expandAxes(axis));
      give(operand, concatenate(rows, axis));
    };
    if (layer.initialH)
      giveStates(*layer.initialH, ofStates);
    if (layer.initialC)
      giveStates(*layer.initialC, ofCells);
    if (layer.p)
      give(*layer.p, concatenate(peepholes, 0));
  }

private:
  void give(unsigned operand, const Term &gradient) {
    if (scope.isNeeded(operand))
      scope.give(operand, gradient.cast(getElementTypeOrSelf(
                              op->getOperand(operand).getType())));
  }

  Term read(unsigned operand) {
    return scope.getOperand(operand).cast(compute);
  }
  /// What belongs to a direction, without the axis of directions.
  Term getOwn(const Term &all, int64_t d, int64_t axis = 0) {
    SmallVector<int64_t> shape(all.getType().getShape());
    shape.erase(shape.begin() + axis);
    return all.slice(axis, d, 1).reshape(shape);
  }
  Term getState(const Term &all, int64_t d) {
    return getOwn(all, d, layer.isBatchFirst ? 1 : 0);
  }
  /// All steps of a direction, in the order in which it takes them.
  Term getSequence(Term all, int64_t d) {
    if (all.getRank() == 4)
      all = getOwn(all, d, layer.isBatchFirst ? 2 : 1);
    if (layer.isBatchFirst)
      all = all.transpose({1, 0, 2});
    return turn(all, d);
  }
  /// Into the order of a direction, and back. Each sequence is reversed within
  /// its own length.
  Term turn(const Term &sequence, int64_t d) {
    if (!layer.isReversed(d))
      return sequence;
    if (!layer.lens)
      return sequence.reverse(0);
    return {at,
            ReverseSequenceOp::create(at.builder, at.location, sequence.get(),
                                      op->getOperand(*layer.lens),
                                      /*batch_axis=*/1, /*time_axis=*/0)};
  }
  Term zeros(ArrayRef<int64_t> shape) {
    return scope.getOperand(0).cast(compute).number(0).broadcastTo(shape);
  }
  Term toRows(const Term &sequence) {
    return sequence.reshape(
        {steps * batch, sequence.getType().getShape().back()});
  }
  Term toSequence(const Term &rows) {
    return rows.reshape({steps, batch, rows.getType().getShape().back()});
  }
  /// Some of the gates along the last axis.
  Term getGates(const Term &all, int64_t first, int64_t count = 1) {
    return all.slice(all.getRank() - 1, first * hidden, count * hidden);
  }
  Term getRows(const Term &weight, int64_t first, int64_t count) {
    return weight.slice(0, first * hidden, count * hidden);
  }
  /// The states before all steps.
  Term delay(const Term &initial, const Term &sequence) {
    Term first = initial.expandAxes(0);
    return steps == 1
               ? first
               : concatenate({first, sequence.slice(0, 0, steps - 1)}, 0);
  }
  /// One where a sequence goes on, zero behind its end; null if none ends.
  Term findRunning() {
    if (!layer.lens)
      return {};
    Term lens = scope.getOperand(*layer.lens);
    Term step(at, RangeOp::create(at.builder, at.location, lens.number(0).get(),
                                  lens.number(1).get(), Value(), steps));
    return (step.reshape({steps, 1}) < lens.reshape({1, batch}))
        .cast(compute)
        .reshape({steps, batch, 1});
  }

  Activated activate(unsigned which, const Term &x, bool isClipped = true) {
    const CellActivation &activation = activations[which];
    if (!isClipped || !layer.clip)
      return apply(activation, x);
    Term bound = x.number(*layer.clip);
    Term clipped(at, ClipOp::create(x.getBuilder().builder, at.location,
                                    x.getType(), x.get(),
                                    x.number(-*layer.clip).get(), bound.get()));
    Activated result = apply(activation, clipped);
    result.slope = (x.abs() < bound).select(result.slope, 0);
    return result;
  }
  /// Nothing changes behind the end of a sequence.
  Term stopped(const Term &factor) {
    return running ? factor * running : factor;
  }
  /// What is kept of a state: all of it behind the end of a sequence.
  Term kept(const Term &factor) {
    return running ? factor * running + (1 - running) : factor;
  }

  using Keep = StepLoop::Keep;
  using Step = StepLoop::Body;
  Term loopOver(ArrayRef<Term> factors, SmallVectorImpl<Term> &states,
                int64_t count, bool isBackwards, Step body) {
    return StepLoop{at, compute, steps, batch, hidden}.run(
        factors, states, count, isBackwards, body);
  }

  /// Goes through the steps of the layer from the last one, with the gradient
  /// of the state behind a step, with what the output of the step brings, as
  /// the first state.
  Term goBack(int64_t count, Step body) {
    SmallVector<Term> all(factors);
    if (ofOutputs)
      all.push_back(ofOutputs);
    return loopOver(all, states, count, /*isBackwards=*/true,
                    [&](ArrayRef<Term> f, MutableArrayRef<Term> s, Keep keep) {
                      if (ofOutputs)
                        s[0] = s[0] + f.back();
                      body(f.take_front(factors.size()), s, keep);
                    });
  }

  void visit(int64_t d) {
    direction = d;
    size_t own = countActivations(layer.kind);
    activations = ArrayRef(layer.activations).slice(d * own, own);
    running = findRunning();
    x = getSequence(read(0), d);
    w = getOwn(read(1), d);
    r = getOwn(read(2), d);
    Term initial = layer.initialH ? getState(read(*layer.initialH), d)
                                  : zeros({batch, hidden});
    Term y = getSequence(Term(at, layer.outputs).cast(compute), d);
    before = delay(initial, y);
    Term sums = toSequence(toRows(x).matmul(w.transposeMatrix()));
    bias = recurrentBias = {};
    if (layer.b) {
      Term both = getOwn(read(*layer.b), d);
      bias = both.slice(0, 0, gates * hidden);
      recurrentBias = both.slice(0, gates * hidden, gates * hidden);
      sums = sums + bias;
    }
    // What the outputs and the last states bring.
    ofOutputs = {};
    if (scope.hasGradient(0))
      ofOutputs = stopped(getSequence(scope.getGradient(0).cast(compute), d));
    factors.clear();
    states = {getState(scope.getGradient(1).cast(compute), d)};
    switch (layer.kind) {
    case CellKind::RNN:
      visitRNN(sums);
      break;
    case CellKind::GRU:
      visitGRU(sums);
      break;
    case CellKind::LSTM:
      visitLSTM(sums);
      break;
    }
    ofStates.push_back(states[0]);
  }

  /// The products of the states before all steps with R.
  Term findProducts() {
    if (layer.products)
      return getOwn(Term(at, layer.products), direction, 1);
    return toSequence(toRows(before).matmul(r.transposeMatrix()));
  }

  Term addRecurrent(const Term &sums) {
    Term product = findProducts();
    return sums + (recurrentBias ? product + recurrentBias : product);
  }

  /// Gradients of the sums of some gates, all steps, from a gate on.
  struct GateSums {
    int64_t first;
    Term sums;
  };

  /// States the gradients of the data and of the weights, by those of the sums
  /// that the data take part in, and of those that the states do.
  void giveWeights(ArrayRef<GateSums> ofSums, const Term &ofRecurrent,
                   const Term &ofR) {
    Term ofData;
    SmallVector<Term> ofW, ofBias;
    for (const auto &[first, sums] : ofSums) {
      Term rows = toRows(sums);
      int64_t count = rows.getType().getDimSize(1) / hidden;
      Term part = rows.matmul(getRows(w, first, count));
      ofData = ofData ? ofData + part : part;
      ofW.push_back(rows.transposeMatrix().matmul(toRows(x)));
      ofBias.push_back(rows.sum(0, false));
    }
    data.push_back(turn(toSequence(ofData), direction));
    weights.push_back(concatenate(ofW, 0).expandAxes(0));
    recurrents.push_back(ofR.expandAxes(0));
    if (!layer.b)
      return;
    ofBias.push_back(toRows(ofRecurrent).sum(0, false));
    biases.push_back(concatenate(ofBias, 0).expandAxes(0));
  }
  void giveWeights(const Term &ofSums) {
    giveWeights(GateSums{0, ofSums}, ofSums,
                toRows(ofSums).transposeMatrix().matmul(toRows(before)));
  }

  void visitRNN(const Term &sums) {
    factors.push_back(stopped(activate(0, addRecurrent(sums)).slope));
    if (running)
      factors.push_back(1 - running);
    giveWeights(
        goBack(1, [&](ArrayRef<Term> f, MutableArrayRef<Term> s, Keep keep) {
          Term h = s[0];
          s[0] = keep(0, h * f[0]).matmul(inLoop(h, r));
          if (running)
            s[0] = s[0] + h * f[1];
        }));
  }

  /// An outer value among terms of a loop.
  static Term inLoop(const Term &like, const Term &outer) {
    return {like.getBuilder(), outer.get()};
  }

  void visitGRU(const Term &sums) {
    return layer.isLinearBeforeReset ? visitGRUWithLateReset(sums)
                                     : visitGRUWithEarlyReset(sums);
  }

  /// h' = (1 - z) n + z h, n = g(x + r (R h + b))
  void visitGRUWithLateReset(const Term &sums) {
    Term product = findProducts();
    if (recurrentBias)
      product = product + recurrentBias;
    Activated z = activate(0, getGates(sums, 0) + getGates(product, 0)),
              reset = activate(0, getGates(sums, 1) + getGates(product, 1));
    Term linear = getGates(product, 2);
    Activated n = activate(1, getGates(sums, 2) + reset.value * linear);
    // All gates, and what stays of the state, are multiples of one gradient.
    Term ofN = stopped((1 - z.value) * n.slope);
    enum { kZ, kReset, kLinear, kN, kState, kCount };
    factors.push_back(concatenate({stopped((before - n.value) * z.slope),
                                   ofN * (linear * reset.slope),
                                   ofN * reset.value, ofN, kept(z.value)},
                                  2));
    Term all = goBack(kCount, [&](ArrayRef<Term> f, MutableArrayRef<Term> s,
                                  Keep keep) {
      Term row =
          keep(0, s[0].expandAxes(1) * f[0].reshape({batch, kCount, hidden}));
      s[0] =
          getGates(row, kState) + getGates(row, 0, kN).matmul(inLoop(row, r));
    });
    Term ofRecurrent = getGates(all, 0, kN);
    giveWeights({{0, getGates(all, kZ, 2)}, {2, getGates(all, kN)}},
                ofRecurrent,
                toRows(ofRecurrent).transposeMatrix().matmul(toRows(before)));
  }

  /// h' = (1 - z) n + z h, n = g(x + R (r h) + b)
  void visitGRUWithEarlyReset(const Term &sums) {
    Term early = getRows(r, 0, 2), late = getRows(r, 2, 1);
    Term product = toSequence(toRows(before).matmul(early.transposeMatrix()));
    Term biased = recurrentBias ? sums + recurrentBias : sums;
    Activated z = activate(0, getGates(biased, 0) + getGates(product, 0)),
              reset = activate(0, getGates(biased, 1) + getGates(product, 1));
    Term remembered = reset.value * before;
    Activated n = activate(
        1, getGates(biased, 2) +
               toSequence(toRows(remembered).matmul(late.transposeMatrix())));
    factors.append({stopped((before - n.value) * z.slope),
                    stopped((1 - z.value) * n.slope), before * reset.slope,
                    reset.value, kept(z.value)});
    Term all = goBack(gates, [&](ArrayRef<Term> f, MutableArrayRef<Term> s,
                                 Keep keep) {
      Term h = s[0];
      Term ofRemembered = keep(2, h * f[1]).matmul(inLoop(h, late));
      s[0] = h * f[4] + ofRemembered * f[3] +
             keep(0, {h * f[0], ofRemembered * f[2]}).matmul(inLoop(h, early));
    });
    Term ofEarly = toRows(getGates(all, 0, 2)),
         ofLate = toRows(getGates(all, 2));
    giveWeights(
        GateSums{0, all}, all,
        concatenate({ofEarly.transposeMatrix().matmul(toRows(before)),
                     ofLate.transposeMatrix().matmul(toRows(remembered))},
                    0));
  }

  /// The cells of all steps, of which only the last is a result.
  Term findCells(const Term &sums, const Term &initial, ArrayRef<Term> looks) {
    SmallVector<Term> inputs{sums}, cells{initial};
    if (running)
      inputs.push_back(running);
    return loopOver(
        inputs, cells, 1, /*isBackwards=*/false,
        [&](ArrayRef<Term> f, MutableArrayRef<Term> s, Keep keep) {
          auto gate = [&](int64_t which) {
            Term sum = getGates(f[0], which);
            return looks.empty() || which == 3
                       ? sum
                       : sum + s[0] * inLoop(sum, looks[which]);
          };
          Term in = activate(0, gate(0)).value,
               forget = layer.isCoupled ? 1 - in : activate(0, gate(2)).value,
               next = forget * s[0] + in * activate(1, gate(3)).value;
          s[0] = running ? next * f[1] + s[0] * (1 - f[1]) : next;
          keep(0, s[0]);
        });
  }

  /// c' = f c + i g, h' = o tanh(c'); gates i, o, f and g, of which the first
  /// three may look at the cell: the new one, for o.
  void visitLSTM(const Term &sums) {
    SmallVector<Term> looks; // of i, o and f
    if (layer.p) {
      Term own = getOwn(read(*layer.p), direction);
      for (int64_t gate = 0; gate < 3; ++gate)
        looks.push_back(own.slice(0, gate * hidden, hidden));
    }
    Term all = addRecurrent(sums);
    Term initial = layer.initialC ? getState(read(*layer.initialC), direction)
                                  : zeros({batch, hidden});
    Term cells = findCells(all, initial, looks), old = delay(initial, cells);
    auto gate = [&](int64_t which, const Term &cell) {
      Term sum = getGates(all, which);
      return looks.empty() ? sum : sum + cell * looks[which];
    };
    Activated i = activate(0, gate(0, old)), o = activate(0, gate(1, cells)),
              g = activate(1, getGates(all, 3)),
              out = activate(2, cells, /*isClipped=*/false);
    Activated f = layer.isCoupled ? Activated{1 - i.value, {}}
                                  : activate(0, gate(2, old));
    // By the gradient of the output, and by that of the cell.
    Term ofIn = layer.isCoupled ? g.value - old : g.value;
    factors.append({stopped(out.value * o.slope), stopped(o.value * out.slope),
                    stopped(ofIn * i.slope), stopped(i.value * g.slope),
                    kept(f.value)});
    if (!layer.isCoupled)
      factors.push_back(stopped(old * f.slope));
    size_t last = factors.size();
    if (running)
      factors.push_back(1 - running);
    states.push_back(getState(scope.getGradient(2).cast(compute), direction));
    Term ofSums = goBack(
        gates, [&](ArrayRef<Term> k, MutableArrayRef<Term> s, Keep keep) {
          Term h = s[0], ofO = h * k[0], cell = s[1] + h * k[1];
          auto look = [&](const Term &gradient, int64_t which) {
            return gradient * inLoop(gradient, looks[which]);
          };
          if (!looks.empty())
            cell = cell + look(ofO, 1);
          Term ofI = cell * k[2], ofG = cell * k[3];
          Term ofF = layer.isCoupled ? ofI * 0 : cell * k[5];
          s[1] = cell * k[4];
          if (!looks.empty())
            s[1] = s[1] + look(ofI, 0);
          if (!looks.empty() && !layer.isCoupled)
            s[1] = s[1] + look(ofF, 2);
          s[0] = keep(0, {ofI, ofO, ofF, ofG}).matmul(inLoop(h, r));
          if (running)
            s[0] = s[0] + h * k[last];
        });
    ofCells.push_back(states[1]);
    if (layer.p) {
      auto sum = [&](int64_t which, const Term &cell) {
        return (getGates(ofSums, which) * cell).sum({0, 1}, false);
      };
      peepholes.push_back(
          concatenate({sum(0, old), sum(1, cells), sum(2, old)}, 0)
              .expandAxes(0));
    }
    giveWeights(ofSums);
  }

  GradientScope &scope;
  Operation *op;
  const Layer &layer;
  TermBuilder &at;
  Type compute;
  int64_t hidden, gates, steps = 0, batch = 0;

  // Of the direction that is visited.
  int64_t direction = 0;
  ArrayRef<CellActivation> activations;
  Term running, x, w, r, bias, recurrentBias, ofOutputs;
  Term before; ///< the states before all steps
  SmallVector<Term> factors, states;

  // Gradients, a direction after the other.
  SmallVector<Term> data, weights, recurrents, biases, ofStates, ofCells,
      peepholes;
};

/// Lets a layer keep what it multiplies, if it can; returns what takes its
/// place.
template <typename Op> Op keepProducts(Op op, const Layer &layer) {
  bool isNarrow =
      getElementTypeOrSelf(op.getInput().getType()).getIntOrFloatBitWidth() <
      32;
  bool isEarly = layer.kind == CellKind::GRU && !layer.isLinearBeforeReset;
  if (isNarrow || isEarly || op.getKeepProducts())
    return op;
  OpBuilder b(op);
  NamedAttrList attributes(op->getAttrDictionary());
  attributes.set(op.getKeepProductsAttrName(), b.getUnitAttr());
  auto keeping = Op::create(b, op.getLoc(), ValueRange(op->getOperands()),
                            attributes.getAttrs());
  for (auto [old, result] : llvm::zip(op->getResults(), keeping->getResults()))
    old.replaceAllUsesWith(result);
  return keeping;
}

template <typename Op>
LogicalResult buildRecurrentGradient(Op op, CellKind kind,
                                     GradientScope &scope) {
  if (failed(scope.requireStaticSizes()))
    return failure();
  Layer layer;
  layer.kind = kind;
  layer.hidden = static_cast<int64_t>(op.getHiddenSize());
  layer.direction = op.getDirection();
  layer.isBatchFirst = op.getLayout() != 0;
  // A clip of zero means none, as in the peers.
  if (op.getClip() && op.getClip()->convertToDouble() > 0)
    layer.clip = op.getClip()->convertToDouble();
  auto activations = parseActivations(
      kind, layer.hasTwoDirections() ? 2 : 1, op.getActivations(),
      op.getActivationAlpha(), op.getActivationBeta());
  if (failed(activations))
    return op.emitOpError("has an activation function without a gradient");
  layer.activations = *activations;
  auto find = [&](MutableOperandRange operand) -> std::optional<unsigned> {
    if (operand.empty())
      return std::nullopt;
    return operand[0].getOperandNumber();
  };
  layer.b = find(op.getBMutable());
  layer.lens = find(op.getSequenceLensMutable());
  layer.initialH = find(op.getInitialHMutable());
  if constexpr (std::is_same_v<Op, GRUOp>)
    layer.isLinearBeforeReset = op.getLinearBeforeReset() != 0;
  if constexpr (std::is_same_v<Op, LSTMOp>) {
    layer.isCoupled = op.getInputForget() != 0;
    layer.initialC = find(op.getInitialCMutable());
    layer.p = find(op.getPMutable());
  }
  if (op.getKeepProducts() && scope.hasGradient(op->getNumResults() - 1))
    return op.emitOpError("has no gradient of the products that it keeps");
  Op keeping = keepProducts(op, layer);
  layer.outputs = keeping.getY();
  if (keeping.getKeepProducts())
    layer.products = keeping.getProducts().front();
  LayerGradient(scope, op, layer).build();
  return success();
}

} // namespace

LogicalResult RNNOp::buildGradient(GradientScope &scope) {
  return buildRecurrentGradient(*this, CellKind::RNN, scope);
}
LogicalResult GRUOp::buildGradient(GradientScope &scope) {
  return buildRecurrentGradient(*this, CellKind::GRU, scope);
}
LogicalResult LSTMOp::buildGradient(GradientScope &scope) {
  return buildRecurrentGradient(*this, CellKind::LSTM, scope);
}
