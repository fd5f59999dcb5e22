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
