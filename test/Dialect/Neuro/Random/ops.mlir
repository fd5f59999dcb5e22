// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --mlir-print-op-generic | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @normal(
// CHECK: neuro.random_normal [2, %{{.*}}] {mean = 1.000000e+00 : f32, to = f32} : tensor<2x?xf32>
func.func @normal(%n: index) -> tensor<2x?xf32> {
  %r = neuro.random_normal [2, %n] {mean = 1.0 : f32, to = f32} : tensor<2x?xf32>
  return %r : tensor<2x?xf32>
}

// CHECK-LABEL: @uniform(
// CHECK: neuro.random_uniform [3] {high = 2.000000e+00 : f32, seed = 5.000000e+00 : f32, to = f64} : tensor<3xf64>
func.func @uniform() -> tensor<3xf64> {
  %r = neuro.random_uniform [3] {high = 2.0 : f32, seed = 5.0 : f32, to = f64} : tensor<3xf64>
  return %r : tensor<3xf64>
}

// CHECK-LABEL: @counted(
// CHECK: neuro.random_uniform [%{{.*}}] counter %{{.*}} : tensor<i64> {to = f32} : tensor<?xf32>
func.func @counted(%n: index, %counter: tensor<i64>) -> tensor<?xf32> {
  %r = neuro.random_uniform [%n] counter %counter : tensor<i64> {to = f32} : tensor<?xf32>
  return %r : tensor<?xf32>
}
