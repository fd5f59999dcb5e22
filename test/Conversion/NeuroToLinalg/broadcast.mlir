// RUN: neuroplast-opt %s --neuro-state-contracts --convert-neuro-to-linalg --canonicalize --cse --split-input-file | FileCheck %s

// A table of positions is read as far as the sequence goes, and is added to that: either the run
// has ended, or both are as long. The sum has the size of the sequence, and so has what comes of it.
// CHECK-LABEL: func @positions
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x?x8xf32>
// CHECK: %[[ROWS:.*]] = tensor.extract_slice
// CHECK: neuro.require
// CHECK-NOT: tensor.extract %
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[ROWS]] :
// CHECK-NOT: neuro.require
// CHECK: linalg.generic {{.*}} ins(%[[SUM]], %[[X]] :
// CHECK-NOT: tensor.extract %
// CHECK: return
func.func @positions(%x: tensor<?x?x8xf32>, %table: tensor<1x512x8xf32>) -> tensor<?x?x8xf32> {
  %c1 = arith.constant 1 : index
  %c512 = arith.constant 512 : index
  %length = tensor.dim %x, %c1 : tensor<?x?x8xf32>
  %most = arith.minsi %length, %c512 : index
  %rows = neuro.slice %table [0, 0, 0] [1, %most, 8] [1, 1, 1] : tensor<1x512x8xf32> -> tensor<1x?x8xf32>
  %sum = neuro.add %x, %rows : (tensor<?x?x8xf32>, tensor<1x?x8xf32>) -> tensor<?x?x8xf32>
  %twice = neuro.add %sum, %x : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %twice : tensor<?x?x8xf32>
}

// -----

// Of a table of one row, it may be the row that is repeated.
// CHECK-LABEL: func @one_row
// CHECK: linalg.generic
// CHECK: tensor.extract %
func.func @one_row(%x: tensor<?x8xf32>, %table: tensor<1x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %length = tensor.dim %x, %c0 : tensor<?x8xf32>
  %most = arith.minsi %length, %c1 : index
  %rows = neuro.slice %table [0, 0] [%most, 8] [1, 1] : tensor<1x8xf32> -> tensor<?x8xf32>
  %sum = neuro.add %x, %rows : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %sum : tensor<?x8xf32>
}

// -----

// Through layers that keep it, a size is that of the input.
// CHECK-LABEL: func @traced
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x4xf32>
// CHECK: %[[N:.*]] = tensor.dim %[[X]], %c0
// CHECK: return %{{.*}}, %[[N]]
func.func @traced(%x: tensor<?x4xf32>, %w: tensor<4x8xf32>) -> (tensor<?x8xf32>, index) {
  %c0 = arith.constant 0 : index
  %a = neuro.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %b = neuro.matmul %a, %w : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  %n = tensor.dim %b, %c0 : tensor<?x8xf32>
  return %b, %n : tensor<?x8xf32>, index
}
