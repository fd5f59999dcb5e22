// RUN: neuroplast-opt %s --neuro-profile-kernels | FileCheck %s

// A mark before a kernel gives the time so far to no kernel, the one behind it the kernel's own.
// CHECK: module attributes {neuro.profile = [
// CHECK-SAME: {kernel = "", nodes = "", operations = 0.000000e+00 : f64}
// CHECK-SAME: {kernel = "kernel_contract", nodes = "Conv_0 + Relu_1", operations = 1.024000e+03 : f64}
// CHECK-SAME: {kernel = "kernel_generic", nodes = "Open", operations = 0.000000e+00 : f64}
// CHECK-LABEL: func @main
// CHECK-NEXT: %[[BEGIN:.*]] = arith.constant -1 : i64
// CHECK-NEXT: call @neuroplast_profile_mark(%[[BEGIN]])
// CHECK-NEXT: %[[NONE:.*]] = arith.constant 0 : i64
// CHECK-NEXT: call @neuroplast_profile_mark(%[[NONE]])
// CHECK-NEXT: call @kernel_contract
// CHECK-NEXT: %[[FIRST:.*]] = arith.constant 1 : i64
// CHECK-NEXT: call @neuroplast_profile_mark(%[[FIRST]])
// CHECK: call @kernel_generic
func.func @main(%a: memref<8x8xf32>, %b: memref<?xf32>) {
  call @kernel_contract(%a) : (memref<8x8xf32>) -> () loc(fused["Conv_0", "Relu_1"])
  call @kernel_generic(%b) : (memref<?xf32>) -> () loc("Open")
  return
}
func.func private @kernel_contract(%a: memref<8x8xf32>) {
  kernel.contract ins(%a, %a : memref<8x8xf32>, memref<8x8xf32>) outs(%a : memref<8x8xf32>)
      attributes {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                                   affine_map<(m, n, k) -> (m, n)>]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  }
  return
}
func.func private @kernel_generic(%b: memref<?xf32>) {
  linalg.map { math.absf } ins(%b : memref<?xf32>) outs(%b : memref<?xf32>)
  return
}
