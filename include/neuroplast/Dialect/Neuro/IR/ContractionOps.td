//===- ContractionOps.td - Convolutions and matrix products ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_CONTRACTIONOPS
#define NEUROPLAST_DIALECT_NEURO_IR_CONTRACTIONOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

//===----------------------------------------------------------------------===//
// Convolutions: input N x C x spatial. All lists have one entry per spatial
// axis and are always present; `pads` has the paddings before every axis, then
// those after; automatic paddings were resolved by the importer, or, where a
// size is dynamic, kept in `auto_pad` ("SAME_UPPER", "SAME_LOWER").
//===----------------------------------------------------------------------===//

def Neuro_ConvOp : Neuro_ContractionOp<"conv", "", traits = [Neuro_BuildsGradient, DeclareOpInterfaceMethods<LayerOpInterface, ["getLinearMap", "buildOutMap"]>, Neuro_Roles<"i == 1 ? OperandRole::Weight : i == 2 ? OperandRole::Bias : OperandRole::Data">, Neuro_ZeroWhere<"(zero(getInputMutable()) || zero(getWeightMutable())) && zero(getBiasMutable())">, Neuro_AffineIn<"!(in[0] && in[1])">]> {
  let summary = "grouped, strided, dilated convolution with an optional bias per output channel";
  let description = [{
    The weight is O x (C / group) x kernel. Axis rule
    `n (g i) s.., (g o) i k.., (g o) -> n (g o) s'..`.
  }];
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$weight, Optional<Neuro_FloatTensor>:$bias,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads,
    DefaultValuedAttr<I64Attr, "1">:$group, DefaultValuedAttr<StrAttr, "\"NOTSET\"">:$auto_pad);
  let results = (outs Neuro_FloatTensor:$result);
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}
def Neuro_ConvTransposeOp : Neuro_ContractionOp<"conv_transpose", "", traits = [Neuro_BuildsGradient, Neuro_Roles<"i == 1 ? OperandRole::Weight : i == 2 ? OperandRole::Bias : OperandRole::Data">, Neuro_ZeroWhere<"(zero(getInputMutable()) || zero(getWeightMutable())) && zero(getBiasMutable())">, Neuro_AffineIn<"!(in[0] && in[1])">]> {
  let summary = "the adjoint of a convolution in its input, with an optional bias";
  let description = [{
    The weight is C x (O / group) x kernel. `pads` is what the full result is
    cropped by; with `output_padding` the importer has resolved `output_shape`.
  }];
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$weight, Optional<Neuro_FloatTensor>:$bias,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$output_padding, DefaultValuedAttr<I64Attr, "1">:$group);
  let results = (outs Neuro_FloatTensor:$result);
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}
def Neuro_ConvIntegerOp : Neuro_ContractionOp<"conv_integer", "", [AttrSizedOperandSegments]> {
  let summary = "convolution of 8-bit integers less their zero points, in i32";
  let arguments = (ins Neuro_IntTensor:$input, Neuro_IntTensor:$weight, Optional<Neuro_IntTensor>:$input_zero_point,
    Optional<Neuro_IntTensor>:$weight_zero_point,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads,
    DefaultValuedAttr<I64Attr, "1">:$group, DefaultValuedAttr<StrAttr, "\"NOTSET\"">:$auto_pad);
  let results = (outs RankedTensorOf<[I32]>:$result);
  let assemblyFormat = "$input `,` $weight (`input_zero_point` `(` $input_zero_point^ `)`)? (`weight_zero_point` `(` $weight_zero_point^ `)`)? attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}
def Neuro_DeformConvOp : Neuro_ContractionOp<"deform_conv", "", [Neuro_GradientOfParts, Neuro_Roles<"i == 1 ? OperandRole::Weight : i == 3 ? OperandRole::Bias : OperandRole::Data">, AttrSizedOperandSegments, Neuro_ZeroWhere<"(zero(getInputMutable()) || zero(getWeightMutable())) && zero(getBiasMutable())">]> {
  let summary = "convolution that samples its input at learned offsets";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$weight, Neuro_FloatTensor:$offset,
    Optional<Neuro_FloatTensor>:$bias, Optional<Neuro_FloatTensor>:$mask,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads,
    DefaultValuedAttr<I64Attr, "1">:$group, DefaultValuedAttr<I64Attr, "1">:$offset_group);
  let results = (outs Neuro_FloatTensor:$result);
  let assemblyFormat = "$input `,` $weight `,` $offset (`bias` `(` $bias^ `)`)? (`mask` `(` $mask^ `)`)? attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}

def Neuro_MatMulOp : Neuro_ContractionOp<"matmul", "MatMul", traits = [Neuro_BuildsGradient, DeclareOpInterfaceMethods<LayerOpInterface, ["getLinearMap", "buildOutMap"]>, Neuro_AllWeights, Neuro_ZeroAbsorbing, Neuro_Multilinear]> {
  let summary = "matrix product with broadcast batch axes, as numpy.matmul";
  let arguments = (ins Neuro_NumberTensor:$lhs, Neuro_NumberTensor:$rhs);
  let results = (outs Neuro_NumberTensor:$result);
}
def Neuro_GemmOp : Neuro_ContractionOp<"gemm", "Gemm", traits = [Neuro_BuildsGradient, DeclareOpInterfaceMethods<LayerOpInterface, ["getLinearMap", "buildOutMap"]>, Neuro_Roles<"i == 2 ? OperandRole::Bias : OperandRole::Weight">, Neuro_ZeroWhere<"(zero(getAMutable()) || zero(getBMutable())) && zero(getCMutable())">, Neuro_AffineIn<"!(in[0] && in[1])">]> {
  let summary = "alpha * op(A) * op(B) + beta * C, where op transposes if asked";
  let arguments = (ins Neuro_NumberTensor:$a, Neuro_NumberTensor:$b, Optional<Neuro_NumberTensor>:$c,
    DefaultValuedAttr<F32Attr, "1.0f">:$alpha, DefaultValuedAttr<F32Attr, "1.0f">:$beta,
    DefaultValuedAttr<I64Attr, "0">:$transA, DefaultValuedAttr<I64Attr, "0">:$transB);
  let results = (outs Neuro_NumberTensor:$result);
}
def Neuro_MatMulIntegerOp : Neuro_ContractionOp<"matmul_integer", "MatMulInteger", [AttrSizedOperandSegments]> {
  let summary = "matrix product of 8-bit integers less their zero points, in i32";
  let arguments = (ins Neuro_IntTensor:$a, Neuro_IntTensor:$b, Optional<Neuro_IntTensor>:$a_zero_point, Optional<Neuro_IntTensor>:$b_zero_point);
  let results = (outs RankedTensorOf<[I32]>:$result);
  let assemblyFormat = "$a `,` $b (`a_zero_point` `(` $a_zero_point^ `)`)? (`b_zero_point` `(` $b_zero_point^ `)`)? attr-dict `:` functional-type(operands, results)";
}
def Neuro_EinsumOp : Neuro_ContractionOp<"einsum", "Einsum", traits = [Neuro_BuildsGradient, Neuro_AllWeights, Neuro_ZeroAbsorbing, Neuro_Multilinear]> {
  let summary = "sum of products over named axes; an ellipsis broadcasts";
  let arguments = (ins Variadic<Neuro_NumberTensor>:$inputs, StrAttr:$equation);
  let results = (outs Neuro_NumberTensor:$result);
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_CONTRACTIONOPS
