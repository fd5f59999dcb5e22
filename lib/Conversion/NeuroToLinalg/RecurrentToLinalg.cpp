//===- RecurrentToLinalg.cpp - RNN, GRU and LSTM layers to loops ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The inputs of all time steps go through one matrix product before the loop.
// The loop carries the states and the tensor of all outputs and writes them in
// place, so that bufferization allocates nothing per step: a loop that yielded
// new tensors would copy them at every step.

#include "Patterns.h"

#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/RecurrentCells.h"
#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// An activation function of a cell, applied.
Value applyActivation(const CellActivation &activation, ScalarEmitter &e,
                      Value x) {
  const auto &[name, alpha, beta] = activation;
  if (name == "sigmoid")
    return e.sigmoid(x);
  if (name == "tanh")
    return e.tanh(x);
  if (name == "relu")
    return e.relu(x);
  if (name == "affine")
    return e.add(e.mul(x, e.constant(alpha)), e.constant(beta));
  if (name == "leakyrelu")
    return e.leakyRelu(x, alpha);
  if (name == "thresholdedrelu")
    return e.thresholdedRelu(x, alpha);
  if (name == "scaledtanh")
    return e.mul(e.constant(alpha), e.tanh(e.mul(x, e.constant(beta))));
  if (name == "hardsigmoid")
    return e.hardSigmoid(x, alpha, beta);
  if (name == "elu")
    return e.elu(x, alpha);
  if (name == "softsign")
    return e.softsign(x);
  return e.softplus(x);
}

/// A recurrent layer, whatever its cell.
struct Layer {
  CellKind kind;
  int64_t hidden, gates, states;
  bool batchFirst, linearBeforeReset = false, coupled = false, needsOutputs,
                   keepsProducts;
  StringRef direction;
  std::optional<double> clip;
  SmallVector<CellActivation> activations; ///< of all directions
  Value input, w, r, b, lens, initialH, initialC, p;
};

/// Emits one direction of a layer.
class DirectionEmitter {
public:
  DirectionEmitter(OpBuilder &b, Location loc, const Layer &layer,
                   int64_t direction, bool reverse)
      : b(b), loc(loc), layer(layer), direction(direction), reverse(reverse),
        element(getElementTypeOrSelf(layer.input.getType())) {
    size_t count = countActivations(layer.kind);
    activations = ArrayRef(layer.activations).slice(direction * count, count);
  }

  /// Writes all outputs into `y`, the last states into `last`, and the products
  /// of all states into `products`, whose new values replace the old ones.
  void emit(Value timeMajor, Value &y, MutableArrayRef<Value> last,
            Value &products);

private:
  OpFoldResult index(int64_t value) { return b.getIndexAttr(value); }
  OpFoldResult hiddenSize() { return index(layer.hidden); }
  RankedTensorType typeOf(ArrayRef<OpFoldResult> sizes) {
    SmallVector<int64_t> shape;
    SmallVector<Value> dynamic;
    dispatchIndexOpFoldResults(sizes, dynamic, shape);
    return RankedTensorType::get(shape, element);
  }
  Value reshape(Value value, ArrayRef<OpFoldResult> sizes) {
    SmallVector<int64_t> shape;
    SmallVector<Value> dynamic;
    dispatchIndexOpFoldResults(sizes, dynamic, shape);
    return ReshapeOp::create(b, loc, value, dynamic, shape);
  }
  /// Entry `direction` of the first axis of a parameter.
  Value getOwn(Value value, ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> offsets(sizes.size() + 1, index(0)),
        strides(sizes.size() + 1, index(1)), box{index(1)};
    offsets[0] = index(direction);
    box.append(sizes.begin(), sizes.end());
    return tensor::ExtractSliceOp::create(b, loc, typeOf(sizes), value, offsets,
                                          box, strides);
  }
  /// Columns of a matrix, one block of hidden size wide per gate.
  Value getGate(OpBuilder &nested, Value matrix, int64_t gate,
                int64_t count = 1) {
    OpFoldResult rows = getDim(nested, loc, matrix, 0);
    return tensor::ExtractSliceOp::create(
        nested, loc, matrix,
        ArrayRef<OpFoldResult>{index(0), index(gate * layer.hidden)},
        ArrayRef<OpFoldResult>{rows, index(count * layer.hidden)},
        ArrayRef<OpFoldResult>{index(1), index(1)});
  }
  Value getInitialState(Value given);
  Value sumBiases();
  Value getLengths();

