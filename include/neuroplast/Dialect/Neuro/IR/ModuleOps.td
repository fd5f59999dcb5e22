//===- ModuleOps.td - Parameters, opaque nodes ---*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_MODULEOPS
#define NEUROPLAST_DIALECT_NEURO_IR_MODULEOPS

include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

def Neuro_ParamOp : Neuro_Op<"param", "", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a parameter of the network";
  let description = [{
    Declares a tensor that belongs to the model: a weight, a bias, a running
    statistic, a constant. `trainable` marks what training may change. A shadow
    (`shadow_of`) has the axes of its parent and is edited with it.

    The symbol is unique in the module; `source_name` keeps the name in the ONNX file.

    ```mlir
    neuro.param @conv1.weight trainable = dense_resource<conv1.weight> : tensor<64x3x7x7xf32>
    ```
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name,
    ElementsAttr:$value,
    UnitAttr:$trainable,
    OptionalAttr<FlatSymbolRefAttr>:$shadow_of,
    OptionalAttr<StrAttr>:$source_name,
    OptionalAttr<StrAttr>:$sym_visibility);
  let assemblyFormat = [{
    $sym_name (`trainable` $trainable^)? (`shadow_of` $shadow_of^)?
    (`onnx` $source_name^)? `=` $value attr-dict
  }];
  let extraClassDeclaration = baseDeclaration # [{
    /// The static type of the tensor.
    ::mlir::RankedTensorType getType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getValue().getShapedType());
    }
  }];
  let hasVerifier = 1;
}

def Neuro_GetParamOp : Neuro_Op<"get_param", "",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "read a parameter";
  let arguments = (ins FlatSymbolRefAttr:$name);
  let results = (outs Neuro_Tensor:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
}

def Neuro_ConstantOp : Neuro_Op<"constant", "", [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "a small constant tensor that is no parameter";
  let description = [{
    Scalars, masks and index lists that the network computes with and that no
    structure edit or training touches by name.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def Neuro_RequireOp : Neuro_Op<"require", "", [MemoryEffects<[MemWrite]>]> {
  let summary = "end the run with an error unless a condition holds";
  let description = [{
    What the code after it relies on. If the condition is false, the run ends
    with the code of a bad shape (or, `of_data`, of a bad value) and the message,
    in which each `{}` stands for the next number.

    ```mlir
    neuro.require %equal, "'x' has size {} along axis 0, expected {}"(%n, %m)
    ```
  }];
  let arguments = (ins I1:$condition, Variadic<Index>:$numbers, UnitAttr:$of_data, StrAttr:$message);
  let assemblyFormat = [{
    (`of_data` $of_data^)? $condition `,` $message (`(` $numbers^ `)`)? attr-dict
  }];
  let hasCanonicalizer = 1;
}

def Neuro_OpaqueOp : Neuro_Op<"opaque", "", [DeclareOpInterfaceMethods<AxisRuleOpInterface>]> {
  let summary = "a node that the importer does not know";
  let description = [{
    Keeps a node of another domain, or of an operator this compiler does not
    model, with its attributes: structure passes pin what touches it, export
    writes it back unchanged, and compilation refuses it by name. An absent
    optional operand is `false` in `present`. `node` is the serialised ONNX
    node, from which export restores attributes and subgraphs; what these read
    from around the node are the last of `inputs`, and `captures` has the names
    by which they do.
  }];
  let arguments = (ins StrAttr:$domain, StrAttr:$op_type,
    Variadic<AnyType>:$inputs, DenseBoolArrayAttr:$present, StrAttr:$node,
    OptionalAttr<StrAttr>:$reason, OptionalAttr<StrArrayAttr>:$captures);
  let results = (outs Variadic<AnyType>:$outputs);
  let assemblyFormat = [{
    $domain $op_type `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs)
  }];
  let hasVerifier = 1;
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_MODULEOPS
