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
// which fixes them: in every run, and in every iteration of a loop. With a
// `counter`, a scalar, they are those of the counter and the seed, and the op is
// pure; with `first`, another one, those behind so many of them.
//===----------------------------------------------------------------------===//

/// The generator, which every evaluation moves on: two equal ops are not one.
def Neuro_RandomNumbers : Resource<"::neuroplast::neuro::RandomNumbers">;

class Neuro_RandomOp<string mnemonic>
    : Neuro_Op<mnemonic, "", [
        AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        ConditionallySpeculatable, Neuro_InferTypes,
        DeclareOpInterfaceMethods<AxisRuleOpInterface>,
        CostOpInterface] # Neuro_Contract<1>.traits> {
  let results = (outs Neuro_FloatTensor:$result);
  let assemblyFormat = [{
    custom<DynamicIndexList>($dynamic_sizes, $sizes) (`counter` $counter^ `:` type($counter))?
    (`from` $first^ `:` type($first))? attr-dict `:` type($result)
  }];
  let extraClassDeclaration = baseDeclaration # [{
    void setFactorExtents(::llvm::ArrayRef<int64_t> extents);
    ::mlir::Speculation::Speculatability getSpeculatability() {
      return getCounter() ? ::mlir::Speculation::Speculatable
                          : ::mlir::Speculation::NotSpeculatable;
    }
  }];
  let extraClassDefinition = [{
    void $cppClass::getEffects(
        ::llvm::SmallVectorImpl<::mlir::MemoryEffects::EffectInstance> &effects) {
      if (!getCounter())
        effects.emplace_back(::mlir::MemoryEffects::Write::get(), RandomNumbers::get());
    }
  }];
}

def Neuro_RandomNormalOp : Neuro_RandomOp<"random_normal"> {
  let summary = "numbers drawn from a normal distribution";
  let arguments = (ins Variadic<Index>:$dynamic_sizes, Optional<0DTensorOf<[I64]>>:$counter,
    Optional<0DTensorOf<[I64]>>:$first,
    DenseI64ArrayAttr:$sizes,
    DefaultValuedAttr<F32Attr, "0.0f">:$mean, DefaultValuedAttr<F32Attr, "1.0f">:$scale,
    OptionalAttr<F32Attr>:$seed, TypeAttr:$to);
}
def Neuro_RandomUniformOp : Neuro_RandomOp<"random_uniform"> {
  let summary = "numbers drawn evenly from low (included) to high (excluded)";
  let arguments = (ins Variadic<Index>:$dynamic_sizes, Optional<0DTensorOf<[I64]>>:$counter,
    Optional<0DTensorOf<[I64]>>:$first,
    DenseI64ArrayAttr:$sizes,
    DefaultValuedAttr<F32Attr, "0.0f">:$low, DefaultValuedAttr<F32Attr, "1.0f">:$high,
    OptionalAttr<F32Attr>:$seed, TypeAttr:$to);
}

//===----------------------------------------------------------------------===//
// What learns by chance
//===----------------------------------------------------------------------===//

def Neuro_DropoutOp : Neuro_SameTypeOp<"dropout", "", [
    Neuro_Gradient<"g">, Neuro_ZeroPreserving, Neuro_Affine, DeclareOpInterfaceMethods<StochasticOpInterface>]> {
  let summary = "its input, of which parts are left out while the network learns";
  let description = [{
    A decision leaves out a place with probability `rate`; what stays is scaled
    up, so that the mean does (Srivastava et al., JMLR 15, 2014). Places along
    `shared` axes share one decision: along those of space, channels are left
    out as a whole (Tompson et al., arXiv 1411.4280); along all but the first,
    examples (the depth of arXiv 1603.09382). With a `block` of more than one, a
    decision leaves out a square of this size along the axes behind the second,
    and there are as many fewer (Ghiasi et al., arXiv 1810.12890). With
    `gaussian` nothing is left out: a normal factor of mean one has the variance
    that decisions would have.

    With `targeted`, decisions are about this share of the places alone, those of
    the smallest sums of squares, and nothing is scaled, so that a network learns
    to do without what is to be removed (Gomez et al., arXiv 1905.13678). Places
    that differ along `apart` axes are not compared.

    An answer is the mean: lowered, the op is its input.
  }];
  let arguments = (ins Neuro_FloatTensor:$input, F64Attr:$rate, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$shared,
    DefaultValuedAttr<I64Attr, "1">:$block, UnitAttr:$gaussian, OptionalAttr<F64Attr>:$targeted,
    DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$apart);
  let results = (outs Neuro_FloatTensor:$result);
  let hasVerifier = 1;
}

def Neuro_JoinOp : Neuro_SameTypeOp<"join", "", [
    Neuro_Gradient<"g">, Neuro_ZeroPreserving, AllTypesMatch<["input", "skip"]>,
    DeclareOpInterfaceMethods<StochasticOpInterface>]> {
  let summary = "results of a layer that joins while the network learns";
  let description = [{
    A draw takes each element from `input`, which a layer that joins has made,
    or from `skip`, which is there without it: from `input` with a probability
    that grows evenly from 0 to 1 over so many `steps` from a `start`, as the
    counter of the draw counts them, and always after these (gradual DropIn,
    Smith et al., arXiv 1511.06951).

    An answer is what there will be in the end: lowered, the op is `input`.
  }];
  let arguments = (ins Neuro_FloatTensor:$input, Neuro_FloatTensor:$skip,
    DefaultValuedAttr<I64Attr, "0">:$start, ConfinedAttr<I64Attr, [IntPositive]>:$steps);
  let results = (outs Neuro_FloatTensor:$result);
}

def Neuro_ConcreteDropoutOp : Neuro_SameTypeOp<"concrete_dropout", "", [
    Neuro_Gradient<"g">, Neuro_ZeroWhere<"zero[0]">, Neuro_Roles<"i == 0 ? OperandRole::Data : OperandRole::Bias">,
    DeclareOpInterfaceMethods<StochasticOpInterface, ["buildPenalty"]>]> {
  let summary = "its input, of which parts are left out as often as it learns";
  let description = [{
    A draw leaves out places as `neuro.dropout` does, with the probability
    `sigmoid(logit)`. Decisions are nearly ones, but smooth, so that the
    probability has a gradient, and the loss less the entropy of the decisions
    about an example, by the number of `examples`, says how large it is best: the
    fewer there are, the larger (Gal et al., arXiv 1705.07832, where weights are
    held by their decay).

    An answer is the mean: lowered, the op is its input.
  }];
  let arguments = (ins Neuro_FloatTensor:$input, 0DTensorOf<[AnyFloat]>:$logit,
    ConfinedAttr<I64Attr, [IntPositive]>:$examples);
  let results = (outs Neuro_FloatTensor:$result);
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_RANDOMOPS
