// RUN: neuroplast-opt %s --neuro-lower-kernels=vector-bits=128 --canonicalize --split-input-file | FileCheck %s

// Blocks of four channels become planes: four rows of pixels by two times two exchanges in
// registers; of seven pixels, three are left, whose vectors have masks where they are columns.
// CHECK-LABEL: func @unpack
// CHECK-NOT: linalg
// CHECK: scf.for
// CHECK-COUNT-4: vector.load %arg0{{.*}} : memref<1x2x7x4xf32>, vector<4xf32>
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 4, 2, 6]
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [1, 5, 3, 7]
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 1, 4, 5]
// CHECK-COUNT-4: vector.store %{{.*}}, %arg1{{.*}} : memref<1x2x4x7xf32>, vector<4xf32>
// CHECK-COUNT-3: vector.load %arg0
// CHECK-NOT: vector.load
// CHECK-COUNT-4: vector.maskedstore %arg1
// CHECK: return
func.func @unpack(%x: memref<1x2x7x4xf32>, %y: memref<1x2x4x7xf32>) {
  linalg.generic {indexing_maps = [affine_map<(n, b, c, p) -> (n, b, p, c)>, affine_map<(n, b, c, p) -> (n, b, c, p)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : memref<1x2x7x4xf32>) outs(%y : memref<1x2x4x7xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

// Sizes that only a run knows have masks in both directions.
// CHECK-LABEL: func @open
// CHECK-NOT: linalg
// CHECK: vector.load
// CHECK: %[[COUNT:.*]] = arith.select %{{.*}}, %{{.*}}, %c0
// CHECK: vector.create_mask %[[COUNT]]
// CHECK: vector.maskedload
// CHECK: vector.maskedstore
func.func @open(%x: memref<?x?xi32>, %y: memref<?x?xi32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<?x?xi32>) outs(%y : memref<?x?xi32>) {
  ^bb0(%in: i32, %out: i32):
    linalg.yield %in : i32
  }
  return
}

// -----

// What changes the elements on the way is another kind of loop.
// CHECK-LABEL: func @others
// CHECK: linalg.generic
func.func @others(%x: memref<8x8xf32>, %y: memref<8x8xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>],
                  iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<8x8xf32>) outs(%y : memref<8x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %in : f32
    linalg.yield %0 : f32
  }
  return
}
