// RUN: neuroplast-opt %s --neuro-copies-to-loops | FileCheck %s

// Eight lanes of sixteen.
// CHECK-LABEL: func @lanes
// CHECK: linalg.generic {{.*}} ins(%arg0 : {{.*}}) outs(%arg1 :
// CHECK-NOT: memref.copy
func.func @lanes(%x: memref<?x100x8xf32, strided<[1600, 16, 1]>>, %y: memref<?x100x8xf32, strided<[1600, 16, 1], offset: 8>>) {
  memref.copy %x, %y : memref<?x100x8xf32, strided<[1600, 16, 1]>> to memref<?x100x8xf32, strided<[1600, 16, 1], offset: 8>>
  return
}

// Rows of an image, and what is one run.
// CHECK-LABEL: func @runs
// CHECK-COUNT-2: memref.copy
func.func @runs(%x: memref<4x224xf32>, %y: memref<4x224xf32, strided<[226, 1]>>, %a: memref<8xf32>, %b: memref<8xf32>) {
  memref.copy %x, %y : memref<4x224xf32> to memref<4x224xf32, strided<[226, 1]>>
  memref.copy %a, %b : memref<8xf32> to memref<8xf32>
  return
}
