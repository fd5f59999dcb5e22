//===- ReductionOps.td - Reductions and scans over axes ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_REDUCTIONOPS
#define NEUROPLAST_DIALECT_NEURO_IR_REDUCTIONOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

//===----------------------------------------------------------------------===//
// Reductions: the axes listed (non-negative, ascending) are folded into one
// value each; they stay with size 1 if `keepdims`.
//===----------------------------------------------------------------------===//

class Neuro_ReduceOp<string mnemonic, string onnx, string meaning, Type tensor = Neuro_NumberTensor,
                     list<Trait> traits = [Neuro_ZeroPreserving]>
    : Neuro_TensorOp<mnemonic, "", traits # [Neuro_BuildsGradient]> {
  let summary = meaning;
  let arguments = (ins tensor:$input, DenseI64ArrayAttr:$axes, DefaultValuedAttr<BoolAttr, "true">:$keepdims);
  let results = (outs tensor:$result);
  let extraClassDeclaration = baseDeclaration # [{
    /// The ONNX operator, whose axes are an operand there.
    static constexpr ::llvm::StringLiteral getOnnxReduction() { return "}] # onnx # [{"; }
  }];
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, std::optional<::mlir::Location> location, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return ::neuroplast::neuro::detail::inferReduction(
          getOperationName(), location, adaptor.getInput(), adaptor.getAxes(), adaptor.getKeepdims(), types);
    }
    ::neuroplast::neuro::AxisRule $cppClass::getAxisRule() {
      return ::neuroplast::neuro::detail::getReductionAxisRule(*this, getAxes(), getKeepdims());
    }
  }];
}

def Neuro_ReduceSumOp : Neuro_ReduceOp<"reduce_sum", "ReduceSum", "sum over axes", traits = [Neuro_ZeroPreserving, Neuro_Affine]>;
def Neuro_ReduceMeanOp : Neuro_ReduceOp<"reduce_mean", "ReduceMean", "mean over axes",
    traits = [Neuro_ZeroPreserving, Neuro_Affine, DeclareOpInterfaceMethods<CountingOpInterface>]>;
def Neuro_ReduceMaxOp : Neuro_ReduceOp<"reduce_max", "ReduceMax", "maximum over axes">;
def Neuro_ReduceMinOp : Neuro_ReduceOp<"reduce_min", "ReduceMin", "minimum over axes">;
def Neuro_ReduceProdOp : Neuro_ReduceOp<"reduce_prod", "ReduceProd", "product over axes">;
def Neuro_ReduceL1Op : Neuro_ReduceOp<"reduce_l1", "ReduceL1", "sum of magnitudes over axes">;
def Neuro_ReduceL2Op : Neuro_ReduceOp<"reduce_l2", "ReduceL2", "square root of the sum of squares over axes">;
def Neuro_ReduceSumSquareOp : Neuro_ReduceOp<"reduce_sum_square", "ReduceSumSquare", "sum of squares over axes">;
def Neuro_ReduceLogSumOp : Neuro_ReduceOp<"reduce_log_sum", "ReduceLogSum", "logarithm of the sum over axes", traits = []>;
def Neuro_ReduceLogSumExpOp : Neuro_ReduceOp<"reduce_log_sum_exp", "ReduceLogSumExp", "logarithm of the sum of exponentials over axes, computed stably",
                                         traits = []>;

class Neuro_ArgOp<string mnemonic, string onnx, string meaning>
    : Neuro_TensorOp<mnemonic, onnx, statesContract = 1> {
  let summary = meaning;
  let arguments = (ins Neuro_NumberTensor:$input, DefaultValuedAttr<I64Attr, "0">:$axis,
    DefaultValuedAttr<I64Attr, "1">:$keepdims, DefaultValuedAttr<I64Attr, "0">:$select_last_index);
  let results = (outs RankedTensorOf<[I64]>:$result);
}
def Neuro_ArgMaxOp : Neuro_ArgOp<"arg_max", "ArgMax", "index of the largest element along an axis">;
def Neuro_ArgMinOp : Neuro_ArgOp<"arg_min", "ArgMin", "index of the smallest element along an axis">;

class Neuro_AxisOp<string mnemonic, string onnx, string meaning, string gradient>
    : Neuro_SameTypeOp<mnemonic, onnx, [Neuro_AxisInRange, Neuro_Gradient<gradient>]> {
  let summary = meaning;
  let arguments = (ins Neuro_FloatTensor:$input, DefaultValuedAttr<I64Attr, "-1">:$axis);
  let results = (outs Neuro_FloatTensor:$result);
}
def Neuro_SoftmaxOp : Neuro_AxisOp<"softmax", "Softmax", "e^x divided by its sum along an axis",
    "y * (g - (g * y).sum(detail::normalizeAxis(getAxis(), getInput())))">;
def Neuro_LogSoftmaxOp : Neuro_AxisOp<"log_softmax", "LogSoftmax", "logarithm of the softmax along an axis",
    "g - y.exp() * g.sum(detail::normalizeAxis(getAxis(), getInput()))">;
def Neuro_HardmaxOp : Neuro_AxisOp<"hardmax", "Hardmax", "1 at the first largest element along an axis, else 0", "">;

class Neuro_ScanOp<string mnemonic, string meaning, list<Trait> traits = []>
    : Neuro_SameTypeOp<mnemonic, "", traits # [Neuro_AxisInRange, Neuro_ZeroWhere<"zero[0] && !getExclusive()">]> {
  let summary = meaning;
  let arguments = (ins Neuro_NumberTensor:$input, I64Attr:$axis,
    DefaultValuedAttr<BoolAttr, "false">:$exclusive, DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let results = (outs Neuro_NumberTensor:$result);
}
def Neuro_CumSumOp : Neuro_ScanOp<"cumsum", "running sum along an axis", [Neuro_BuildsGradient]>;
def Neuro_CumProdOp : Neuro_ScanOp<"cumprod", "running product along an axis">;

def Neuro_TopKOp : Neuro_TensorOp<"top_k", "", traits = [Neuro_BuildsGradient], statesContract = 1> {
  let summary = "the k largest or smallest elements along an axis, with their indices";
  let description = [{`k` is static, or `ShapedType::kDynamic` and given by `dynamic_k`.}];
  let arguments = (ins Neuro_NumberTensor:$input, Optional<Index>:$dynamic_k, I64Attr:$k, I64Attr:$axis,
    DefaultValuedAttr<BoolAttr, "true">:$largest, DefaultValuedAttr<BoolAttr, "true">:$sorted);
  let results = (outs Neuro_NumberTensor:$values, RankedTensorOf<[I64]>:$indices);
}

def Neuro_AllReduceOp : Neuro_SameTypeOp<"all_reduce", "", [Neuro_Gradient<"g.allReduce()">]> {
  let summary = "the sum over what all processes that run the network together have";
  let description = [{
    Each process has a tensor of this shape, and gets the same sum, element by
    element. All of them have to come to the same ops in the same order. It is
    the gradient of itself, where the loss is the sum of those of all processes.
    A process begins with it where the op stands and waits before the first use.
  }];
  let arguments = (ins RankedTensorOf<[F32, F64]>:$input);
  let results = (outs RankedTensorOf<[F32, F64]>:$result);
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_REDUCTIONOPS
