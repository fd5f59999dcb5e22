// RUN: neuroplast-opt %s --neuro-lower-kernels=vector-bits=512 --canonicalize --split-input-file | FileCheck %s
// RUN: neuroplast-opt %s --neuro-lower-kernels=kernels=0 --canonicalize --split-input-file | FileCheck %s --check-prefix=PLAIN

// Rows of all axes are one loop, and go four at a time. Each exponential is computed once.
// CHECK-LABEL: func @rows
// CHECK-DAG: %[[LOWEST:.*]] = arith.constant dense<0xFF800000> : vector<16xf32>
// CHECK: memref.collapse_shape %{{.*}} {{\[\[}}0, 1], [2]]
// CHECK: scf.for %{{.*}} = %c0 to %c12 step %c4
// CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16 iter_args(%{{.*}} = %[[LOWEST]], %{{.*}} = %[[LOWEST]], %{{.*}} = %[[LOWEST]], %{{.*}} = %[[LOWEST]])
// CHECK-COUNT-4: arith.cmpf ogt
// CHECK-COUNT-4: vector.maskedload {{.*}}, %{{.*}}, %[[LOWEST]]
// CHECK-COUNT-4: vector.reduction <maxnumf>
// CHECK-COUNT-8: math.exp
// CHECK-NOT: math.exp
// CHECK-COUNT-4: vector.reduction <add>
// CHECK: arith.divf
// CHECK-NOT: arith.divf
// CHECK: scf.for %{{.*}} = %c12 to %c14 step %c1
// PLAIN-LABEL: func @rows
// PLAIN: memref.load
// PLAIN-NOT: vector<16xf32>
func.func @rows(%x: memref<2x7x37xf32>, %y: memref<2x7x37xf32>) {
  kernel.softmax ins(%x : memref<2x7x37xf32>) outs(%y : memref<2x7x37xf32>)
  return
}

// -----

// What may attend to nothing is not divided by zero.
// CHECK-LABEL: func @masked
// CHECK: vector.reduction <maxnumf>
// CHECK: arith.cmpf oeq
// CHECK: arith.select
// CHECK: vector.reduction <add>
// CHECK: arith.cmpf oeq
// CHECK: arith.select
func.func @masked(%x: memref<1x64xf32>, %y: memref<1x64xf32>) {
  kernel.softmax ins(%x : memref<1x64xf32>) outs(%y : memref<1x64xf32>) {masked}
  return
}

// -----

// Elements that do not stand next to each other are taken one by one.
// CHECK-LABEL: func @strided
// CHECK-NOT: vector.load
// CHECK: memref.load
// CHECK-NOT: vector.load
func.func @strided(%x: memref<3x8xf32, strided<[16, 2]>>, %y: memref<3x8xf32>) {
  kernel.softmax ins(%x : memref<3x8xf32, strided<[16, 2]>>) outs(%y : memref<3x8xf32>)
  return
}
