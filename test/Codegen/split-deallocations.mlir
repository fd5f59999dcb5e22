// RUN: neuroplast-opt --neuro-split-deallocations %s | FileCheck %s

// CHECK-LABEL: func.func @apart
// CHECK-SAME: (%[[C:.*]]: i1, %[[D:.*]]: i1)
// CHECK: %[[A:.*]] = memref.alloc
// CHECK: %[[B:.*]] = memref.alloc
// CHECK: %[[E:.*]] = memref.alloc
// CHECK-DAG: %[[FALSE:.*]] = arith.constant false
// CHECK-DAG: bufferization.dealloc (%[[A]] : memref<4xf32>) if (%[[C]])
// CHECK-NOT: bufferization.dealloc
// CHECK: return %[[D]], %[[FALSE]]
func.func @apart(%c: i1, %d: i1) -> (i1, i1) {
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %e = memref.alloc() : memref<4xf32>
  %owned:2 = bufferization.dealloc (%a, %b : memref<4xf32>, memref<4xf32>) if (%c, %d)
    retain (%b, %e : memref<4xf32>, memref<4xf32>)
  return %owned#0, %owned#1 : i1, i1
}

// What may be another's alias stays with it.
// CHECK-LABEL: func.func @alias
// CHECK: bufferization.dealloc (%{{.*}}, %{{.*}} : memref<4xf32>, memref<4xf32>)
func.func @alias(%c: i1, %d: i1) {
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %e = arith.select %c, %a, %b : memref<4xf32>
  bufferization.dealloc (%a, %e : memref<4xf32>, memref<4xf32>) if (%c, %d)
  return
}

// So does what is there twice.
// CHECK-LABEL: func.func @twice
// CHECK: bufferization.dealloc (%[[A:.*]], %[[A]] : memref<4xf32>, memref<4xf32>)
func.func @twice(%c: i1, %d: i1) {
  %a = memref.alloc() : memref<4xf32>
  bufferization.dealloc (%a, %a : memref<4xf32>, memref<4xf32>) if (%c, %d)
  return
}
