//===- KernelOps.td - Ops that get a kernel of their own ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_KERNEL_IR_KERNELOPS
#define NEUROPLAST_DIALECT_KERNEL_IR_KERNELOPS

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "neuroplast/Dialect/Kernel/IR/KernelInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::neuroplast::kernel";
  let summary = "Computations that decide how fast a network is";
  let description = [{
    Between `neuro`, which says what is computed, and loops over vectors, which
    say how. Ops are in destination-passing style, on tensors first, where they
    are fused and laid out, and on buffers at last, where they become code. What
    is decided about an op on the way stands in its types and attributes.
  }];
}

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits>;

/// An op that writes its result, on tensors or buffers, and becomes a function.
class Kernel_ComputeOp<string mnemonic, list<Trait> traits = []>
    : Kernel_Op<mnemonic, traits # [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
        DeclareOpInterfaceMethods<Kernel_KernelOpInterface>]> {
  let extraClassDefinition = [{
    void $cppClass::getEffects(
        ::llvm::SmallVectorImpl<::mlir::SideEffects::EffectInstance<::mlir::MemoryEffects::Effect>> &effects) {
      ::neuroplast::kernel::detail::getEffects(*this, effects);
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder, ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return ::neuroplast::kernel::detail::reifyResultShapes(*this, builder, shapes);
    }
  }];
}

def Kernel_F32Shaped
    : AnyTypeOf<[RankedTensorOf<[F32]>, MemRefRankOf<[F32], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]>],
                "tensor or buffer of f32">;

