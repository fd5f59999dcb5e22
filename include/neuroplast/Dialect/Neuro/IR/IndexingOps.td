//===- IndexingOps.td - Gather, scatter and friends ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_INDEXINGOPS
#define NEUROPLAST_DIALECT_NEURO_IR_INDEXINGOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

def Neuro_GatherOp : Neuro_TensorOp<"gather", "Gather", traits = [Neuro_BuildsGradient, Neuro_Roles<"i == 0 ? OperandRole::Weight : OperandRole::Data">, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "slices of the data along an axis, chosen by indices; negative ones count from the end";
  let arguments = (ins Neuro_Tensor:$data, Neuro_IndexTensor:$indices, DefaultValuedAttr<I64Attr, "0">:$axis);
  let results = (outs Neuro_Tensor:$result);
}
def Neuro_GatherElementsOp : Neuro_TensorOp<"gather_elements", "GatherElements", [Neuro_BuildsGradient, Neuro_AxisInRange, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "elements along an axis, one index for each element of the result";
  let arguments = (ins Neuro_Tensor:$data, Neuro_IndexTensor:$indices, DefaultValuedAttr<I64Attr, "0">:$axis);
  let results = (outs Neuro_Tensor:$result);
  let hasVerifier = 1;
}
def Neuro_GatherNDOp : Neuro_TensorOp<"gather_nd", "GatherND", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "slices chosen by index tuples in the last axis of the indices";
  let arguments = (ins Neuro_Tensor:$data, RankedTensorOf<[I64]>:$indices, DefaultValuedAttr<I64Attr, "0">:$batch_dims);
  let results = (outs Neuro_Tensor:$result);
}
class Neuro_ScatterBase<string mnemonic, string onnx, list<Trait> traits = []>
    : Neuro_SameTypeOp<mnemonic, onnx, traits, statesContract = 1> {
  let results = (outs Neuro_Tensor:$result);
}
def Neuro_ScatterElementsOp : Neuro_ScatterBase<"scatter_elements", "ScatterElements", [Neuro_BuildsGradient, Neuro_AxisInRange]> {
  let summary = "the data with elements along an axis replaced, or combined by `reduction`: none, add, mul, max, min";
  let arguments = (ins Neuro_Tensor:$data, Neuro_IndexTensor:$indices, Neuro_Tensor:$updates,
    DefaultValuedAttr<I64Attr, "0">:$axis, DefaultValuedAttr<StrAttr, "\"none\"">:$reduction);
  let hasVerifier = 1;
}
def Neuro_ScatterNDOp : Neuro_ScatterBase<"scatter_nd", "ScatterND", [Neuro_BuildsGradient]> {
  let summary = "the data with slices at index tuples replaced, or combined by `reduction`";
  let arguments = (ins Neuro_Tensor:$data, RankedTensorOf<[I64]>:$indices, Neuro_Tensor:$updates,
    DefaultValuedAttr<StrAttr, "\"none\"">:$reduction);
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}
def Neuro_TensorScatterOp : Neuro_ScatterBase<"tensor_scatter", "TensorScatter"> {
  let summary = "write an update into a cache at a position per batch; `mode` is linear or circular";
  let arguments = (ins Neuro_Tensor:$past_cache, Neuro_Tensor:$update, Optional<RankedTensorOf<[I64]>>:$write_indices,
    DefaultValuedAttr<I64Attr, "-2">:$axis, DefaultValuedAttr<StrAttr, "\"linear\"">:$mode);
}
def Neuro_OneHotOp : Neuro_TensorOp<"one_hot", "", statesContract = 1> {
  let summary = "on_value at the index along a new axis, off_value elsewhere";
  let description = [{`values` is [off_value, on_value]; `depth` is static, or `kDynamic` and given by `dynamic_depth`.}];
  let arguments = (ins Neuro_NumberTensor:$indices, Neuro_Tensor:$values, Optional<Index>:$dynamic_depth,
    I64Attr:$depth, DefaultValuedAttr<I64Attr, "-1">:$axis);
  let results = (outs Neuro_Tensor:$result);
}
def Neuro_NonZeroOp : Neuro_TensorOp<"non_zero", "NonZero"> {
  let summary = "the indices of the elements that are not zero, one column each";
  let arguments = (ins Neuro_Tensor:$input);
  let results = (outs RankedTensorOf<[I64]>:$result);
}
def Neuro_CompressOp : Neuro_TensorOp<"compress", "Compress", traits = [Neuro_LinearInFirst], statesContract = 1> {
  let summary = "the slices along an axis (or elements, without axis) for which the condition holds";
  let arguments = (ins Neuro_Tensor:$input, Neuro_BoolTensor:$condition, OptionalAttr<I64Attr>:$axis);
  let results = (outs Neuro_Tensor:$result);
  let hasVerifier = 1;
}
def Neuro_UniqueOp : Neuro_TensorOp<"unique", "Unique"> {
  let summary = "the distinct elements or slices, with first indices, inverse indices and counts";
  let arguments = (ins Neuro_NumberTensor:$input, OptionalAttr<I64Attr>:$axis, DefaultValuedAttr<I64Attr, "1">:$sorted);
  let results = (outs Neuro_NumberTensor:$result, RankedTensorOf<[I64]>:$indices, RankedTensorOf<[I64]>:$inverse_indices,
    RankedTensorOf<[I64]>:$counts);
}

def Neuro_TfIdfVectorizerOp : Neuro_TensorOp<"tf_idf_vectorizer", "TfIdfVectorizer"> {
  let summary = "how often the n-grams of a pool occur in each row, weighted";
  let description = [{
    `ngram_counts` says where in the pool the n-grams of each length start, from
    length 1 on; `ngram_indexes` is the place of each n-gram in the result. Up to
    `max_skip_count` items may be left out between two items of an n-gram.
  }];
  let arguments = (ins Neuro_IndexTensor:$input, I64Attr:$max_gram_length, I64Attr:$max_skip_count, I64Attr:$min_gram_length,
    StrAttr:$mode, DenseI64ArrayAttr:$ngram_counts, DenseI64ArrayAttr:$ngram_indexes,
    DenseI64ArrayAttr:$pool_int64s, OptionalAttr<DenseF32ArrayAttr>:$weights);
  let results = (outs Neuro_FloatTensor:$result);
  let hasVerifier = 1;
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_INDEXINGOPS
