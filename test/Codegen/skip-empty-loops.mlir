// RUN: neuroplast-opt %s --neuro-skip-empty-loops | FileCheck %s

// Both outer loops end at once if the innermost has no iterations.
// CHECK-LABEL: func.func @nest
// CHECK-SAME:    %[[X:.*]]: memref<?x?x?xf32>, %[[N:.*]]: index, %[[M:.*]]: index, %[[K:.*]]: index
func.func @nest(%x: memref<?x?x?xf32>, %n: index, %m: index, %k: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  // CHECK: %[[ANY_K:.*]] = arith.cmpi slt, %c0, %[[K]]
  // CHECK: %[[ENDM:.*]] = arith.select %[[ANY_K]], %[[M]], %c0
  // CHECK: %[[ANY_M:.*]] = arith.cmpi slt, %c0, %[[ENDM]]
  // CHECK: %[[ENDN:.*]] = arith.select %[[ANY_M]], %[[N]], %c0
  // CHECK: scf.for %{{.*}} = %c0 to %[[ENDN]]
  scf.for %i = %c0 to %n step %c1 {
    // CHECK: scf.for %{{.*}} = %c0 to %[[ENDM]]
    scf.for %j = %c0 to %m step %c1 {
      // CHECK: scf.for %{{.*}} = %c0 to %[[K]]
      scf.for %l = %c0 to %k step %c1 {
        memref.store %zero, %x[%i, %j, %l] : memref<?x?x?xf32>
      }
    }
  }
  return
}

// A loop that does something besides goes on.
// CHECK-LABEL: func.func @not_alone
// CHECK-NOT:     arith.select
func.func @not_alone(%x: memref<?x?xf32>, %y: memref<?xf32>, %n: index, %m: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %n step %c1 {
    memref.store %zero, %y[%i] : memref<?xf32>
    scf.for %j = %c0 to %m step %c1 {
      memref.store %zero, %x[%i, %j] : memref<?x?xf32>
    }
  }
  return
}
