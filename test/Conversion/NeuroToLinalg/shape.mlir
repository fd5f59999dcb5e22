// RUN: neuroplast-opt %s --convert-neuro-to-linalg --canonicalize --cse | FileCheck %s

// CHECK-LABEL: @collapse
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2]] : tensor<2x3x4xf32> into tensor<2x12xf32>
func.func @collapse(%x: tensor<2x3x4xf32>) -> tensor<2x12xf32> {
  %0 = neuro.reshape %x [2, 12] : tensor<2x3x4xf32> -> tensor<2x12xf32>
  return %0 : tensor<2x12xf32>
}

// CHECK-LABEL: @transpose
// CHECK: linalg.transpose
func.func @transpose(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %0 = neuro.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// CHECK-LABEL: @channel_shuffle
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2], [3]] {{.*}} : tensor<?x6x5xf32> into tensor<?x2x3x5xf32>
// CHECK: linalg.transpose {{.*}} permutation = [0, 2, 1, 3]
// CHECK: tensor.collapse_shape
func.func @channel_shuffle(%x: tensor<?x6x5xf32>) -> tensor<?x6x5xf32> {
  %0 = neuro.channel_shuffle %x {axis = 1 : i64, groups = 2 : i64} : (tensor<?x6x5xf32>) -> tensor<?x6x5xf32>
  return %0 : tensor<?x6x5xf32>
}

// A positive step is a view; a negative one reads by index.
// CHECK-LABEL: @slice
// CHECK: tensor.extract_slice %{{.*}}[1] [2] [3]
// CHECK: linalg.generic
// CHECK: tensor.extract
func.func @slice(%x: tensor<8xf32>) -> (tensor<2xf32>, tensor<8xf32>) {
  %0 = neuro.slice %x [1] [2] [3] : tensor<8xf32> -> tensor<2xf32>
  %1 = neuro.slice %x [7] [8] [-1] : tensor<8xf32> -> tensor<8xf32>
  return %0, %1 : tensor<2xf32>, tensor<8xf32>
}

// CHECK-LABEL: @pad
// CHECK: tensor.pad %{{.*}} low[1] high[2]
// CHECK: linalg.generic
// CHECK: arith.minsi
func.func @pad(%x: tensor<4xf32>) -> (tensor<7xf32>, tensor<6xf32>) {
  %0 = neuro.pad %x [1] [2] : tensor<4xf32> -> tensor<7xf32>
  %1 = neuro.pad %x [1] [1] {mode = "edge"} : tensor<4xf32> -> tensor<6xf32>
  return %0, %1 : tensor<7xf32>, tensor<6xf32>
}

// CHECK-LABEL: @concat
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0] [2, 1] [1, 1]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 1] [2, 3] [1, 1]
func.func @concat(%x: tensor<2x1xui8>, %y: tensor<2x3xui8>) -> tensor<2x4xui8> {
  %0 = neuro.concat %x, %y {axis = 1 : i64} : (tensor<2x1xui8>, tensor<2x3xui8>) -> tensor<2x4xui8>
  return %0 : tensor<2x4xui8>
}

// CHECK-LABEL: @split
// CHECK: tensor.extract_slice %{{.*}}[0] [2] [1]
// CHECK: tensor.extract_slice %{{.*}}[2] [4] [1]
func.func @split(%x: tensor<6xf32>) -> (tensor<2xf32>, tensor<4xf32>) {
  %0:2 = neuro.split %x {axis = 0 : i64, sizes = array<i64: 2, 4>} : (tensor<6xf32>) -> (tensor<2xf32>, tensor<4xf32>)
  return %0#0, %0#1 : tensor<2xf32>, tensor<4xf32>
}

// CHECK-LABEL: @unique
// CHECK-NOT: neuro.
// CHECK: scf.for
// CHECK: return
func.func @unique(%x: tensor<9xf32>) -> (tensor<?xf32>, tensor<?xi64>, tensor<9xi64>, tensor<?xi64>) {
  %0:4 = neuro.unique %x : (tensor<9xf32>) -> (tensor<?xf32>, tensor<?xi64>, tensor<9xi64>, tensor<?xi64>)
  return %0#0, %0#1, %0#2, %0#3 : tensor<?xf32>, tensor<?xi64>, tensor<9xi64>, tensor<?xi64>
}

// What is repeated is known, and read through a map, which fuses and takes any layout; or the run alone knows, and it is
// read by index.
// CHECK-LABEL: @expand
// CHECK-NOT: tensor.extract %
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #{{.*}}], {{.*}} ins(%{{.*}} : tensor<2x3x1xf32>) outs(%{{.*}} : tensor<4x2x3x5xf32>)
func.func @expand(%x: tensor<2x3x1xf32>) -> tensor<4x2x3x5xf32> {
  %0 = neuro.expand %x [4, 2, 3, 5] : tensor<2x3x1xf32> -> tensor<4x2x3x5xf32>
  return %0 : tensor<4x2x3x5xf32>
}

// CHECK-LABEL: @expand_open
// CHECK: tensor.extract %
func.func @expand_open(%x: tensor<?x1xf32>) -> tensor<7x5xf32> {
  %0 = neuro.expand %x [7, 5] : tensor<?x1xf32> -> tensor<7x5xf32>
  return %0 : tensor<7x5xf32>
}
