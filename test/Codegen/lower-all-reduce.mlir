// RUN: neuroplast-opt %s --split-input-file --neuro-lower-all-reduce --canonicalize --verify-diagnostics | FileCheck %s

// The number of f64 is 11.
// CHECK-DAG: func.func private @neuroplast_start_all_reduce(i64, i64, i32)
// CHECK-DAG: func.func private @neuroplast_finish_all_reduce(i64)
// CHECK-LABEL: func @open
// CHECK-SAME: %[[X:[^:]*]]: memref<4x?xf64>
// CHECK-DAG: %[[TYPE:.*]] = arith.constant 11 : i32
// CHECK-DAG: %[[ADDRESS:.*]] = memref.extract_aligned_pointer_as_index %[[X]]
// CHECK-DAG: %[[SIZE:.*]] = memref.dim %[[X]]
// CHECK: arith.muli %[[SIZE]], %c4
// CHECK: call @neuroplast_start_all_reduce(%{{.*}}, %{{.*}}, %[[TYPE]])
// CHECK: call @neuroplast_finish_all_reduce(%{{.*}})
func.func @open(%x: memref<4x?xf64>) {
  kernel.start_all_reduce outs(%x : memref<4x?xf64>)
  kernel.finish_all_reduce outs(%x : memref<4x?xf64>)
  return
}

// -----

func.func @strided(%x: memref<4x2xf32, strided<[8, 1]>>) {
  // expected-error@+1 {{adds up what does not lie in one piece}}
  kernel.start_all_reduce outs(%x : memref<4x2xf32, strided<[8, 1]>>)
  return
}
