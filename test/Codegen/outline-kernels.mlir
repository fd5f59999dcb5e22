// RUN: neuroplast-opt %s --neuro-outline-kernels | FileCheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(i, j) -> (i, j)>

// Two products on the same types are one function; where a buffer begins is a part of its
// type. Constants go along.
// CHECK-LABEL: func @main
// CHECK: call @kernel_contract(%arg0, %arg2, %{{.*}}) : (memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>) -> ()
// CHECK: call @kernel_contract(%{{.*}}, %arg2, %{{.*}}) : (memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32>) -> ()
// CHECK: call @kernel_contract_0(%{{.*}}, %arg2, %{{.*}}) : (memref<8x8xf32>, memref<8x8xf32>, memref<8x8xf32, strided<[8, 1], offset: 64>>) -> ()

// A sum goes with what fills its destination; what comes from outside is an argument, also
// within a loop.
// CHECK: scf.for %[[I:.*]] =
// CHECK: call @kernel_generic(%{{.*}}, %{{.*}}, %arg1, %[[I]]) : (memref<8xf32>, memref<8x8xf32>, memref<?x8xf32>, index) -> ()

// Few elements stay where they are.
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : memref<1x4xf32>)
// CHECK-NOT: call
// CHECK: return
func.func @main(%x: memref<8x8xf32>, %open: memref<?x8xf32>, %w: memref<8x8xf32>) -> memref<16x8xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %y = memref.alloc() : memref<8x8xf32>
  %z = memref.alloc() : memref<8x8xf32>
  %r = memref.alloc() : memref<16x8xf32>
  %half = memref.subview %r[8, 0] [8, 8] [1, 1] : memref<16x8xf32> to memref<8x8xf32, strided<[8, 1], offset: 64>>
  kernel.contract ins(%x, %w : memref<8x8xf32>, memref<8x8xf32>) outs(%y : memref<8x8xf32>)
      attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    %m = arith.maximumf %sum, %zero : f32
    kernel.yield %m : f32
  }
  kernel.contract ins(%y, %w : memref<8x8xf32>, memref<8x8xf32>) outs(%z : memref<8x8xf32>)
      attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    %m = arith.maximumf %sum, %zero : f32
    kernel.yield %m : f32
  }
  kernel.contract ins(%z, %w : memref<8x8xf32>, memref<8x8xf32>) outs(%half : memref<8x8xf32, strided<[8, 1], offset: 64>>)
      attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    %m = arith.maximumf %sum, %zero : f32
    kernel.yield %m : f32
  }
  %row = memref.alloc() : memref<8xf32>
  scf.for %i = %c0 to %c8 step %c1 {
    linalg.fill ins(%zero : f32) outs(%row : memref<8xf32>)
    linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
        ins(%z : memref<8x8xf32>) outs(%row : memref<8xf32>) {
    ^bb0(%a: f32, %s: f32):
      %e = memref.load %open[%i, %i] : memref<?x8xf32>
      %p = arith.mulf %a, %e : f32
      %q = arith.addf %s, %p : f32
      linalg.yield %q : f32
    }
  }
  %few = memref.alloc() : memref<1x4xf32>
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%few : memref<1x4xf32>) {
  ^bb0(%a: f32):
    %p = arith.negf %a : f32
    linalg.yield %p : f32
  }
  return %r : memref<16x8xf32>
}

// CHECK: func.func private @kernel_contract(%[[X:.*]]: memref<8x8xf32>, %[[W:.*]]: memref<8x8xf32>, %[[Y:.*]]: memref<8x8xf32>) attributes {llvm.bareptr, passthrough = ["noinline"]}
// CHECK-NEXT: %[[ZERO:.*]] = arith.constant 0.0
// CHECK-NEXT: kernel.contract ins(%[[X]], %[[W]] : {{.*}}) outs(%[[Y]]
// CHECK: arith.maximumf %{{.*}}, %[[ZERO]]
// CHECK: func.func private @kernel_contract_0(
// CHECK: func.func private @kernel_generic(
// CHECK-NOT: llvm.bareptr
// CHECK: linalg.fill
// CHECK-NEXT: linalg.generic
