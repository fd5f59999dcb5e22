// RUN: neuroplast-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: @reshape_of_reshape
// CHECK-SAME: %[[X:.*]]: tensor<2x6xf32>
// CHECK-NEXT: %[[R:.*]] = neuro.reshape %[[X]] [12] : tensor<2x6xf32> -> tensor<12xf32>
// CHECK-NEXT: return %[[R]]
func.func @reshape_of_reshape(%x: tensor<2x6xf32>) -> tensor<12xf32> {
  %0 = neuro.reshape %x [3, 4] : tensor<2x6xf32> -> tensor<3x4xf32>
  %1 = neuro.reshape %0 [12] : tensor<3x4xf32> -> tensor<12xf32>
  return %1 : tensor<12xf32>
}

// CHECK-LABEL: @there_and_back
// CHECK-SAME: %[[X:.*]]: tensor<2x3x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @there_and_back(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = neuro.transpose %x [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = neuro.transpose %0 [2, 0, 1] : tensor<3x4x2xf32> -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: @no_change
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]]
func.func @no_change(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = neuro.reshape %x [2, 3] : tensor<2x3xf32> -> tensor<2x3xf32>
  %1 = neuro.transpose %x [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  %2 = neuro.expand %x [2, 3] : tensor<2x3xf32> -> tensor<2x3xf32>
  %3 = neuro.slice %x [0, 0] [2, 3] [1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0, %1, %2, %3 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// A slice that only looks full: every second row of four.
// CHECK-LABEL: @every_second
// CHECK: neuro.slice
func.func @every_second(%x: tensor<4xf32>) -> tensor<2xf32> {
  %0 = neuro.slice %x [0] [2] [2] : tensor<4xf32> -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: @reversed
// CHECK: neuro.slice
func.func @reversed(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = neuro.slice %x [3] [4] [-1] : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
