// RUN: neuroplast-opt %s --neuro-lower-kernels=vector-bits=256 --canonicalize --split-input-file | FileCheck %s
// RUN: neuroplast-opt %s --neuro-lower-kernels=kernels=0 --split-input-file | FileCheck %s --check-prefix=LOOPS

// A block of the result, three rows of three vectors, stays in registers from zero on for
// all products, and is written once; each vector of the right operand serves all rows.
// CHECK-LABEL: func @product
// CHECK-NOT: linalg
// CHECK-NOT: vector.load %arg2
// CHECK-COUNT-3: vector.load %arg1{{.*}} : memref<7x24xf32>, vector<8xf32>
// CHECK: %[[X:.*]] = memref.load %arg0[%c0, %c0] : memref<5x7xf32>
// CHECK: %[[B:.*]] = vector.broadcast %[[X]] : f32 to vector<8xf32>
// CHECK-COUNT-3: vector.fma %[[B]], %{{.*}}, %cst : vector<8xf32>
// CHECK-COUNT-6: vector.fma
// CHECK-NOT: vector.store
// CHECK-COUNT-54: vector.fma
// CHECK-COUNT-9: vector.store %{{.*}}, %arg2
// CHECK-NOT: vector.load %arg2

// LOOPS-LABEL: func @product
// LOOPS: linalg.fill ins(%{{.*}} : f32) outs(%arg2
// LOOPS: linalg.generic {{.*}} ins(%arg0, %arg1 : {{.*}}) outs(%arg2
// LOOPS-NOT: vector
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @product(%a: memref<5x7xf32>, %b: memref<7x24xf32>, %c: memref<5x24xf32>) {
  kernel.contract ins(%a, %b : memref<5x7xf32>, memref<7x24xf32>) outs(%c : memref<5x24xf32>)
      attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// The end is applied to vectors in registers: the bias of a row is broadcast, the residual is
// read like the result.
// CHECK-LABEL: func @epilogue
// CHECK-NOT: linalg
// CHECK: %[[SUM:.*]] = vector.fma
// CHECK: %[[X:.*]] = memref.load %arg2
// CHECK: %[[BIAS:.*]] = vector.broadcast %[[X]] : f32 to vector<8xf32>
// CHECK: %[[RESIDUAL:.*]] = vector.load %arg3
// CHECK: %[[S1:.*]] = arith.addf %{{.*}}, %[[BIAS]] : vector<8xf32>
// CHECK: %[[S2:.*]] = arith.addf %[[S1]], %[[RESIDUAL]] : vector<8xf32>
// CHECK: %[[S3:.*]] = arith.maximumf %[[S2]], %{{.*}} : vector<8xf32>
// CHECK: vector.store %[[S3]], %arg4

// LOOPS-LABEL: func @epilogue
// LOOPS: linalg.fill
// LOOPS: linalg.generic {{.*}} ins(%arg0, %arg1
// LOOPS: linalg.generic {{.*}} ins(%arg2, %arg3 : {{.*}}) outs(%arg4
// LOOPS-NEXT: ^bb0(%[[B:.*]]: f32, %[[R:.*]]: f32, %[[S:.*]]: f32):
// LOOPS-NEXT: arith.addf %[[S]], %[[B]]
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#row = affine_map<(m, n, k) -> (m)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @epilogue(%a: memref<1x7xf32>, %b: memref<7x8xf32>, %bias: memref<1xf32>, %r: memref<1x8xf32>, %c: memref<1x8xf32>) {
  %zero = arith.constant 0.0 : f32
  kernel.contract ins(%a, %b, %bias, %r : memref<1x7xf32>, memref<7x8xf32>, memref<1xf32>, memref<1x8xf32>)
      outs(%c : memref<1x8xf32>) attributes {indexing_maps = [#a, #b, #row, #c, #c]} {
  ^bb0(%sum: f32, %x: f32, %y: f32):
    %0 = arith.addf %sum, %x : f32
    %1 = arith.addf %0, %y : f32
    %2 = arith.maximumf %1, %zero : f32
    kernel.yield %2 : f32
  }
  return
}

// -----

// Rows of pixels are one run to a 1 x 1 convolution: 30 pixels, three vectors and 6 lanes.
// CHECK-LABEL: func @pixels
// CHECK: memref.collapse_shape %arg0 {{.*}} into memref<1x3x30xf32>
// CHECK: vector.maskedload
// CHECK: vector.maskedstore
// CHECK-NOT: linalg
#x = affine_map<(n, o, h, w, i, y, x) -> (n, i, h + y, w + x)>
#w = affine_map<(n, o, h, w, i, y, x) -> (o, i, y, x)>
#y = affine_map<(n, o, h, w, i, y, x) -> (n, o, h, w)>
func.func @pixels(%x: memref<1x3x5x6xf32>, %w: memref<4x3x1x1xf32>, %y: memref<1x4x5x6xf32>) {
  kernel.contract ins(%x, %w : memref<1x3x5x6xf32>, memref<4x3x1x1xf32>) outs(%y : memref<1x4x5x6xf32>)
      attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// Twelve channels fill one block of eight and half of another, the rest of which is zero.
// CHECK-LABEL: func @padded
// CHECK: %[[SOME:.*]] = arith.constant dense<[true, true, true, true, false, false, false, false]>
// CHECK: %[[Y:.*]] = arith.select %[[SOME]], %{{.*}}, %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK: vector.store %{{.*}}, %arg2[%c0, %c0, %c0]
// CHECK: vector.store %[[Y]], %arg2[%c1, %c0, %c0]
#x = affine_map<(p, o, i, l) -> (i, p)>
#w = affine_map<(p, o, i, l) -> (o, i, l)>
#y = affine_map<(p, o, i, l) -> (o, p, l)>
func.func @padded(%x: memref<3x1xf32>, %w: memref<2x3x8xf32>, %y: memref<2x1x8xf32>) {
  kernel.contract ins(%x, %w : memref<3x1xf32>, memref<2x3x8xf32>) outs(%y : memref<2x1x8xf32>)
      attributes {indexing_maps = [#x, #w, #y], padded_blocks = array<i64: 0, 12>} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// Sums over 37 places in blocks of 16: two whole ones, and five places of the last.
// CHECK-LABEL: func @padded_sums
// CHECK: %[[SUM:.*]]:2 = scf.for %{{.*}} = %c0 to %c2 step %c1 iter_args
// CHECK-NEXT: scf.for %{{.*}} = %c0 to %c16 step %c1 iter_args
// CHECK: vector.fma
// CHECK: scf.for %{{.*}} = %c0 to %c5 step %c1 iter_args(%{{.*}} = %[[SUM]]#0, %{{.*}} = %[[SUM]]#1)
// CHECK: memref.load %arg0[%c2, %c0, %{{.*}}]
// CHECK: memref.load %arg0[%c2, %c1, %{{.*}}]
#x = affine_map<(p, o, i, j) -> (i, p, j)>
#w = affine_map<(p, o, i, j) -> (i, j, o)>
#y = affine_map<(p, o, i, j) -> (p, o)>
func.func @padded_sums(%x: memref<3x2x16xf32>, %w: memref<3x16x8xf32>, %y: memref<2x8xf32>) {
  kernel.contract ins(%x, %w : memref<3x2x16xf32>, memref<3x16x8xf32>) outs(%y : memref<2x8xf32>)
      attributes {indexing_maps = [#x, #w, #y], padded_sums = array<i64: 0, 37>} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// One loop, of which the places that there are are the beginning.
// CHECK-LABEL: func @padded_sum
// CHECK: scf.for %{{.*}} = %c0 to %c27 step %c1 iter_args
// CHECK: vector.fma
// CHECK-NOT: vector.fma
#x = affine_map<(p, o, i, j) -> (p, i, j)>
#w = affine_map<(p, o, i, j) -> (i, j, o)>
#y = affine_map<(p, o, i, j) -> (p, o)>
func.func @padded_sum(%x: memref<1x2x16xf32>, %w: memref<2x16x8xf32>, %y: memref<1x8xf32>) {
  kernel.contract ins(%x, %w : memref<1x2x16xf32>, memref<2x16x8xf32>) outs(%y : memref<1x8xf32>)
      attributes {indexing_maps = [#x, #w, #y], padded_sums = array<i64: 1, 27>} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// All pixels of a batch fill more than a core's own cache: they are gone through image by image,
// and those of one again for each two blocks of channels, whose weights stay. Steps within a block
// are unrolled: eight for each pixel and channel of a tile, and the six that the last block has.
// CHECK-LABEL: func @batches
// CHECK: scf.for %[[N:.*]] = %c0 to %c16 step %c1 {
// CHECK-NEXT: scf.for %[[O:.*]] = %c0 to %c8 step %c2 {
// CHECK-NEXT: scf.for %[[P:.*]] = %c0 to %{{.*}} step %c6 {
// CHECK: scf.for %{{.*}} = %c0 to %c7 step %c1 iter_args
// CHECK-COUNT-96: vector.fma
// CHECK-NOT: vector.fma
// CHECK: scf.yield
// CHECK-COUNT-72: vector.fma
// CHECK-NOT: vector.fma
// CHECK: vector.store
#x = affine_map<(n, o, p, i, l, m) -> (n, i, p, l)>
#w = affine_map<(n, o, p, i, l, m) -> (o, i, l, m)>
#y = affine_map<(n, o, p, i, l, m) -> (n, o, p, m)>
func.func @batches(%x: memref<16x8x516x8xf32>, %w: memref<8x8x8x8xf32>, %y: memref<16x8x516x8xf32>) {
  kernel.contract ins(%x, %w : memref<16x8x516x8xf32>, memref<8x8x8x8xf32>) outs(%y : memref<16x8x516x8xf32>)
      attributes {indexing_maps = [#x, #w, #y], padded_sums = array<i64: 1, 62>} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// A few small images stay in the cache: weights are read once for all of them.
// CHECK-LABEL: func @few
// CHECK: scf.for %{{.*}} = %c0 to %c8 step %c2 {
// CHECK-NEXT: scf.for %{{.*}} = %c0 to %c3 step %c1 {
// CHECK-NEXT: scf.for %{{.*}} = %c0 to %{{.*}} step %c6 {
#x = affine_map<(n, o, p, i, l, m) -> (n, i, p, l)>
#w = affine_map<(n, o, p, i, l, m) -> (o, i, l, m)>
#y = affine_map<(n, o, p, i, l, m) -> (n, o, p, m)>
func.func @few(%x: memref<3x8x60x8xf32>, %w: memref<8x8x8x8xf32>, %y: memref<3x8x60x8xf32>) {
  kernel.contract ins(%x, %w : memref<3x8x60x8xf32>, memref<8x8x8x8xf32>) outs(%y : memref<3x8x60x8xf32>)
      attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// Rows that no vector fits have no kernel.
// CHECK-LABEL: func @narrow
// CHECK: linalg.generic
// CHECK-NOT: vector.fma
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @narrow(%a: memref<4x4xf32>, %b: memref<4x3xf32>, %c: memref<4x3xf32>) {
  kernel.contract ins(%a, %b : memref<4x4xf32>, memref<4x3xf32>) outs(%c : memref<4x3xf32>)
      attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// Sizes that are known at run time only: rows in whole tiles, then in ever
// smaller ones; columns in whole vectors, then with a mask.
// CHECK-LABEL: func @open
// CHECK-NOT: linalg
// CHECK-DAG: %[[ROWS:.*]] = memref.dim %arg2, %c0
// CHECK-DAG: %[[COLUMNS:.*]] = memref.dim %arg2, %c1
// CHECK-DAG: %[[DEPTH:.*]] = memref.dim %arg1, %c0
// CHECK: %[[REST:.*]] = arith.remui %[[ROWS]], %[[TILE:.*]] : index
// CHECK: %[[WHOLE:.*]] = arith.subi %[[ROWS]], %[[REST]] : index
// CHECK: scf.for %{{.*}} = %c0 to %[[WHOLE]] step %[[TILE]]
// CHECK: scf.for %{{.*}} = %c0 to %[[DEPTH]] step %c1
// CHECK: vector.fma
// CHECK: vector.store %{{.*}}, %arg2
// CHECK: scf.for %[[AT:.*]] = %{{.*}} to %[[COLUMNS]] step %c8
// CHECK: %[[LEFT:.*]] = arith.subi %[[COLUMNS]], %[[AT]]
// CHECK: %[[MASK:.*]] = vector.create_mask %[[LEFT]] : vector<8xi1>
// CHECK: vector.maskedload %arg1[{{.*}}], %[[MASK]]
// CHECK: %[[SAME:.*]] = vector.create_mask %[[LEFT]] : vector<8xi1>
// CHECK: vector.maskedstore %arg2[{{.*}}], %[[SAME]]
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[ROWS]] step %c1
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @open(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  kernel.contract ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
      attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// A long sum over batches of more than a cache holds: all of the result gets the share of one
// batch before the next one comes, and what becomes of the sums waits for the last.
// CHECK-LABEL: func @accumulated
// CHECK: %[[C16:.*]] = arith.constant 16 : index
// CHECK: scf.for %[[N:.*]] = %{{.*}} to %[[C16]] step
// CHECK: scf.for
// CHECK: %[[SUM:.*]] = vector.load %[[OUT:.*]][%{{.*}}] : memref<{{.*}}>, vector<8xf32>
// CHECK: %[[NEXT:.*]]:{{.*}} = scf.for {{.*}} iter_args(%{{.*}} = %[[SUM]]
// CHECK: vector.store %[[NEXT]]#0, %[[OUT]]
// CHECK: arith.mulf
#x = affine_map<(i, j, o, n, h, w) -> (n, i, h, w, j)>
#g = affine_map<(i, j, o, n, h, w) -> (n, h, w, o)>
#r = affine_map<(i, j, o, n, h, w) -> (i, j, o)>
#s = affine_map<(i, j, o, n, h, w) -> ()>
func.func @accumulated(%x: memref<16x2x32x32x4xf32>, %g: memref<16x32x32x8xf32>, %s: memref<f32>, %y: memref<2x4x8xf32>) {
  kernel.contract ins(%x, %g, %s : memref<16x2x32x32x4xf32>, memref<16x32x32x8xf32>, memref<f32>)
      outs(%y : memref<2x4x8xf32>) attributes {indexing_maps = [#x, #g, #s, #r]} {
  ^bb0(%sum: f32, %rate: f32):
    %0 = arith.mulf %sum, %rate : f32
    kernel.yield %0 : f32
  }
  return
}

// -----

// So it is with one long sum, where both operands are read again and again: in parts of 256.
// CHECK-LABEL: func @long_sum
// CHECK: memref.expand_shape %{{.*}} {{\[\[}}0, 1], [2]] output_shape [32, 256, 384]
// CHECK: memref.expand_shape %{{.*}} {{\[\[}}0, 1], [2]] output_shape [32, 256, 128]
// CHECK: scf.for %{{.*}} = %{{.*}} to %c32 step
// CHECK: vector.load %{{.*}} : memref<384x128xf32>
// CHECK: scf.for %{{.*}} = %{{.*}} to %c256 step
#a = affine_map<(m, n, k) -> (k, m)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @long_sum(%a: memref<8192x384xf32, strided<[640, 1]>>, %b: memref<8192x128xf32>, %c: memref<384x128xf32>) {
  kernel.contract ins(%a, %b : memref<8192x384xf32, strided<[640, 1]>>, memref<8192x128xf32>) outs(%c : memref<384x128xf32>)
      attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}

// -----

// What is read once, the weights of a large layer, gains nothing by that.
// CHECK-LABEL: func @streamed
// CHECK-NOT: memref.expand_shape
// CHECK: return
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @streamed(%a: memref<2x8192xf32>, %b: memref<8192x1024xf32>, %c: memref<2x1024xf32>) {
  kernel.contract ins(%a, %b : memref<2x8192xf32>, memref<8192x1024xf32>) outs(%c : memref<2x1024xf32>)
      attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}
