// RUN: neuroplast-opt %s --neuro-lower-kernels="vector-bits=512 threads=3" --canonicalize --split-input-file | FileCheck %s
// RUN: neuroplast-opt %s --neuro-lower-kernels=vector-bits=512 --canonicalize --split-input-file | FileCheck %s --check-prefix=ALONE

// ALONE-NOT: scf.parallel

// Seven rows would leave threads idle; the 64 columns of vectors do not. Each of three threads
// takes what lies between its own ends, in whole tiles.
// CHECK-LABEL: func @product
// CHECK: scf.parallel (%[[THREAD:.*]]) = (%c0) to (%c3) step (%c1)
// CHECK: %[[SHARE:.*]] = arith.muli %[[THREAD]], %{{.*}} : index
// CHECK: %[[FROM:.*]] = arith.divui %[[SHARE]], %c3
// CHECK: %[[TILES:.*]] = arith.muli %[[FROM]], %[[TILE:c[0-9]+]]
// CHECK: %[[BEGIN:.*]] = arith.minui %[[TILES]], %c1024
// CHECK: %[[END:.*]] = arith.minui %{{.*}}, %c1024
// CHECK: %[[WHOLE:.*]] = arith.minui %[[END]], %c960
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[WHOLE]] step %[[TILE]]
// CHECK: vector.fma
func.func @product(%a: memref<7x512xf32>, %b: memref<512x1024xf32>, %c: memref<7x1024xf32>) {
  kernel.contract ins(%a, %b : memref<7x512xf32>, memref<512x1024xf32>) outs(%c : memref<7x1024xf32>)
      attributes {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                                   affine_map<(m, n, k) -> (m, n)>]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// What is little work wakes nobody.
// CHECK-LABEL: func @little
// CHECK-NOT: scf.parallel
func.func @little(%x: memref<100x16xf32>, %y: memref<100x16xf32>) {
  linalg.map { math.absf } ins(%x : memref<100x16xf32>) outs(%y : memref<100x16xf32>)
  return
}

// -----

// Rows are summed up by one thread each, columns by vectors: never is a sum divided.
// CHECK-LABEL: func @sums
// CHECK: scf.parallel
// CHECK: vector.reduction
// CHECK: scf.parallel
// CHECK-NOT: vector.reduction
// CHECK: return
func.func @sums(%x: memref<300x1024xf32>, %y: memref<300xf32>, %z: memref<1024xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<300x1024xf32>) outs(%y : memref<300xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.addf %in, %sum : f32
    linalg.yield %new : f32
  }
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>], iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<300x1024xf32>) outs(%z : memref<1024xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.addf %in, %sum : f32
    linalg.yield %new : f32
  }
  return
}

// -----

// Functions take longer than what a cache does to load and store an element.
// CHECK-LABEL: func @functions
// CHECK: scf.parallel
func.func @functions(%x: memref<100x256xf32>, %y: memref<100x256xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<100x256xf32>) outs(%y : memref<100x256xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.exp %in : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// Data of more places than there are weights for: each thread has places of its own, which it reads
// from the layer before, and all weights.
// CHECK-LABEL: func @by_places
// CHECK: scf.parallel
// CHECK: arith.minui %{{.*}}, %c3136
#x = affine_map<(p, m, l, k) -> (m, k)>
#w = affine_map<(p, m, l, k) -> (p, k, l)>
#y = affine_map<(p, m, l, k) -> (p, m, l)>
func.func @by_places(%x: memref<3136x64xf32>, %w: memref<8x64x16xf32>, %y: memref<8x3136x16xf32>) {
  kernel.contract ins(%x, %w : memref<3136x64xf32>, memref<8x64x16xf32>) outs(%y : memref<8x3136x16xf32>)
      attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// More weights than data: each has channels of its own.
// CHECK-LABEL: func @by_channels
// CHECK: scf.parallel
// CHECK: arith.minui %{{.*}}, %c48
#x = affine_map<(p, m, l, k) -> (m, k)>
#w = affine_map<(p, m, l, k) -> (p, k, l)>
#y = affine_map<(p, m, l, k) -> (p, m, l)>
func.func @by_channels(%x: memref<60x512xf32>, %w: memref<48x512x16xf32>, %y: memref<48x60x16xf32>) {
  kernel.contract ins(%x, %w : memref<60x512xf32>, memref<48x512x16xf32>) outs(%y : memref<48x60x16xf32>)
      attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}
