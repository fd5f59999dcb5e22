//===- GenericHandlers.cpp - Operators that translate one to one ----------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GraphImporter.h"
#include "neuroplast/Dialect/Neuro/IR/ContractionOps.h"
#include "neuroplast/Dialect/Neuro/IR/ElementwiseOps.h"
#include "neuroplast/Dialect/Neuro/IR/IndexingOps.h"
#include "neuroplast/Dialect/Neuro/IR/NormalizationOps.h"
#include "neuroplast/Dialect/Neuro/IR/PoolingOps.h"
#include "neuroplast/Dialect/Neuro/IR/ReductionOps.h"
#include "neuroplast/Dialect/Neuro/IR/SequenceModelOps.h"
#include "neuroplast/Dialect/Neuro/IR/ShapeOps.h"
#include "neuroplast/Dialect/Neuro/IR/TextOps.h"

using namespace mlir;
using namespace neuroplast;
using namespace neuroplast::neuro;

namespace {

/// An ONNX attribute as the attribute of the same name; null for subgraphs,
/// tensors and the like, which no generic op has.
Attribute convertAttribute(Builder &b, const onnx::AttributeProto &attribute) {
  switch (attribute.type()) {
  case onnx::AttributeProto::INT:
    return b.getI64IntegerAttr(attribute.i());
  case onnx::AttributeProto::FLOAT:
    return b.getF32FloatAttr(attribute.f());
  case onnx::AttributeProto::STRING:
    return b.getStringAttr(attribute.s());
  case onnx::AttributeProto::INTS:
    return b.getDenseI64ArrayAttr(
        {attribute.ints().data(), static_cast<size_t>(attribute.ints_size())});
  case onnx::AttributeProto::FLOATS:
    return b.getDenseF32ArrayAttr(
        {attribute.floats().data(),
         static_cast<size_t>(attribute.floats_size())});
  case onnx::AttributeProto::STRINGS: {
    SmallVector<StringRef> strings(attribute.strings().begin(),
                                   attribute.strings().end());
    return b.getStrArrayAttr(strings);
  }
  default:
    return Attribute();
  }
}

template <typename Op> LogicalResult importGeneric(NodeContext &node) {
  Builder &b = node.importer.builder;
  SmallVector<Value> operands;
  SmallVector<int32_t> segments;
  bool skipped = false;
  for (int i = 0; i < node.node.input_size(); ++i) {
    segments.push_back(node.hasInput(i));
    if (!node.hasInput(i)) {
      skipped = true;
      continue;
    }
    if (skipped && !Op::template hasTrait<OpTrait::AttrSizedOperandSegments>())
      return node.error() << "has an operand after an absent one";
    Value value = node.getInput(i);
    if (!value)
      return failure();
    operands.push_back(value);
  }
  SmallVector<NamedAttribute> attributes;
  for (const auto &attribute : node.node.attribute()) {
    // What the newest opset no longer has, its converter has taken care of.
    if (!llvm::is_contained(Op::getAttributeNames(), attribute.name()))
      return node.error() << "has an attribute '" << attribute.name()
                          << "' that is not modelled";
    Attribute value = convertAttribute(b, attribute);
    if (!value)
      return node.error() << "has an attribute '" << attribute.name()
                          << "' of an unknown kind";
    attributes.push_back(b.getNamedAttr(attribute.name(), value));
  }
  if constexpr (Op::template hasTrait<OpTrait::AttrSizedOperandSegments>()) {
    typename Op::Properties properties;
    size_t expected = properties.operandSegmentSizes.size();
    if (segments.size() > expected)
      return node.error() << "has " << segments.size() << " operands, at most "
                          << expected << " expected";
    segments.resize(expected, 0);
    attributes.push_back(b.getNamedAttr("operandSegmentSizes",
                                        b.getDenseI32ArrayAttr(segments)));
  }
  return node.replace<Op>(operands, attributes);
}

template <typename... Ops> void addGeneric(HandlerTable &table) {
  ((table[Ops::getOnnxName()] = importGeneric<Ops>), ...);
}

/// Axes are an operand in the newest opset; without them all axes are meant,
/// or none if `noop_with_empty_axes`.
template <typename Op> LogicalResult importReduction(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  if (!type)
    return failure();
  Builder &b = node.importer.builder;
  SmallVector<int64_t> axes;
  if (auto attribute = node.getInts("axes"))
    axes = *attribute;
  if (node.hasInput(1)) {
    auto constant = node.getConstantInts(1);
    if (!constant)
      return node.error() << "has axes that are known at run time only";
    axes = *constant;
  }
  if (axes.empty() && !node.getInt("noop_with_empty_axes", 0))
    axes = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  for (int64_t &axis : axes)
    axis = neuro::detail::normalizeAxis(axis, type.getRank());
  llvm::sort(axes);
  return node.replace<Op>(
      node.getInput(0),
      {b.getNamedAttr("axes", b.getDenseI64ArrayAttr(axes)),
       b.getNamedAttr("keepdims", b.getBoolAttr(node.getInt("keepdims", 1)))});
}

template <typename... Ops> void addReductions(HandlerTable &table) {
  ((table[Ops::getOnnxReduction()] = importReduction<Ops>), ...);
}

template <typename Op> LogicalResult importScan(NodeContext &node) {
  RankedTensorType type = node.getInputType(0);
  auto axis = node.getConstantInts(1);
  if (!type)
    return failure();
  if (!axis || axis->size() != 1)
    return node.error() << "has an axis that is known at run time only";
  Builder &b = node.importer.builder;
  int64_t normal = neuro::detail::normalizeAxis(axis->front(), type.getRank());
  return node.replace<Op>(
      node.getInput(0),
      {b.getNamedAttr("axis", b.getI64IntegerAttr(normal)),
       b.getNamedAttr("exclusive", b.getBoolAttr(node.getInt("exclusive", 0))),
       b.getNamedAttr("reverse", b.getBoolAttr(node.getInt("reverse", 0)))});
}

} // namespace

