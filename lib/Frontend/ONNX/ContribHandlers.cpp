//===- ContribHandlers.cpp - Operators of ONNX Runtime -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// What ONNX Runtime adds to the standard, in the domain com.microsoft or, in
// files that it optimised, in the standard one. Each is made of standard
// operators, as which it is written back; the forms that no rule fits stay
// opaque.

#include "ContribHandlers.h"
#include "SizeLists.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/ModuleOps.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// What came of a node; none if no rule fits its form.
using Outcome = std::optional<LogicalResult>;

/// Whether the model reads a result.
bool asksFor(const NodeContext &node, int result) {
  return result < node.node.output_size() && !node.node.output(result).empty();
}

bool asksForMoreThan(const NodeContext &node, int results) {
  for (int i = results; i < node.node.output_size(); ++i)
    if (asksFor(node, i))
      return true;
  return false;
}

/// An operand, or null if it is absent.
Value getOptional(NodeContext &node, int index) {
  return node.hasInput(index) ? node.getInput(index) : Value();
}

NamedAttribute getSegments(Decomposition &build, ArrayRef<int32_t> segments) {
  return build.b.getNamedAttr("operandSegmentSizes",
                              build.b.getDenseI32ArrayAttr(segments));
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

Value addGelu(Decomposition &build, Value input, bool isApproximate) {
  return build.add<GeluOp>(
      input, build.b.getNamedAttr(
                 "approximate",
                 build.b.getStringAttr(isApproximate ? "tanh" : "none")));
}

Outcome importGelu(NodeContext &node) {
  Decomposition build(node);
  return build.finish(addGelu(build, node.getInput(0), false));
}

Outcome importBiasGelu(NodeContext &node) {
  Decomposition build(node);
  Value sum = build.add<AddOp>({node.getInput(0), node.getInput(1)});
  return build.finish(addGelu(build, sum, false));
}

Outcome importFastGelu(NodeContext &node) {
  Decomposition build(node);
  Value input = node.getInput(0);
  if (node.hasInput(1))
    input = build.add<AddOp>({input, node.getInput(1)});
  return build.finish(addGelu(build, input, true));
}

/// x * sigmoid(alpha * x); the standard has it as Swish, which is too new for
/// most readers.
Outcome importQuickGelu(NodeContext &node) {
  Decomposition build(node);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  Value alpha = build.constant(node.getFloat("alpha", 1.702),
                               getElementTypeOrSelf(input.getType()));
  Value gate = build.add<SigmoidOp>(build.add<MulOp>({input, alpha}));
  return build.finish(build.add<MulOp>({input, gate}));
}

/// The function that a fused operator ends in; null if no rule fits.
Value addActivation(Decomposition &build, Value input, StringRef name,
                    ArrayRef<float> parameters) {
  auto get = [&](size_t index, double otherwise) {
    return index < parameters.size() ? parameters[index] : otherwise;
  };
  if (name.empty())
    return input;
  if (name == "Relu")
    return build.add<ReluOp>(input);
  if (name == "Sigmoid")
    return build.add<SigmoidOp>(input);
  if (name == "Tanh")
    return build.add<TanhOp>(input);
  if (name == "LeakyRelu")
    return build.add<LeakyReluOp>(input, build.getFloat("alpha", get(0, 0.01)));
  if (name == "HardSigmoid")
    return build.add<HardSigmoidOp>(input,
                                    {build.getFloat("alpha", get(0, 0.2)),
                                     build.getFloat("beta", get(1, 0.5))});
  if (name == "Clip" && parameters.size() == 2 && input) {
    Type element = getElementTypeOrSelf(input.getType());
    return build.add<ClipOp>({input, build.constant(parameters[0], element),
                              build.constant(parameters[1], element)},
                             getSegments(build, {1, 1, 1}));
  }
  return Value();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// The last two axes of a matrix change places.
Value transposeMatrix(Decomposition &build, Value matrix) {
  if (!matrix)
    return matrix;
  int64_t rank = neuro::detail::getTensorType(matrix).getRank();
  if (rank < 2)
    return matrix;
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(order[rank - 1], order[rank - 2]);
  return build.add<TransposeOp>(matrix, build.get("permutation", order));
}

Outcome importFusedMatMul(NodeContext &node) {
  if (node.getInt("transBatchA", 0) || node.getInt("transBatchB", 0))
    return std::nullopt;
  Decomposition build(node);
  Value a = node.getInput(0), b = node.getInput(1);
  if (node.getInt("transA", 0))
    a = transposeMatrix(build, a);
  if (node.getInt("transB", 0))
    b = transposeMatrix(build, b);
  Value product = build.add<MatMulOp>({a, b});
  double alpha = node.getFloat("alpha", 1);
  if (product && alpha != 1)
    product = build.add<MulOp>(
        {product,
         build.constant(alpha, getElementTypeOrSelf(product.getType()))});
  return build.finish(product);
}

/// A convolution, a summand and a function of them.
Outcome importFusedConv(NodeContext &node) {
  static constexpr StringLiteral known[] = {
      "", "Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "Clip"};
  std::string activation = node.getString("activation", "");
  if (!llvm::is_contained(known, StringRef(activation)))
    return std::nullopt;
  onnx::NodeProto inner = node.node;
  inner.set_op_type("Conv");
  inner.clear_domain();
  while (inner.input_size() > 3)
    inner.mutable_input()->RemoveLast();
  std::string name = node.node.output(0) + "_conv";
  inner.set_output(0, name);
  NodeContext convolution(node.importer, inner, node.location);
  if (failed(node.importer.translate(convolution)))
    return failure();
  Decomposition build(node);
  Value result = node.importer.materialize(name, node.location);
  if (node.hasInput(3))
    result = build.add<AddOp>({result, node.getInput(3)});
  SmallVector<float> parameters;
  if (const auto *attribute = node.getAttribute("activation_params"))
    parameters.assign(attribute->floats().begin(), attribute->floats().end());
  return build.finish(addActivation(build, result, activation, parameters));
}

//===----------------------------------------------------------------------===//
// Normalisations
//===----------------------------------------------------------------------===//

Outcome importSimplifiedLayerNorm(NodeContext &node) {
  if (asksForMoreThan(node, 1))
    return std::nullopt;
  Decomposition build(node);
  return build.finish(build.add<RMSNormOp>(
      {node.getInput(0), node.getInput(1)},
      {build.get("axis", node.getInt("axis", -1)),
       build.getFloat("epsilon", node.getFloat("epsilon", 1e-5))}));
}

/// The sum of input and skip (and bias), which is a result too, normalised.
template <bool isSimplified> Outcome importSkipNorm(NodeContext &node) {
  if (asksFor(node, 1) || asksFor(node, 2))
    return std::nullopt;
  Decomposition build(node);
  Value sum = build.add<AddOp>({node.getInput(0), node.getInput(1)});
  constexpr int biasPlace = isSimplified ? 3 : 4;
  if (node.hasInput(biasPlace))
    sum = build.add<AddOp>({sum, node.getInput(biasPlace)});
  NamedAttribute epsilon =
      build.getFloat("epsilon", node.getFloat("epsilon", 1e-12));
  Value scale = node.getInput(2), result;
  if (isSimplified) {
    result = build.add<RMSNormOp>({sum, scale}, epsilon);
  } else {
    SmallVector<Value> operands{sum, scale};
    if (node.hasInput(3))
      operands.push_back(node.getInput(3));
    result = build.add<LayerNormOp>(operands, epsilon);
  }
  if (failed(build.finish(result)))
    return failure();
  return build.finish(sum, 3);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Numbers from an offset on, one list for each row of a batch.
Value countFrom(Decomposition &build, Value offset, OpFoldResult batch,
                OpFoldResult length) {
  Type i64 = build.b.getI64Type();
  auto scalar = RankedTensorType::get({}, i64);
  auto number = [&](int64_t value) -> Value {
    return neuro::ConstantOp::create(
        build.b, build.node.location, scalar,
        DenseElementsAttr::get(scalar, build.b.getI64IntegerAttr(value)));
  };
  std::optional<int64_t> known = getConstantIntValue(length);
  SmallVector<Value> operands{number(0), number(1)};
  if (!known)
    operands.push_back(mlir::cast<Value>(length));
  Value places = build.add<RangeOp>(
      operands, build.get("size", known.value_or(ShapedType::kDynamic)));
  Value moved = build.add<AddOp>({places, offset});
  MixedList list = splitSizes({batch, length});
  SmallVector<Value> sizes{moved};
  sizes.append(list.dynamic);
  return build.add<ExpandOp>(sizes, build.get("sizes", list.fixed));
}

/// The positions come second here; one number is where all rows start.
Outcome importRotaryEmbedding(NodeContext &node) {
  RankedTensorType type = node.getInputType(0), ids = node.getInputType(1),
                   cache = node.getInputType(2);
  if (!type || !ids || !cache)
    return failure();
  bool isScaled = node.getFloat("scale", 1) != 1;
  int64_t half = cache.getRank() == 2 ? cache.getDimSize(1) : 0;
  bool isFlat = type.getRank() == 3;
  if (isScaled || node.getInt("is_packed_batching", 0) ||
      (!isFlat && type.getRank() != 4) || half < 1)
    return std::nullopt;
  Decomposition build(node);
  Value input = node.getInput(0), positions = node.getInput(1);
  int64_t heads = node.getInt("num_heads", 0);
  if (isFlat && heads == 0) {
    if (type.isDynamicDim(2) || type.getDimSize(2) % (2 * half))
      return std::nullopt;
    heads = type.getDimSize(2) / (2 * half);
  }
  if (ids.getRank() < 2) {
    if (!ids.hasStaticShape() || ids.getNumElements() != 1)
      return std::nullopt;
    SizeArithmetic sizes(build.b, node.location);
    positions = countFrom(build, positions, sizes.getDim(input, 0),
                          sizes.getDim(input, isFlat ? 1 : 2));
  }
  return build.finish(build.add<RotaryEmbeddingOp>(
      {input, node.getInput(2), node.getInput(3), positions},
      {build.get("interleaved", node.getInt("interleaved", 0)),
       build.get("num_heads", heads),
       build.get("rotary_embedding_dim",
                 node.getInt("rotary_embedding_dim", 0))}));
}

/// What both kinds of attention compute once their operands are apart: results
/// #0 to #2 of the operator.
Operation *addAttention(Decomposition &build, Value q, Value k, Value v,
                        Value mask, Value pastKey, Value pastValue) {
  NodeContext &node = build.node;
  SmallVector<Value> operands{q, k, v};
  SmallVector<int32_t> segments{
      1, 1, 1, mask ? 1 : 0, pastKey ? 1 : 0, pastValue ? 1 : 0, 0};
  for (Value optional : {mask, pastKey, pastValue})
    if (optional)
      operands.push_back(optional);
  int64_t heads = node.getInt("num_heads", 0);
  SmallVector<NamedAttribute> attributes{
      getSegments(build, segments), build.get("q_num_heads", heads),
      build.get("kv_num_heads", heads),
      build.get("is_causal", node.getInt("unidirectional", 0))};
  if (double scale = node.getFloat("scale", 0); scale != 0)
    attributes.push_back(build.getFloat("scale", scale));
  if (llvm::is_contained(operands, Value()))
    return nullptr;
  return node.create<AttentionOp>(operands, attributes);
}

/// A mask of the keys, batch x keys, as one that broadcasts to all queries.
Value expandKeyMask(Decomposition &build, Value mask) {
  SizeArithmetic sizes(build.b, build.node.location);
  Value flags = build.cast(mask, build.b.getI1Type());
  return build.reshape(flags, {sizes.getDim(mask, 0), sizes.constant(1),
                               sizes.constant(1), sizes.getDim(mask, 1)});
}

/// Operands: query, key, value, bias, mask of the keys, summand, past keys and
/// values. Packed forms, with heads as an axis of their own, stay opaque.
Outcome importMultiHeadAttention(NodeContext &node) {
  if (!node.hasInput(1) || !node.hasInput(2) ||
      (node.hasInput(4) && node.hasInput(5)) || node.hasInput(8) ||
      node.hasInput(6) != node.hasInput(7) || asksForMoreThan(node, 3) ||
      node.getInt("num_heads", 0) < 1)
    return std::nullopt;
  Decomposition build(node);
  SmallVector<Value> parts;
  SmallVector<int64_t> widths;
  for (int i = 0; i < 3; ++i) {
    RankedTensorType type = node.getInputType(i);
    if (!type)
      return failure();
    if (type.getRank() != 3 || type.isDynamicDim(2))
      return std::nullopt;
    parts.push_back(node.getInput(i));
    widths.push_back(type.getDimSize(2));
  }
  if (node.hasInput(3)) {
    SmallVector<Value> operands{node.getInput(3)};
    auto split = node.create<SplitOp>(
        operands, {build.get("axis", int64_t(0)), build.get("sizes", widths)});
    if (!split)
      return failure();
    for (auto [part, bias] : llvm::zip_equal(parts, split.getOutputs()))
      part = build.add<AddOp>({part, bias});
  }
  Value mask = getOptional(node, 5);
  if (node.hasInput(4)) {
    RankedTensorType type = node.getInputType(4);
    if (!type)
      return failure();
    if (type.getRank() != 2)
      return std::nullopt;
    mask = expandKeyMask(build, node.getInput(4));
  }
  Operation *attention =
      addAttention(build, parts[0], parts[1], parts[2], mask,
                   getOptional(node, 6), getOptional(node, 7));
  return node.setResults(attention);
}

/// Operands: input, one weight and one bias for all three projections, and a
/// mask of the keys.
Outcome importAttention(NodeContext &node) {
  RankedTensorType weight = node.getInputType(1);
  if (!weight || !node.getInputType(0))
    return failure();
  bool hasMask = node.hasInput(3), hasSummand = node.hasInput(5);
  if (node.hasInput(4) || node.hasInput(6) || (hasMask && hasSummand) ||
      asksForMoreThan(node, 1) || node.getInt("do_rotary", 0) ||
      node.getInt("num_heads", 0) < 1 || weight.getRank() != 2 ||
      weight.isDynamicDim(1))
    return std::nullopt;
  SmallVector<int64_t> widths(3, weight.getDimSize(1) / 3);
  if (auto given = node.getInts("qkv_hidden_sizes"))
    widths = *given;
  if (widths.size() != 3 ||
      widths[0] + widths[1] + widths[2] != weight.getDimSize(1))
    return std::nullopt;
  Decomposition build(node);
  Value mask = getOptional(node, 5);
  if (hasMask) {
    RankedTensorType type = node.getInputType(3);
    if (!type)
      return failure();
    if (type.getRank() != 2)
      return std::nullopt;
    mask = expandKeyMask(build, node.getInput(3));
  }
  Value all = build.add<MatMulOp>({node.getInput(0), node.getInput(1)});
  if (node.hasInput(2))
    all = build.add<AddOp>({all, node.getInput(2)});
  if (!all)
    return failure();
  auto split = node.create<SplitOp>(
      all, {build.get("axis", 2), build.get("sizes", widths)});
  if (!split)
    return failure();
  ValueRange parts = split.getOutputs();
  return node.setResults(addAttention(build, parts[0], parts[1], parts[2], mask,
                                      Value(), Value()));
}

//===----------------------------------------------------------------------===//
// Quantized operators
//===----------------------------------------------------------------------===//

/// What numbers, a scale and a zero point stand for.
Value dequantize(Decomposition &build, int first) {
  NodeContext &node = build.node;
  SmallVector<Value> operands{node.getInput(first), node.getInput(first + 1)};
  if (node.hasInput(first + 2))
    operands.push_back(node.getInput(first + 2));
  return build.add<DequantizeLinearOp>(operands);
}

/// The result as numbers of the scale and zero point at operand `first`.
Outcome quantize(Decomposition &build, Value real, int first) {
  NodeContext &node = build.node;
  Value scale = node.getInput(first);
  if (!node.hasInput(first + 1) || !scale)
    return std::nullopt;
  Value zero = node.getInput(first + 1);
  if (!zero)
    return failure();
  return build.finish(build.add<QuantizeLinearOp>(
      {real, scale, zero},
      build.getType("to", getElementTypeOrSelf(zero.getType()))));
}

template <typename Op> Outcome importQLinearBinary(NodeContext &node) {
  if (!node.hasInput(7))
    return std::nullopt;
  Decomposition build(node);
  return quantize(
      build, build.add<Op>({dequantize(build, 0), dequantize(build, 3)}), 6);
}

Outcome importQLinearSigmoid(NodeContext &node) {
  if (!node.hasInput(4))
    return std::nullopt;
  Decomposition build(node);
  return quantize(build, build.add<SigmoidOp>(dequantize(build, 0)), 3);
}

Outcome importQLinearLeakyRelu(NodeContext &node) {
  if (!node.hasInput(4))
    return std::nullopt;
  Decomposition build(node);
  return quantize(build,
                  build.add<LeakyReluOp>(
                      dequantize(build, 0),
                      build.getFloat("alpha", node.getFloat("alpha", 0.01))),
                  3);
}

Outcome importQLinearGlobalAveragePool(NodeContext &node) {
  if (node.getInt("channels_last", 0) || !node.hasInput(4))
    return std::nullopt;
  RankedTensorType type = node.getInputType(0);
  if (!type)
    return failure();
  Decomposition build(node);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(2, type.getRank()));
  return quantize(build, build.reduce<ReduceMeanOp>(dequantize(build, 0), axes),
                  3);
}

/// Operands: scale and zero point of the result, then three for each part.
Outcome importQLinearConcat(NodeContext &node) {
  if (!node.hasInput(1))
    return std::nullopt;
  Decomposition build(node);
  SmallVector<Value> parts;
  for (int i = 2; i + 1 < node.node.input_size(); i += 3)
    parts.push_back(dequantize(build, i));
  return quantize(
      build,
      build.add<ConcatOp>(parts, build.get("axis", node.getInt("axis", 0))), 0);
}

Outcome (*findHandler(StringRef type))(NodeContext &) {
  static const llvm::StringMap<Outcome (*)(NodeContext &)> handlers = {
      {"Gelu", importGelu},
      {"BiasGelu", importBiasGelu},
      {"FastGelu", importFastGelu},
      {"QuickGelu", importQuickGelu},
      {"FusedMatMul", importFusedMatMul},
      {"TransposeMatMul", importFusedMatMul},
      {"FusedConv", importFusedConv},
      {"SimplifiedLayerNormalization", importSimplifiedLayerNorm},
      {"SkipLayerNormalization", importSkipNorm<false>},
      {"SkipSimplifiedLayerNormalization", importSkipNorm<true>},
      {"RotaryEmbedding", importRotaryEmbedding},
      {"MultiHeadAttention", importMultiHeadAttention},
      {"Attention", importAttention},
      {"QLinearAdd", importQLinearBinary<AddOp>},
      {"QLinearMul", importQLinearBinary<MulOp>},
      {"QLinearSigmoid", importQLinearSigmoid},
      {"QLinearLeakyRelu", importQLinearLeakyRelu},
      {"QLinearGlobalAveragePool", importQLinearGlobalAveragePool},
      {"QLinearConcat", importQLinearConcat},
  };
  return handlers.lookup(type);
}

} // namespace

std::optional<LogicalResult> neuroplast::importContribNode(NodeContext &node) {
  auto handler = findHandler(node.node.op_type());
  return handler ? handler(node) : std::nullopt;
}
