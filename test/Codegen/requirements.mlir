// RUN: neuroplast-opt %s --neuro-guard-allocations | FileCheck %s --check-prefix=GUARD
// RUN: neuroplast-opt %s --convert-scf-to-cf --neuro-lower-requirements | FileCheck %s --check-prefix=LOWER

// GUARD-LABEL: @allocate
// GUARD-DAG: %[[BYTES:.*]] = arith.constant 1.600000e+01 : f64
// GUARD-DAG: %[[LIMIT:.*]] = arith.constant 4.611686{{.*}}E+18 : f64
// GUARD: arith.cmpi sge, %arg0, %c0
// GUARD: arith.cmpf ole, %{{.*}}, %[[LIMIT]]
// GUARD: neuro.require %{{.*}}, "asks for a tensor of open sizes {}"(%arg0)
// GUARD-NEXT: memref.alloc(%arg0)
// GUARD-NOT: neuro.require
// GUARD: return
func.func @allocate(%n: index) -> (memref<4x?xf32>, memref<8xf32>) {
  %0 = memref.alloc(%n) : memref<4x?xf32>
  %1 = memref.alloc() : memref<8xf32>
  return %0, %1 : memref<4x?xf32>, memref<8xf32>
}

// LOWER: llvm.mlir.global private constant @neuroplast_message_{{.*}}("'x' has size {}\00")
// LOWER: func.func private @neuroplast_violate(i32, !llvm.ptr, i64, i64, i64, i64)
// LOWER-LABEL: func.func @require
// LOWER: cf.cond_br %arg2, ^{{.*}}, ^[[FAIL:bb[0-9]+]]
// LOWER: ^[[FAIL]]:
// LOWER: call @neuroplast_violate(%c0_i32, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
// LOWER-NEXT: llvm.unreachable
func.func @require(%n: index, %count: index, %flag: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // Inside of loops, too: branches replace the structure first.
  scf.for %i = %c0 to %count step %c1 {
    neuro.require %flag, "'x' has size {}"(%n)
  }
  neuro.require of_data %flag, "'x' has size {}"(%n)
  return
}