void neuroplast::registerGenericHandlers(HandlerTable &table) {
  addGeneric<AddOp, SubOp, MulOp, DivOp, PowOp, ModOp, MaxOp, MinOp, SumOp,
             MeanOp, AbsOp, NegOp, SignOp, CeilOp, FloorOp, RoundOp, SqrtOp,
             ReciprocalOp, ExpOp, LogOp, ErfOp, SinOp, CosOp, TanOp, AsinOp,
             AcosOp, AtanOp, SinhOp, CoshOp, AsinhOp, AcoshOp, AtanhOp, IsNaNOp,
             IsInfOp>(table);
  addGeneric<ReluOp, SigmoidOp, TanhOp, SoftplusOp, SoftsignOp, HardSwishOp,
             MishOp, EluOp, CeluOp, LeakyReluOp, ThresholdedReluOp, SwishOp,
             HardSigmoidOp, SeluOp, ShrinkOp, GeluOp, ClipOp>(table);
  addGeneric<EqualOp, GreaterOp, GreaterOrEqualOp, LessOp, LessOrEqualOp, AndOp,
             OrOp, XorOp, NotOp, BitwiseAndOp, BitwiseOrOp, BitwiseXorOp,
             BitwiseNotOp, BitShiftOp, WhereOp, DequantizeLinearOp>(table);
  addGeneric<ArgMaxOp, ArgMinOp, SoftmaxOp, LogSoftmaxOp, HardmaxOp>(table);
  addGeneric<ConcatOp, DepthToSpaceOp, SpaceToDepthOp, ReverseSequenceOp,
             TriluOp, GatherOp, GatherElementsOp, GatherNDOp, ScatterElementsOp,
             ScatterNDOp, TensorScatterOp, NonZeroOp, CompressOp, UniqueOp,
             TfIdfVectorizerOp>(table);
  addGeneric<InstanceNormOp, LayerNormOp, RMSNormOp, LpNormOp, LRNOp, MatMulOp,
             GemmOp, MatMulIntegerOp, EinsumOp>(table);
  addGeneric<RoiAlignOp, MaxRoiPoolOp, GridSampleOp, NonMaxSuppressionOp, RNNOp,
             GRUOp, LSTMOp, AttentionOp, RotaryEmbeddingOp, DetOp,
             StringNormalizerOp, StringConcatOp>(table);
  addReductions<ReduceSumOp, ReduceMeanOp, ReduceMaxOp, ReduceMinOp,
                ReduceProdOp, ReduceL1Op, ReduceL2Op, ReduceSumSquareOp,
                ReduceLogSumOp, ReduceLogSumExpOp>(table);
  table["CumSum"] = importScan<CumSumOp>;
  table["CumProd"] = importScan<CumProdOp>;
}
