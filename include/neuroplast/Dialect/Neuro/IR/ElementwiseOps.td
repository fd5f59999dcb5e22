//===- ElementwiseOps.td - Element by element, with broadcasting ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_ELEMENTWISEOPS
#define NEUROPLAST_DIALECT_NEURO_IR_ELEMENTWISEOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

//===----------------------------------------------------------------------===//
// Bases: the result has the broadcast shape of the operands.
//===----------------------------------------------------------------------===//

/// Marks the ops of one operand that change nothing the second time.
def Neuro_Idempotent : NativeOpTrait<"Idempotent"> {
  let cppNamespace = "::neuroplast::neuro";
}

class Neuro_UnaryOp<string mnemonic, string onnx, string meaning,
                    Type tensor = Neuro_NumberTensor, list<Trait> traits = []>
    : Neuro_ElementwiseOp<mnemonic, onnx, traits> {
  let summary = meaning;
  let arguments = (ins tensor:$input);
  let results = (outs tensor:$result);
}

class Neuro_BinaryOp<string mnemonic, string onnx, string meaning,
                     Type tensor = Neuro_NumberTensor, list<Trait> traits = [], bit statesContract = 0>
    : Neuro_ElementwiseOp<mnemonic, onnx, [SameOperandsElementType] # traits, statesContract = statesContract> {
  let summary = meaning;
  let arguments = (ins tensor:$lhs, tensor:$rhs);
  let results = (outs tensor:$result);
}

class Neuro_CompareOp<string mnemonic, string onnx, string meaning, Type tensor = Neuro_NumberTensor,
                      list<Trait> traits = []>
    : Neuro_ElementwiseOp<mnemonic, onnx, [SameOperandsElementType] # traits, "::mlir::IntegerType::get(context, 1)"> {
  let summary = meaning;
  let arguments = (ins tensor:$lhs, tensor:$rhs);
  let results = (outs Neuro_BoolTensor:$result);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

def Neuro_AddOp : Neuro_BinaryOp<"add", "Add", "lhs + rhs", Neuro_NumberTensor, [Neuro_Gradient<"g", "g">, DeclareOpInterfaceMethods<LayerOpInterface, ["getInputOffset"]>, Neuro_AllBiases, Commutative, Neuro_ZeroPreserving, Neuro_Affine]>;
def Neuro_SubOp : Neuro_BinaryOp<"sub", "Sub", "lhs - rhs",
    traits = [Neuro_Gradient<"g", "-g">, Neuro_AllBiases, Neuro_ZeroWhere<"zero.all() || zero.same(0, 1)">, Neuro_Affine]>;
def Neuro_MulOp : Neuro_BinaryOp<"mul", "Mul", "lhs * rhs", Neuro_NumberTensor, [Neuro_Gradient<"g * b", "g * a">, Neuro_AllScales, Commutative, Neuro_ZeroAbsorbing, Neuro_Multilinear]>;
def Neuro_DivOp : Neuro_BinaryOp<"div", "Div", "lhs / rhs; integers truncate towards zero",
    traits = [Neuro_Gradient<"g / b", "-(g * y / b)">, Neuro_AllScales, Neuro_ZeroWhere<"zero[0]">, Neuro_AffineIn<"!in[1]">], statesContract = 1>;
