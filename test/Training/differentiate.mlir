// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-differentiate="of=params" %t/layer.mlir | FileCheck %s
// RUN: neuroplast-opt --neuro-differentiate="of=inputs" %t/branches.mlir | FileCheck %s --check-prefix=BRANCHES
// RUN: not neuroplast-opt --neuro-differentiate %t/det.mlir 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: neuroplast-opt --neuro-differentiate="of=params" %t/det.mlir | FileCheck %s --check-prefix=AROUND
// RUN: neuroplast-opt --neuro-differentiate="of=inputs" %t/rounded.mlir | FileCheck %s --check-prefix=ROUNDED
// RUN: not neuroplast-opt --neuro-differentiate="of=inputs" %t/moved.mlir 2>&1 | FileCheck %s --check-prefix=MOVED
// RUN: neuroplast-opt --neuro-differentiate="of=inputs" %t/if.mlir | FileCheck %s --check-prefix=IF
// RUN: not neuroplast-opt --neuro-differentiate="of=inputs" %t/chance.mlir 2>&1 | FileCheck %s --check-prefix=CHANCE
// RUN: neuroplast-opt --neuro-differentiate="of=inputs" %t/parts.mlir --canonicalize | FileCheck %s --check-prefix=PARTS
// RUN: neuroplast-opt --neuro-print-gradient %t/parts.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=PRINT-PARTS
// RUN: neuroplast-opt --neuro-differentiate="of=inputs" %t/loop.mlir --canonicalize | FileCheck %s --check-prefix=LOOP
// RUN: not neuroplast-opt --neuro-differentiate="of=inputs" %t/until.mlir 2>&1 | FileCheck %s --check-prefix=UNTIL
// RUN: not neuroplast-opt --neuro-differentiate="of=inputs" %t/grows.mlir 2>&1 | FileCheck %s --check-prefix=GROWS
// RUN: neuroplast-opt --neuro-differentiate="of=params" %t/rounded.mlir | FileCheck %s --check-prefix=BEHIND
// RUN: not neuroplast-opt --neuro-differentiate="of=nothing" %t/det.mlir 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: neuroplast-opt --neuro-print-gradient %t/layer.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=PRINT
// RUN: neuroplast-opt --neuro-print-gradient %t/det.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=PRINT-DET

// Parameters that are not trainable have no gradient.
// CHECK: func.func @main(%[[X:.*]]: tensor<2x3xf32> {neuro.name = "x"}, %[[DY:.*]]: tensor<2x4xf32> {neuro.name = "grad:y"})
// CHECK-SAME: -> (tensor<2x4xf32> {neuro.name = "y"}, tensor<3x4xf32> {neuro.name = "grad:w"}, tensor<4xf32> {neuro.name = "grad:layer.bias"})
// CHECK: %[[Y:.*]] = neuro.tanh
// What is added is summed over the rows it was repeated for, after what follows it.
// CHECK: %[[SCALED:.*]] = neuro.mul %[[DY]], %{{.*}} : (tensor<2x4xf32>, tensor<4xf32>)
// CHECK: neuro.mul %[[Y]], %[[Y]]
// CHECK: %[[G:.*]] = neuro.mul %[[SCALED]], %{{.*}} : (tensor<2x4xf32>, tensor<2x4xf32>)
// CHECK: %[[DB:.*]] = neuro.reduce_sum %[[G]] {axes = array<i64: 0>, keepdims = false}
// CHECK: %[[T:.*]] = neuro.transpose %[[X]] [1, 0]
// CHECK: %[[DW:.*]] = neuro.matmul %[[T]], %[[G]]
// CHECK: return %{{.*}}, %[[DW]], %[[DB]]

// What two ops read has the sum of what they give.
// BRANCHES: func.func @main(%[[X:.*]]: tensor<3xf32>, %[[DA:.*]]: tensor<3xf32> {neuro.name = "grad:output0"}, %[[DB:.*]]: tensor<3xf32> {neuro.name = "grad:output1"})
// BRANCHES: %[[FIRST:.*]] = neuro.mul %[[DB]], %{{.*}}
// BRANCHES: %[[SECOND:.*]] = neuro.neg %[[DA]]
// BRANCHES: %[[SUM:.*]] = neuro.add %[[FIRST]], %[[SECOND]]
// BRANCHES: return %{{.*}}, %{{.*}}, %[[SUM]]

// NONE: error: 'neuro.det' op has no gradient
// Nothing that a gradient is asked of is behind it.
// AROUND: neuro.det
// AROUND: return %{{.*}}, %{{.*}} : tensor<f32>, tensor<f32>
// OPTION: error: 'nothing' is none of params, inputs and all

// PRINT: neuro.matmul: built
// PRINT-NEXT: neuro.add: g; g
// PRINT-NEXT: neuro.tanh: g * (1 - y * y)
// PRINT-NEXT: neuro.mul: g * b; g * a
// PRINT-DET: neuro.det: none

