// RUN: neuroplast-opt %s --neuro-lower-kernels=vector-bits=256 --canonicalize --split-input-file | FileCheck %s
// RUN: neuroplast-opt %s --neuro-lower-kernels=kernels=0 --canonicalize --split-input-file | FileCheck %s --check-prefix=LOOPS

// The largest of windows: nine vectors make one, in registers, which is written once.
// CHECK-LABEL: func @largest
// CHECK-NOT: vector.load %arg1
// CHECK: %[[X:.*]] = vector.load %arg0
// CHECK-COUNT-8: arith.maximumf {{.*}} : vector<8xf32>
// CHECK: vector.store %{{.*}}, %arg1
// LOOPS-LABEL: func @largest
// LOOPS: linalg.fill
// LOOPS: memref.load %arg0
// LOOPS: arith.maximumf {{.*}} : f32
// LOOPS: memref.store %{{.*}}, %arg1
func.func @largest(%x: memref<1x2x7x7x8xf32>, %y: memref<1x2x3x3x8xf32>) {
  kernel.pool ins(%x : memref<1x2x7x7x8xf32>) outs(%y : memref<1x2x3x3x8xf32>)
      window [3, 3] {input_map = affine_map<(n, c, h, w, l, y, x) -> (n, c, h * 2 + y, w * 2 + x, l)>, largest}
  return
}

// -----

// Sums from zero, along the last axis with every second element.
// CHECK-LABEL: func @sums
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK: vector.shuffle
// CHECK: arith.addf %{{.*}}, %[[ZERO]] : vector<8xf32>
// CHECK: vector.store %{{.*}}, %arg1
func.func @sums(%x: memref<4x34xf32>, %y: memref<4x16xf32>) {
  kernel.pool ins(%x : memref<4x34xf32>) outs(%y : memref<4x16xf32>)
      window [3] {input_map = affine_map<(n, w, k) -> (n, w * 2 + k)>}
  return
}

// -----

// No vector fits: scalar loops.
// CHECK-LABEL: func @narrow
// CHECK: linalg.fill
// CHECK: arith.addf {{.*}} : f32
// CHECK-NOT: vector
func.func @narrow(%x: memref<4x6xf32>, %y: memref<4x2xf32>) {
  kernel.pool ins(%x : memref<4x6xf32>) outs(%y : memref<4x2xf32>)
      window [3] {input_map = affine_map<(n, w, k) -> (n, w * 3 + k)>}
  return
}