def Kernel_ContractOp : Kernel_ComputeOp<"contract", [SingleBlock]> {
  let summary = "Sums of products, and what becomes of each sum";
  let description = [{
    A convolution, a matrix product, or any other sum of products of two
    operands, over loops that the indexing maps define as those of
    `linalg.generic` do: one map from the loops to the places of every operand.
    Loops that the result lacks are summed over, from zero. The region then makes
    an element of the result of a sum and the elements of further operands: a
    bias, an activation, a residual. The destination is written, never read.

    With `padded_blocks = array<i64: A, N>`, axis A of the result counts blocks of
    as many places as the last axis has, which hold N places in all; what stands
    behind those is zero, whatever the sums are: infinity times the zeros that
    fill up a weight is no number. With `padded_sums`, the same holds for the
    first operand, which the op sums over by blocks and by what they hold: what
    stands behind its N places meets zeros, and need not be read.

    `kept` numbers those of the two operands that a loop around the op lets it
    read again each time: a core whose cache holds one has no way to go for it.

    ```mlir
    %y = kernel.contract ins(%x, %w, %bias : tensor<8x32xf32>, tensor<32x64xf32>, tensor<64xf32>)
        outs(%empty : tensor<8x64xf32>)
        {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                          affine_map<(m, n, k) -> (n)>, affine_map<(m, n, k) -> (m, n)>]} {
    ^bb0(%sum: f32, %b: f32):
      %biased = arith.addf %sum, %b : f32
      kernel.yield %biased : f32
    } -> tensor<8x64xf32>
    ```
  }];
  let arguments = (ins
    Variadic<Kernel_F32Shaped>:$inputs,
    Kernel_F32Shaped:$init,
    AffineMapArrayAttr:$indexing_maps,
    OptionalAttr<DenseI64ArrayAttr>:$padded_blocks,
    OptionalAttr<DenseI64ArrayAttr>:$padded_sums,
    OptionalAttr<DenseI64ArrayAttr>:$kept);
  let results = (outs Variadic<RankedTensorOf<[F32]>>:$results);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `ins` `(` $inputs `:` type($inputs) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict-with-keyword $epilogue (`->` type($results)^)?
  }];
  let builders = [
    /// The maps are those of the inputs and of the result. Without a body the
    /// sums are the result.
    OpBuilder<(ins "::mlir::ValueRange":$inputs, "::mlir::Value":$init,
      "::llvm::ArrayRef<::mlir::AffineMap>":$maps,
      CArg<"::llvm::function_ref<::mlir::Value(::mlir::OpBuilder &, ::mlir::Location, "
           "::mlir::ValueRange)>", "nullptr">:$body)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getLhs() { return getInputs()[0]; }
    ::mlir::Value getRhs() { return getInputs()[1]; }
    /// What the region gets besides the sum.
    ::mlir::ValueRange getExtras() { return getInputs().drop_front(2); }
    ::llvm::SmallVector<::mlir::AffineMap> getMaps() {
      return ::llvm::to_vector(
          getIndexingMaps().getAsValueRange<::mlir::AffineMapAttr>());
    }
    ::mlir::AffineMap getResultMap() { return getMaps().back(); }
    ::mlir::Block *getBody() { return &getEpilogue().front(); }
    unsigned getNumLoops() { return getResultMap().getNumDims(); }
    /// How often each loop goes around; `ShapedType::kDynamic` if the types do
    /// not say.
    ::llvm::SmallVector<int64_t> getStaticLoopRanges();
    bool isParallel(unsigned loop) {
      return getResultMap().isFunctionOfDim(loop);
    }

    /// Computes the region on a sum and elements, and returns what it yields.
    ::mlir::Value cloneEpilogue(::mlir::OpBuilder &builder, ::mlir::ValueRange arguments);

    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Kernel_PoolOp : Kernel_ComputeOp<"pool"> {
  let summary = "The sums, or the largest, of windows";
  let description = [{
    An element of the result is the sum of those of the input that its window
    covers, or the largest of them (NaN if one is). Loops are the axes of the
    result, in their order, and behind them those of the window; the map leads
    from the loops to places of the input. The destination is written, never read.

    ```mlir
    %y = kernel.pool ins(%x : tensor<1x8x7xf32>) outs(%empty : tensor<1x8x3xf32>)
        window [3] {input_map = affine_map<(n, c, w, k) -> (n, c, w * 2 + k)>, largest} -> tensor<1x8x3xf32>
    ```
  }];
  let arguments = (ins
    Kernel_F32Shaped:$input,
    Kernel_F32Shaped:$init,
    AffineMapAttr:$input_map,
    DenseI64ArrayAttr:$window,
    UnitAttr:$largest);
  let results = (outs Variadic<RankedTensorOf<[F32]>>:$results);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    `window` $window attr-dict (`->` type($results)^)?
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$init,
      "::mlir::AffineMap":$input_map, "::llvm::ArrayRef<int64_t>":$window, "bool":$largest)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    unsigned getNumLoops() { return getInputMap().getNumDims(); }
    /// From the loops to the places of the result.
    ::mlir::AffineMap getResultMap() {
      return ::mlir::AffineMap::getMultiDimIdentityMap(getNumLoops(), getContext())
          .getMajorSubMap(::llvm::cast<::mlir::ShapedType>(getInit().getType()).getRank());
    }
    /// How often each loop goes around; `ShapedType::kDynamic` if the types do
    /// not say.
    ::llvm::SmallVector<int64_t> getStaticLoopRanges() {
      ::llvm::SmallVector<int64_t> ranges(
          ::llvm::cast<::mlir::ShapedType>(getInit().getType()).getShape());
      ::llvm::append_range(ranges, getWindow());
      return ranges;
    }
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Kernel_FillMarginsOp : Kernel_ComputeOp<"fill_margins", [AttrSizedOperandSegments]> {
  let summary = "A number all around what is left in the middle";
  let description = [{
    The first `low` and the last `high` places along each axis become a number;
    what is between them stays as it is. A layer that writes there needs no copy
    of its result to have it padded.

    ```mlir
    %1 = kernel.fill_margins %zero into %0 low [0, 1] high [0, %n] : f32, tensor<4x?xf32>
    ```
  }];
  let arguments = (ins
    AnyType:$number,
    AnyTypeOf<[AnyRankedTensor, AnyMemRef]>:$init,
    Variadic<Index>:$low,
    Variadic<Index>:$high,
    DenseI64ArrayAttr:$static_low,
    DenseI64ArrayAttr:$static_high);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $number `into` $init
    `low` custom<DynamicIndexList>($low, $static_low)
    `high` custom<DynamicIndexList>($high, $static_high)
    attr-dict `:` type($number) `,` type($init) (`->` type($results)^)?
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Value":$number, "::mlir::Value":$init,
      "::llvm::ArrayRef<::mlir::OpFoldResult>":$low,
      "::llvm::ArrayRef<::mlir::OpFoldResult>":$high)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::SmallVector<::mlir::OpFoldResult> getMixedLow() {
      return ::mlir::getMixedValues(getStaticLow(), getLow(), getContext());
    }
    ::llvm::SmallVector<::mlir::OpFoldResult> getMixedHigh() {
      return ::mlir::getMixedValues(getStaticHigh(), getHigh(), getContext());
    }
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Kernel_SoftmaxOp : Kernel_ComputeOp<"softmax"> {
  let summary = "Shares of one along the last axis, by exponentials";
  let description = [{
    Each row, along the last axis, becomes e^x over the sum of these; the largest
    element of the row is taken off first, so that nothing overflows. A row of
    nothing but minus infinity is no numbers, or zeros with `masked`, where it
    stands for one that may attend to nothing. The destination may be the input's
    own buffer.

    ```mlir
    %y = kernel.softmax ins(%x : tensor<8x64xf32>) outs(%empty : tensor<8x64xf32>) -> tensor<8x64xf32>
    ```
  }];
  let arguments = (ins
    Kernel_F32Shaped:$input,
    Kernel_F32Shaped:$init,
    UnitAttr:$masked);
  let results = (outs Variadic<RankedTensorOf<[F32]>>:$results);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    attr-dict (`->` type($results)^)?
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$init, "bool":$masked)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Kernel_AttentionOp : Kernel_ComputeOp<"attention", [SingleBlock]> {
  let summary = "Sums of values, weighed by a softmax of sums of products";
  let description = [{
    Inputs are queries, keys, values, and what the region reads. Maps lead from
    common loops to the places of each, and of the result. A score is the sum of
    the products of a query and a key over the loops that only these two have; the
    region makes of it, and of elements of further inputs, what a softmax along
    the keys takes (with `masked`, one as in `kernel.softmax`). The result is the
    sum, over the keys, of these shares times values.

    Scores exist for as many rows as the second destination has room for, one
    part for each of the threads that do the work: workers x rows x keys. What it
    holds behind is of no use.

    ```mlir
    %y, %unused = kernel.attention
        ins(%q, %k, %v, %bias : tensor<4x64x32xf32>, tensor<4x32x64xf32>, tensor<4x64x32xf32>, tensor<64x64xf32>)
        outs(%empty, %scores : tensor<4x64x32xf32>, tensor<1x16x64xf32>)
        attributes {indexing_maps = [affine_map<(h, m, n, d, e) -> (h, m, d)>, affine_map<(h, m, n, d, e) -> (h, d, n)>,
                                     affine_map<(h, m, n, d, e) -> (h, n, e)>, affine_map<(h, m, n, d, e) -> (m, n)>,
                                     affine_map<(h, m, n, d, e) -> (h, m, e)>]} {
    ^bb0(%score: f32, %b: f32):
      %biased = arith.addf %score, %b : f32
      kernel.yield %biased : f32
    } -> tensor<4x64x32xf32>, tensor<1x16x64xf32>
    ```
  }];
  let arguments = (ins
    Variadic<Kernel_F32Shaped>:$inputs,
    Kernel_F32Shaped:$init,
    Kernel_F32Shaped:$scores,
    AffineMapArrayAttr:$indexing_maps,
    UnitAttr:$masked);
  let results = (outs Variadic<RankedTensorOf<[F32]>>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `ins` `(` $inputs `:` type($inputs) `)`
    `outs` `(` $init `,` $scores `:` type($init) `,` type($scores) `)`
    attr-dict-with-keyword $body (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getQueries() { return getInputs()[0]; }
    ::mlir::Value getKeys() { return getInputs()[1]; }
    ::mlir::Value getValues() { return getInputs()[2]; }
    /// What the region gets besides the score.
    ::mlir::ValueRange getExtras() { return getInputs().drop_front(3); }
    ::llvm::SmallVector<::mlir::AffineMap> getMaps() {
      return ::llvm::to_vector(
          getIndexingMaps().getAsValueRange<::mlir::AffineMapAttr>());
    }
    unsigned getNumLoops() { return getMaps().back().getNumDims(); }
    /// How often each loop goes around; `ShapedType::kDynamic` if the types do
    /// not say.
    ::llvm::SmallVector<int64_t> getStaticLoopRanges();
    /// What is wrong with the maps of three inputs or more and of the result;
    /// none if they are those of an attention.
    static ::std::optional<::llvm::StringRef>
    findFault(::llvm::ArrayRef<::mlir::AffineMap> maps);
    /// The loop over keys.
    static unsigned findKeyLoop(::llvm::ArrayRef<::mlir::AffineMap> maps);
    unsigned getKeyLoop() { return findKeyLoop(getMaps()); }
    /// The loop over rows of scores that all meet the same keys and values, as
    /// many at a time as there is room for; the longest of these.
    static unsigned findRowLoop(::llvm::ArrayRef<::mlir::AffineMap> maps,
                                ::llvm::ArrayRef<int64_t> sizes);
    unsigned getRowLoop() { return findRowLoop(getMaps(), getStaticLoopRanges()); }
    /// The loops of a score, without that over keys, in their order.
    ::llvm::SmallVector<unsigned> getScoreLoops();

    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return ::mlir::MutableOperandRange(getOperation(), getInputs().size(), 2);
    }
  }];
}