//--- layer.mlir
neuro.param @w trainable = dense<1.0> : tensor<3x4xf32>
neuro.param @b trainable onnx "layer.bias" = dense<2.0> : tensor<4xf32>
neuro.param @c = dense<3.0> : tensor<4xf32>
func.func @main(%x: tensor<2x3xf32> {neuro.name = "x"}) -> (tensor<2x4xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<3x4xf32>
  %b = neuro.get_param @b : tensor<4xf32>
  %c = neuro.get_param @c : tensor<4xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.add %0, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %2 = neuro.tanh %1 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = neuro.mul %2, %c : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %3 : tensor<2x4xf32>
}

//--- branches.mlir
func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %0 = neuro.neg %x : (tensor<3xf32>) -> tensor<3xf32>
  %1 = neuro.exp %x : (tensor<3xf32>) -> tensor<3xf32>
  return %0, %1 : tensor<3xf32>, tensor<3xf32>
}

//--- det.mlir
neuro.param @w trainable = dense<1.0> : tensor<f32>
func.func @main(%x: tensor<3x3xf32>) -> tensor<f32> {
  %w = neuro.get_param @w : tensor<f32>
  %0 = neuro.det %x : (tensor<3x3xf32>) -> tensor<f32>
  %1 = neuro.mul %0, %w : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}

// Rounding is passed straight through where it did not saturate; it is no matter where nothing
// that is asked about was rounded, and integers that are moved are refused.
// ROUNDED: %[[IN:.*]] = neuro.and
// ROUNDED: neuro.where %[[IN]]
// ROUNDED: return
// MOVED: error: 'neuro.reshape' op takes numbers that were rounded, and has no gradient
// BEHIND: func.func @main
// BEHIND: neuro.dequantize_linear
// BEHIND: return {{.*}} : tensor<2xf32>, tensor<2xf32>