  using CellBody = function_ref<SmallVector<Value>(
      ScalarEmitter &, ValueRange in, ValueRange out)>;
  /// One linalg.generic over batch x hidden. Matrices are read by place,
  /// vectors by hidden unit.
  SmallVector<Value> mapCells(OpBuilder &nested, ValueRange inputs,
                              ValueRange outputs, CellBody body);
  /// The same, for the next states of a step. A batch whose sequence has ended
  /// keeps its states. What the layer puts out, the first state, or zero behind
  /// the end, is written beside them.
  SmallVector<Value> mapStates(OpBuilder &nested, ValueRange inputs,
                               ValueRange states, Value step, CellBody body);
  Value activate(ScalarEmitter &e, unsigned which, Value x, bool clipped) {
    if (clipped && layer.clip)
      x = e.max(e.min(x, e.constant(*layer.clip)), e.constant(-*layer.clip));
    return applyActivation(activations[which], e, x);
  }

  SmallVector<Value> stepRNN(OpBuilder &nested, Value x, ValueRange states,
                             Value step);
  SmallVector<Value> stepGRU(OpBuilder &nested, Value x, ValueRange states,
                             Value step);
  SmallVector<Value> stepLSTM(OpBuilder &nested, Value x, ValueRange states,
                              Value step);

  OpBuilder &b;
  Location loc;
  const Layer &layer;
  int64_t direction;
  bool reverse;
  Type element;
  ArrayRef<CellActivation> activations;
  OpFoldResult steps, batch;
  Value recurrent;     ///< H x (G * H)
  Value recurrentBias; ///< of the candidate, where the reset comes after it
  SmallVector<Value> peepholes;
  Value product; ///< of the states with R, in the step that was emitted last
  Value
      shown; ///< what that step puts out, or the place for it; null if nothing
};

Value DirectionEmitter::getInitialState(Value given) {
  SmallVector<OpFoldResult> sizes{batch, hiddenSize()};
  if (!given) {
    Value zero =
        arith::ConstantOp::create(b, loc, b.getFloatAttr(element, 0.0));
    return createFilled(b, loc, sizes, zero);
  }
  if (!layer.batchFirst)
    return getOwn(given, sizes);
  SmallVector<OpFoldResult> offsets{index(0), index(direction), index(0)};
  SmallVector<OpFoldResult> box{batch, index(1), hiddenSize()};
  SmallVector<OpFoldResult> strides(3, index(1));
  return tensor::ExtractSliceOp::create(b, loc, typeOf(sizes), given, offsets,
                                        box, strides);
}

/// The bias of the input's product: Wb + Rb, less what is added after the
/// reset.
Value DirectionEmitter::sumBiases() {
  if (!layer.b)
    return Value();
  int64_t width = layer.gates * layer.hidden;
  Value own = getOwn(layer.b, {index(2 * width)});
  auto part = [&](int64_t offset, int64_t size) -> Value {
    return tensor::ExtractSliceOp::create(
        b, loc, own, ArrayRef<OpFoldResult>{index(offset)},
        ArrayRef<OpFoldResult>{index(size)}, ArrayRef<OpFoldResult>{index(1)});
  };
  if (!layer.linearBeforeReset)
    return AddOp::create(b, loc, part(0, width), part(width, width));
  int64_t early = 2 * layer.hidden;
  recurrentBias = part(width + early, layer.hidden);
  Value summed = AddOp::create(b, loc, part(0, early), part(width, early));
  return ConcatOp::create(b, loc, ValueRange{summed, part(early, layer.hidden)},
                          /*axis=*/0);
}

SmallVector<Value> DirectionEmitter::mapCells(OpBuilder &nested,
                                              ValueRange inputs,
                                              ValueRange outputs,
                                              CellBody body) {
  AffineMap identity = AffineMap::getMultiDimIdentityMap(2, b.getContext());
  SmallVector<AffineMap> maps;
  for (Value input : inputs) {
    auto type = cast<RankedTensorType>(input.getType());
    maps.push_back(type.getRank() == 2 ? identity
                   : type.getElementType() != element
                       ? identity.getMajorSubMap(1)
                       : identity.getMinorSubMap(1));
  }
  maps.append(outputs.size(), identity);
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      nested, loc, TypeRange(outputs), inputs, outputs, maps, iterators,
      [&](OpBuilder &inner, Location l, ValueRange args) {
        ScalarEmitter e(inner, l, element);
        linalg::YieldOp::create(inner, l,
                                body(e, args.take_front(inputs.size()),
                                     args.take_back(outputs.size())));
      });
  return SmallVector<Value>(generic.getResults());
}

