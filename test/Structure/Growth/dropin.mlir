// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-dropin="units=1" %t/perceptron.mlir | FileCheck %s --check-prefix=ZERO
// RUN: neuroplast-opt --neuro-dropin="units=2 init=pair" %t/perceptron.mlir | FileCheck %s --check-prefix=PAIR
// RUN: neuroplast-opt --neuro-dropin="units=2 init=net2wider" %t/perceptron.mlir | FileCheck %s --check-prefix=WIDER
// RUN: neuroplast-opt --neuro-dropin="share=0.5 round-to=8" %t/perceptron.mlir | FileCheck %s --check-prefix=ROUND
// RUN: neuroplast-opt --neuro-dropin="units=1 freeze=first report=1" %t/perceptron.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=FROZEN
// RUN: neuroplast-opt --neuro-dropin="share=0.5 at=k report=1" %t/heads.mlir 2>&1 | FileCheck %s --check-prefix=HEADS
// RUN: neuroplast-opt --neuro-dropin="share=1 init=net2wider inner=1 report=1" %t/heads.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=COPIES
// RUN: neuroplast-opt --neuro-dropin="units=1 init=net2wider report=1" %t/mean.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=MEAN
// RUN: not neuroplast-opt --neuro-dropin="init=gradmax" %t/mean.mlir 2>&1 | FileCheck %s --check-prefix=EXAMPLES
// RUN: not neuroplast-opt --neuro-dropin="init=none" %t/mean.mlir 2>&1 | FileCheck %s --check-prefix=INIT
// RUN: not neuroplast-opt --neuro-dropin="units=-1" %t/mean.mlir 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not neuroplast-opt --neuro-dropin="at=nothing" %t/mean.mlir 2>&1 | FileCheck %s --check-prefix=NAME

// EXAMPLES: 'gradmax' goes by gradients of examples, which a pass knows nothing of
// INIT: error: 'none' is none of zero-out, pair, net2wider and random
// NEGATIVE: error: the number of units that join must be positive
// NAME: error: no tensor with units has a name like 'nothing'

// The newborn reads at random, has the bias of its elders, and nobody reads it.
// ZERO: @first {{.*}}[1.000000e+00, 2.000000e+00, {{-?[1-9.].*}}], [3.000000e+00, 5.000000e+00, {{-?[1-9.].*}}]]> : tensor<2x3xf32>
// ZERO: @bias {{.*}}[1.000000e+00, 3.000000e+00, 2.000000e+00]> : tensor<3xf32>
// ZERO: @second {{.*}}[7.000000e+00], [8.000000e+00], [0.000000e+00]]> : tensor<3x1xf32>
// Partners differ in the sign of what is read only.
// PAIR: @first {{.*}}[1.000000e+00, 2.000000e+00, [[A:[^,]*]], [[A]]], [3.000000e+00, 5.000000e+00, [[B:[^,]*]], [[B]]]]> : tensor<2x4xf32>
// PAIR: @second {{.*}}[7.000000e+00], [8.000000e+00], {{\[-}}[[Z:[0-9.]+]]{{\], \[}}[[Z]]{{\]\]}}> : tensor<4x1xf32>
// Copies halve what is read.
// WIDER: @first {{.*}}[1.000000e+00, 2.000000e+00, 1.000000e+00, 2.000000e+00], [3.000000e+00, 5.000000e+00, 3.000000e+00, 5.000000e+00]]> : tensor<2x4xf32>
// WIDER: @second {{.*}}[3.500000e+00], [4.000000e+00], [3.500000e+00], [4.000000e+00]]> : tensor<4x1xf32>
// ROUND: @first {{.*}} : tensor<2x8xf32>
// FROZEN: units {{[0-9]+}}: 2 (frozen), @first[1] @bias[0] @second[0]

