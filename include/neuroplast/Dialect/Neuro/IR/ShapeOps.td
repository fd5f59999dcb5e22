//===- ShapeOps.td - Ops that move elements and change shapes ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_SHAPEOPS
#define NEUROPLAST_DIALECT_NEURO_IR_SHAPEOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

//===----------------------------------------------------------------------===//
// A list of sizes is an attribute in which `ShapedType::kDynamic` stands for
// the next operand of the same list.
//===----------------------------------------------------------------------===//

def Neuro_ReshapeOp : Neuro_TensorOp<"reshape", traits = [Neuro_Gradient<"g.reshapeLike(a.get())">, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "the same elements in row-major order under other sizes";
  let description = [{
    ```mlir
    %1 = neuro.reshape %0 [%n, 512] : tensor<?x512x1x1xf32> -> tensor<?x512xf32>
    ```
  }];
  let arguments = (ins Neuro_Tensor:$input, Variadic<Index>:$dynamic_sizes, DenseI64ArrayAttr:$sizes);
  let results = (outs Neuro_Tensor:$result);
  let assemblyFormat = [{
    $input custom<DynamicIndexList>($dynamic_sizes, $sizes) attr-dict `:` type($input) `->` type($result)
  }];
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}

def Neuro_TransposeOp : Neuro_TensorOp<"transpose", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst]> {
  let summary = "axis i of the result is axis permutation[i] of the input";
  let arguments = (ins Neuro_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Neuro_Tensor:$result);
  let assemblyFormat = "$input $permutation attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def Neuro_ExpandOp : Neuro_TensorOp<"expand", traits = [Neuro_Gradient<"g">, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "broadcast to sizes";
  let description = [{
    `sizes` is the shape asked for, before broadcasting with the input's, as in ONNX.
  }];
  let arguments = (ins Neuro_Tensor:$input, Variadic<Index>:$dynamic_sizes, DenseI64ArrayAttr:$sizes);
  let results = (outs Neuro_Tensor:$result);
  let assemblyFormat = [{
    $input custom<DynamicIndexList>($dynamic_sizes, $sizes) attr-dict `:` type($input) `->` type($result)
  }];
  let hasFolder = 1;
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}

def Neuro_TileOp : Neuro_TensorOp<"tile", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "repeat the whole tensor along each axis";
  let arguments = (ins Neuro_Tensor:$input, Variadic<Index>:$dynamic_repeats, DenseI64ArrayAttr:$repeats);
  let results = (outs Neuro_Tensor:$result);
  let assemblyFormat = [{
    $input custom<DynamicIndexList>($dynamic_repeats, $repeats) attr-dict `:` type($input) `->` type($result)
  }];
}

def Neuro_ConcatOp : Neuro_TensorOp<"concat", "Concat", traits = [Neuro_BuildsGradient, Neuro_ZeroWhere<"zero.allWithAxes()">, Neuro_Affine], statesContract = 1> {
  let summary = "join tensors along an axis";
  let arguments = (ins Variadic<Neuro_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Neuro_Tensor:$result);
}

def Neuro_SplitOp : Neuro_TensorOp<"split", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "cut a tensor along an axis into consecutive pieces";
  let description = [{A piece of unknown size is one of equally many rows as the others; `sizes` then holds `kDynamic`.}];
  let arguments = (ins Neuro_Tensor:$input, I64Attr:$axis, DenseI64ArrayAttr:$sizes);
  let results = (outs Variadic<Neuro_Tensor>:$outputs);
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}

def Neuro_SliceOp : Neuro_TensorOp<"slice", "", [Neuro_BuildsGradient, AttrSizedOperandSegments, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "a strided box of a tensor";
  let description = [{
    One entry per axis: element i of the result is element `start + i * step` of
    the input; a step may be negative; sizes are those of the result. All
    starts and sizes are within bounds: the importer has clamped them.
    ```mlir
    %1 = neuro.slice %0 [0, 8] [%n, 16] [1, 2] : tensor<?x64xf32> -> tensor<?x16xf32>
    ```
  }];
  let arguments = (ins Neuro_Tensor:$input, Variadic<Index>:$dynamic_starts, Variadic<Index>:$dynamic_sizes,
    Variadic<Index>:$dynamic_steps, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$sizes, DenseI64ArrayAttr:$steps);
  let results = (outs Neuro_Tensor:$result);
  let assemblyFormat = [{
    $input custom<DynamicIndexList>($dynamic_starts, $starts) custom<DynamicIndexList>($dynamic_sizes, $sizes)
    custom<DynamicIndexList>($dynamic_steps, $steps) attr-dict `:` type($input) `->` type($result)
  }];
  let hasFolder = 1;
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}

