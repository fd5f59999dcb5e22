// RUN: neuroplast-opt %s --neuro-lower-kernels=vector-bits=256 --canonicalize | FileCheck %s

// Rows before and behind, then what these leave of the columns.
// CHECK-LABEL: func @margins
// CHECK: %[[COLUMNS:.*]] = memref.dim %arg1, %c1
// CHECK: %[[A:.*]] = memref.subview %arg1[0, 0] [1, %[[COLUMNS]]]
// CHECK: linalg.fill ins(%arg0 : f32) outs(%[[A]]
// CHECK: %[[B:.*]] = memref.subview %arg1[4, 0] [2, %[[COLUMNS]]]
// CHECK: linalg.fill ins(%arg0 : f32) outs(%[[B]]
// CHECK: %[[BEGIN:.*]] = affine.apply #{{.*}}()[%[[COLUMNS]], %arg2]
// CHECK: %[[C:.*]] = memref.subview %arg1[1, %[[BEGIN]]] [3, %arg2]
// CHECK: linalg.fill ins(%arg0 : f32) outs(%[[C]]
// CHECK-NOT: linalg.fill
func.func @margins(%number: f32, %x: memref<6x?xf32>, %n: index) {
  kernel.fill_margins %number into %x low [1, 0] high [2, %n] : f32, memref<6x?xf32>
  return
}
