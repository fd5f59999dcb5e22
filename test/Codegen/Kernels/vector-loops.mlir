// RUN: neuroplast-opt %s --neuro-lower-kernels=vector-bits=256 --split-input-file | FileCheck %s

// A sum along the last loop: four vectors take 32 steps at a time, then one vector
// at a time the rest, whose last lanes count as zero.
// CHECK-LABEL: func @row_sum
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK: %[[SUMS:.*]]:4 = scf.for {{.*}} iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK-COUNT-4: vector.load
// CHECK: scf.yield
// CHECK: vector.load
// CHECK: arith.addf {{.*}}, %[[SUMS]]#0
// CHECK: vector.maskedload
// CHECK: arith.select {{.*}}, %[[ZERO]]
// CHECK: %[[OLD:.*]] = memref.load
// CHECK: vector.reduction <add>, %{{.*}}, %[[OLD]] fastmath<reassoc>
// CHECK: memref.store
func.func @row_sum(%x: memref<3x77xf32>, %y: memref<3xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<3x77xf32>) outs(%y : memref<3xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.addf %in, %sum : f32
    linalg.yield %new : f32
  }
  return
}

// -----

// The rest of a maximum counts as minus infinity.
// CHECK-LABEL: func @row_maximum
// CHECK-DAG: arith.constant dense<0xFF800000> : vector<8xf32>
// CHECK: arith.maximumf
// CHECK: vector.reduction <maximumf>
func.func @row_maximum(%x: memref<3x21xf32>, %y: memref<3xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<3x21xf32>) outs(%y : memref<3xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.maximumf %in, %sum : f32
    linalg.yield %new : f32
  }
  return
}

// -----

// What each step contributes is computed on vectors, too.
// CHECK-LABEL: func @row_sum_of_squares
// CHECK: %[[X:.*]] = vector.load
// CHECK: arith.mulf %[[X]], %[[X]] : vector<8xf32>
// CHECK: vector.reduction <add>
func.func @row_sum_of_squares(%x: memref<3x16xf32>, %y: memref<3xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<3x16xf32>) outs(%y : memref<3xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %square = arith.mulf %in, %in : f32
    %next = arith.addf %sum, %square : f32
    linalg.yield %next : f32
  }
  return
}

// -----

// Two steps that are combined cannot be told apart: scalar loops do it.
// CHECK-LABEL: func @not_a_sum
// CHECK: linalg.generic
// CHECK-NOT: vector
func.func @not_a_sum(%x: memref<3x16xf32>, %y: memref<3xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<3x16xf32>) outs(%y : memref<3xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %half = arith.mulf %sum, %in : f32
    %next = arith.addf %half, %in : f32
    linalg.yield %next : f32
  }
  return
}

// -----

// A reduction over an outer loop adds rows as vectors.
// CHECK-LABEL: func @column_product
// CHECK: arith.mulf {{.*}} : vector<8xf32>
// CHECK: vector.store
func.func @column_product(%x: memref<3x16xf32>, %y: memref<16xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d1)>], iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<3x16xf32>) outs(%y : memref<16xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.mulf %in, %sum : f32
    linalg.yield %new : f32
  }
  return
}

// -----

// Sizes that are known at run time only: what is left after whole steps has a mask.
// CHECK-LABEL: func @open
// CHECK: %[[SIZE:.*]] = memref.dim %arg0, %c1
// CHECK: %[[SUMS:.*]]:4 = scf.for %{{.*}} = %c0{{.*}} to %{{.*}} step %c32
// CHECK: %[[SUM:.*]] = scf.for %[[AT:.*]] = %{{.*}} to %[[SIZE]] step %c8{{.*}} iter_args(%{{.*}} = %[[SUMS]]#0)
// CHECK: %[[LEFT:.*]] = arith.subi %[[SIZE]], %[[AT]]
// CHECK: %[[MASK:.*]] = vector.create_mask %[[LEFT]] : vector<8xi1>
// CHECK: %[[X:.*]] = vector.maskedload %arg0[{{.*}}], %[[MASK]]
// CHECK: arith.select %[[MASK]], %[[X]]
// CHECK: vector.reduction <add>
func.func @open(%x: memref<3x?xf32>, %y: memref<3xf32>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<3x?xf32>) outs(%y : memref<3xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.addf %in, %sum : f32
    linalg.yield %new : f32
  }
  return
}