def Neuro_PowOp : Neuro_ElementwiseOp<"pow", "Pow",
    [Neuro_Gradient<"g * b.cast(a.getType().getElementType()) * a.pow(b - 1)", "(a > 0).select(g * y * a.log(), 0).cast(b.getType().getElementType())">,
     Neuro_ZeroWhere<"zero[0] && detail::isConstantInRange(getExponent(), 1e-9, INFINITY)">]> {
  let summary = "base ^ exponent, in the element type of the base";
  let arguments = (ins Neuro_NumberTensor:$base, Neuro_NumberTensor:$exponent);
  let results = (outs Neuro_NumberTensor:$result);
}
def Neuro_ModOp : Neuro_ElementwiseOp<"mod", "Mod", [Neuro_Gradient<"g", "g * (y - a) / b">, SameOperandsElementType, Neuro_ZeroWhere<"zero[0]">], statesContract = 1> {
  let summary = "remainder; `fmod` = 1 takes the sign of the dividend";
  let arguments = (ins Neuro_NumberTensor:$lhs, Neuro_NumberTensor:$rhs, DefaultValuedAttr<I64Attr, "0">:$fmod);
  let results = (outs Neuro_NumberTensor:$result);
}
class Neuro_VariadicElementwiseOp<string mnemonic, string onnx, string meaning>
    : Neuro_ElementwiseOp<mnemonic, onnx, [Neuro_BuildsGradient, SameOperandsElementType, Neuro_ZeroPreserving]> {
  let summary = meaning;
  let arguments = (ins Variadic<Neuro_NumberTensor>:$inputs);
  let results = (outs Neuro_NumberTensor:$result);
}
def Neuro_MaxOp : Neuro_VariadicElementwiseOp<"max", "Max", "largest of the operands; NaN if one is NaN">;
def Neuro_MinOp : Neuro_VariadicElementwiseOp<"min", "Min", "smallest of the operands; NaN if one is NaN">;
def Neuro_SumOp : Neuro_VariadicElementwiseOp<"sum", "Sum", "sum of the operands">;
def Neuro_MeanOp : Neuro_VariadicElementwiseOp<"mean", "Mean", "mean of the operands">;

def Neuro_AbsOp : Neuro_UnaryOp<"abs", "Abs", "|x|", traits = [Neuro_Gradient<"g * a.sign()">, Neuro_ZeroPreserving, Neuro_Idempotent]>;
def Neuro_NegOp : Neuro_UnaryOp<"neg", "Neg", "-x", traits = [Neuro_Gradient<"-g">, Neuro_ZeroPreserving, Neuro_Affine]>;
def Neuro_SignOp : Neuro_UnaryOp<"sign", "Sign", "-1, 0 or 1", traits = [Neuro_Gradient<"">, Neuro_ZeroPreserving]>;
def Neuro_CeilOp : Neuro_UnaryOp<"ceil", "Ceil", "smallest integer not below x", Neuro_FloatTensor, traits = [Neuro_Gradient<"">, Neuro_ZeroPreserving]>;
def Neuro_FloorOp : Neuro_UnaryOp<"floor", "Floor", "largest integer not above x", Neuro_FloatTensor, traits = [Neuro_Gradient<"">, Neuro_ZeroPreserving]>;
def Neuro_RoundOp : Neuro_UnaryOp<"round", "Round", "nearest integer, halves to even", Neuro_FloatTensor, traits = [Neuro_Gradient<"">, Neuro_ZeroPreserving]>;
def Neuro_SqrtOp : Neuro_UnaryOp<"sqrt", "Sqrt", "square root", Neuro_FloatTensor, traits = [Neuro_Gradient<"g / (y * 2)">, Neuro_ZeroPreserving]>;
def Neuro_ReciprocalOp : Neuro_UnaryOp<"reciprocal", "Reciprocal", "1 / x", Neuro_FloatTensor, traits = [Neuro_Gradient<"-(g * y * y)">]>;
def Neuro_ExpOp : Neuro_UnaryOp<"exp", "Exp", "e ^ x", Neuro_FloatTensor, traits = [Neuro_Gradient<"g * y">]>;
def Neuro_LogOp : Neuro_UnaryOp<"log", "Log", "natural logarithm", Neuro_FloatTensor, traits = [Neuro_Gradient<"g / a">]>;
def Neuro_ErfOp : Neuro_UnaryOp<"erf", "Erf", "error function", traits = [Neuro_Gradient<"g * (-(a * a)).exp() * 1.1283791670955126">, Neuro_ZeroPreserving]>;
class Neuro_FunctionOp<string f, list<Trait> traits>
    : Neuro_UnaryOp<f, !toupper(!substr(f, 0, 1))#!substr(f, 1), f # "(x)", Neuro_FloatTensor, traits # [
        Neuro_Gradient<!cond(
          !eq(f, "sin"): "g * a.cos()", !eq(f, "cos"): "-(g * a.sin())", !eq(f, "tan"): "g * (1 + y * y)",
          !eq(f, "asin"): "g / (1 - a * a).sqrt()", !eq(f, "acos"): "-(g / (1 - a * a).sqrt())",
          !eq(f, "atan"): "g / (1 + a * a)", !eq(f, "sinh"): "g * a.cosh()", !eq(f, "cosh"): "g * a.sinh()",
          !eq(f, "asinh"): "g / (a * a + 1).sqrt()", !eq(f, "acosh"): "g / (a * a - 1).sqrt()",
          !eq(f, "atanh"): "g / (1 - a * a)")>]>;