//--- perceptron.mlir
neuro.param @first trainable = dense<[[1.0, 2.0], [3.0, 5.0]]> : tensor<2x2xf32>
neuro.param @bias trainable = dense<[1.0, 3.0]> : tensor<2xf32>
neuro.param @second trainable = dense<[[7.0], [8.0]]> : tensor<2x1xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x1xf32> {neuro.name = "y"}) {
  %first = neuro.get_param @first : tensor<2x2xf32>
  %bias = neuro.get_param @bias : tensor<2xf32>
  %second = neuro.get_param @second : tensor<2x1xf32>
  %0 = neuro.gemm %x, %first, %bias : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %1 = neuro.sigmoid %0 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = neuro.matmul %1, %second : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}

// Where queries meet keys no weight reads the feature, so that the keys are silent.
// Named, the heads grow as well as their features; nobody reads a new head.
// HEADS: 2 + 1, @q[1] @k[1] @v[1] @o[0]
// HEADS: 2 + 1, @q[1] @k[1]
// HEADS: @q {{.*}} : tensor<4x9xf32>
// HEADS: @k {{.*}} : tensor<4x9xf32>
// HEADS: @v {{.*}} : tensor<4x6xf32>
// HEADS: neuro.reshape {{.*}} -> tensor<5x3x3xf32>
// COPIES: 2 + 2, @q[1] @k[1] @v[1] @o[0]
// COPIES: 2 ('neuro.matmul' has no weights that copies could share), @q[1] @k[1]
// COPIES: 2 + 2, @v[1] @o[0]

//--- heads.mlir
neuro.param @q trainable = dense<1.0> : tensor<4x4xf32>
neuro.param @k trainable = dense<[[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]]> : tensor<4x4xf32>
neuro.param @v trainable = dense<1.0> : tensor<4x4xf32>
neuro.param @o trainable = dense<1.0> : tensor<4x4xf32>
func.func @main(%x: tensor<5x4xf32> {neuro.name = "x"}) -> (tensor<5x4xf32> {neuro.name = "y"}) {
  %q = neuro.get_param @q : tensor<4x4xf32>
  %k = neuro.get_param @k : tensor<4x4xf32>
  %v = neuro.get_param @v : tensor<4x4xf32>
  %o = neuro.get_param @o : tensor<4x4xf32>
  %0 = neuro.matmul %x, %q : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %1 = neuro.matmul %x, %k : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %2 = neuro.matmul %x, %v : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %3 = neuro.reshape %0 [5, 2, 2] : tensor<5x4xf32> -> tensor<5x2x2xf32>
  %4 = neuro.reshape %1 [5, 2, 2] : tensor<5x4xf32> -> tensor<5x2x2xf32>
  %5 = neuro.reshape %2 [5, 2, 2] : tensor<5x4xf32> -> tensor<5x2x2xf32>
  %6 = neuro.transpose %3 [1, 0, 2] : tensor<5x2x2xf32> -> tensor<2x5x2xf32>
  %7 = neuro.transpose %4 [1, 2, 0] : tensor<5x2x2xf32> -> tensor<2x2x5xf32>
  %8 = neuro.transpose %5 [1, 0, 2] : tensor<5x2x2xf32> -> tensor<2x5x2xf32>
  %9 = neuro.matmul %6, %7 : (tensor<2x5x2xf32>, tensor<2x2x5xf32>) -> tensor<2x5x5xf32>
  %10 = neuro.softmax %9 : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %11 = neuro.matmul %10, %8 : (tensor<2x5x5xf32>, tensor<2x5x2xf32>) -> tensor<2x5x2xf32>
  %12 = neuro.transpose %11 [1, 0, 2] : tensor<2x5x2xf32> -> tensor<5x2x2xf32>
  %13 = neuro.reshape %12 [5, 4] : tensor<5x2x2xf32> -> tensor<5x4xf32>
  %14 = neuro.matmul %13, %o : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  return %14 : tensor<5x4xf32>
}

// MEAN: 3 ('neuro.reduce_mean' counts the units that it runs over), @a[1]

//--- mean.mlir
neuro.param @a trainable = dense<1.0> : tensor<4x3xf32>
func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}) -> (tensor<1xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<4x3xf32>
  %0 = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
  %1 = neuro.reduce_mean %0 {axes = array<i64: 1>, keepdims = false} : (tensor<1x3xf32>) -> tensor<1xf32>
  return %1 : tensor<1xf32>
}
