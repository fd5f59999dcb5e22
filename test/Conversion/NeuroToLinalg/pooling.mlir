// RUN: neuroplast-opt %s --convert-neuro-to-linalg --canonicalize --cse | FileCheck %s

// Indices that nothing reads cost nothing.
// CHECK-LABEL: @max_pool
// CHECK: %[[P:.*]] = tensor.pad
// CHECK: kernel.pool ins(%[[P]] : tensor<1x8x16x16xf32>) outs({{.*}}) window [3, 3] {input_map = #{{.*}}, largest} -> tensor<1x8x7x7xf32>
// CHECK-NOT: i64
// CHECK: return
func.func @max_pool(%x: tensor<1x8x14x14xf32>) -> tensor<1x8x7x7xf32> {
  %0, %i = neuro.max_pool %x {kernel_shape = array<i64: 3, 3>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>,
    pads = array<i64: 1, 1, 1, 1>} : (tensor<1x8x14x14xf32>) -> (tensor<1x8x7x7xf32>, tensor<1x8x7x7xi64>)
  return %0 : tensor<1x8x7x7xf32>
}

// Windows that are whole count as many places as they have.
// CHECK-LABEL: @average_pool
// CHECK: %[[FOUR:.*]] = arith.constant 4.000000e+00 : f32
// CHECK: %[[SUM:.*]] = kernel.pool {{.*}} window [2, 2] {input_map = #{{[a-z0-9]*}}} ->
// CHECK: linalg.generic {{.*}} ins(%[[SUM]] :
// CHECK: arith.divf %{{.*}}, %[[FOUR]]
func.func @average_pool(%x: tensor<1x8x14x14xf32>) -> tensor<1x8x7x7xf32> {
  %0 = neuro.average_pool %x {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>,
    pads = array<i64: 0, 0, 0, 0>} : (tensor<1x8x14x14xf32>) -> tensor<1x8x7x7xf32>
  return %0 : tensor<1x8x7x7xf32>
}

// Of padded ones the counts along each axis are a vector.
// CHECK-LABEL: @padded_average_pool
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<7xf32>)
// CHECK: linalg.generic {{.*}} tensor<1x8x7x7xf32>, tensor<7xf32>, tensor<7xf32>)
// CHECK: arith.divf
func.func @padded_average_pool(%x: tensor<1x8x14x14xf32>) -> tensor<1x8x7x7xf32> {
  %0 = neuro.average_pool %x {kernel_shape = array<i64: 3, 3>, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>,
    pads = array<i64: 1, 1, 0, 0>} : (tensor<1x8x14x14xf32>) -> tensor<1x8x7x7xf32>
  return %0 : tensor<1x8x7x7xf32>
}

// Whole factors repeat places, without an index.
// CHECK-LABEL: @repeat
// CHECK: %[[R:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x3x4x2x4x3xf32>)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: linalg.yield
// CHECK: tensor.collapse_shape %[[R]] {{\[\[}}0], [1], [2, 3], [4, 5]]
func.func @repeat(%x: tensor<1x3x4x4xf32>) -> tensor<1x3x8x12xf32> {
  %0 = neuro.resize %x [1, 3, 8, 12] {mode = "nearest", roi = array<f32>, scales = array<f32>} : tensor<1x3x4x4xf32> -> tensor<1x3x8x12xf32>
  return %0 : tensor<1x3x8x12xf32>
}

// CHECK-LABEL: @resize
// CHECK: linalg.generic
// CHECK-NOT: neuro.
func.func @resize(%x: tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32> {
  %0 = neuro.resize %x [1, 3, 8, 8] {mode = "linear", roi = array<f32>, scales = array<f32>} : tensor<1x3x4x4xf32> -> tensor<1x3x8x8xf32>
  return %0 : tensor<1x3x8x8xf32>
}
