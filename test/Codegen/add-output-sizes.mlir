// RUN: neuroplast-opt %s --split-input-file --convert-neuro-to-linalg --canonicalize --cse --neuro-add-output-sizes --canonicalize | FileCheck %s

// Sizes come from those of the arguments; nothing is computed for them.
// CHECK-LABEL: @output_sizes(%arg0: tensor<?x3x?x8xf32>, %arg1: tensor<4x3x3x3xf32>) -> (index, index, index, index)
// CHECK-NOT: linalg
// CHECK-DAG: %[[N:.*]] = tensor.dim %arg0, %c0
// CHECK-DAG: %[[H:.*]] = tensor.dim %arg0, %c2
// CHECK-DAG: %[[STEPS:.*]] = arith.subi %[[H]], %c3
// CHECK-DAG: %[[OUT:.*]] = arith.maxsi
// CHECK: return %[[N]], %c4, %[[OUT]], %c3
func.func @main(%x: tensor<?x3x?x8xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<?x4x?x3xf32> {
  %0 = neuro.conv %x, %w {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<?x3x?x8xf32>, tensor<4x3x3x3xf32>) -> tensor<?x4x?x3xf32>
  %1 = neuro.relu %0 : (tensor<?x4x?x3xf32>) -> tensor<?x4x?x3xf32>
  return %1 : tensor<?x4x?x3xf32>
}

// -----

// How many elements are not zero is known after they were computed.
// CHECK-LABEL: @output_sizes(
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[UNKNOWN:.*]] = arith.constant -1 : index
// CHECK: return %[[ONE]], %[[UNKNOWN]] : index, index
func.func @main(%x: tensor<?xi64>) -> tensor<1x?xi64> {
  %0 = neuro.non_zero %x : (tensor<?xi64>) -> tensor<1x?xi64>
  return %0 : tensor<1x?xi64>
}

// -----

// An argument may hold sizes.
// CHECK-LABEL: @output_sizes(
// CHECK: %[[E:.*]] = tensor.extract %arg1
// CHECK: %[[I:.*]] = arith.index_cast %[[E]] : i64 to index
// CHECK: return %[[I]], %{{.*}} : index, index
func.func @main(%x: tensor<f32>, %s: tensor<1xi64>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %e = tensor.extract %s[%c0] : tensor<1xi64>
  %n = arith.index_cast %e : i64 to index
  %0 = neuro.fill %x [%n] : tensor<f32> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
