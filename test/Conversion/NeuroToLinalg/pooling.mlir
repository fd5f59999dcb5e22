// RUN: neuroplast-opt %s --convert-neuro-to-linalg --canonicalize --cse | FileCheck %s

// Indices that nothing reads cost nothing.
// CHECK-LABEL: @max_pool
// CHECK: tensor.pad
// CHECK: arith.maximumf
// CHECK-NOT: i64
// CHECK: return
func.func @max_pool(%x: tensor<1x8x14x14xf32>) -> tensor<1x8x7x7xf32> {
  %0, %i = neuro.max_pool %x {kernel_shape = array<i64: 3, 3>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>,
    pads = array<i64: 1, 1, 1, 1>} : (tensor<1x8x14x14xf32>) -> (tensor<1x8x7x7xf32>, tensor<1x8x7x7xi64>)
  return %0 : tensor<1x8x7x7xf32>
}

// CHECK-LABEL: @average_pool
// CHECK: arith.addf
// CHECK: arith.divf
func.func @average_pool(%x: tensor<1x8x14x14xf32>) -> tensor<1x8x7x7xf32> {
  %0 = neuro.average_pool %x {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>,
    pads = array<i64: 0, 0, 0, 0>} : (tensor<1x8x14x14xf32>) -> tensor<1x8x7x7xf32>
  return %0 : tensor<1x8x7x7xf32>
}

// CHECK-LABEL: @resize
// CHECK: linalg.generic
// CHECK-NOT: neuro.
func.func @resize(%x: tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32> {
  %0 = neuro.resize %x [1, 3, 8, 8] {mode = "linear", roi = array<f32>, scales = array<f32>} : tensor<1x3x4x4xf32> -> tensor<1x3x8x8xf32>
  return %0 : tensor<1x3x8x8xf32>
}