SmallVector<Value> DirectionEmitter::mapStates(OpBuilder &nested,
                                               ValueRange inputs,
                                               ValueRange states, Value step,
                                               CellBody body) {
  SmallVector<Value> operands(inputs), outputs(states);
  if (layer.lens)
    operands.push_back(layer.lens);
  if (shown)
    outputs.push_back(shown);
  SmallVector<Value> results = mapCells(
      nested, operands, outputs,
      [&](ScalarEmitter &e, ValueRange in, ValueRange out) {
        SmallVector<Value> next = body(e, in.take_front(inputs.size()),
                                       out.take_front(states.size()));
        if (shown)
          next.push_back(next.front());
        if (!layer.lens)
          return next;
        OpBuilder &inner = e.getBuilder();
        Value length = arith::IndexCastOp::create(
            inner, loc, inner.getIndexType(), in.back());
        Value isRunning = arith::CmpIOp::create(
            inner, loc, arith::CmpIPredicate::slt, step, length);
        for (auto [index, value] : llvm::enumerate(next))
          value = e.select(isRunning, value,
                           index < states.size() ? out[index] : e.constant(0));
        return next;
      });
  if (shown)
    shown = results.pop_back_val();
  return results;
}

SmallVector<Value> DirectionEmitter::stepRNN(OpBuilder &nested, Value x,
                                             ValueRange states, Value step) {
  product = MatMulOp::create(nested, loc, states[0], recurrent);
  return mapStates(nested, {x, product}, states, step,
                   [&](ScalarEmitter &e, ValueRange in, ValueRange) {
                     return SmallVector<Value>{
                         activate(e, 0, e.add(in[0], in[1]), true)};
                   });
}

SmallVector<Value> DirectionEmitter::stepGRU(OpBuilder &nested, Value x,
                                             ValueRange states, Value step) {
  Value h = states[0];
  Value xz = getGate(nested, x, 0), xr = getGate(nested, x, 1),
        xh = getGate(nested, x, 2);
  if (layer.linearBeforeReset) {
    product = MatMulOp::create(nested, loc, h, recurrent);
    SmallVector<Value> inputs{xz, xr, xh};
    for (int64_t gate = 0; gate < 3; ++gate)
      inputs.push_back(getGate(nested, product, gate));
    if (recurrentBias)
      inputs.push_back(recurrentBias);
    return mapStates(nested, inputs, states, step,
                     [&](ScalarEmitter &e, ValueRange in, ValueRange out) {
                       Value z = activate(e, 0, e.add(in[0], in[3]), true);
                       Value r = activate(e, 0, e.add(in[1], in[4]), true);
                       Value linear =
                           recurrentBias ? e.add(in[5], in[6]) : in[5];
                       Value candidate =
                           activate(e, 1, e.add(in[2], e.mul(r, linear)), true);
                       Value kept = e.mul(z, out[0]);
                       return SmallVector<Value>{e.add(
                           e.mul(e.sub(e.constant(1), z), candidate), kept)};
                     });
  }
  Value gates =
      MatMulOp::create(nested, loc, h, getGate(nested, recurrent, 0, 2));
  SmallVector<OpFoldResult> sizes{batch, hiddenSize()};
  SmallVector<Value> scratch{createEmpty(nested, loc, sizes, element),
                             createEmpty(nested, loc, sizes, element)};
  SmallVector<Value> early = mapCells(
      nested, {xz, xr, getGate(nested, gates, 0), getGate(nested, gates, 1), h},
      scratch, [&](ScalarEmitter &e, ValueRange in, ValueRange) {
        Value z = activate(e, 0, e.add(in[0], in[2]), true);
        Value r = activate(e, 0, e.add(in[1], in[3]), true);
        return SmallVector<Value>{z, e.mul(r, in[4])};
      });
  Value late =
      MatMulOp::create(nested, loc, early[1], getGate(nested, recurrent, 2));
  return mapStates(nested, {xh, late, early[0]}, states, step,
                   [&](ScalarEmitter &e, ValueRange in, ValueRange out) {
                     Value candidate =
                         activate(e, 1, e.add(in[0], in[1]), true);
                     Value z = in[2];
                     Value fresh = e.mul(e.sub(e.constant(1), z), candidate);
                     return SmallVector<Value>{e.add(fresh, e.mul(z, out[0]))};
                   });
}

