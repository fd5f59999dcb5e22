// RUN: neuroplast-opt %s --pass-pipeline='builtin.module(func.func(neuro-preallocate-stacks),canonicalize)' | FileCheck %s

// A row for each place of %x; the loop may end before.
// CHECK-LABEL: @scan(
// CHECK: %[[N:.*]] = tensor.dim %{{.*}}, %c0
// CHECK: %[[ROWS:.*]] = arith.maxsi %[[N]], %c0
// CHECK: %[[ROOM:.*]] = tensor.empty(%[[ROWS]]) : tensor<?x2xf32>
// CHECK: %[[R:.*]]:3 = scf.while ({{.*}} = %[[ROOM]])
// CHECK-NOT: neuro.concat
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[%{{.*}}, 0] [1, 2] [1, 1]
// CHECK: tensor.extract_slice %[[R]]#2[0, 0] [%[[R]]#0, 2] [1, 1]
func.func @scan(%x: tensor<?x2xf32>, %s: tensor<2xf32>, %flag: i1) -> (tensor<2xf32>, tensor<?x2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?x2xf32>
  %none = tensor.empty(%c0) : tensor<?x2xf32>
  %0:4 = scf.while (%i = %c0, %f = %flag, %v = %s, %t = %none)
      : (index, i1, tensor<2xf32>, tensor<?x2xf32>) -> (index, i1, tensor<2xf32>, tensor<?x2xf32>) {
    %less = arith.cmpi slt, %i, %n : index
    %go = arith.andi %f, %less : i1
    scf.condition(%go) %i, %f, %v, %t : index, i1, tensor<2xf32>, tensor<?x2xf32>
  } do {
  ^bb0(%i: index, %f: i1, %v: tensor<2xf32>, %t: tensor<?x2xf32>):
    %next = neuro.add %v, %v : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %row = neuro.reshape %next [1, 2] : tensor<2xf32> -> tensor<1x2xf32>
    %all = neuro.concat %t, %row {axis = 0 : i64} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x2xf32>
    %more = arith.addi %i, %c1 : index
    scf.yield %more, %f, %next, %all : index, i1, tensor<2xf32>, tensor<?x2xf32>
  }
  return %0#2, %0#3 : tensor<2xf32>, tensor<?x2xf32>
}

// A limit that an input brings may be none at all.
// CHECK-LABEL: @unbounded(
// CHECK: neuro.concat
func.func @unbounded(%m: tensor<i64>, %s: tensor<2xf32>, %flag: i1) -> tensor<?x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %limit = tensor.extract %m[] : tensor<i64>
  %n = arith.index_cast %limit : i64 to index
  %none = tensor.empty(%c0) : tensor<?x2xf32>
  %0:3 = scf.while (%i = %c0, %f = %flag, %t = %none)
      : (index, i1, tensor<?x2xf32>) -> (index, i1, tensor<?x2xf32>) {
    %less = arith.cmpi slt, %i, %n : index
    %go = arith.andi %f, %less : i1
    scf.condition(%go) %i, %f, %t : index, i1, tensor<?x2xf32>
  } do {
  ^bb0(%i: index, %f: i1, %t: tensor<?x2xf32>):
    %row = neuro.reshape %s [1, 2] : tensor<2xf32> -> tensor<1x2xf32>
    %all = neuro.concat %t, %row {axis = 0 : i64} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x2xf32>
    %more = arith.addi %i, %c1 : index
    scf.yield %more, %f, %all : index, i1, tensor<?x2xf32>
  }
  return %0#2 : tensor<?x2xf32>
}
