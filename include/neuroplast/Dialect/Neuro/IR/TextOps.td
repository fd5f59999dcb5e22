//===- TextOps.td - Character strings ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_TEXTOPS
#define NEUROPLAST_DIALECT_NEURO_IR_TEXTOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

//===----------------------------------------------------------------------===//
// Character strings, in UTF-8
//===----------------------------------------------------------------------===//

def Neuro_StringNormalizerOp : Neuro_TensorOp<"string_normalizer", "StringNormalizer"> {
  let summary = "strings without stop words, in one case";
  let description = [{
    Takes a list, or one row. If every string is a stop word, the result has one,
    which is empty. Letters of Latin, Greek and Cyrillic scripts have cases; what
    the locale adds to that is not looked at.
  }];
  let arguments = (ins Neuro_TextTensor:$input, DefaultValuedAttr<StrAttr, "\"NONE\"">:$case_change_action,
    DefaultValuedAttr<I64Attr, "0">:$is_case_sensitive, OptionalAttr<StrAttr>:$locale,
    OptionalAttr<StrArrayAttr>:$stopwords);
  let results = (outs Neuro_TextTensor:$result);
  let hasVerifier = 1;
}
def Neuro_StringConcatOp : Neuro_ElementwiseOp<"string_concat", "StringConcat"> {
  let summary = "each string followed by another";
  let arguments = (ins Neuro_TextTensor:$lhs, Neuro_TextTensor:$rhs);
  let results = (outs Neuro_TextTensor:$result);
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_TEXTOPS
