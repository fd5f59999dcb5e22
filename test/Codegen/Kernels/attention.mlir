// RUN: neuroplast-opt %s --neuro-lower-kernels="vector-bits=512 threads=2" --canonicalize --split-input-file | FileCheck %s

#q = affine_map<(h, m, n, d, e) -> (h, m, d)>
#k = affine_map<(h, m, n, d, e) -> (h, d, n)>
#v = affine_map<(h, m, n, d, e) -> (h, n, e)>
#bias = affine_map<(h, m, n, d, e) -> (m, n)>
#y = affine_map<(h, m, n, d, e) -> (h, m, e)>

// Each thread has its heads and its room for scores, and the three steps of a block stay with it.
// The last block has fewer rows.
// CHECK-LABEL: func @blocks
// CHECK-SAME: %[[SCORES:[^:]*]]: memref<2x64x200xf32>
// CHECK: scf.parallel (%[[THREAD:.*]]) =
// CHECK: scf.for %[[HEAD:.*]] =
// CHECK: scf.for %[[ROW:.*]] = %c0 to %c200 step %c64
// CHECK: %[[LEFT:.*]] = arith.subi %c200, %[[ROW]]
// CHECK: %[[ROWS:.*]] = arith.minui %[[LEFT]], %c64
// CHECK: memref.subview %[[SCORES]][%[[THREAD]], 0, 0] [1, %[[ROWS]], 200]
// CHECK-NOT: scf.parallel
// CHECK: vector.fma
// CHECK: math.exp
// CHECK: vector.fma
func.func @blocks(%q: memref<8x200x64xf32>, %k: memref<8x64x200xf32>, %v: memref<8x200x64xf32>, %bias: memref<200x200xf32>,
                  %y: memref<8x200x64xf32>, %scores: memref<2x64x200xf32>) {
  kernel.attention ins(%q, %k, %v, %bias : memref<8x200x64xf32>, memref<8x64x200xf32>, memref<8x200x64xf32>, memref<200x200xf32>)
      outs(%y, %scores : memref<8x200x64xf32>, memref<2x64x200xf32>) attributes {indexing_maps = [#q, #k, #v, #bias, #y]} {
  ^bb0(%score: f32, %b: f32):
    %x = arith.addf %score, %b : f32
    kernel.yield %x : f32
  }
  return
}

// -----

#q = affine_map<(m, n, d, e) -> (m, d)>
#k = affine_map<(m, n, d, e) -> (d, n)>
#v = affine_map<(m, n, d, e) -> (n, e)>
#y = affine_map<(m, n, d, e) -> (m, e)>

// Little work wakes nobody, and whole blocks have sizes that are known.
// CHECK-LABEL: func @small
// CHECK-NOT: scf.parallel
// CHECK: memref.subview %{{.*}}[0, 0, 0] [1, 8, 16]
// CHECK-NOT: arith.minui
func.func @small(%q: memref<16x32xf32>, %k: memref<32x16xf32>, %v: memref<16x32xf32>, %y: memref<16x32xf32>, %scores: memref<2x8x16xf32>) {
  kernel.attention ins(%q, %k, %v : memref<16x32xf32>, memref<32x16xf32>, memref<16x32xf32>)
      outs(%y, %scores : memref<16x32xf32>, memref<2x8x16xf32>) attributes {indexing_maps = [#q, #k, #v, #y]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  }
  return
}
