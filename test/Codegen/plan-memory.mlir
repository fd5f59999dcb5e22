// RUN: neuroplast-opt --split-input-file --neuro-plan-memory %s | FileCheck %s

// The third buffer lives when the first is free.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: memref<20xf32>, %[[Y:.*]]: memref<20xf32>, %[[W:.*]]: memref<256xi8> {neuro.workspace})
func.func @main(%x: memref<20xf32>, %y: memref<20xf32>) {
  // CHECK: %[[C0:.*]] = arith.constant 0 : index
  // CHECK: %[[A:.*]] = memref.view %[[W]][%[[C0]]][] : memref<256xi8> to memref<20xf32>
  // CHECK: memref.copy %[[X]], %[[A]]
  // CHECK: %[[C128:.*]] = arith.constant 128 : index
  // CHECK: %[[B:.*]] = memref.view %[[W]][%[[C128]]][] : memref<256xi8> to memref<20xf32>
  // CHECK: memref.copy %[[A]], %[[B]]
  // CHECK: %[[C0_0:.*]] = arith.constant 0 : index
  // CHECK: %[[C:.*]] = memref.view %[[W]][%[[C0_0]]][] : memref<256xi8> to memref<20xf32>
  // CHECK: memref.copy %[[B]], %[[C]]
  // CHECK-NOT: dealloc
  %a = memref.alloc() : memref<20xf32>
  memref.copy %x, %a : memref<20xf32> to memref<20xf32>
  %b = memref.alloc() : memref<20xf32>
  memref.copy %a, %b : memref<20xf32> to memref<20xf32>
  memref.dealloc %a : memref<20xf32>
  %c = memref.alloc() : memref<20xf32>
  memref.copy %b, %c : memref<20xf32> to memref<20xf32>
  memref.dealloc %b : memref<20xf32>
  memref.copy %c, %y : memref<20xf32> to memref<20xf32>
  memref.dealloc %c : memref<20xf32>
  return
}

// -----

// What lives in a loop stays clear of what lives around it.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<192xi8> {neuro.workspace})
func.func @main(%n: index, %x: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: memref.view %[[W]][%{{.*}}][] : memref<192xi8> to memref<32xf32>
  %a = memref.alloc() : memref<32xf32>
  scf.for %i = %c0 to %n step %c1 {
    // CHECK: %[[C128:.*]] = arith.constant 128 : index
    // CHECK: memref.view %[[W]][%[[C128]]][] : memref<192xi8> to memref<16xf32>
    %b = memref.alloc() : memref<16xf32>
    memref.copy %x, %b : memref<16xf32> to memref<16xf32>
    memref.dealloc %b : memref<16xf32>
  }
  memref.dealloc %a : memref<32xf32>
  return
}

// -----

// Of unknown size, returned, or of threads: not in the workspace.
// CHECK-LABEL: func.func @main(
// CHECK-NOT: neuro.workspace
func.func @main(%n: index) -> memref<16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.alloc(%n) : memref<?xf32>
  memref.dealloc %a : memref<?xf32>
  %b = memref.alloc() : memref<16xf32>
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %c = memref.alloc() : memref<16xf32>
    memref.dealloc %c : memref<16xf32>
  }
  return %b : memref<16xf32>
}