SmallVector<Value> DirectionEmitter::stepLSTM(OpBuilder &nested, Value x,
                                              ValueRange states, Value step) {
  product = MatMulOp::create(nested, loc, states[0], recurrent);
  SmallVector<Value> inputs;
  for (int64_t gate = 0; gate < 4; ++gate)
    inputs.push_back(getGate(nested, x, gate));
  for (int64_t gate = 0; gate < 4; ++gate)
    inputs.push_back(getGate(nested, product, gate));
  llvm::append_range(inputs, peepholes);
  return mapStates(
      nested, inputs, states, step,
      [&](ScalarEmitter &e, ValueRange in, ValueRange out) {
        // Gates in the order i, o, f, c; peepholes i, o, f.
        auto gate = [&](unsigned which, Value cell) {
          Value sum = e.add(in[which], in[which + 4]);
          return peepholes.empty() ? sum
                                   : e.add(sum, e.mul(in[8 + which], cell));
        };
        Value cell = out[1];
        Value i = activate(e, 0, gate(0, cell), true);
        Value f = layer.coupled ? e.sub(e.constant(1), i)
                                : activate(e, 0, gate(2, cell), true);
        Value candidate = activate(e, 1, e.add(in[3], in[7]), true);
        Value next = e.add(e.mul(f, cell), e.mul(i, candidate));
        Value o = activate(e, 0, gate(1, next), true);
        return SmallVector<Value>{e.mul(o, activate(e, 2, next, false)), next};
      });
}

