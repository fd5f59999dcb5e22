//===- NeuroBase.td - The neuro dialect and its op bases ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The dialect, its types, and the classes from which every op is derived.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_NEUROBASE
#define NEUROPLAST_DIALECT_NEURO_IR_NEUROBASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "neuroplast/Dialect/Neuro/IR/NeuroInterfaces.td"

def Neuro_Dialect : Dialect {
  let name = "neuro";
  let cppNamespace = "::neuroplast::neuro";
  let summary = "Neural networks whose structure changes";
  let description = [{
    Value-semantic ops on ranked tensors, one op per concept of the newest ONNX
    opset. Parameters are symbols (`neuro.param`) that a pure `neuro.get_param`
    reads; nothing in the IR writes them. Element types carry signedness as in
    ONNX: `ui8` is unsigned, `i8` is signed, `i1` is boolean.

    Sizes known at compile time are attributes; sizes known only at run time are
    operands of type `index`. No tensor of sizes survives the import.
  }];
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

class Neuro_Type<string name, string typeMnemonic> : TypeDef<Neuro_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Neuro_StringType : Neuro_Type<"String", "string"> {
  let summary = "a character string, as an element of a tensor";
}

def Neuro_SequenceType : Neuro_Type<"Sequence", "sequence"> {
  let summary = "a sequence of values of one type";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}

def Neuro_OptionalType : Neuro_Type<"Optional", "optional"> {
  let summary = "a value that may be absent";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}

def Neuro_UnknownType : Neuro_Type<"Unknown", "unknown"> {
  let summary = "a value of which nobody says what it is; only opaque nodes take it";
}

def Neuro_Tensor : TypeAlias<AnyRankedTensor, "ranked tensor">;
def Neuro_FloatTensor : RankedTensorOf<[AnyFloat]>;
def Neuro_IntTensor : RankedTensorOf<[AnyInteger]>;
def Neuro_IndexTensor : RankedTensorOf<[I32, I64]>;
def Neuro_BoolTensor : RankedTensorOf<[I1]>;
def Neuro_NumberTensor : RankedTensorOf<[AnyFloat, AnyInteger]>;
def Neuro_TextTensor : RankedTensorOf<[Neuro_StringType]>;
def Neuro_ComparableTensor : RankedTensorOf<[AnyFloat, AnyInteger, Neuro_StringType]>;

//===----------------------------------------------------------------------===//
// Op bases
//===----------------------------------------------------------------------===//

/// The attribute `axis`, if given, is an axis of operand 0; negative ones count
/// from the back. For ops whose types tell nothing of it.
def Neuro_AxisInRange : NativeOpTrait<"AxisInRange"> {
  let cppNamespace = "::neuroplast::neuro";
}

/// All tensors of the op have shapes that tensors can have.
def Neuro_SoundTypes : NativeOpTrait<"SoundTypes"> {
  let cppNamespace = "::neuroplast::neuro";
}

/// States where the results of an op with an axis rule are zero, in terms of
/// `zero`, the operands that are (see `ZeroOperands`).
class Neuro_ZeroWhere<string condition> : NativeOpTrait<"PropagatesZeros", [], [{
    bool isZeroWhere(const ::neuroplast::neuro::ZeroOperands &zero);
  }], [{
    bool $cppClass::isZeroWhere(const ::neuroplast::neuro::ZeroOperands &zero) {
      return }] # condition # [{;
    }
  }]> {
  let cppNamespace = "::neuroplast::neuro";
}
/// f(0, .., 0) = 0.
def Neuro_ZeroPreserving : Neuro_ZeroWhere<"zero.all()">;
/// Products: one zero is enough.
def Neuro_ZeroAbsorbing : Neuro_ZeroWhere<"zero.any()">;

