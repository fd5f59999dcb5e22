// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @conv
// CHECK: neuro.conv %{{.*}}, %{{.*}}, %{{.*}} {{.*}}group = 2 : i64
func.func @conv(%x: tensor<?x8x14x14xf32>, %w: tensor<6x4x3x3xf32>, %b: tensor<6xf32>) -> tensor<?x6x7x7xf32> {
  %0 = neuro.conv %x, %w, %b {group = 2 : i64, strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>}
    : (tensor<?x8x14x14xf32>, tensor<6x4x3x3xf32>, tensor<6xf32>) -> tensor<?x6x7x7xf32>
  return %0 : tensor<?x6x7x7xf32>
}

// CHECK-LABEL: @conv_transpose
// CHECK: neuro.conv_transpose
func.func @conv_transpose(%x: tensor<1x4x7x7xf32>, %w: tensor<4x2x2x2xf32>) -> tensor<1x2x14x14xf32> {
  %0 = neuro.conv_transpose %x, %w {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>,
    output_padding = array<i64: 0, 0>} : (tensor<1x4x7x7xf32>, tensor<4x2x2x2xf32>) -> tensor<1x2x14x14xf32>
  return %0 : tensor<1x2x14x14xf32>
}

// One-dimensional operands lose their axis.
// CHECK-LABEL: @matmul
// CHECK: (tensor<5x1x2x3xf32>, tensor<4x3x7xf32>) -> tensor<5x4x2x7xf32>
// CHECK: (tensor<3xf32>, tensor<3x7xf32>) -> tensor<7xf32>
// CHECK: (tensor<3xf32>, tensor<3xf32>) -> tensor<f32>
func.func @matmul(%a: tensor<5x1x2x3xf32>, %b: tensor<4x3x7xf32>, %v: tensor<3xf32>, %m: tensor<3x7xf32>)
    -> (tensor<5x4x2x7xf32>, tensor<7xf32>, tensor<f32>) {
  %0 = neuro.matmul %a, %b : (tensor<5x1x2x3xf32>, tensor<4x3x7xf32>) -> tensor<5x4x2x7xf32>
  %1 = neuro.matmul %v, %m : (tensor<3xf32>, tensor<3x7xf32>) -> tensor<7xf32>
  %2 = neuro.matmul %v, %v : (tensor<3xf32>, tensor<3xf32>) -> tensor<f32>
  return %0, %1, %2 : tensor<5x4x2x7xf32>, tensor<7xf32>, tensor<f32>
}

// CHECK-LABEL: @integer
// CHECK: neuro.matmul_integer %{{.*}}, %{{.*}} a_zero_point(%{{.*}})
func.func @integer(%a: tensor<4x3xui8>, %b: tensor<3x2xi8>, %z: tensor<ui8>) -> tensor<4x2xi32> {
  %0 = neuro.matmul_integer %a, %b a_zero_point(%z) : (tensor<4x3xui8>, tensor<3x2xi8>, tensor<ui8>) -> tensor<4x2xi32>
  return %0 : tensor<4x2xi32>
}

// CHECK-LABEL: @einsum
// CHECK: neuro.einsum %{{.*}}, %{{.*}} {equation = "...ij,jk->...ik"}
func.func @einsum(%a: tensor<2x4x3xf32>, %b: tensor<3x5xf32>) -> tensor<2x4x5xf32> {
  %0 = neuro.einsum %a, %b {equation = "...ij,jk->...ik"} : (tensor<2x4x3xf32>, tensor<3x5xf32>) -> tensor<2x4x5xf32>
  return %0 : tensor<2x4x5xf32>
}

// CHECK-LABEL: @conv_integer(
// CHECK: neuro.conv_integer %{{.*}}, %{{.*}} input_zero_point(%{{.*}}) {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x3x3xui8>, tensor<1x1x2x2xui8>, tensor<ui8>) -> tensor<1x1x2x2xi32>
func.func @conv_integer(%a: tensor<1x1x3x3xui8>, %b: tensor<1x1x2x2xui8>, %c: tensor<ui8>) -> tensor<1x1x2x2xi32> {
  %r = neuro.conv_integer %a, %b input_zero_point(%c) {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x3x3xui8>, tensor<1x1x2x2xui8>, tensor<ui8>) -> tensor<1x1x2x2xi32>
  return %r : tensor<1x1x2x2xi32>
}

// CHECK-LABEL: @gemm(
// CHECK: neuro.gemm %{{.*}}, %{{.*}} : (tensor<2x10xf32>, tensor<10x3xf32>) -> tensor<2x3xf32>
func.func @gemm(%a: tensor<2x10xf32>, %b: tensor<10x3xf32>) -> tensor<2x3xf32> {
  %r = neuro.gemm %a, %b : (tensor<2x10xf32>, tensor<10x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// CHECK-LABEL: @gemm_full(
// CHECK: neuro.gemm %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3x4xf32>, tensor<f32>) -> tensor<2x4xf32>
func.func @gemm_full(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>, %c: tensor<f32>) -> tensor<2x4xf32> {
  %r = neuro.gemm %a, %b, %c : (tensor<2x3xf32>, tensor<3x4xf32>, tensor<f32>) -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}
