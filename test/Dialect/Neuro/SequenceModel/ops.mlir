// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --mlir-print-op-generic | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @rotary_embedding(
// CHECK: neuro.rotary_embedding %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x4x3x8xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x4x3x8xf32>
func.func @rotary_embedding(%a: tensor<2x4x3x8xf32>, %b: tensor<2x3x4xf32>, %c: tensor<2x3x4xf32>) -> tensor<2x4x3x8xf32> {
  %r = neuro.rotary_embedding %a, %b, %c : (tensor<2x4x3x8xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x4x3x8xf32>
  return %r : tensor<2x4x3x8xf32>
}

// CHECK-LABEL: @rotary_embedding_full(
// CHECK: neuro.rotary_embedding %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x4x3x8xf32>, tensor<50x4xf32>, tensor<50x4xf32>, tensor<2x3xi64>) -> tensor<2x4x3x8xf32>
func.func @rotary_embedding_full(%a: tensor<2x4x3x8xf32>, %b: tensor<50x4xf32>, %c: tensor<50x4xf32>, %d: tensor<2x3xi64>) -> tensor<2x4x3x8xf32> {
  %r = neuro.rotary_embedding %a, %b, %c, %d : (tensor<2x4x3x8xf32>, tensor<50x4xf32>, tensor<50x4xf32>, tensor<2x3xi64>) -> tensor<2x4x3x8xf32>
  return %r : tensor<2x4x3x8xf32>
}
