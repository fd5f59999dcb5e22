// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-transfer="outputs=2 grow=hidden=1" %t/net.mlir | FileCheck %s
// RUN: neuroplast-opt --neuro-transfer="outputs=2 grow=hidden=1 freeze=weights name=z" %t/net.mlir | FileCheck %s --check-prefix=WEIGHTS
// RUN: neuroplast-opt --neuro-transfer="outputs=2 freeze=nothing" %t/net.mlir | FileCheck %s --check-prefix=NOTHING
// RUN: neuroplast-opt --neuro-transfer="outputs=2 grow=hidden=1" --neuro-train-step="loss=cross-entropy" %t/net.mlir | FileCheck %s --check-prefix=STEP
// RUN: neuroplast-opt --neuro-transfer="outputs=2 grow=hidden=50%%" %t/net.mlir -o %t/grown.onnx
// RUN: neuroplast-opt %t/grown.onnx | FileCheck %s --check-prefix=BACK
// RUN: not neuroplast-opt --neuro-transfer="outputs=0" %t/net.mlir 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not neuroplast-opt --neuro-transfer="outputs=2 grow=nowhere=1" %t/net.mlir 2>&1 | FileCheck %s --check-prefix=NOWHERE
// RUN: not neuroplast-opt --neuro-transfer="outputs=2 grow=out=1" %t/pinned.mlir 2>&1 | FileCheck %s --check-prefix=PINNED
// RUN: not neuroplast-opt --neuro-transfer="outputs=2 grow=hidden" %t/net.mlir 2>&1 | FileCheck %s --check-prefix=GROW
// RUN: not neuroplast-opt --neuro-transfer="outputs=2 name=y" %t/net.mlir 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: neuroplast-opt --neuro-transfer="outputs=3 name=z" %t/sum.mlir | FileCheck %s --check-prefix=TOP
// RUN: not neuroplast-opt --neuro-transfer="outputs=2" %t/open.mlir 2>&1 | FileCheck %s --check-prefix=LAYER

// The newborn learns what it reads, and the old head does not read it; the new one learns whole.
// CHECK: neuro.param @hidden trainable = dense<{{.*}}> : tensor<2x3xf32>
// CHECK: neuro.param @hidden.plasticity shadow_of @hidden = dense{{.*}}tensor<2x3xui8>
// CHECK: neuro.param @out.y.new trainable = dense{{.*}}tensor<3x2xf32>
// CHECK: neuro.param @out trainable = dense{{.*}}tensor<3x3xf32>
// CHECK: func.func @main(%[[X:.*]]: tensor<1x2xf32> {{.*}}) -> (tensor<1x2xf32> {neuro.name = "y.new"}, tensor<1x3xf32> {neuro.name = "y"})
// CHECK: %[[H:.*]] = neuro.relu
// CHECK-DAG: neuro.matmul %[[H]], %{{.*}} -> tensor<1x3xf32>
// CHECK-DAG: neuro.matmul %[[H]], %{{.*}} -> tensor<1x2xf32>
// CHECK: %[[NEW:.*]] = neuro.softmax %{{.*}} : (tensor<1x2xf32>)
// CHECK: return %[[NEW]], %{{.*}} : tensor<1x2xf32>, tensor<1x3xf32>

// What the newborn brought is of the second task.
// WEIGHTS: neuro.param @hidden.tasks shadow_of @hidden = dense<{{\[}}[1, 1, 2], [1, 1, 2]]>
// WEIGHTS: neuro.param @out.tasks shadow_of @out = dense<{{\[}}[1, 1, 1], [1, 1, 1], [2, 2, 2]]>
// WEIGHTS: neuro.name = "z"
// NOTHING-NOT: plasticity

// Of the old parameters only the one with a newborn takes part in a step.
// STEP: func.func @main
// STEP-SAME: {neuro.name = "hidden"
// STEP-NOT: neuro.name = "out"
// STEP-SAME: -> (
// STEP: %[[MASK:.*]] = neuro.get_param @hidden.plasticity
// STEP: neuro.where

// BACK: neuro.param @hidden.plasticity shadow_of @hidden
// BACK-NOT: neuro.param @out{{.*}}.new.plasticity
// BACK: neuro.param @out.plasticity shadow_of @out

// NONE: error: a head has at least one result
// NOWHERE: error: no tensor with units has a name like 'nowhere'
// PINNED: error: no unit can join at 'out'
// PINNED: note: '@out[0]': pinned
// GROW: error: 'hidden' is no PATTERN=UNITS or PATTERN=SHARE%
// NAME: error: has an output 'y' already
// Where the first output is that of no layer, the head is on top of it.
// TOP: neuro.param @z.bias trainable = dense<0.000000e+00> : tensor<3xf32>
// TOP: neuro.param @z.weight trainable = dense{{.*}}tensor<2x3xf32>
// TOP: func.func @main({{.*}}) -> (tensor<1x3xf32> {neuro.name = "z"}, tensor<1x2xf32> {neuro.name = "y"})
// TOP: %[[SUM:.*]] = neuro.add
// TOP: %[[PRODUCT:.*]] = neuro.matmul %[[SUM]], %{{.*}}
// TOP: %[[NEW:.*]] = neuro.add %[[PRODUCT]], %{{.*}}
// TOP: return %[[NEW]], %[[SUM]]

// LAYER: error: has a first output that is that of no layer, {{.*}} on which there could be one: 'tensor<1x?xf32>'

//--- net.mlir
neuro.param @hidden trainable = dense<1.0> : tensor<2x2xf32>
neuro.param @out trainable = dense<2.0> : tensor<2x3xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x3xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @hidden : tensor<2x2xf32>
  %0 = neuro.matmul %x, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %1 = neuro.relu %0 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %v = neuro.get_param @out : tensor<2x3xf32>
  %2 = neuro.matmul %1, %v : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  %3 = neuro.softmax %2 {axis = 1 : i64} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %3 : tensor<1x3xf32>
}
//--- sum.mlir
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x2xf32> {neuro.name = "y"}) {
  %0 = neuro.add %x, %x : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
//--- open.mlir
func.func @main(%x: tensor<1x?xf32> {neuro.name = "x"}) -> (tensor<1x?xf32> {neuro.name = "y"}) {
  %0 = neuro.add %x, %x : (tensor<1x?xf32>, tensor<1x?xf32>) -> tensor<1x?xf32>
  return %0 : tensor<1x?xf32>
}
//--- pinned.mlir
neuro.param @out trainable = dense<2.0> : tensor<2x3xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x3xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @out : tensor<2x3xf32>
  %0 = neuro.matmul %x, %w : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}
