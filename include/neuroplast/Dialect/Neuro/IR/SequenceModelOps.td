//===- SequenceModelOps.td - Recurrent cells, attention and other whole-layer ops ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_SEQUENCEMODELOPS
#define NEUROPLAST_DIALECT_NEURO_IR_SEQUENCEMODELOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

//===----------------------------------------------------------------------===//
// Recurrent layers. Shapes as in ONNX, with D directions, G gates, H hidden
// units: W is D x (G*H) x I, R is D x (G*H) x H, B is D x (2*G*H). `layout` 1 is
// batch first. Results not asked for are unused. With `keep_products` there is
// another result, S x D x B x (G*H), for the way back: the products of the states
// with R, of each direction in the order in which it takes its steps.
//===----------------------------------------------------------------------===//

/// `functions` activations for each direction.
class Neuro_RecurrentOp<string mnemonic, string onnx, int functions, string stateIsZero = "true">
    : Neuro_ContractionOp<mnemonic, onnx, [AttrSizedOperandSegments, Neuro_BuildsGradient,
        Neuro_Roles<"i == 0 ? OperandRole::Data : OperandRole::Weight">,
        Neuro_ZeroWhere<"zero(getWMutable()) && zero(getRMutable()) && zero(getBMutable()) && "
                        "zero(getInitialHMutable()) && detail::keepsStatesAtZero(getActivations(), " # functions # ") && "
                        # stateIsZero>]>;

def Neuro_RNNOp : Neuro_RecurrentOp<"rnn", "RNN", 1> {
  let summary = "simple recurrent layer: h = f(W x + R h + B)";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$w, Neuro_FloatTensor:$r, Optional<Neuro_FloatTensor>:$b,
    Optional<RankedTensorOf<[I32]>>:$sequence_lens, Optional<Neuro_FloatTensor>:$initial_h,
    I64Attr:$hidden_size, DefaultValuedAttr<StrAttr, "\"forward\"">:$direction, DefaultValuedAttr<I64Attr, "0">:$layout,
    OptionalAttr<StrArrayAttr>:$activations, OptionalAttr<DenseF32ArrayAttr>:$activation_alpha,
    OptionalAttr<DenseF32ArrayAttr>:$activation_beta, OptionalAttr<F32Attr>:$clip, UnitAttr:$keep_products);
  let results = (outs Neuro_FloatTensor:$y, Neuro_FloatTensor:$y_h, Variadic<Neuro_FloatTensor>:$products);
  let assemblyFormat = [{
    $input `,` $w `,` $r (`b` `(` $b^ `)`)? (`sequence_lens` `(` $sequence_lens^ `)`)? (`initial_h` `(` $initial_h^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}
def Neuro_GRUOp : Neuro_RecurrentOp<"gru", "GRU", 2> {
  let summary = "gated recurrent unit; gates in the order z, r, h";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$w, Neuro_FloatTensor:$r, Optional<Neuro_FloatTensor>:$b,
    Optional<RankedTensorOf<[I32]>>:$sequence_lens, Optional<Neuro_FloatTensor>:$initial_h,
    I64Attr:$hidden_size, DefaultValuedAttr<StrAttr, "\"forward\"">:$direction, DefaultValuedAttr<I64Attr, "0">:$layout,
    OptionalAttr<StrArrayAttr>:$activations, OptionalAttr<DenseF32ArrayAttr>:$activation_alpha,
    OptionalAttr<DenseF32ArrayAttr>:$activation_beta, OptionalAttr<F32Attr>:$clip,
    DefaultValuedAttr<I64Attr, "0">:$linear_before_reset, UnitAttr:$keep_products);
  let results = (outs Neuro_FloatTensor:$y, Neuro_FloatTensor:$y_h, Variadic<Neuro_FloatTensor>:$products);
  let assemblyFormat = [{
    $input `,` $w `,` $r (`b` `(` $b^ `)`)? (`sequence_lens` `(` $sequence_lens^ `)`)? (`initial_h` `(` $initial_h^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}
def Neuro_LSTMOp : Neuro_RecurrentOp<"lstm", "LSTM", 3, "zero(getInitialCMutable())"> {
  let summary = "long short-term memory; gates in the order i, o, f, c; peepholes i, o, f";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$w, Neuro_FloatTensor:$r, Optional<Neuro_FloatTensor>:$b,
    Optional<RankedTensorOf<[I32]>>:$sequence_lens, Optional<Neuro_FloatTensor>:$initial_h, Optional<Neuro_FloatTensor>:$initial_c,
    Optional<Neuro_FloatTensor>:$p,
    I64Attr:$hidden_size, DefaultValuedAttr<StrAttr, "\"forward\"">:$direction, DefaultValuedAttr<I64Attr, "0">:$layout,
    OptionalAttr<StrArrayAttr>:$activations, OptionalAttr<DenseF32ArrayAttr>:$activation_alpha,
    OptionalAttr<DenseF32ArrayAttr>:$activation_beta, OptionalAttr<F32Attr>:$clip, DefaultValuedAttr<I64Attr, "0">:$input_forget,
    UnitAttr:$keep_products);
  let results = (outs Neuro_FloatTensor:$y, Neuro_FloatTensor:$y_h, Neuro_FloatTensor:$y_c, Variadic<Neuro_FloatTensor>:$products);
  let assemblyFormat = [{
    $input `,` $w `,` $r (`b` `(` $b^ `)`)? (`sequence_lens` `(` $sequence_lens^ `)`)? (`initial_h` `(` $initial_h^ `)`)?
    (`initial_c` `(` $initial_c^ `)`)? (`p` `(` $p^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

def Neuro_AttentionOp : Neuro_ContractionOp<"attention", "Attention", [AttrSizedOperandSegments, Neuro_BuildsGradient,
    Neuro_ZeroWhere<"zero(getVMutable()) && zero(getPastValueMutable()) && ((getPresentKey().use_empty() "
                    "&& getQkMatmulOutput().use_empty()) || zero.all())">]> {
  let summary = "scaled dot-product attention with grouped heads, masks and key-value caches";
  let description = [{
    As ONNX Attention: operands are B x heads x S x D, or B x S x (heads * D) with
    the head counts as attributes. `scale` absent means 1 / sqrt(D); structure
    edits of D write it explicitly first.
  }];
  let arguments = (ins Neuro_FloatTensor:$q, Neuro_FloatTensor:$k, Neuro_FloatTensor:$v, Optional<Neuro_Tensor>:$attn_mask,
    Optional<Neuro_FloatTensor>:$past_key, Optional<Neuro_FloatTensor>:$past_value,
    Optional<RankedTensorOf<[I64]>>:$nonpad_kv_seqlen,
    DefaultValuedAttr<I64Attr, "0">:$is_causal, DefaultValuedAttr<I64Attr, "0">:$q_num_heads,
    DefaultValuedAttr<I64Attr, "0">:$kv_num_heads, DefaultValuedAttr<I64Attr, "0">:$qk_matmul_output_mode,
    OptionalAttr<F32Attr>:$scale, DefaultValuedAttr<F32Attr, "0.0f">:$softcap, OptionalAttr<I64Attr>:$softmax_precision,
    DefaultValuedAttr<I64Attr, "-1">:$left_window_size, DefaultValuedAttr<I64Attr, "-1">:$right_window_size);
  let results = (outs Neuro_FloatTensor:$y, Neuro_FloatTensor:$present_key, Neuro_FloatTensor:$present_value,
    Neuro_FloatTensor:$qk_matmul_output);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`mask` `(` $attn_mask^ `)`)? (`past_key` `(` $past_key^ `)`)? (`past_value` `(` $past_value^ `)`)?
    (`nonpad_kv_seqlen` `(` $nonpad_kv_seqlen^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
  let hasVerifier = 1;
}
def Neuro_RotaryEmbeddingOp : Neuro_SameTypeOp<"rotary_embedding", "RotaryEmbedding", traits = [Neuro_BuildsGradient, Neuro_LinearInFirst], statesContract = 1> {
  let summary = "rotate pairs of features by cached cosines and sines";
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$cos_cache, Neuro_FloatTensor:$sin_cache,
    Optional<RankedTensorOf<[I64]>>:$position_ids, DefaultValuedAttr<I64Attr, "0">:$interleaved,
    DefaultValuedAttr<I64Attr, "0">:$num_heads, DefaultValuedAttr<I64Attr, "0">:$rotary_embedding_dim);
  let results = (outs Neuro_FloatTensor:$result);
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
  let hasVerifier = 1;
}
def Neuro_DetOp : Neuro_TensorOp<"det", "Det", statesContract = 1> {
  let summary = "determinant of each matrix";
  let arguments = (ins Neuro_FloatTensor:$input);
  let results = (outs Neuro_FloatTensor:$result);
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_SEQUENCEMODELOPS
