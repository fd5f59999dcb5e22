// RUN: neuroplast-opt %s --neuro-mark-kept | FileCheck %s

#map = affine_map<(m, n, k) -> (m, k)>
#map1 = affine_map<(m, n, k) -> (k, n)>
#map2 = affine_map<(m, n, k) -> (m, n)>

// What a step makes is no weight; without a loop, nothing is read again.
// CHECK-LABEL: func @main
// CHECK: kernel.contract
// CHECK-NOT: kept
// CHECK: scf.for
// CHECK: kernel.contract {{.*}}kept = array<i64: 1>
func.func @main(%start: tensor<8x16xf32>, %w: tensor<16x16xf32>, %n: index) -> tensor<8x16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %empty = tensor.empty() : tensor<8x16xf32>
  %first = kernel.contract ins(%start, %w : tensor<8x16xf32>, tensor<16x16xf32>) outs(%empty : tensor<8x16xf32>)
      attributes {indexing_maps = [#map, #map1, #map2]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<8x16xf32>
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%h = %first) -> (tensor<8x16xf32>) {
    %next = kernel.contract ins(%h, %w : tensor<8x16xf32>, tensor<16x16xf32>) outs(%empty : tensor<8x16xf32>)
        attributes {indexing_maps = [#map, #map1, #map2]} {
    ^bb0(%sum: f32):
      kernel.yield %sum : f32
    } -> tensor<8x16xf32>
    scf.yield %next : tensor<8x16xf32>
  }
  return %last : tensor<8x16xf32>
}