/// States in which operands the results are affine, in terms of `in`, some of
/// them (see `OperandSet`).
class Neuro_AffineIn<string condition> : NativeOpTrait<"StatesAffinity", [], [{
    bool isAffineIn(const ::neuroplast::neuro::OperandSet &in);
  }], [{
    bool $cppClass::isAffineIn(const ::neuroplast::neuro::OperandSet &in) {
      (void)in;
      return }] # condition # [{;
    }
  }]> {
  let cppNamespace = "::neuroplast::neuro";
}
def Neuro_Affine : Neuro_AffineIn<"true">;
/// A product is affine in each factor alone.
def Neuro_Multilinear : Neuro_AffineIn<"in.isSingle()">;
/// Moves elements of operand 0, or weighs them by what does not depend on them.
def Neuro_LinearInFirst : TraitList<[Neuro_ZeroWhere<"zero[0]">, Neuro_AffineIn<"in.only(0)">]>;

/// States the gradients of the first two operands in terms of `g`, the gradient
/// of the first result `y`, and of `a` and `b`, the operands (see `Term`). An
/// empty one is none: the result does not change with the operand.
class Neuro_GradientRules<string first, string second> : NativeOpTrait<"HasGradientRules", [], [{
    ::llvm::LogicalResult buildGradient(::neuroplast::neuro::GradientScope &scope);
    ::llvm::StringRef getGradientRule();
  }], [{
    ::llvm::LogicalResult $cppClass::buildGradient(::neuroplast::neuro::GradientScope &scope) {
      using namespace ::neuroplast::neuro;
      Term g = scope.getGradient(), y = scope.getResult(), a = scope.getOperand(0), b = scope.getOperand(1);
      (void)g, (void)y, (void)a, (void)b;
      }] # !if(!empty(first), "", "if (scope.isNeeded(0)) scope.give(0, " # first # ");")
      # !if(!empty(second), "", "if (scope.isNeeded(1)) scope.give(1, " # second # ");") # [{
      return ::mlir::success();
    }
    ::llvm::StringRef $cppClass::getGradientRule() {
      return R"rule(}] # !if(!empty(first), "0", first) # !if(!empty(second), "", "; " # second) # [{)rule";
    }
  }]> {
  let cppNamespace = "::neuroplast::neuro";
}
class Neuro_Gradient<string first, string second = ""> : TraitList<[DifferentiableOpInterface, Neuro_GradientRules<first, second>]>;
/// A gradient that takes more than a line.
def Neuro_BuildsGradient : DeclareOpInterfaceMethods<DifferentiableOpInterface, ["buildGradient"]>;

/// A gradient that is the one of several other ops.
def Neuro_GradientOfParts : DeclareOpInterfaceMethods<DecomposableOpInterface>;

/// States the roles of parameters, in terms of the number `i` of an operand.
class Neuro_Roles<string role> : NativeOpTrait<"HasRoles", [], [{
    ::neuroplast::neuro::OperandRole getOperandRole(unsigned i);
  }], [{
    ::neuroplast::neuro::OperandRole $cppClass::getOperandRole(unsigned i) {
      (void)i;
      return }] # role # [{;
    }
  }]> {
  let cppNamespace = "::neuroplast::neuro";
}
def Neuro_AllWeights : Neuro_Roles<"OperandRole::Weight">;
/// Of tensors: tables that run along several axes are none.
def Neuro_AllBiases : Neuro_Roles<"detail::isVector(getOperand(i)) ? OperandRole::Bias : OperandRole::Data">;
def Neuro_AllScales : Neuro_Roles<"detail::isVector(getOperand(i)) ? OperandRole::Weight : OperandRole::Data">;

/// Every op of the dialect. `onnx` is the ONNX operator of the same concept, or
/// empty where the ONNX form differs and a translation of its own exists.
/// Attributes of an op with an `onnx` name keep their ONNX names and meanings,
/// so that one generic translation serves all of them.
class Neuro_Op<string mnemonic, string onnx = "", list<Trait> traits = []>
    : Op<Neuro_Dialect, mnemonic, [Neuro_SoundTypes] # traits> {
  string onnxName = onnx;
  code baseDeclaration = [{
    /// The ONNX operator of the same concept; empty if the forms differ.
    static constexpr ::llvm::StringLiteral getOnnxName() { return "}] # onnx # [{"; }
  }];
  let extraClassDeclaration = baseDeclaration;
}

