// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-dropout="at=w=0.5" %t/layers.mlir | FileCheck %s --check-prefix=ELEMENTS
// RUN: neuroplast-opt --neuro-dropout="at=k=0.25:channels,w=0.5:weights" %t/layers.mlir | FileCheck %s --check-prefix=KINDS
// RUN: neuroplast-opt --neuro-dropout="at=k=0.25:units:0.5,w=0.5:weights:0.75" %t/layers.mlir | FileCheck %s --check-prefix=TARGETED
// RUN: neuroplast-opt --neuro-dropout="at=k=0.25:squares:3" %t/layers.mlir | FileCheck %s --check-prefix=SQUARES
// RUN: neuroplast-opt --neuro-dropout="at=r=0.1:branches" %t/block.mlir | FileCheck %s --check-prefix=BRANCHES
// RUN: neuroplast-opt --neuro-dropout="at=r=20:join" %t/block.mlir | FileCheck %s --check-prefix=JOIN
// RUN: not neuroplast-opt --neuro-dropout="at=w=20:join" %t/layers.mlir 2>&1 | FileCheck %s --check-prefix=SHAPES
// RUN: neuroplast-opt --neuro-dropout="at=w=0.5:concrete:100" %t/layers.mlir | FileCheck %s --check-prefix=CONCRETE
// RUN: neuroplast-opt --neuro-dropout="at=w=0.5" --neuro-draw-samples %t/layers.mlir | FileCheck %s --check-prefix=DRAWS
// RUN: neuroplast-opt --neuro-train-step="loss=mse dropout=w=0.5 seed=1" %t/layers.mlir | FileCheck %s --check-prefix=STEP
// RUN: not neuroplast-opt --neuro-dropout="at=none=0.5" %t/layers.mlir 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not neuroplast-opt --neuro-dropout="at=w=0.5:rows" %t/layers.mlir 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not neuroplast-opt --neuro-draw-samples %t/layers.mlir 2>&1 | FileCheck %s --check-prefix=NOTHING

// ELEMENTS: %[[FLAT:.*]] = neuro.reshape
// ELEMENTS: %[[LEFT:.*]] = neuro.dropout %[[FLAT]] {rate = 5.000000e-01 : f64}
// ELEMENTS: neuro.matmul %[[LEFT]], %{{.*}}

// A kernel is not shared by channels, but places in space are.
// KINDS: %[[LEFT:.*]] = neuro.dropout %{{.*}} {rate = 2.500000e-01 : f64, shared = array<i64: 2, 3>}
// KINDS: neuro.conv %[[LEFT]], %{{.*}}
// KINDS: %[[W:.*]] = neuro.get_param @w
// KINDS: %[[SPARSE:.*]] = neuro.dropout %[[W]] {rate = 5.000000e-01 : f64}
// KINDS: neuro.matmul %{{.*}}, %[[SPARSE]]

// A kernel has its units first, and a matrix to the right of the data last.
// TARGETED: %[[K:.*]] = neuro.get_param @k
// TARGETED: %[[LEFT:.*]] = neuro.dropout %[[K]] {rate = 2.500000e-01 : f64, shared = array<i64: 1, 2, 3>, targeted = 5.000000e-01 : f64}
// TARGETED: neuro.conv %{{.*}}, %[[LEFT]]
// TARGETED: %[[W:.*]] = neuro.get_param @w
// TARGETED: %[[SPARSE:.*]] = neuro.dropout %[[W]] {apart = array<i64: 1>, rate = 5.000000e-01 : f64, targeted = 7.500000e-01 : f64}
// TARGETED: neuro.matmul %{{.*}}, %[[SPARSE]]

// SQUARES: neuro.dropout %{{.*}} {block = 3 : i64, rate = 2.500000e-01 : f64}

// BRANCHES: %[[F:.*]] = neuro.matmul
// BRANCHES: %[[LEFT:.*]] = neuro.dropout %[[F]] {rate = 1.000000e-01 : f64, shared = array<i64: 1>}
// BRANCHES: neuro.add %{{.*}}, %[[LEFT]]

// JOIN: %[[NEW:.*]] = neuro.matmul
// JOIN: neuro.join %[[NEW]], %{{.*}} {steps = 20 : i64}

// DRAWS: func.func @main(%{{.*}}, %[[DRAW:.*]]: tensor<i64> {neuro.name = "draw"})
// DRAWS: %[[U:.*]] = neuro.random_uniform [2, 32] counter %[[DRAW]] : tensor<i64> {seed = 0.000000e+00 : f32, to = f32}
// DRAWS: %[[OUT:.*]] = neuro.greater %{{.*}}, %[[U]]
// DRAWS: neuro.where %[[OUT]]
// DRAWS-NOT: neuro.dropout

// The step decides, and the gradient goes by the same numbers: there is one draw.
// STEP: %[[STEP:[[:alnum:]]+]]: tensor<f32> {neuro.name = "step"}
// STEP: %[[COUNTER:.*]] = neuro.cast %[[STEP]]
// STEP: neuro.random_uniform [2, 32] counter %[[COUNTER]]
// STEP-NOT: neuro.random_uniform

// NONE: error: has no layer whose weight is like 'none'
// KIND: error: dropout 'w=0.5:rows' is of none of the kinds elements, gaussian, channels, squares, weights, units, states, branches, concrete and join
// CONCRETE: neuro.param @w.dropout_logit trainable onnx "w.dropout_logit" = dense<0.000000e+00> : tensor<f32>
// CONCRETE: %[[RATE:.*]] = neuro.get_param @w.dropout_logit
// CONCRETE: neuro.concrete_dropout %{{.*}}, %[[RATE]] {examples = 100 : i64}
// SHAPES: error: makes no units that joined last, and no tensor of the type that it reads, so that nothing can stand in for its result
// NOTHING: error: has nothing that could be drawn

//--- layers.mlir
neuro.param @k trainable = dense<1.0> : tensor<2x3x1x1xf32>
neuro.param @w trainable = dense<1.0> : tensor<32x4xf32>
func.func @main(%x: tensor<2x3x4x4xf32>) -> tensor<2x4xf32> {
  %k = neuro.get_param @k : tensor<2x3x1x1xf32>
  %0 = neuro.conv %x, %k {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<2x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<2x2x4x4xf32>
  %1 = neuro.reshape %0 [2, 32] : tensor<2x2x4x4xf32> -> tensor<2x32xf32>
  %w = neuro.get_param @w : tensor<32x4xf32>
  %2 = neuro.matmul %1, %w : (tensor<2x32xf32>, tensor<32x4xf32>) -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}
//--- block.mlir
neuro.param @r trainable = dense<1.0> : tensor<4x4xf32>
func.func @main(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %r = neuro.get_param @r : tensor<4x4xf32>
  %0 = neuro.matmul %x, %r : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.add %x, %0 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}
