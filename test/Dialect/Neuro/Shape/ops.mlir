// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --mlir-print-op-generic | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @reshape
// CHECK: neuro.reshape %{{.*}} [%{{.*}}, 512] : tensor<?x512x1x1xf32> -> tensor<?x512xf32>
func.func @reshape(%x: tensor<?x512x1x1xf32>, %n: index) -> tensor<?x512xf32> {
  %0 = neuro.reshape %x [%n, 512] : tensor<?x512x1x1xf32> -> tensor<?x512xf32>
  return %0 : tensor<?x512xf32>
}

// CHECK-LABEL: @slice
// CHECK: neuro.slice %{{.*}} [0, 63] [%{{.*}}, 16] [1, -2] : tensor<?x64xf32> -> tensor<?x16xf32>
func.func @slice(%x: tensor<?x64xf32>, %n: index) -> tensor<?x16xf32> {
  %0 = neuro.slice %x [0, 63] [%n, 16] [1, -2] : tensor<?x64xf32> -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}

// CHECK-LABEL: @pad
// CHECK: neuro.pad %{{.*}} [0, 1] [0, %{{.*}}] value(%{{.*}} : tensor<f32>) : tensor<2x4xf32> -> tensor<2x?xf32>
// CHECK: neuro.pad %{{.*}} [0, 3] [0, 3] {mode = "reflect"} : tensor<2x4xf32> -> tensor<2x10xf32>
func.func @pad(%x: tensor<2x4xf32>, %v: tensor<f32>, %n: index) -> (tensor<2x?xf32>, tensor<2x10xf32>) {
  %0 = neuro.pad %x [0, 1] [0, %n] value(%v : tensor<f32>) : tensor<2x4xf32> -> tensor<2x?xf32>
  %1 = neuro.pad %x [0, 3] [0, 3] {mode = "reflect"} : tensor<2x4xf32> -> tensor<2x10xf32>
  return %0, %1 : tensor<2x?xf32>, tensor<2x10xf32>
}

