//===- NormalizationOps.td - Normalisations ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_NORMALIZATIONOPS
#define NEUROPLAST_DIALECT_NEURO_IR_NORMALIZATIONOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

def Neuro_BatchNormOp : Neuro_SameTypeOp<"batch_norm", "BatchNormalization", traits = [Neuro_BuildsGradient, DeclareOpInterfaceMethods<LayerOpInterface, ["getInputOffset", "getRunningStatistics", "getChannelAffine"]>, Neuro_Roles<"i == 0 ? OperandRole::Data : i == 1 ? OperandRole::Weight : i == 2 ? OperandRole::Bias : OperandRole::Statistic">, Neuro_ZeroWhere<"zero(getScaleMutable()) && zero(getBiasMutable())">], statesContract = 1> {
  let summary = "scale * (x - mean) / sqrt(variance + epsilon) + bias per channel (axis 1), with running statistics";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$scale, Neuro_FloatTensor:$bias,
    Neuro_FloatTensor:$mean, Neuro_FloatTensor:$variance,
    DefaultValuedAttr<F32Attr, "1e-05f">:$epsilon, DefaultValuedAttr<F32Attr, "0.9f">:$momentum);
  let results = (outs Neuro_FloatTensor:$result);
  let hasVerifier = 1;
}
def Neuro_BatchStatisticsOp : Neuro_TensorOp<"batch_statistics", "", [Neuro_BuildsGradient]> {
  let summary = "mean and variance per channel (axis 1) of a batch, as batch norms of training take them";
  let description = [{
    The variance is that of what there is, divided by its number (Ioffe and
    Szegedy, "Batch Normalization", 2015).
  }];
  let arguments = (ins Neuro_FloatTensor:$input);
  let results = (outs Neuro_FloatTensor:$mean, Neuro_FloatTensor:$variance);
}
def Neuro_InstanceNormOp : Neuro_SameTypeOp<"instance_norm", "InstanceNormalization", traits = [Neuro_BuildsGradient, Neuro_Roles<"i == 0 ? OperandRole::Data : i == 1 ? OperandRole::Weight : i == 2 ? OperandRole::Bias : OperandRole::Statistic">, Neuro_ZeroWhere<"(zero(getInputMutable()) || zero(getScaleMutable())) && zero(getBiasMutable())">], statesContract = 1> {
  let summary = "normalise each channel of each sample over its pixels, then scale and shift";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$scale, Neuro_FloatTensor:$bias,
    DefaultValuedAttr<F32Attr, "1e-05f">:$epsilon);
  let results = (outs Neuro_FloatTensor:$result);
  let hasVerifier = 1;
}
def Neuro_GroupNormOp : Neuro_SameTypeOp<"group_norm", "GroupNormalization", traits = [Neuro_BuildsGradient, Neuro_Roles<"i == 0 ? OperandRole::Data : i == 1 ? OperandRole::Weight : i == 2 ? OperandRole::Bias : OperandRole::Statistic">, Neuro_ZeroWhere<"zero(getScaleMutable()) && zero(getBiasMutable())">], statesContract = 1> {
  let summary = "normalise groups of channels of each sample, then scale and shift per channel";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$scale, Neuro_FloatTensor:$bias,
    DefaultValuedAttr<F32Attr, "1e-05f">:$epsilon, I64Attr:$num_groups, DefaultValuedAttr<I64Attr, "1">:$stash_type);
  let results = (outs Neuro_FloatTensor:$result);
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
  let hasVerifier = 1;
}
def Neuro_LayerNormOp : Neuro_TensorOp<"layer_norm", "LayerNormalization", traits = [Neuro_BuildsGradient, DeclareOpInterfaceMethods<CountingOpInterface>, Neuro_Roles<"i == 0 ? OperandRole::Data : i == 1 ? OperandRole::Weight : i == 2 ? OperandRole::Bias : OperandRole::Statistic">, Neuro_ZeroWhere<"zero(getScaleMutable()) && zero(getBiasMutable())">], statesContract = 1> {
  let summary = "normalise over the axes from `axis` on, then scale and shift";
  let description = [{The mean and the inverse standard deviation are results too, as in ONNX; they are unused in inference.}];
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$scale, Optional<Neuro_FloatTensor>:$bias,
    DefaultValuedAttr<I64Attr, "-1">:$axis, DefaultValuedAttr<F32Attr, "1e-05f">:$epsilon,
    DefaultValuedAttr<I64Attr, "1">:$stash_type);
  let results = (outs Neuro_FloatTensor:$result, Neuro_FloatTensor:$mean, Neuro_FloatTensor:$inv_std_dev);
  let hasVerifier = 1;
}
def Neuro_RMSNormOp : Neuro_SameTypeOp<"rms_norm", "RMSNormalization", [Neuro_BuildsGradient, DeclareOpInterfaceMethods<CountingOpInterface>, Neuro_Roles<"i == 0 ? OperandRole::Data : i == 1 ? OperandRole::Weight : i == 2 ? OperandRole::Bias : OperandRole::Statistic">, Neuro_AxisInRange, Neuro_ZeroAbsorbing], statesContract = 1> {
  let summary = "divide by the root mean square over the axes from `axis` on, then scale";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$scale,
    DefaultValuedAttr<I64Attr, "-1">:$axis, DefaultValuedAttr<F32Attr, "1e-05f">:$epsilon,
    DefaultValuedAttr<I64Attr, "1">:$stash_type);
  let results = (outs Neuro_FloatTensor:$result);
  let hasVerifier = 1;
}
def Neuro_LpNormOp : Neuro_SameTypeOp<"lp_norm", "LpNormalization", [Neuro_BuildsGradient, Neuro_AxisInRange, Neuro_ZeroWhere<"zero[0]">]> {
  let summary = "divide by the p-norm along an axis";
  let arguments = (ins Neuro_FloatTensor:$input, DefaultValuedAttr<I64Attr, "-1">:$axis, DefaultValuedAttr<I64Attr, "2">:$p);
  let results = (outs Neuro_FloatTensor:$result);
}
def Neuro_LRNOp : Neuro_SameTypeOp<"lrn", "LRN", traits = [Neuro_BuildsGradient, Neuro_ZeroWhere<"zero[0]">]> {
  let summary = "local response normalisation across `size` neighbouring channels";
  let arguments = (ins Neuro_FloatTensor:$input, DefaultValuedAttr<F32Attr, "0.0001f">:$alpha,
    DefaultValuedAttr<F32Attr, "0.75f">:$beta, DefaultValuedAttr<F32Attr, "1.0f">:$bias, ConfinedAttr<I64Attr, [IntPositive]>:$size);
  let results = (outs Neuro_FloatTensor:$result);
  let hasVerifier = 1;
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_NORMALIZATIONOPS
