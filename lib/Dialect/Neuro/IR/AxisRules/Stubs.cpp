//===- Stubs.cpp - Axis rules still to be written -------------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/Neuro.h"

using namespace mlir;
using namespace neuroplast::neuro;

#define RULE(OP)                                                               \
  AxisRule OP::getAxisRule() { return AxisRule(); }

RULE(ArgMaxOp)
RULE(ArgMinOp)
RULE(AttentionOp)
RULE(AveragePoolOp)
RULE(BatchNormOp)
RULE(Col2ImOp)
RULE(CompressOp)
RULE(ConcatOp)
RULE(ConvIntegerOp)
RULE(ConvOp)
RULE(ConvTransposeOp)
RULE(CumProdOp)
RULE(CumSumOp)
RULE(DeformConvOp)
RULE(DepthToSpaceOp)
RULE(DequantizeLinearOp)
RULE(DetOp)
RULE(EinsumOp)
RULE(ExpandOp)
RULE(EyeLikeOp)
RULE(FillOp)
RULE(GRUOp)
RULE(GatherElementsOp)
RULE(GatherNDOp)
RULE(GatherOp)
RULE(GemmOp)
RULE(GridSampleOp)
RULE(GroupNormOp)
RULE(HardmaxOp)
RULE(InstanceNormOp)
RULE(LRNOp)
RULE(LSTMOp)
RULE(LayerNormOp)
RULE(LogSoftmaxOp)
RULE(LpNormOp)
RULE(LpPoolOp)
RULE(MatMulIntegerOp)
RULE(MatMulOp)
RULE(MaxPoolOp)
RULE(MaxRoiPoolOp)
RULE(MaxUnpoolOp)
RULE(NonMaxSuppressionOp)
RULE(NonZeroOp)
RULE(OneHotOp)
RULE(OpaqueOp)
RULE(PadOp)
RULE(QuantizeLinearOp)
RULE(RMSNormOp)
RULE(RNNOp)
RULE(RangeOp)
RULE(ReshapeOp)
RULE(ResizeOp)
RULE(ReverseSequenceOp)
RULE(RoiAlignOp)
RULE(RotaryEmbeddingOp)
RULE(ScatterElementsOp)
RULE(ScatterNDOp)
RULE(SliceOp)
RULE(SoftmaxOp)
RULE(SpaceToDepthOp)
RULE(SplitOp)
RULE(TensorScatterOp)
RULE(TileOp)
RULE(TopKOp)
RULE(TransposeOp)
RULE(TriluOp)
RULE(UniqueOp)

AxisRule neuroplast::neuro::detail::getElementwiseAxisRule(Operation *) { return AxisRule(); }
AxisRule neuroplast::neuro::detail::getReductionAxisRule(Operation *, ArrayRef<int64_t>, bool) {
  return AxisRule();
}