void DirectionEmitter::emit(Value timeMajor, Value &y,
                            MutableArrayRef<Value> last, Value &products) {
  int64_t width = layer.gates * layer.hidden;
  // Each sequence is reversed within its own length.
  bool reverseData = reverse && layer.lens;
  if (reverseData)
    timeMajor = ReverseSequenceOp::create(b, loc, timeMajor, layer.lens,
                                          /*batch_axis=*/1, /*time_axis=*/0);
  steps = getDim(b, loc, timeMajor, 0);
  batch = getDim(b, loc, timeMajor, 1);
  OpFoldResult features = getDim(b, loc, timeMajor, 2);

  Value rows = reshape(timeMajor, {mulSizes(b, loc, steps, batch), features});
  Value w = getOwn(layer.w, {index(width), features});
  Value projected =
      GemmOp::create(b, loc, rows, w, sumBiases(), APFloat(1.0f), APFloat(1.0f),
                     /*transA=*/0, /*transB=*/1);
  projected = reshape(projected, {steps, batch, index(width)});
  recurrent =
      TransposeOp::create(b, loc, getOwn(layer.r, {index(width), hiddenSize()}),
                          ArrayRef<int64_t>{1, 0});
  if (layer.p) {
    Value own = getOwn(layer.p, {index(3 * layer.hidden)});
    for (int64_t gate = 0; gate < 3; ++gate)
      peepholes.push_back(tensor::ExtractSliceOp::create(
          b, loc, own, ArrayRef<OpFoldResult>{index(gate * layer.hidden)},
          ArrayRef<OpFoldResult>{hiddenSize()},
          ArrayRef<OpFoldResult>{index(1)}));
  }

  SmallVector<Value> carried{getInitialState(layer.initialH)};
  if (layer.kind == CellKind::LSTM)
    carried.push_back(getInitialState(layer.initialC));
  // Outputs that still have to be reversed go to a tensor of their own.
  Value outputs = y;
  if (y && reverseData)
    outputs = createEmpty(b, loc, {steps, batch, hiddenSize()}, element);
  size_t placeOfOutputs = carried.size();
  if (outputs)
    carried.push_back(outputs);
  if (products)
    carried.push_back(products);

  bool batchFirst = layer.batchFirst;
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value count = toIndex(b, loc, steps);
  auto loop = scf::ForOp::create(
      b, loc, zero, count, one, carried,
      [&](OpBuilder &nested, Location l, Value step, ValueRange args) {
        Value time = step;
        if (reverse && !reverseData) {
          Value end = arith::SubIOp::create(nested, l, count, one);
          time = arith::SubIOp::create(nested, l, end, step);
        }
        SmallVector<OpFoldResult> unit(3, index(1));
        Value x = tensor::ExtractSliceOp::create(
            nested, l, typeOf({batch, index(width)}), projected,
            ArrayRef<OpFoldResult>{time, index(0), index(0)},
            ArrayRef<OpFoldResult>{index(1), batch, index(width)}, unit);
        ValueRange states = args.take_front(layer.states);
        SmallVector<OpFoldResult> offsets, sizes;
        if (reverseData) {
          offsets = {time, index(0), index(0)};
          sizes = {index(1), batch, hiddenSize()};
        } else if (batchFirst) {
          offsets = {index(0), time, index(direction), index(0)};
          sizes = {batch, index(1), index(1), hiddenSize()};
        } else {
          offsets = {time, index(direction), index(0), index(0)};
          sizes = {index(1), index(1), batch, hiddenSize()};
        }
        SmallVector<OpFoldResult> strides(offsets.size(), index(1));
        shown = {};
        if (outputs)
          shown = tensor::ExtractSliceOp::create(
              nested, l, typeOf({batch, hiddenSize()}), args[placeOfOutputs],
              offsets, sizes, strides);
        SmallVector<Value> next =
            layer.kind == CellKind::RNN   ? stepRNN(nested, x, states, step)
            : layer.kind == CellKind::GRU ? stepGRU(nested, x, states, step)
                                          : stepLSTM(nested, x, states, step);
        if (outputs)
          next.push_back(tensor::InsertSliceOp::create(
              nested, l, shown, args[placeOfOutputs], offsets, sizes, strides));
        if (products)
          next.push_back(tensor::InsertSliceOp::create(
              nested, l, product, args.back(),
              ArrayRef<OpFoldResult>{step, index(direction), index(0),
                                     index(0)},
              ArrayRef<OpFoldResult>{index(1), index(1), batch, index(width)},
              SmallVector<OpFoldResult>(4, index(1))));
        scf::YieldOp::create(nested, l, next);
      });
  if (products)
    products = loop.getResults().back();
  if (outputs && !reverseData)
    y = loop.getResult(placeOfOutputs);
  if (outputs && reverseData) {
    Value ordered = ReverseSequenceOp::create(
        b, loc, loop.getResult(placeOfOutputs), layer.lens,
        /*batch_axis=*/1, /*time_axis=*/0);
    SmallVector<OpFoldResult> unit(4, index(1));
    if (batchFirst) {
      ordered =
          TransposeOp::create(b, loc, ordered, ArrayRef<int64_t>{1, 0, 2});
      y = tensor::InsertSliceOp::create(
          b, loc, ordered, y,
          ArrayRef<OpFoldResult>{index(0), index(0), index(direction),
                                 index(0)},
          ArrayRef<OpFoldResult>{batch, steps, index(1), hiddenSize()}, unit);
    } else {
      y = tensor::InsertSliceOp::create(
          b, loc, ordered, y,
          ArrayRef<OpFoldResult>{index(0), index(direction), index(0),
                                 index(0)},
          ArrayRef<OpFoldResult>{steps, index(1), batch, hiddenSize()}, unit);
    }
  }
  for (auto [index, state] : llvm::enumerate(last)) {
    OpFoldResult zeroSize = b.getIndexAttr(0), oneSize = b.getIndexAttr(1),
                 own = b.getIndexAttr(direction);
    SmallVector<OpFoldResult> unit(3, oneSize),
        offsets{own, zeroSize, zeroSize}, sizes{oneSize, batch, hiddenSize()};
    if (batchFirst) {
      offsets = {zeroSize, own, zeroSize};
      sizes = {batch, oneSize, hiddenSize()};
    }
    state = tensor::InsertSliceOp::create(b, loc, loop.getResult(index), state,
                                          offsets, sizes, unit);
  }
}

