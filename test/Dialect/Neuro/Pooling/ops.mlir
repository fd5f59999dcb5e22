// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @pools
// CHECK: neuro.max_pool
// CHECK-SAME: (tensor<?x8x112x112xf32>) -> (tensor<?x8x56x56xf32>, tensor<?x8x56x56xi64>)
// CHECK: neuro.average_pool
// CHECK-SAME: (tensor<?x8x56x56xf32>) -> tensor<?x8x28x28xf32>
func.func @pools(%x: tensor<?x8x112x112xf32>) -> tensor<?x8x28x28xf32> {
  %0, %i = neuro.max_pool %x {kernel_shape = array<i64: 3, 3>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>,
    pads = array<i64: 1, 1, 1, 1>} : (tensor<?x8x112x112xf32>) -> (tensor<?x8x56x56xf32>, tensor<?x8x56x56xi64>)
  %1 = neuro.average_pool %0 {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>,
    pads = array<i64: 0, 0, 0, 0>, ceil_mode = 1 : i64} : (tensor<?x8x56x56xf32>) -> tensor<?x8x28x28xf32>
  return %1 : tensor<?x8x28x28xf32>
}

// CHECK-LABEL: @resize
// CHECK: neuro.resize %{{.*}} [1, 3, %{{.*}}, 8] {{.*}} : tensor<1x3x?x4xf32> -> tensor<1x3x?x8xf32>
func.func @resize(%x: tensor<1x3x?x4xf32>, %h: index) -> tensor<1x3x?x8xf32> {
  %0 = neuro.resize %x [1, 3, %h, 8] {mode = "linear", roi = array<f32>, scales = array<f32>} : tensor<1x3x?x4xf32> -> tensor<1x3x?x8xf32>
  return %0 : tensor<1x3x?x8xf32>
}

// CHECK-LABEL: @grid_sample
// CHECK: neuro.grid_sample
func.func @grid_sample(%x: tensor<1x3x8x8xf32>, %g: tensor<1x4x5x2xf32>) -> tensor<1x3x4x5xf32> {
  %0 = neuro.grid_sample %x, %g {mode = "cubic"} : (tensor<1x3x8x8xf32>, tensor<1x4x5x2xf32>) -> tensor<1x3x4x5xf32>
  return %0 : tensor<1x3x4x5xf32>
}

// CHECK-LABEL: @lp_pool(
// CHECK: neuro.lp_pool %{{.*}} {dilations = array<i64: 1>, kernel_shape = array<i64: 2>, p = 3 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x3x32xf32>) -> tensor<1x3x31xf32>
func.func @lp_pool(%a: tensor<1x3x32xf32>) -> tensor<1x3x31xf32> {
  %r = neuro.lp_pool %a {dilations = array<i64: 1>, kernel_shape = array<i64: 2>, p = 3 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x3x32xf32>) -> tensor<1x3x31xf32>
  return %r : tensor<1x3x31xf32>
}

// CHECK-LABEL: @non_max_suppression(
// CHECK: neuro.non_max_suppression %{{.*}}, %{{.*}} max_boxes(%{{.*}}) iou(%{{.*}}) score(%{{.*}}) : (tensor<1x6x4xf32>, tensor<1x1x6xf32>, tensor<1xi64>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x3xi64>
func.func @non_max_suppression(%a: tensor<1x6x4xf32>, %b: tensor<1x1x6xf32>, %c: tensor<1xi64>, %d: tensor<1xf32>, %e: tensor<1xf32>) -> tensor<?x3xi64> {
  %r = neuro.non_max_suppression %a, %b max_boxes(%c) iou(%d) score(%e) : (tensor<1x6x4xf32>, tensor<1x1x6xf32>, tensor<1xi64>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x3xi64>
  return %r : tensor<?x3xi64>
}

// CHECK-LABEL: @roi_align(
// CHECK: neuro.roi_align %{{.*}}, %{{.*}}, %{{.*}} {output_height = 5 : i64, output_width = 5 : i64, sampling_ratio = 2 : i64} : (tensor<1x1x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x1x5x5xf32>
func.func @roi_align(%a: tensor<1x1x10x10xf32>, %b: tensor<3x4xf32>, %c: tensor<3xi64>) -> tensor<3x1x5x5xf32> {
  %r = neuro.roi_align %a, %b, %c {output_height = 5 : i64, output_width = 5 : i64, sampling_ratio = 2 : i64} : (tensor<1x1x10x10xf32>, tensor<3x4xf32>, tensor<3xi64>) -> tensor<3x1x5x5xf32>
  return %r : tensor<3x1x5x5xf32>
}
