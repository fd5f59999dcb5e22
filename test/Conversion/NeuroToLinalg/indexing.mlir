// RUN: neuroplast-opt %s --convert-neuro-to-linalg --canonicalize --cse | FileCheck %s

// Indices come from data, so they are brought into bounds.
// CHECK-LABEL: @gather
// CHECK: linalg.generic
// CHECK: arith.minsi
// CHECK: arith.maxsi
// CHECK: tensor.extract
func.func @gather(%x: tensor<5x3xf32>, %i: tensor<2xi64>) -> tensor<2x3xf32> {
  %0 = neuro.gather %x, %i : (tensor<5x3xf32>, tensor<2xi64>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// Two updates may hit the same place: a loop, not a map.
// CHECK-LABEL: @scatter_add
// CHECK: scf.for
// CHECK: arith.addf
// CHECK: tensor.insert
func.func @scatter_add(%x: tensor<5xf32>, %i: tensor<2xi64>, %u: tensor<2xf32>) -> tensor<5xf32> {
  %0 = neuro.scatter_elements %x, %i, %u {reduction = "add"} : (tensor<5xf32>, tensor<2xi64>, tensor<2xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// CHECK-LABEL: @non_zero
// CHECK: %[[FOUND:.*]]:2 = scf.for
// CHECK: tensor.empty(%[[FOUND]]#1) : tensor<1x?xi64>
func.func @non_zero(%x: tensor<7xf32>) -> tensor<1x?xi64> {
  %0 = neuro.non_zero %x : (tensor<7xf32>) -> tensor<1x?xi64>
  return %0 : tensor<1x?xi64>
}

// CHECK-LABEL: @top_k
// CHECK: scf.for
// CHECK: scf.if
// CHECK: scf.while
func.func @top_k(%x: tensor<4x9xf32>) -> (tensor<4x3xf32>, tensor<4x3xi64>) {
  %0, %1 = neuro.top_k %x {axis = 1 : i64, k = 3 : i64} : (tensor<4x9xf32>) -> (tensor<4x3xf32>, tensor<4x3xi64>)
  return %0, %1 : tensor<4x3xf32>, tensor<4x3xi64>
}

// CHECK-LABEL: @quantize
// CHECK: math.roundeven
// CHECK: arith.minimumf
// CHECK: arith.maximumf
// CHECK: tensor<4xi8>
func.func @quantize(%x: tensor<4xf32>, %s: tensor<f32>, %z: tensor<ui8>) -> tensor<4xui8> {
  %0 = neuro.quantize_linear %x, %s, %z {to = ui8} : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %0 : tensor<4xui8>
}
