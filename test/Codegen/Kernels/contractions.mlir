// RUN: neuroplast-opt %s --neuro-lower-kernels=vector-bits=256 --canonicalize --split-input-file | FileCheck %s

// A block of the result, three rows of three vectors, is read once, stays in registers for
// all products, and is written once; each vector of the right operand serves all rows.
// CHECK-LABEL: func @product
// CHECK-NOT: linalg
// CHECK-COUNT-9: vector.load %arg2{{.*}} : memref<5x24xf32>, vector<8xf32>
// CHECK-COUNT-3: vector.load %arg1{{.*}} : memref<7x24xf32>, vector<8xf32>
// CHECK: %[[X:.*]] = memref.load %arg0[%c0, %c0] : memref<5x7xf32>
// CHECK: %[[B:.*]] = vector.broadcast %[[X]] : f32 to vector<8xf32>
// CHECK-COUNT-3: vector.fma %[[B]], %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK-COUNT-6: vector.fma
// CHECK-NOT: vector.store
// CHECK-COUNT-54: vector.fma
// CHECK-COUNT-9: vector.store %{{.*}}, %arg2
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @product(%a: memref<5x7xf32>, %b: memref<7x24xf32>, %c: memref<5x24xf32>) {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<5x7xf32>, memref<7x24xf32>) outs(%c : memref<5x24xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  }
  return
}

// -----

// What was filled with zeros right before starts from zeros in registers: nothing of the
// result is read, and the fill is gone.
// CHECK-LABEL: func @from_zero
// CHECK-NOT: linalg.fill
// CHECK: %[[R:.*]] = memref.alloc()
// CHECK-NOT: vector.load %[[R]]
// CHECK: vector.fma %{{.*}}, %{{.*}}, %cst
// CHECK-NOT: vector.load %[[R]]
// CHECK: vector.store %{{.*}}, %[[R]]
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @from_zero(%a: memref<2x3xf32>, %b: memref<3x16xf32>) -> memref<2x16xf32> {
  %c = memref.alloc() : memref<2x16xf32>
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<2x16xf32>)
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<2x3xf32>, memref<3x16xf32>) outs(%c : memref<2x16xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  }
  return %c : memref<2x16xf32>
}

// -----

// Integers, and sizes that are known at run time only, have no kernel.
// CHECK-LABEL: func @others
// CHECK-COUNT-2: linalg.generic
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @others(%a: memref<4x4xi32>, %b: memref<4x4xi32>, %c: memref<4x4xi32>,
                  %d: memref<?x4xf32>, %e: memref<4x?xf32>, %f: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<4x4xi32>, memref<4x4xi32>) outs(%c : memref<4x4xi32>) {
  ^bb0(%x: i32, %y: i32, %z: i32):
    %p = arith.muli %x, %y : i32
    %s = arith.addi %z, %p : i32
    linalg.yield %s : i32
  }
  linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%d, %e : memref<?x4xf32>, memref<4x?xf32>) outs(%f : memref<?x?xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  }
  return
}