/// All directions of a layer: the outputs (if needed), the last states, and the
/// products if they are kept.
SmallVector<Value> emitLayer(OpBuilder &b, Location loc, const Layer &layer) {
  Type element = getElementTypeOrSelf(layer.input.getType());
  Value timeMajor = layer.input;
  if (layer.batchFirst)
    timeMajor =
        TransposeOp::create(b, loc, timeMajor, ArrayRef<int64_t>{1, 0, 2});
  OpFoldResult steps = getDim(b, loc, timeMajor, 0),
               batch = getDim(b, loc, timeMajor, 1),
               hidden = b.getIndexAttr(layer.hidden);
  bool both = layer.direction == "bidirectional";
  OpFoldResult directions = b.getIndexAttr(both ? 2 : 1);
  SmallVector<OpFoldResult> all{steps, directions, batch, hidden},
      last{directions, batch, hidden};
  if (layer.batchFirst) {
    all = {batch, steps, directions, hidden};
    last = {batch, directions, hidden};
  }
  SmallVector<Value> results;
  Value y;
  if (layer.needsOutputs)
    y = createEmpty(b, loc, all, element);
  for (int64_t state = 0; state < layer.states; ++state)
    results.push_back(createEmpty(b, loc, last, element));
  Value products;
  if (layer.keepsProducts)
    products = createEmpty(
        b, loc,
        {steps, directions, batch, b.getIndexAttr(layer.gates * layer.hidden)},
        element);
  DirectionEmitter(b, loc, layer, 0, layer.direction == "reverse")
      .emit(timeMajor, y, results, products);
  if (both)
    DirectionEmitter(b, loc, layer, 1, /*reverse=*/true)
        .emit(timeMajor, y, results, products);
  // Nobody reads outputs that are not needed.
  results.insert(results.begin(), y ? y : createEmpty(b, loc, all, element));
  if (products)
    results.push_back(products);
  return results;
}

template <typename Op, CellKind kind>
struct RecurrentLowering : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Layer layer;
    layer.kind = kind;
    layer.hidden = op.getHiddenSize();
    layer.gates = countGates(kind);
    layer.states = kind == CellKind::LSTM ? 2 : 1;
    layer.batchFirst = op.getLayout() != 0;
    layer.direction = op.getDirection();
    layer.needsOutputs = !op.getY().use_empty();
    layer.keepsProducts = op.getKeepProducts();
    // A clip of zero means none, as in the peers.
    if (op.getClip() && op.getClip()->convertToDouble() > 0)
      layer.clip = op.getClip()->convertToDouble();
    auto activations = parseActivations(
        kind, layer.direction == "bidirectional" ? 2 : 1, op.getActivations(),
        op.getActivationAlpha(), op.getActivationBeta());
    if (failed(activations))
      return rewriter.notifyMatchFailure(op, "unknown activation function");
    layer.activations = *activations;

    // Narrow floats would lose too much over the steps.
    Type element = getElementTypeOrSelf(op.getInput().getType());
    Type compute = ScalarEmitter::getComputeType(element);
    auto widen = [&](Value value) -> Value {
      if (!value || compute == element)
        return value;
      return CastOp::create(rewriter, location, value, compute);
    };
    layer.input = widen(adaptor.getInput());
    layer.w = widen(adaptor.getW());
    layer.r = widen(adaptor.getR());
    layer.b = widen(adaptor.getB());
    layer.lens = adaptor.getSequenceLens();
    layer.initialH = widen(adaptor.getInitialH());
    if constexpr (kind == CellKind::GRU)
      layer.linearBeforeReset = op.getLinearBeforeReset() != 0;
    if constexpr (kind == CellKind::LSTM) {
      layer.initialC = widen(adaptor.getInitialC());
      layer.p = widen(adaptor.getP());
      layer.coupled = op.getInputForget() != 0;
    }
    SmallVector<Value> results = emitLayer(rewriter, location, layer);
    for (auto [index, result] : llvm::enumerate(results)) {
      if (compute != element)
        result = CastOp::create(rewriter, location, result, element);
      result =
          castTo(rewriter, location, result, op->getResult(index).getType());
    }
    rewriter.replaceOp(op, results);
    return success();
  }
};

} // namespace

void neuroplast::populateRecurrentToLinalgPatterns(
    TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<RecurrentLowering<RNNOp, CellKind::RNN>,
               RecurrentLowering<GRUOp, CellKind::GRU>,
               RecurrentLowering<LSTMOp, CellKind::LSTM>>(
      converter, patterns.getContext());
}