foreach f = ["sin", "tan", "asin", "atan", "sinh", "asinh", "atanh"] in
  def Neuro_#!toupper(!substr(f, 0, 1))#!substr(f, 1)#Op : Neuro_FunctionOp<f, [Neuro_ZeroPreserving]>;
foreach f = ["cos", "acos", "cosh", "acosh"] in
  def Neuro_#!toupper(!substr(f, 0, 1))#!substr(f, 1)#Op : Neuro_FunctionOp<f, []>;
def Neuro_IsNaNOp : Neuro_ElementwiseOp<"is_nan", "IsNaN", [], "::mlir::IntegerType::get(context, 1)"> {
  let summary = "whether x is not a number";
  let arguments = (ins Neuro_FloatTensor:$input);
  let results = (outs Neuro_BoolTensor:$result);
}
def Neuro_IsInfOp : Neuro_ElementwiseOp<"is_inf", "IsInf", [], "::mlir::IntegerType::get(context, 1)"> {
  let summary = "whether x is infinite, of the signs asked for";
  let arguments = (ins Neuro_FloatTensor:$input, DefaultValuedAttr<I64Attr, "1">:$detect_negative,
                   DefaultValuedAttr<I64Attr, "1">:$detect_positive);
  let results = (outs Neuro_BoolTensor:$result);
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

class Neuro_AlphaOp<string mnemonic, string onnx, string meaning, string alpha, list<Trait> traits = []>
    : Neuro_ElementwiseOp<mnemonic, onnx, [Neuro_ZeroPreserving] # traits> {
  let summary = meaning;
  let arguments = (ins Neuro_FloatTensor:$input, DefaultValuedAttr<F32Attr, alpha>:$alpha);
  let results = (outs Neuro_FloatTensor:$result);
}