//--- rounded.mlir
neuro.param @w trainable = dense<1.0> : tensor<2xf32>
func.func @main(%x: tensor<2xf32> {neuro.name = "x"}) -> tensor<2xf32> {
  %w = neuro.get_param @w : tensor<2xf32>
  %s = neuro.constant dense<0.5> : tensor<f32>
  %z = neuro.constant dense<0> : tensor<ui8>
  %q = neuro.quantize_linear %x, %s, %z {to = ui8} : (tensor<2xf32>, tensor<f32>, tensor<ui8>) -> tensor<2xui8>
  %d = neuro.dequantize_linear %q, %s, %z : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %y = neuro.mul %d, %w : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

//--- moved.mlir
func.func @main(%x: tensor<2xf32> {neuro.name = "x"}) -> tensor<1x2xf32> {
  %s = neuro.constant dense<0.5> : tensor<f32>
  %q = neuro.quantize_linear %x, %s {to = ui8} : (tensor<2xf32>, tensor<f32>) -> tensor<2xui8>
  %m = neuro.reshape %q [1, 2] : tensor<2xui8> -> tensor<1x2xui8>
  %d = neuro.dequantize_linear %m, %s : (tensor<1x2xui8>, tensor<f32>) -> tensor<1x2xf32>
  return %d : tensor<1x2xf32>
}

// The way back takes the same branch, and computes there what it needs of it.
// IF: func.func @main(%[[X:.*]]: tensor<2xf32>, %[[C:.*]]: i1, %[[G:.*]]: tensor<2xf32> {neuro.name = "grad:output0"})
// IF: %[[Y:.*]] = scf.if %[[C]]
// IF: %[[DX:.*]] = scf.if %[[C]]
// IF: %[[E:.*]] = neuro.exp %[[X]]
// IF: %[[P:.*]] = neuro.mul %[[G]], %[[E]]
// IF: scf.yield %[[P]]
// IF: } else {
// IF: scf.yield %[[G]]
// IF: return %[[Y]], %[[DX]]
// CHANCE: error: 'scf.if' op has branches that would not give the same again, and no gradient

//--- if.mlir
func.func @main(%x: tensor<2xf32>, %c: i1) -> tensor<2xf32> {
  %y = scf.if %c -> tensor<2xf32> {
    %0 = neuro.exp %x : (tensor<2xf32>) -> tensor<2xf32>
    scf.yield %0 : tensor<2xf32>
  } else {
    scf.yield %x : tensor<2xf32>
  }
  return %y : tensor<2xf32>
}
//--- chance.mlir
func.func @main(%x: tensor<2xf32>, %c: i1) -> tensor<2xf32> {
  %y = scf.if %c -> tensor<2xf32> {
    %r = neuro.random_uniform [2] {to = f32} : tensor<2xf32>
    %0 = neuro.mul %x, %r : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    scf.yield %0 : tensor<2xf32>
  } else {
    scf.yield %x : tensor<2xf32>
  }
  return %y : tensor<2xf32>
}

// The op stays on the way there; the way back gathers what it read, and puts gradients there.
// PARTS: func.func @main(%[[X:.*]]: tensor<1x1x2x2xf32>, %[[AT:.*]]: tensor<1x1x3x2xf32>, %[[G:.*]]: tensor<1x1x1x3xf32>
// PARTS: %[[Y:.*]] = neuro.grid_sample %[[X]], %[[AT]]
// PARTS: neuro.gather_elements
// PARTS: %[[DX:.*]] = neuro.scatter_elements {{.*}} reduction = "add"
// PARTS: return %[[Y]], %{{.*}}, %{{.*}} : tensor<1x1x1x3xf32>, tensor<1x1x2x2xf32>, tensor<1x1x3x2xf32>
// PRINT-PARTS: neuro.grid_sample: that of its parts

//--- parts.mlir
func.func @main(%x: tensor<1x1x2x2xf32>, %at: tensor<1x1x3x2xf32>) -> tensor<1x1x1x3xf32> {
  %y = neuro.grid_sample %x, %at : (tensor<1x1x2x2xf32>, tensor<1x1x3x2xf32>) -> tensor<1x1x1x3xf32>
  return %y : tensor<1x1x1x3xf32>
}

// A loop is gone through once more, to remember its states, and then back.
// LOOP: func.func @main(%[[X:.*]]: tensor<2xf32>, %[[W:.*]]: tensor<2xf32>, %[[N:.*]]: index, %[[G:.*]]: tensor<2xf32>
// LOOP: %[[Y:.*]]:2 = scf.while
// LOOP: %[[STATES:.*]]:2 = scf.for %[[I:.*]] = {{.*}} iter_args(%[[S:.*]] = %[[X]], %[[ALL:.*]] = %{{.*}}) -> (tensor<2xf32>, tensor<?x2xf32>)
// LOOP: tensor.insert_slice %[[S]] into %[[ALL]][%[[I]], 0] [1, 2]
// LOOP: %[[BACK:.*]]:2 = scf.for {{.*}} iter_args(%[[DS:.*]] = %[[G]], %[[DW:.*]] = %{{.*}}) -> (tensor<2xf32>, tensor<2xf32>)
// LOOP: %[[STATE:.*]] = tensor.extract_slice %[[STATES]]#1
// LOOP-DAG: %[[NEXT:.*]] = neuro.mul %[[DS]], %[[W]]
// LOOP-DAG: %[[PART:.*]] = neuro.mul %[[DS]], %[[STATE]]
// LOOP: %[[SUM:.*]] = neuro.add %[[DW]], %[[PART]]
// LOOP: scf.yield %[[NEXT]], %[[SUM]]
// LOOP: return %[[Y]]#1, %[[BACK]]#0, %[[BACK]]#1
// UNTIL: error: 'scf.while' op does not count its iterations, and has no gradient
// GROWS: error: 'scf.while' op carries a 'tensor<?xf32>', whose size may change, and has no gradient

//--- loop.mlir
func.func @main(%x: tensor<2xf32>, %w: tensor<2xf32>, %n: index) -> tensor<2xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %yes = arith.constant true
  %y:3 = scf.while (%i = %zero, %c = %yes, %s = %x) : (index, i1, tensor<2xf32>) -> (index, i1, tensor<2xf32>) {
    %less = arith.cmpi slt, %i, %n : index
    %go = arith.andi %c, %less : i1
    scf.condition(%go) %i, %c, %s : index, i1, tensor<2xf32>
  } do {
  ^bb0(%i: index, %c: i1, %s: tensor<2xf32>):
    %next = arith.addi %i, %one : index
    %0 = neuro.mul %s, %w : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    scf.yield %next, %c, %0 : index, i1, tensor<2xf32>
  }
  return %y#2 : tensor<2xf32>
}
//--- until.mlir
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %limit = arith.constant 9.0 : f32
  %y = scf.while (%s = %x) : (tensor<f32>) -> tensor<f32> {
    %0 = tensor.extract %s[] : tensor<f32>
    %go = arith.cmpf olt, %0, %limit : f32
    scf.condition(%go) %s : tensor<f32>
  } do {
  ^bb0(%s: tensor<f32>):
    %0 = neuro.exp %s : (tensor<f32>) -> tensor<f32>
    scf.yield %0 : tensor<f32>
  }
  return %y : tensor<f32>
}
//--- grows.mlir
func.func @main(%x: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %yes = arith.constant true
  %y:3 = scf.while (%i = %zero, %c = %yes, %s = %x) : (index, i1, tensor<?xf32>) -> (index, i1, tensor<?xf32>) {
    %less = arith.cmpi slt, %i, %n : index
    %go = arith.andi %c, %less : i1
    scf.condition(%go) %i, %c, %s : index, i1, tensor<?xf32>
  } do {
  ^bb0(%i: index, %c: i1, %s: tensor<?xf32>):
    %next = arith.addi %i, %one : index
    %0 = neuro.concat %s, %s {axis = 0 : i64} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    scf.yield %next, %c, %0 : index, i1, tensor<?xf32>
  }
  return %y#2 : tensor<?xf32>
}
