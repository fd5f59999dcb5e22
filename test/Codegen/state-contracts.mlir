// RUN: neuroplast-opt %s --split-input-file --neuro-state-contracts --canonicalize --cse --verify-diagnostics | FileCheck %s

// Types prove it: nothing is left to check.
// CHECK-LABEL: @proved
// CHECK-NOT: neuro.require
// CHECK: return
func.func @proved(%x: tensor<2x4xf32>, %z: tensor<4xf32>, %y: tensor<?xf32>) -> (tensor<2x4xf32>, tensor<?xf32>) {
  %0 = neuro.add %x, %z : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = neuro.mul %y, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0, %1 : tensor<2x4xf32>, tensor<?xf32>
}

// -----

// CHECK-LABEL: @broadcast
// CHECK-DAG: %[[N:.*]] = tensor.dim %arg0
// CHECK-DAG: %[[SAME:.*]] = arith.cmpi eq, %[[N]], %c4
// CHECK-DAG: %[[ONE:.*]] = arith.cmpi eq, %[[N]], %c1
// CHECK: %[[FITS:.*]] = arith.ori %[[SAME]], %[[ONE]]
// CHECK: neuro.require %[[FITS]], "'x' has size {} along axis 0, which does not broadcast with {} of 'z'"(%[[N]], %c4)
// CHECK-NEXT: neuro.add
func.func @broadcast(%x: tensor<?xf32> {neuro.name = "x"}, %z: tensor<4xf32> {neuro.name = "z"}) -> tensor<4xf32> {
  %0 = neuro.add %x, %z : (tensor<?xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Indices are asked for their extremes, once, before the gather.
// CHECK-LABEL: @gather
// CHECK: neuro.reduce_min
// CHECK: neuro.reduce_max
// CHECK: neuro.require of_data %{{.*}}, "'i' has indices from {} to {}, expected {} to {}"
// CHECK: neuro.gather
func.func @gather(%x: tensor<5x3xf32>, %i: tensor<?xi64> {neuro.name = "i"}) -> tensor<?x3xf32> {
  %0 = neuro.gather %x, %i : (tensor<5x3xf32>, tensor<?xi64>) -> tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

// -----

// Those that are known need not be asked.
// CHECK-LABEL: @known_indices
// CHECK-NOT: neuro.require
// CHECK: neuro.gather
func.func @known_indices(%x: tensor<5x3xf32>) -> tensor<2x3xf32> {
  %i = neuro.constant dense<[4, -5]> : tensor<2xi64>
  %0 = neuro.gather %x, %i : (tensor<5x3xf32>, tensor<2xi64>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: @quotient
// CHECK: arith.cmpi ne, %arg1, %c0
// CHECK: neuro.require of_data %{{.*}}, "a size of {} is divided by {}"(%arg0, %arg1)
// CHECK-NEXT: arith.divsi
func.func @quotient(%n: index, %d: index) -> index {
  %0 = arith.divsi %n, %d : index
  return %0 : index
}

// -----

// What cannot hold is an error now, at the op.
func.func @refused(%q: tensor<1x2x3x8xf32>, %k: tensor<1x2x3x8xf32>, %past: tensor<1x2x5x7xf32> {neuro.name = "past"}) -> tensor<1x2x3x8xf32> {
  // expected-error @+1 {{'past' has size 7 along axis 3, expected 8}}
  %y, %pk, %pv, %qk = neuro.attention %q, %k, %k past_key(%past) past_value(%past) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 1, 1, 0>} : (tensor<1x2x3x8xf32>, tensor<1x2x3x8xf32>, tensor<1x2x3x8xf32>, tensor<1x2x5x7xf32>, tensor<1x2x5x7xf32>) -> (tensor<1x2x3x8xf32>, tensor<1x2x8x8xf32>, tensor<1x2x8x8xf32>, tensor<1x2x3x8xf32>)
  return %y : tensor<1x2x3x8xf32>
}

// -----

// A size that the model calls by one name is one size: that is checked once, and then known.
// CHECK-LABEL: @named
// CHECK-SAME: tensor<?x4xf32> {neuro.dims = ["batch", ""], neuro.name = "x", neuro.sizes = array<i64: 0, -1>}
// CHECK-DAG: %[[X:.*]] = tensor.dim %arg0, %c0
// CHECK-DAG: %[[Y:.*]] = tensor.dim %arg1, %c0
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %[[Y]], %[[X]]
// CHECK: neuro.require %[[SAME]], "axis 0 of 'y' is {}, but axis 0 of 'x' is {}"(%[[Y]], %[[X]])
// CHECK-NOT: neuro.require
// CHECK: neuro.add
func.func @named(%x: tensor<?x4xf32> {neuro.name = "x", neuro.dims = ["batch", ""]},
                 %y: tensor<?x4xf32> {neuro.name = "y", neuro.dims = ["batch", ""]}) -> tensor<?x4xf32> {
  %0 = neuro.add %x, %y : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// What exporters write for any size is no name.
// CHECK-LABEL: @unnamed
// CHECK-NOT: neuro.sizes
// CHECK: return
func.func @unnamed(%x: tensor<?x?xf32> {neuro.name = "x", neuro.dims = ["?", "?"]}) -> tensor<?x?xf32> {
  return %x : tensor<?x?xf32>
}