def Neuro_ReluOp : Neuro_UnaryOp<"relu", "Relu", "max(x, 0)", traits = [Neuro_Gradient<"(y > 0).select(g, 0)">, Neuro_ZeroPreserving, Neuro_Idempotent]>;
def Neuro_SigmoidOp : Neuro_UnaryOp<"sigmoid", "Sigmoid", "1 / (1 + e^-x)", Neuro_FloatTensor, traits = [Neuro_Gradient<"g * y * (1 - y)">]>;
def Neuro_TanhOp : Neuro_UnaryOp<"tanh", "Tanh", "hyperbolic tangent", Neuro_FloatTensor, traits = [Neuro_Gradient<"g * (1 - y * y)">, Neuro_ZeroPreserving]>;
def Neuro_SoftplusOp : Neuro_UnaryOp<"softplus", "Softplus", "log(1 + e^x)", Neuro_FloatTensor, traits = [Neuro_Gradient<"g * a.sigmoid()">]>;
def Neuro_SoftsignOp : Neuro_UnaryOp<"softsign", "Softsign", "x / (1 + |x|)", Neuro_FloatTensor, traits = [Neuro_Gradient<"g / ((a.abs() + 1) * (a.abs() + 1))">, Neuro_ZeroPreserving]>;
def Neuro_HardSwishOp : Neuro_UnaryOp<"hard_swish", "HardSwish", "x * hard_sigmoid(x) with alpha 1/6 and beta 1/2", Neuro_FloatTensor, traits = [Neuro_Gradient<"(a > 3).select(g, (a > -3).select(g * (a / 3 + 0.5), 0))">, Neuro_ZeroPreserving]>;
def Neuro_MishOp : Neuro_UnaryOp<"mish", "Mish", "x * tanh(softplus(x))", Neuro_FloatTensor, traits = [Neuro_Gradient<"g * (a.softplus().tanh() + a * a.sigmoid() * (1 - a.softplus().tanh() * a.softplus().tanh()))">, Neuro_ZeroPreserving]>;
def Neuro_EluOp : Neuro_AlphaOp<"elu", "Elu", "x, or alpha * (e^x - 1) below 0", "1.0f", traits = [Neuro_Gradient<"(a > 0).select(g, g * (y + toNumber(getAlpha())))">]>;
def Neuro_CeluOp : Neuro_AlphaOp<"celu", "Celu", "max(x, 0) + min(0, alpha * (e^(x / alpha) - 1))", "1.0f", traits = [Neuro_Gradient<"(a > 0).select(g, g * (a / toNumber(getAlpha())).exp())">]>;
def Neuro_LeakyReluOp : Neuro_AlphaOp<"leaky_relu", "LeakyRelu", "x, or alpha * x below 0", "0.01f", traits = [Neuro_Gradient<"(a > 0).select(g, g * toNumber(getAlpha()))">]>;
def Neuro_ThresholdedReluOp : Neuro_AlphaOp<"thresholded_relu", "ThresholdedRelu", "x above alpha, else 0", "1.0f", traits = [Neuro_Gradient<"(a > toNumber(getAlpha())).select(g, 0)">]>;
def Neuro_SwishOp : Neuro_AlphaOp<"swish", "Swish", "x * sigmoid(alpha * x)", "1.0f", traits = [Neuro_Gradient<"g * ((a * toNumber(getAlpha())).sigmoid() + y * toNumber(getAlpha()) * (1 - (a * toNumber(getAlpha())).sigmoid()))">]>;
def Neuro_HardSigmoidOp : Neuro_ElementwiseOp<"hard_sigmoid", "HardSigmoid", traits = [Neuro_Gradient<"(y > 0 && y < 1).select(g * toNumber(getAlpha()), 0)">]> {
  let summary = "max(0, min(1, alpha * x + beta))";
  let arguments = (ins Neuro_FloatTensor:$input, DefaultValuedAttr<F32Attr, "0.2f">:$alpha, DefaultValuedAttr<F32Attr, "0.5f">:$beta);
  let results = (outs Neuro_FloatTensor:$result);
}
def Neuro_SeluOp : Neuro_ElementwiseOp<"selu", "Selu", traits = [Neuro_Gradient<"(a > 0).select(g * toNumber(getGamma()), g * (y + toNumber(getGamma()) * toNumber(getAlpha())))">, Neuro_ZeroPreserving]> {
  let summary = "gamma * x, or gamma * alpha * (e^x - 1) below 0";
  let arguments = (ins Neuro_FloatTensor:$input, DefaultValuedAttr<F32Attr, "1.67326319217681884765625f">:$alpha,
                   DefaultValuedAttr<F32Attr, "1.05070102214813232421875f">:$gamma);
  let results = (outs Neuro_FloatTensor:$result);
}
def Neuro_ShrinkOp : Neuro_ElementwiseOp<"shrink", "Shrink", traits = [Neuro_Gradient<"(a.abs() > toNumber(getLambd())).select(g, 0)">, Neuro_ZeroPreserving]> {
  let summary = "x + bias below -lambd, x - bias above lambd, else 0";
  let arguments = (ins Neuro_NumberTensor:$input, DefaultValuedAttr<F32Attr, "0.0f">:$bias, DefaultValuedAttr<F32Attr, "0.5f">:$lambd);
  let results = (outs Neuro_NumberTensor:$result);
}
def Neuro_GeluOp : Neuro_ElementwiseOp<"gelu", "Gelu", traits = [Neuro_BuildsGradient, Neuro_ZeroPreserving]> {
  let summary = "x * P(X <= x); `approximate` is \"none\" or \"tanh\"";
  let arguments = (ins Neuro_FloatTensor:$input, DefaultValuedAttr<StrAttr, "\"none\"">:$approximate);
  let results = (outs Neuro_FloatTensor:$result);
}
def Neuro_PReluOp : Neuro_ElementwiseOp<"prelu", "PRelu", [Neuro_Gradient<"(a < 0).select(g * b, g)", "(a < 0).select(g * a, 0)">, Neuro_Roles<"i == 1 ? OperandRole::Weight : OperandRole::Data">, SameOperandsElementType, Neuro_ZeroWhere<"zero[0]">]> {
  let summary = "x, or slope * x below 0; the slope broadcasts to x";
  let arguments = (ins Neuro_NumberTensor:$input, Neuro_NumberTensor:$slope);
  let results = (outs Neuro_NumberTensor:$result);
}
def Neuro_ClipOp : Neuro_ElementwiseOp<"clip", "Clip", [Neuro_BuildsGradient, AttrSizedOperandSegments, SameOperandsElementType,
    Neuro_ZeroWhere<"zero[0] && detail::isConstantInRange(getMin(), -INFINITY, 0) "
                    "&& detail::isConstantInRange(getMax(), 0, INFINITY)">]> {
  let summary = "min(max(x, min), max); an absent bound does not bind";
  let arguments = (ins Neuro_NumberTensor:$input, Optional<Neuro_NumberTensor>:$min, Optional<Neuro_NumberTensor>:$max);
  let results = (outs Neuro_NumberTensor:$result);
  let assemblyFormat = "$input (`min` `(` $min^ `)`)? (`max` `(` $max^ `)`)? attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Comparison, logic, selection, conversion
//===----------------------------------------------------------------------===//

def Neuro_EqualOp : Neuro_CompareOp<"equal", "Equal", "lhs = rhs", Neuro_ComparableTensor>;
def Neuro_GreaterOp : Neuro_CompareOp<"greater", "Greater", "lhs > rhs">;
def Neuro_GreaterOrEqualOp : Neuro_CompareOp<"greater_or_equal", "GreaterOrEqual", "lhs >= rhs">;
def Neuro_LessOp : Neuro_CompareOp<"less", "Less", "lhs < rhs">;
def Neuro_LessOrEqualOp : Neuro_CompareOp<"less_or_equal", "LessOrEqual", "lhs <= rhs">;
def Neuro_AndOp : Neuro_CompareOp<"and", "And", "logical and", Neuro_BoolTensor, traits = [Neuro_ZeroAbsorbing]>;
def Neuro_OrOp : Neuro_CompareOp<"or", "Or", "logical or", Neuro_BoolTensor, traits = [Neuro_ZeroPreserving]>;
def Neuro_XorOp : Neuro_CompareOp<"xor", "Xor", "logical exclusive or", Neuro_BoolTensor, traits = [Neuro_ZeroPreserving]>;
def Neuro_NotOp : Neuro_UnaryOp<"not", "Not", "logical not", Neuro_BoolTensor>;
def Neuro_BitwiseAndOp : Neuro_BinaryOp<"bitwise_and", "BitwiseAnd", "lhs & rhs", Neuro_IntTensor, traits = [Neuro_ZeroAbsorbing]>;
def Neuro_BitwiseOrOp : Neuro_BinaryOp<"bitwise_or", "BitwiseOr", "lhs | rhs", Neuro_IntTensor, traits = [Neuro_ZeroPreserving]>;
def Neuro_BitwiseXorOp : Neuro_BinaryOp<"bitwise_xor", "BitwiseXor", "lhs ^ rhs", Neuro_IntTensor, traits = [Neuro_ZeroPreserving]>;
def Neuro_BitwiseNotOp : Neuro_UnaryOp<"bitwise_not", "BitwiseNot", "~x", Neuro_IntTensor>;
def Neuro_BitShiftOp : Neuro_ElementwiseOp<"bit_shift", "BitShift", [SameOperandsElementType, Neuro_ZeroWhere<"zero[0]">]> {
  let summary = "shift by bits; `direction` is \"LEFT\" or \"RIGHT\"";
  let arguments = (ins Neuro_IntTensor:$lhs, Neuro_IntTensor:$rhs, StrAttr:$direction);
  let results = (outs Neuro_IntTensor:$result);
}
def Neuro_WhereOp : Neuro_ElementwiseOp<"where", "Where", [Neuro_BuildsGradient, Neuro_ZeroWhere<"zero[1] && zero[2]">, Neuro_AffineIn<"!in[0]">], "::mlir::getElementTypeOrSelf(adaptor.getTrueValue().getType())"> {
  let summary = "true_value where the condition holds, else false_value";
  let arguments = (ins Neuro_BoolTensor:$condition, Neuro_Tensor:$true_value, Neuro_Tensor:$false_value);
  let results = (outs Neuro_Tensor:$result);
}
def Neuro_CastOp : Neuro_ElementwiseOp<"cast", "",
    [Neuro_Gradient<"g.cast(a.getType().getElementType())">, Neuro_ZeroPreserving, Neuro_AffineIn<"::llvm::isa<::mlir::FloatType>(::mlir::getElementTypeOrSelf(getInput())) && ::llvm::isa<::mlir::FloatType>(getTo())">],
    "adaptor.getTo()"> {
  let summary = "convert the element type";
  let description = [{
    `saturate` applies to conversions to 8-bit floats only, as in ONNX.
  }];
  let arguments = (ins Neuro_Tensor:$input, TypeAttr:$to, DefaultValuedAttr<BoolAttr, "true">:$saturate);
  let results = (outs Neuro_Tensor:$result);
  let hasFolder = 1;
}
def Neuro_BitCastOp : Neuro_ElementwiseOp<"bit_cast", "", [], "adaptor.getTo()"> {
  let summary = "the bits of each element as an element of another type of that width";
  let arguments = (ins Neuro_Tensor:$input, TypeAttr:$to);
  let results = (outs Neuro_Tensor:$result);
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Quantisation
//===----------------------------------------------------------------------===//

class Neuro_QuantOp<string mnemonic, string onnx, list<Trait> traits = []>
    : Neuro_TensorOp<mnemonic, onnx, traits, statesContract = 1>;
def Neuro_QuantizeLinearOp : Neuro_QuantOp<"quantize_linear", "", [
    DeclareOpInterfaceMethods<DifferentiableOpInterface, ["buildGradient", "standsForReals"]>]> {
  let summary = "saturate(round(x / scale) + zero_point), per tensor, per axis or per block";
  let arguments = (ins Neuro_NumberTensor:$input, Neuro_FloatTensor:$scale, Optional<Neuro_Tensor>:$zero_point,
    DefaultValuedAttr<I64Attr, "1">:$axis, DefaultValuedAttr<I64Attr, "0">:$block_size,
    DefaultValuedAttr<BoolAttr, "true">:$saturate, TypeAttr:$to);
  let results = (outs Neuro_Tensor:$result);
  let hasVerifier = 1;
}
def Neuro_DequantizeLinearOp : Neuro_QuantOp<"dequantize_linear", "DequantizeLinear", [Neuro_BuildsGradient, Neuro_ZeroWhere<"zero[0] || zero[1]">]> {
  let summary = "(x - zero_point) * scale, per tensor, per axis or per block";
  let arguments = (ins Neuro_Tensor:$input, Neuro_FloatTensor:$scale, Optional<Neuro_Tensor>:$zero_point,
    DefaultValuedAttr<I64Attr, "1">:$axis, DefaultValuedAttr<I64Attr, "0">:$block_size);
  let results = (outs Neuro_FloatTensor:$result);
  let hasVerifier = 1;
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_ELEMENTWISEOPS
