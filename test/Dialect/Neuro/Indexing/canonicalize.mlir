// RUN: neuroplast-opt %s --canonicalize | FileCheck %s

// What is added up in zeros, and these to a tensor, is added up in that.
// CHECK-LABEL: @scatter_of_zeros
// CHECK-SAME: %[[X:.*]]: tensor<4x3xf32>, %[[I:.*]]: tensor<1xi64>, %[[U:.*]]: tensor<3xf32>
// CHECK-NEXT: %[[S:.*]] = neuro.scatter_nd %[[X]], %[[I]], %[[U]] {reduction = "add"}
// CHECK-NEXT: return %[[S]]
func.func @scatter_of_zeros(%x: tensor<4x3xf32>, %i: tensor<1xi64>, %u: tensor<3xf32>) -> tensor<4x3xf32> {
  %zero = neuro.constant dense<0.0> : tensor<f32>
  %zeros = neuro.expand %zero [4, 3] : tensor<f32> -> tensor<4x3xf32>
  %0 = neuro.scatter_nd %zeros, %i, %u {reduction = "add"} : (tensor<4x3xf32>, tensor<1xi64>, tensor<3xf32>) -> tensor<4x3xf32>
  %1 = neuro.add %x, %0 : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}

// Not if something is there already, or the tensor is repeated.
// CHECK-LABEL: @scatter_stays
// CHECK-COUNT-2: neuro.add
func.func @scatter_stays(%x: tensor<4x3xf32>, %row: tensor<3xf32>, %i: tensor<1xi64>, %u: tensor<3xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>) {
  %ones = neuro.constant dense<1.0> : tensor<4x3xf32>
  %0 = neuro.scatter_nd %ones, %i, %u {reduction = "add"} : (tensor<4x3xf32>, tensor<1xi64>, tensor<3xf32>) -> tensor<4x3xf32>
  %1 = neuro.add %x, %0 : (tensor<4x3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
  %zeros = neuro.constant dense<0.0> : tensor<4x3xf32>
  %2 = neuro.scatter_nd %zeros, %i, %u {reduction = "add"} : (tensor<4x3xf32>, tensor<1xi64>, tensor<3xf32>) -> tensor<4x3xf32>
  %3 = neuro.add %row, %2 : (tensor<3xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
  return %1, %3 : tensor<4x3xf32>, tensor<4x3xf32>
}
