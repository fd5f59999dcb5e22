//===- HistoryOps.td - How a structure came about ----------*- tablegen -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Edits are ops with properties, not attributes, which would live as long as the
// context does.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_HISTORYOPS
#define NEUROPLAST_DIALECT_NEURO_IR_HISTORYOPS

include "mlir/IR/Properties.td"
include "neuroplast/Dialect/Neuro/IR/NeuroBase.td"

def Neuro_HistoryOp : Neuro_Op<"history", "", [NoTerminator, SingleBlock, HasParent<"::mlir::ModuleOp">]> {
  let summary = "the edits that made the structure of the network, oldest first";
  let description = [{
    ```mlir
    neuro.history {
      neuro.edit "prune" "{\"ratio\":0.5}" {
        neuro.edited_units @w1 axis 0 block 0 map "0+2" places "0..3" to "0..3" each 1
            then "0..1" to "0..1" each 1
        neuro.removed @w1 = dense_resource<removed> : tensor<8xf32>
      }
    }
    ```
  }];
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "attr-dict-with-keyword $body";
}

def Neuro_EditOp : Neuro_Op<"edit", "", [NoTerminator, SingleBlock, HasParent<"HistoryOp">]> {
  let summary = "one edit of the structure";
  let description = [{
    `kind` is what was done ("prune", "dropin", "recycle", "edit"), `options` a JSON object with
    how, enough to do it again. `complete` says that all elements that are no longer
    there as they were are kept as `neuro.removed`.
  }];
  let arguments = (ins StringProp:$kind, StringProp:$options, UnitProp:$complete);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$kind $options (`complete` $complete^)? attr-dict-with-keyword $body";
}

def Neuro_EditedUnitsOp : Neuro_Op<"edited_units", "", [HasParent<"EditOp">]> {
  let summary = "what became of the units of a set";
  let description = [{
    The units are told by where they stand along an axis (and in a block) of a
    parameter, before and after the edit: the first and the last place of each, and
    how many places it has. `map` has for each new unit the old one, or `new`.
  }];
  let arguments = (ins FlatSymbolRefAttr:$param, I64Prop:$axis, I64Prop:$block, ArrayProp<I64Prop>:$map,
    ArrayProp<I64Prop>:$old_first, ArrayProp<I64Prop>:$old_last, I64Prop:$old_count,
    ArrayProp<I64Prop>:$new_first, ArrayProp<I64Prop>:$new_last, I64Prop:$new_count);
  let assemblyFormat = [{
    $param `axis` $axis `block` $block `map` custom<IndexList>($map)
    `places` custom<IndexList>($old_first) `to` custom<IndexList>($old_last) `each` $old_count
    `then` custom<IndexList>($new_first) `to` custom<IndexList>($new_last) `each` $new_count attr-dict
  }];
}

def Neuro_RemovedOp : Neuro_Op<"removed", "", [HasParent<"EditOp">]> {
  let summary = "elements of a parameter that an edit took away, in row-major order";
  let arguments = (ins FlatSymbolRefAttr:$param, ElementsAttr:$value);
  let assemblyFormat = "$param `=` $value attr-dict";
}

def Neuro_ReplacedNumberOp : Neuro_Op<"replaced_number", "", [HasParent<"EditOp">]> {
  let summary = "what an attribute was, before the edit, of the ops that read a parameter";
  let description = [{
    ```mlir
    neuro.replaced_number @norm.scale "epsilon" = 9.99999974E-6
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$param, StrAttr:$attribute, F32Attr:$value);
  let assemblyFormat = "$param $attribute `=` $value attr-dict";
}

#endif // NEUROPLAST_DIALECT_NEURO_IR_HISTORYOPS
