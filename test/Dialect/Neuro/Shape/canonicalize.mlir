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

// An axis that is split, whose parts are swapped and joined, is shuffled.
// CHECK-LABEL: @shuffle
// CHECK-SAME: %[[X:.*]]: tensor<?x6x5xf32>
// CHECK-NEXT: %[[S:.*]] = neuro.channel_shuffle %[[X]] {axis = 1 : i64, groups = 2 : i64}
// CHECK-NEXT: return %[[S]]
func.func @shuffle(%x: tensor<?x6x5xf32>) -> tensor<?x6x5xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x6x5xf32>
  %0 = neuro.reshape %x [%n, 2, 3, 5] : tensor<?x6x5xf32> -> tensor<?x2x3x5xf32>
  %1 = neuro.transpose %0 [0, 2, 1, 3] : tensor<?x2x3x5xf32> -> tensor<?x3x2x5xf32>
  %2 = neuro.reshape %1 [%n, 6, 5] : tensor<?x3x2x5xf32> -> tensor<?x6x5xf32>
  return %2 : tensor<?x6x5xf32>
}

// Another size, other parts, or parts of two axes are no shuffle.
// CHECK-LABEL: @no_shuffle
// CHECK-NOT: channel_shuffle
func.func @no_shuffle(%x: tensor<?x6x?xf32>, %y: tensor<4x6xf32>, %n: index, %m: index) -> (tensor<?x6x?xf32>, tensor<4x6xf32>, tensor<4x6xf32>) {
  %0 = neuro.reshape %x [%n, 2, 3, %m] : tensor<?x6x?xf32> -> tensor<?x2x3x?xf32>
  %1 = neuro.transpose %0 [0, 2, 1, 3] : tensor<?x2x3x?xf32> -> tensor<?x3x2x?xf32>
  %2 = neuro.reshape %1 [%m, 6, %n] : tensor<?x3x2x?xf32> -> tensor<?x6x?xf32>
  %3 = neuro.reshape %y [2, 2, 6] : tensor<4x6xf32> -> tensor<2x2x6xf32>
  %4 = neuro.transpose %3 [0, 2, 1] : tensor<2x2x6xf32> -> tensor<2x6x2xf32>
  %5 = neuro.reshape %4 [4, 6] : tensor<2x6x2xf32> -> tensor<4x6xf32>
  %6 = neuro.reshape %y [3, 2, 4] : tensor<4x6xf32> -> tensor<3x2x4xf32>
  %7 = neuro.transpose %6 [1, 0, 2] : tensor<3x2x4xf32> -> tensor<2x3x4xf32>
  %8 = neuro.reshape %7 [4, 6] : tensor<2x3x4xf32> -> tensor<4x6xf32>
  return %2, %5, %8 : tensor<?x6x?xf32>, tensor<4x6xf32>, tensor<4x6xf32>
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