// CHECK-LABEL: @join_and_cut
// CHECK: neuro.concat
// CHECK: neuro.split
func.func @join_and_cut(%x: tensor<2x4xf32>, %y: tensor<2x2xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = neuro.concat %x, %y {axis = 1 : i64} : (tensor<2x4xf32>, tensor<2x2xf32>) -> tensor<2x6xf32>
  %1:2 = neuro.split %0 {axis = 1 : i64, sizes = array<i64: 3, 3>} : (tensor<2x6xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>)
  return %1#0, %1#1 : tensor<2x3xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: @blocks
// CHECK: neuro.space_to_depth %{{.*}} {blocksize = 2 : i64}
// CHECK: neuro.depth_to_space %{{.*}} {blocksize = 2 : i64, mode = "CRD"}
func.func @blocks(%x: tensor<1x3x4x6xf32>) -> tensor<1x3x4x6xf32> {
  %0 = neuro.space_to_depth %x {blocksize = 2 : i64} : (tensor<1x3x4x6xf32>) -> tensor<1x12x2x3xf32>
  %1 = neuro.depth_to_space %0 {blocksize = 2 : i64, mode = "CRD"} : (tensor<1x12x2x3xf32>) -> tensor<1x3x4x6xf32>
  return %1 : tensor<1x3x4x6xf32>
}

// CHECK-LABEL: @channel_shuffle
// CHECK: neuro.channel_shuffle %{{.*}} {axis = 1 : i64, groups = 2 : i64}
func.func @channel_shuffle(%x: tensor<1x6x?xf32>) -> tensor<1x6x?xf32> {
  %0 = neuro.channel_shuffle %x {axis = 1 : i64, groups = 2 : i64} : (tensor<1x6x?xf32>) -> tensor<1x6x?xf32>
  return %0 : tensor<1x6x?xf32>
}

// CHECK-LABEL: @expand(
// CHECK: neuro.expand %{{.*}} [%{{.*}}, %{{.*}}] : tensor<3x1xf32> -> tensor<3x?xf32>
func.func @expand(%a: tensor<3x1xf32>, %b: index, %c: index) -> tensor<3x?xf32> {
  %r = neuro.expand %a [%b, %c] : tensor<3x1xf32> -> tensor<3x?xf32>
  return %r : tensor<3x?xf32>
}

// CHECK-LABEL: @expand_full(
// CHECK: neuro.expand %{{.*}} [%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] : tensor<1x2x1x2x8xf32> -> tensor<?x2x?x2x8xf32>
func.func @expand_full(%a: tensor<1x2x1x2x8xf32>, %b: index, %c: index, %d: index, %e: index, %f: index) -> tensor<?x2x?x2x8xf32> {
  %r = neuro.expand %a [%b, %c, %d, %e, %f] : tensor<1x2x1x2x8xf32> -> tensor<?x2x?x2x8xf32>
  return %r : tensor<?x2x?x2x8xf32>
}

// CHECK-LABEL: @eye_like(
// CHECK: neuro.eye_like %{{.*}} {to = f64} : (tensor<3x4xi32>) -> tensor<3x4xf64>
func.func @eye_like(%a: tensor<3x4xi32>) -> tensor<3x4xf64> {
  %r = neuro.eye_like %a {to = f64} : (tensor<3x4xi32>) -> tensor<3x4xf64>
  return %r : tensor<3x4xf64>
}

// CHECK-LABEL: @fill(
// CHECK: neuro.fill %{{.*}} [%{{.*}}] : tensor<i32> -> tensor<?xi32>
func.func @fill(%a: tensor<i32>, %b: index) -> tensor<?xi32> {
  %r = neuro.fill %a [%b] : tensor<i32> -> tensor<?xi32>
  return %r : tensor<?xi32>
}

// CHECK-LABEL: @fill_full(
// CHECK: neuro.fill %{{.*}} [%{{.*}}, %{{.*}}, %{{.*}}] : tensor<f32> -> tensor<?x?x?xf32>
func.func @fill_full(%a: tensor<f32>, %b: index, %c: index, %d: index) -> tensor<?x?x?xf32> {
  %r = neuro.fill %a [%b, %c, %d] : tensor<f32> -> tensor<?x?x?xf32>
  return %r : tensor<?x?x?xf32>
}

// CHECK-LABEL: @range(
// CHECK: neuro.range %{{.*}}, %{{.*}}, %{{.*}} {size = -9223372036854775808 : i64} : (tensor<i64>, tensor<i64>, index) -> tensor<?xi64>
func.func @range(%a: tensor<i64>, %b: tensor<i64>, %c: index) -> tensor<?xi64> {
  %r = neuro.range %a, %b, %c {size = -9223372036854775808 : i64} : (tensor<i64>, tensor<i64>, index) -> tensor<?xi64>
  return %r : tensor<?xi64>
}

// CHECK-LABEL: @reverse_sequence(
// CHECK: neuro.reverse_sequence %{{.*}}, %{{.*}} : (tensor<4x4xf32>, tensor<4xi64>) -> tensor<4x4xf32>
func.func @reverse_sequence(%a: tensor<4x4xf32>, %b: tensor<4xi64>) -> tensor<4x4xf32> {
  %r = neuro.reverse_sequence %a, %b : (tensor<4x4xf32>, tensor<4xi64>) -> tensor<4x4xf32>
  return %r : tensor<4x4xf32>
}

// CHECK-LABEL: @tile(
// CHECK: neuro.tile %{{.*}} [%{{.*}}, %{{.*}}] : tensor<2x2xf32> -> tensor<?x?xf32>
func.func @tile(%a: tensor<2x2xf32>, %b: index, %c: index) -> tensor<?x?xf32> {
  %r = neuro.tile %a [%b, %c] : tensor<2x2xf32> -> tensor<?x?xf32>
  return %r : tensor<?x?xf32>
}

// CHECK-LABEL: @tile_full(
// CHECK: neuro.tile %{{.*}} [%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] : tensor<2x3x4x5xf32> -> tensor<?x?x?x?xf32>
func.func @tile_full(%a: tensor<2x3x4x5xf32>, %b: index, %c: index, %d: index, %e: index) -> tensor<?x?x?x?xf32> {
  %r = neuro.tile %a [%b, %c, %d, %e] : tensor<2x3x4x5xf32> -> tensor<?x?x?x?xf32>
  return %r : tensor<?x?x?x?xf32>
}

// CHECK-LABEL: @transpose(
// CHECK: neuro.transpose %{{.*}} [1, 0] : tensor<?x4xf32> -> tensor<4x?xf32>
func.func @transpose(%a: tensor<?x4xf32>) -> tensor<4x?xf32> {
  %r = neuro.transpose %a [1, 0] : tensor<?x4xf32> -> tensor<4x?xf32>
  return %r : tensor<4x?xf32>
}

// CHECK-LABEL: @trilu(
// CHECK: neuro.trilu %{{.*}} : (tensor<4x5xi64>) -> tensor<4x5xi64>
func.func @trilu(%a: tensor<4x5xi64>) -> tensor<4x5xi64> {
  %r = neuro.trilu %a : (tensor<4x5xi64>) -> tensor<4x5xi64>
  return %r : tensor<4x5xi64>
}

// CHECK-LABEL: @trilu_full(
// CHECK: neuro.trilu %{{.*}}, %{{.*}} : (tensor<4x5xi64>, tensor<i64>) -> tensor<4x5xi64>
func.func @trilu_full(%a: tensor<4x5xi64>, %b: tensor<i64>) -> tensor<4x5xi64> {
  %r = neuro.trilu %a, %b : (tensor<4x5xi64>, tensor<i64>) -> tensor<4x5xi64>
  return %r : tensor<4x5xi64>
}
