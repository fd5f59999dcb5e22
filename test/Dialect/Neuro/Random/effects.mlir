// RUN: neuroplast-opt %s --cse --canonicalize | FileCheck %s

// Two draws are two, however equal they look.
// CHECK-LABEL: @twice(
// CHECK-COUNT-2: neuro.random_uniform
func.func @twice() -> (tensor<3xf32>, tensor<3xf32>) {
  %a = neuro.random_uniform [3] {to = f32} : tensor<3xf32>
  %b = neuro.random_uniform [3] {to = f32} : tensor<3xf32>
  return %a, %b : tensor<3xf32>, tensor<3xf32>
}

// A part of a batch draws the numbers behind those of the parts before.
// CHECK-LABEL: @part(
// CHECK: neuro.random_uniform [3] counter %{{.*}} : tensor<i64> from %{{.*}} : tensor<i64>
func.func @part(%counter: tensor<i64>, %first: tensor<i64>) -> tensor<3xf32> {
  %a = neuro.random_uniform [3] counter %counter : tensor<i64> from %first : tensor<i64> {to = f32} : tensor<3xf32>
  return %a : tensor<3xf32>
}

// With a counter they are one: its numbers.
// CHECK-LABEL: @counted(
// CHECK: %[[U:.*]] = neuro.random_uniform [3] counter %{{.*}} : tensor<i64>
// CHECK: return %[[U]], %[[U]]
func.func @counted(%counter: tensor<i64>) -> (tensor<3xf32>, tensor<3xf32>) {
  %a = neuro.random_uniform [3] counter %counter : tensor<i64> {to = f32} : tensor<3xf32>
  %b = neuro.random_uniform [3] counter %counter : tensor<i64> {to = f32} : tensor<3xf32>
  return %a, %b : tensor<3xf32>, tensor<3xf32>
}
