// RUN: neuroplast-opt %s --neuro-fold-affine | FileCheck %s

// Scale 2 and 3 over deviations 1 and 2 make factors 2 and 1.5; the shift is the bias less
// what becomes of the mean.
neuro.param @w = dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>
neuro.param @b = dense<[1.0, 2.0]> : tensor<2xf32>
neuro.param @scale = dense<[2.0, 3.0]> : tensor<2xf32>
neuro.param @bias = dense<[5.0, 6.0]> : tensor<2xf32>
neuro.param @mean = dense<[1.0, 2.0]> : tensor<2xf32>
neuro.param @variance = dense<[1.0, 4.0]> : tensor<2xf32>

// What nobody reads any more is gone: the second layer still reads the weight.
// CHECK-NOT: @b =
// CHECK-NOT: @scale
// CHECK-DAG: neuro.param @w.scaled = dense<{{\[\[\[}}2.000000e+00, 4.000000e+00]], {{\[\[}}4.500000e+00, 6.000000e+00]]]>
// CHECK-DAG: neuro.param @w.shift = dense<[5.000000e+00, 6.000000e+00]>
// CHECK-DAG: neuro.param @w =

// CHECK-LABEL: func @layer
// CHECK: %[[W:.*]] = neuro.get_param @w.scaled
// CHECK: %[[B:.*]] = neuro.get_param @w.shift : tensor<2xf32>
// CHECK: %[[Y:.*]] = neuro.conv %{{.*}}, %[[W]], %[[B]]
// CHECK-NEXT: return %[[Y]]
func.func @layer(%x: tensor<1x1x5xf32>) -> tensor<1x2x4xf32> {
  %w = neuro.get_param @w : tensor<2x1x2xf32>
  %b = neuro.get_param @b : tensor<2xf32>
  %s = neuro.get_param @scale : tensor<2xf32>
  %t = neuro.get_param @bias : tensor<2xf32>
  %m = neuro.get_param @mean : tensor<2xf32>
  %v = neuro.get_param @variance : tensor<2xf32>
  %0 = neuro.conv %x, %w, %b {group = 1 : i64, strides = array<i64: 1>, dilations = array<i64: 1>, pads = array<i64: 0, 0>}
    : (tensor<1x1x5xf32>, tensor<2x1x2xf32>, tensor<2xf32>) -> tensor<1x2x4xf32>
  %1 = neuro.batch_norm %0, %s, %t, %m, %v {epsilon = 0.0 : f32}
    : (tensor<1x2x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4xf32>
  return %1 : tensor<1x2x4xf32>
}

// A layer without a bias gets a sum; where others read its results, nothing is folded.
// CHECK-LABEL: func @others
// CHECK: %[[A:.*]] = neuro.conv
// CHECK: %[[P:.*]] = neuro.mul %[[A]], %{{.*}} : (tensor<1x2x4xf32>, tensor<2x1xf32>)
// CHECK: %[[Q:.*]] = neuro.add %[[P]], %{{.*}} : (tensor<1x2x4xf32>, tensor<2x1xf32>)
// CHECK: return %[[A]], %[[Q]]
func.func @others(%x: tensor<1x1x5xf32>) -> (tensor<1x2x4xf32>, tensor<1x2x4xf32>) {
  %w = neuro.get_param @w : tensor<2x1x2xf32>
  %s = neuro.get_param @scale : tensor<2xf32>
  %t = neuro.get_param @bias : tensor<2xf32>
  %m = neuro.get_param @mean : tensor<2xf32>
  %v = neuro.get_param @variance : tensor<2xf32>
  %0 = neuro.conv %x, %w {group = 1 : i64, strides = array<i64: 1>, dilations = array<i64: 1>, pads = array<i64: 0, 0>}
    : (tensor<1x1x5xf32>, tensor<2x1x2xf32>) -> tensor<1x2x4xf32>
  %1 = neuro.batch_norm %0, %s, %t, %m, %v {epsilon = 0.0 : f32}
    : (tensor<1x2x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4xf32>
  return %0, %1 : tensor<1x2x4xf32>, tensor<1x2x4xf32>
}
