// RUN: neuroplast-opt %s --convert-neuro-to-linalg --canonicalize --cse | FileCheck %s

// Channels are split into groups; each sum starts at the bias of its channel.
// CHECK-DAG: #[[IN:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d5, d3 + d6, d4 + d7)>
// CHECK-DAG: #[[WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d2, d5, d6, d7)>
// CHECK-DAG: #[[BIAS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d2)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d2, d3, d4)>
// CHECK-LABEL: @conv
// CHECK: tensor.pad
// CHECK: kernel.contract {{.*}} {indexing_maps = [#[[IN]], #[[WEIGHT]], #[[BIAS]], #[[OUT]]]}
// CHECK-NEXT: ^bb0(%[[SUM:.*]]: f32, %[[B:.*]]: f32):
// CHECK-NEXT: %[[Y:.*]] = arith.addf %[[SUM]], %[[B]]
// CHECK-NEXT: kernel.yield %[[Y]]
// CHECK-NOT: neuro.
func.func @conv(%x: tensor<1x8x14x14xf32>, %w: tensor<6x4x3x3xf32>, %b: tensor<6xf32>) -> tensor<1x6x14x14xf32> {
  %0 = neuro.conv %x, %w, %b {group = 2 : i64, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>}
    : (tensor<1x8x14x14xf32>, tensor<6x4x3x3xf32>, tensor<6xf32>) -> tensor<1x6x14x14xf32>
  return %0 : tensor<1x6x14x14xf32>
}

// Narrow floats add up in f32.
// CHECK-LABEL: @half
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: arith.addf %{{.*}} : f32
// CHECK: arith.truncf %{{.*}} : f32 to f16
func.func @half(%a: tensor<4x3xf16>, %b: tensor<3x2xf16>) -> tensor<4x2xf16> {
  %0 = neuro.matmul %a, %b : (tensor<4x3xf16>, tensor<3x2xf16>) -> tensor<4x2xf16>
  return %0 : tensor<4x2xf16>
}

// Bytes without a sign widen with zeros.
// CHECK-LABEL: @integer
// CHECK-DAG: arith.extui %{{.*}} : i8 to i32
// CHECK-DAG: arith.extsi %{{.*}} : i8 to i32
func.func @integer(%a: tensor<4x3xui8>, %b: tensor<3x2xi8>) -> tensor<4x2xi32> {
  %0 = neuro.matmul_integer %a, %b : (tensor<4x3xui8>, tensor<3x2xi8>) -> tensor<4x2xi32>
  return %0 : tensor<4x2xi32>
}

// CHECK-LABEL: @diagonal
// CHECK: linalg.generic
// CHECK-NOT: neuro.
func.func @diagonal(%a: tensor<3x3xf32>) -> tensor<3xf32> {
  %0 = neuro.einsum %a {equation = "ii->i"} : (tensor<3x3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