/// Infers result types through an adaptor; no op gets past the check of what it
/// inferred. A result may be given a refined type: equal element types and no
/// two static dimensions that differ.
def Neuro_InferTypes : TraitList<[
  DeclareOpInterfaceMethods<InferTypeOpInterface>,
  NativeOpTrait<"InferTypeOpAdaptor", [], [{
    static ::llvm::LogicalResult inferReturnTypes(
        ::mlir::MLIRContext *context, std::optional<::mlir::Location> location,
        Adaptor adaptor, ::llvm::SmallVectorImpl<::mlir::Type> &types);
    static bool isCompatibleReturnTypes(::mlir::TypeRange lhs, ::mlir::TypeRange rhs) {
      return ::neuroplast::neuro::areCompatibleTypes(lhs, rhs);
    }
  }], [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, std::optional<::mlir::Location> location,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes,
        ::mlir::OpaqueProperties properties, ::mlir::RegionRange regions,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      $cppClass::Adaptor adaptor(operands, attributes, properties, regions);
      if (::mlir::failed($cppClass::inferReturnTypes(context, location, adaptor, types)))
        return ::mlir::failure();
      return ::neuroplast::neuro::verifyInferredTypes(getOperationName(), location, types);
    }
  }]>
]>;

/// The contract of an op: stated by the op itself, or the default.
class Neuro_Contract<bit isStated> {
  list<Trait> traits = !if(isStated,
    [DeclareOpInterfaceMethods<RuntimeContractOpInterface, ["stateContract"]>],
    [RuntimeContractOpInterface]);
}

/// A pure op that infers the types of its results and is coupled by an axis rule.
class Neuro_TensorOp<string mnemonic, string onnx = "", list<Trait> traits = [], bit statesContract = 0>
    : Neuro_Op<mnemonic, onnx, traits # [
        Pure, Neuro_InferTypes,
        DeclareOpInterfaceMethods<AxisRuleOpInterface>,
        CostOpInterface] # Neuro_Contract<statesContract>.traits> {
  let assemblyFormat = [{
    operands attr-dict `:` functional-type(operands, results)
  }];
}

/// A tensor op whose only result has the type of its first operand.
class Neuro_SameTypeOp<string mnemonic, string onnx = "", list<Trait> traits = [], bit statesContract = 0>
    : Neuro_TensorOp<mnemonic, onnx, traits, statesContract> {
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, std::optional<::mlir::Location>, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      types.push_back(adaptor.getOperands()[0].getType());
      return ::mlir::success();
    }
  }];
}

/// Marks the ops that compute each element of the result from the elements of
/// the operands at the same (broadcast) place.
def Neuro_Elementwise : NativeOpTrait<"Elementwise"> {
  let cppNamespace = "::neuroplast::neuro";
}

/// An elementwise op; `elementType` is an expression for the element type of the
/// result in terms of `adaptor`.
class Neuro_ElementwiseOp<string mnemonic, string onnx, list<Trait> traits = [],
    string elementType = "::mlir::getElementTypeOrSelf(adaptor.getOperands()[0].getType())",
    bit statesContract = 0>
    : Neuro_TensorOp<mnemonic, onnx, [Neuro_Elementwise] # traits, statesContract> {
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, std::optional<::mlir::Location> location,
        Adaptor adaptor, ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      (void)context;
      return ::neuroplast::neuro::detail::inferElementwise(
          getOperationName(), location, adaptor.getOperands(), }] # elementType # [{, types);
    }
    ::neuroplast::neuro::AxisRule $cppClass::getAxisRule() {
      return ::neuroplast::neuro::detail::getElementwiseAxisRule(*this);
    }
  }];
}

/// An op that sums up products.
class Neuro_ContractionOp<string mnemonic, string onnx, list<Trait> traits = []>
    : Neuro_Op<mnemonic, onnx, traits # [
        Pure, Neuro_InferTypes,
        DeclareOpInterfaceMethods<AxisRuleOpInterface>,
        DeclareOpInterfaceMethods<RuntimeContractOpInterface, ["stateContract"]>,
        DeclareOpInterfaceMethods<CostOpInterface, ["getFlops"]>]> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_NEUROBASE
