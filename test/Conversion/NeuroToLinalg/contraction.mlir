// RUN: neuroplast-opt %s --convert-neuro-to-linalg --canonicalize --cse | FileCheck %s

// Channels are split into groups; each sum starts at the bias of its channel.
// CHECK-DAG: #[[IN:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d5, d3 + d6, d4 + d7)>
// CHECK-DAG: #[[WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d2, d5, d6, d7)>
// CHECK-DAG: #[[BIAS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d2)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d2, d3, d4)>
// CHECK-DAG: #[[ONE:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d4, d1, 0, 0)>
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

// Transposed, a kernel of one place is a convolution by its transpose; where an axis of it has more
// than one, each place of the result is of one of them.
// CHECK-LABEL: @conv_transpose
// CHECK: kernel.contract ins(%arg0, %arg1 : {{.*}}) outs(%{{.*}} : tensor<1x8x14x14xf32>) attributes {indexing_maps = [#{{.*}}, #[[ONE]], #{{.*}}]}
// CHECK: kernel.contract ins(%arg0, %arg2 : {{.*}}) outs(%{{.*}} : tensor<1x8x14x14x2xf32>)
// CHECK: tensor.collapse_shape {{.*}} {{\[\[}}0], [1], [2], [3, 4]]
func.func @conv_transpose(%x: tensor<1x4x14x14xf32>, %v: tensor<4x8x1x1xf32>, %w: tensor<4x8x1x2xf32>) -> (tensor<1x8x14x14xf32>, tensor<1x8x14x28xf32>) {
  %0 = neuro.conv_transpose %x, %v {group = 1 : i64, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, output_padding = array<i64: 0, 0>}
    : (tensor<1x4x14x14xf32>, tensor<4x8x1x1xf32>) -> tensor<1x8x14x14xf32>
  %1 = neuro.conv_transpose %x, %w {group = 1 : i64, strides = array<i64: 1, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, output_padding = array<i64: 0, 0>}
    : (tensor<1x4x14x14xf32>, tensor<4x8x1x2xf32>) -> tensor<1x8x14x28xf32>
  return %0, %1 : tensor<1x8x14x14xf32>, tensor<1x8x14x28xf32>
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
