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
