//===- RandomOps.td - Random tensors ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_RANDOMOPS
#define NEUROPLAST_DIALECT_NEURO_IR_RANDOMOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

//===----------------------------------------------------------------------===//
// Tensors of random numbers. Each evaluation gives others, except with a `seed`,
// which fixes them: in every run, and in every iteration of a loop.
//===----------------------------------------------------------------------===//

/// The generator, which every evaluation moves on: two equal ops are not one.
def Neuro_RandomNumbers : Resource<"::neuroplast::neuro::RandomNumbers">;

class Neuro_RandomOp<string mnemonic>
    : Neuro_Op<mnemonic, "", [
        MemoryEffects<[MemWrite<Neuro_RandomNumbers>]>, Neuro_InferTypes,
        DeclareOpInterfaceMethods<AxisRuleOpInterface>,
        CostOpInterface] # Neuro_Contract<1>.traits> {
  let results = (outs Neuro_FloatTensor:$result);
  let assemblyFormat = "custom<DynamicIndexList>($dynamic_sizes, $sizes) attr-dict `:` type($result)";
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
  }];
}

def Neuro_RandomNormalOp : Neuro_RandomOp<"random_normal"> {
  let summary = "numbers drawn from a normal distribution";
  let arguments = (ins Variadic<Index>:$dynamic_sizes, DenseI64ArrayAttr:$sizes,
    DefaultValuedAttr<F32Attr, "0.0f">:$mean, DefaultValuedAttr<F32Attr, "1.0f">:$scale,
    OptionalAttr<F32Attr>:$seed, TypeAttr:$to);
}
def Neuro_RandomUniformOp : Neuro_RandomOp<"random_uniform"> {
  let summary = "numbers drawn evenly from low (included) to high (excluded)";
  let arguments = (ins Variadic<Index>:$dynamic_sizes, DenseI64ArrayAttr:$sizes,
    DefaultValuedAttr<F32Attr, "0.0f">:$low, DefaultValuedAttr<F32Attr, "1.0f">:$high,
    OptionalAttr<F32Attr>:$seed, TypeAttr:$to);
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_RANDOMOPS
