// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-prune="dead=1" %t/rectified.mlir | FileCheck %s --check-prefix=RECTIFIED
// RUN: neuroplast-opt --neuro-prune="dead=1" %t/squashed.mlir | FileCheck %s --check-prefix=SQUASHED
// RUN: neuroplast-opt --neuro-prune="dead=1" %t/counted.mlir | FileCheck %s --check-prefix=COUNTED
// RUN: neuroplast-opt --neuro-prune="dead=1" %t/grouped.mlir | FileCheck %s --check-prefix=GROUPED
// RUN: neuroplast-opt --neuro-prune="dead=1 report=1" %t/squashed.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT

// Unit 1 gives nothing, and nobody reads unit 3.
// RECTIFIED: @w {{.*}}dense<{{\[\[}}1.000000e+00, 3.000000e+00]]> : tensor<1x2xf32>
// RECTIFIED: @v {{.*}}dense<{{\[\[}}5.000000e+00], [7.000000e+00]]> : tensor<2x1xf32>

//--- rectified.mlir
neuro.param @w trainable = dense<[[1.0, 0.0, 3.0, 4.0]]> : tensor<1x4xf32>
neuro.param @v trainable = dense<[[5.0], [6.0], [7.0], [0.0]]> : tensor<4x1xf32>
func.func @main(%x: tensor<2x1xf32> {neuro.name = "x"}) -> (tensor<2x1xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<1x4xf32>
  %v = neuro.get_param @v : tensor<4x1xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x1xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.relu %0 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = neuro.matmul %1, %v : (tensor<2x4xf32>, tensor<4x1xf32>) -> tensor<2x1xf32>
  return %2 : tensor<2x1xf32>
}

// The sigmoid of zero is a half: of what gives nothing, something is read.
// SQUASHED: @w {{.*}} tensor<1x3xf32>
// SQUASHED: @v {{.*}}dense<{{\[\[}}5.000000e+00], [6.000000e+00], [7.000000e+00]]>
// REPORT: kept 3 of 4

//--- squashed.mlir
neuro.param @w trainable = dense<[[1.0, 0.0, 3.0, 4.0]]> : tensor<1x4xf32>
neuro.param @v trainable = dense<[[5.0], [6.0], [7.0], [0.0]]> : tensor<4x1xf32>
func.func @main(%x: tensor<2x1xf32> {neuro.name = "x"}) -> (tensor<2x1xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<1x4xf32>
  %v = neuro.get_param @v : tensor<4x1xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x1xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.sigmoid %0 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = neuro.matmul %1, %v : (tensor<2x4xf32>, tensor<4x1xf32>) -> tensor<2x1xf32>
  return %2 : tensor<2x1xf32>
}

// A mean over the units is another one without them.
// COUNTED: @w {{.*}} tensor<1x4xf32>

//--- counted.mlir
neuro.param @w trainable = dense<[[1.0, 0.0, 3.0, 4.0]]> : tensor<1x4xf32>
func.func @main(%x: tensor<2x1xf32> {neuro.name = "x"}) -> (tensor<2x1xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<1x4xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x1xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.reduce_mean %0 {axes = array<i64: 1>, keepdims = true} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  return %1 : tensor<2x1xf32>
}

// The groups of a convolution keep equally many: only the first one has a unit that could go, so all stay.
// GROUPED: @w {{.*}} tensor<4x1x1x1xf32>

//--- grouped.mlir
neuro.param @w trainable = dense<[[[[0.0]]], [[[1.0]]], [[[2.0]]], [[[3.0]]]]> : tensor<4x1x1x1xf32>
neuro.param @g trainable = dense<1.0> : tensor<2x2x1x1xf32>
func.func @main(%x: tensor<1x1x2x2xf32> {neuro.name = "x"}) -> (tensor<1x2x2x2xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<4x1x1x1xf32>
  %g = neuro.get_param @g : tensor<2x2x1x1xf32>
  %0 = neuro.conv %x, %w {group = 1 : i64, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>}
    : (tensor<1x1x2x2xf32>, tensor<4x1x1x1xf32>) -> tensor<1x4x2x2xf32>
  %1 = neuro.conv %0, %g {group = 2 : i64, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>}
    : (tensor<1x4x2x2xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x2x2xf32>
  return %1 : tensor<1x2x2x2xf32>
}