def Neuro_PadOp : Neuro_TensorOp<"pad", "", [Neuro_BuildsGradient, AttrSizedOperandSegments,
    Neuro_ZeroWhere<"zero[0] && (getMode() != \"constant\" || detail::isConstantInRange(getValue(), 0, 0))">,
    Neuro_AffineIn<"in.only(0)">],
    statesContract = 1> {
  let summary = "add (or, if negative, remove) elements before and after each axis";
  let description = [{
    `mode` is "constant", "reflect", "edge" or "wrap"; `value` fills in constant
    mode and is zero if absent.
  }];
  let arguments = (ins Neuro_Tensor:$input, Optional<Neuro_Tensor>:$value, Variadic<Index>:$dynamic_low,
    Variadic<Index>:$dynamic_high, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
    DefaultValuedAttr<StrAttr, "\"constant\"">:$mode);
  let results = (outs Neuro_Tensor:$result);
  let assemblyFormat = [{
    $input custom<DynamicIndexList>($dynamic_low, $low) custom<DynamicIndexList>($dynamic_high, $high)
    (`value` `(` $value^ `:` type($value) `)`)? attr-dict `:` type($input) `->` type($result)
  }];
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}

def Neuro_ChannelShuffleOp : Neuro_SameTypeOp<"channel_shuffle", "", [Neuro_BuildsGradient, Neuro_LinearInFirst]> {
  let summary = "interleave equal parts of an axis: element i * groups + g is element i of part g";
  let description = [{
    What exporters write as a reshape that splits the axis into `groups` and the rest, a
    transposition of the two, and a reshape back (ShuffleNet, arXiv 1707.01083). Said in
    one op, each part keeps channels of its own under an edit, if equally many.
    ```mlir
    %1 = neuro.channel_shuffle %0 {axis = 1, groups = 2} : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
    ```
  }];
  let arguments = (ins Neuro_Tensor:$input, ConfinedAttr<I64Attr, [IntNonNegative]>:$axis, ConfinedAttr<I64Attr, [IntPositive]>:$groups);
  let results = (outs Neuro_Tensor:$result);
  let hasVerifier = 1;
}

def Neuro_DepthToSpaceOp : Neuro_TensorOp<"depth_to_space", "DepthToSpace", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "move blocks of channels into blocks of pixels; `mode` is DCR or CRD";
  let arguments = (ins Neuro_Tensor:$input, I64Attr:$blocksize, DefaultValuedAttr<StrAttr, "\"DCR\"">:$mode);
  let results = (outs Neuro_Tensor:$result);
}
def Neuro_SpaceToDepthOp : Neuro_TensorOp<"space_to_depth", "SpaceToDepth", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "move blocks of pixels into channels";
  let arguments = (ins Neuro_Tensor:$input, I64Attr:$blocksize);
  let results = (outs Neuro_Tensor:$result);
}
def Neuro_ReverseSequenceOp : Neuro_SameTypeOp<"reverse_sequence", "ReverseSequence", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "reverse the first `sequence_lens[b]` elements along the time axis of each batch";
  let arguments = (ins Neuro_Tensor:$input, Neuro_IndexTensor:$sequence_lens,
    DefaultValuedAttr<I64Attr, "1">:$batch_axis, DefaultValuedAttr<I64Attr, "0">:$time_axis);
  let results = (outs Neuro_Tensor:$result);
  let hasVerifier = 1;
}
def Neuro_TriluOp : Neuro_SameTypeOp<"trilu", "Trilu", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst]> {
  let summary = "the upper or lower triangle of each matrix; the rest is zero";
  let arguments = (ins Neuro_Tensor:$input, Optional<Neuro_Tensor>:$k, DefaultValuedAttr<I64Attr, "1">:$upper);
  let results = (outs Neuro_Tensor:$result);
  let hasVerifier = 1;
}
def Neuro_EyeLikeOp : Neuro_TensorOp<"eye_like", ""> {
  let summary = "ones on the k-th diagonal, in the shape of the input";
  let arguments = (ins Neuro_Tensor:$input, DefaultValuedAttr<I64Attr, "0">:$k, TypeAttr:$to);
  let results = (outs Neuro_Tensor:$result);
}
def Neuro_RangeOp : Neuro_TensorOp<"range", "", statesContract = 1> {
  let summary = "start, start + delta, ... below limit, as a vector of `size` elements";
  let description = [{`size` is static, or `kDynamic` and given by `dynamic_size`.}];
  let arguments = (ins Neuro_NumberTensor:$start, Neuro_NumberTensor:$delta, Optional<Index>:$dynamic_size, I64Attr:$size);
  let results = (outs Neuro_NumberTensor:$result);
}
def Neuro_FillOp : Neuro_TensorOp<"fill", "", statesContract = 1> {
  let summary = "a tensor of `sizes` filled with a scalar";
  let arguments = (ins Neuro_Tensor:$value, Variadic<Index>:$dynamic_sizes, DenseI64ArrayAttr:$sizes);
  let results = (outs Neuro_Tensor:$result);
  let assemblyFormat = [{
    $value custom<DynamicIndexList>($dynamic_sizes, $sizes) attr-dict `:` type($value) `->` type($result)
  }];
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_SHAPEOPS