/// A part of a sum over processes, which changes what is in its destination.
class Kernel_AllReduceOp<string mnemonic>
    : Kernel_Op<mnemonic, [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let arguments = (ins AnyTypeOf<[RankedTensorOf<[F32, F64]>, MemRefOf<[F32, F64]>]>:$init);
  let results = (outs Variadic<RankedTensorOf<[F32, F64]>>:$results);
  let assemblyFormat = "`outs` `(` $init `:` type($init) `)` attr-dict (`->` type($results)^)?";
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let extraClassDefinition = [{
    void $cppClass::getEffects(
        ::llvm::SmallVectorImpl<::mlir::SideEffects::EffectInstance<::mlir::MemoryEffects::Effect>> &effects) {
      ::neuroplast::kernel::detail::getUpdateEffects(*this, effects);
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder, ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return ::neuroplast::kernel::detail::reifyResultShapes(*this, builder, shapes);
    }
  }];
}

def Kernel_StartAllReduceOp : Kernel_AllReduceOp<"start_all_reduce"> {
  let summary = "Begin to add up what all processes have";
  let description = [{
    From here on the destination may change at any time, and nothing but
    `kernel.finish_all_reduce` may touch it: the computation goes on meanwhile.

    ```mlir
    %1 = kernel.start_all_reduce outs(%0 : tensor<8xf32>) -> tensor<8xf32>
    %2 = kernel.finish_all_reduce outs(%1 : tensor<8xf32>) -> tensor<8xf32>
    ```
  }];
}
def Kernel_FinishAllReduceOp : Kernel_AllReduceOp<"finish_all_reduce"> {
  let summary = "Wait until the destination holds what all processes have";
}

def Kernel_YieldOp : Kernel_Op<"yield", [Pure, Terminator, ParentOneOf<["ContractOp", "AttentionOp"]>]> {
  let summary = "The element of the result that a region makes";
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // NEUROPLAST_DIALECT_KERNEL_IR_KERNELOPS
