// RUN: neuroplast-opt %s --convert-neuro-to-linalg --canonicalize --cse | FileCheck %s

// One product for the inputs of all steps before the loop; the loop carries the
// states and the outputs, and writes them in place, all at once: it yields what it was given.
// CHECK-LABEL: @lstm
// CHECK: kernel.contract
// CHECK: scf.for %[[T:.*]] = %{{.*}} iter_args(%[[H:.*]] = %{{.*}}, %[[C:.*]] = %{{.*}}, %[[Y:.*]] = %{{.*}})
// CHECK:   tensor.extract_slice %{{.*}}[%[[T]], 0, 0] [1, 1, 64]
// CHECK:   %[[SHOWN:.*]] = tensor.extract_slice %[[Y]][%[[T]], 0, 0, 0]
// CHECK:   %[[NEXT:.*]]:3 = linalg.generic {{.*}} outs(%[[H]], %[[C]], %[[SHOWN]] : tensor<1x16xf32>, tensor<1x16xf32>, tensor<1x16xf32>)
// CHECK:   linalg.yield %[[HIDDEN:.*]], %{{.*}}, %[[HIDDEN]] :
// CHECK:   %[[ALL:.*]] = tensor.insert_slice %[[NEXT]]#2 into %[[Y]][%[[T]], 0, 0, 0]
// CHECK:   scf.yield %[[NEXT]]#0, %[[NEXT]]#1, %[[ALL]]
// CHECK-NOT: neuro.
func.func @lstm(%x: tensor<?x1x32xf32>, %w: tensor<1x64x32xf32>, %r: tensor<1x64x16xf32>) -> tensor<?x1x1x16xf32> {
  %y, %yh, %yc = neuro.lstm %x, %w, %r {hidden_size = 16 : i64}
    : (tensor<?x1x32xf32>, tensor<1x64x32xf32>, tensor<1x64x16xf32>)
    -> (tensor<?x1x1x16xf32>, tensor<1x1x16xf32>, tensor<1x1x16xf32>)
  return %y : tensor<?x1x1x16xf32>
}

// The outputs of the steps are not carried if nobody reads them.
// CHECK-LABEL: @last_state_only
// CHECK: scf.for {{.*}} iter_args(%{{[^,]*}} = %{{[^,]*}}) -> (tensor<1x4xf32>)
func.func @last_state_only(%x: tensor<3x1x2xf32>, %w: tensor<1x12x2xf32>, %r: tensor<1x12x4xf32>) -> tensor<1x1x4xf32> {
  %y, %yh = neuro.gru %x, %w, %r {hidden_size = 4 : i64, linear_before_reset = 1 : i64}
    : (tensor<3x1x2xf32>, tensor<1x12x2xf32>, tensor<1x12x4xf32>) -> (tensor<3x1x1x4xf32>, tensor<1x1x4xf32>)
  return %yh : tensor<1x1x4xf32>
}

// Both directions write into one tensor; the second goes backwards.
// CHECK-LABEL: @both_directions
// CHECK: %[[FIRST:.*]]:2 = scf.for
// CHECK: scf.for {{.*}} = %[[FIRST]]#1
// CHECK: arith.subi
func.func @both_directions(%x: tensor<3x1x2xf32>, %w: tensor<2x4x2xf32>, %r: tensor<2x4x4xf32>) -> tensor<3x2x1x4xf32> {
  %y, %yh = neuro.rnn %x, %w, %r {direction = "bidirectional", hidden_size = 4 : i64}
    : (tensor<3x1x2xf32>, tensor<2x4x2xf32>, tensor<2x4x4xf32>) -> (tensor<3x2x1x4xf32>, tensor<2x1x4xf32>)
  return %y : tensor<3x2x1x4xf32>
}

// What the states are multiplied with R to is kept, in the order of the steps.
// CHECK-LABEL: @products
// CHECK: scf.for %[[T:.*]] = %{{.*}} iter_args(%{{[^,]*}} = %{{[^,]*}}, %[[KEPT:[^,]*]] = %{{[^,]*}}) -> (tensor<1x4xf32>, tensor<3x1x1x12xf32>)
// CHECK:   %[[PRODUCT:.*]] = kernel.contract
// CHECK:   %[[ALL:.*]] = tensor.insert_slice %[[PRODUCT]] into %[[KEPT]][%[[T]], 0, 0, 0] [1, 1, 1, 12]
// CHECK:   scf.yield %{{.*}}, %[[ALL]]
func.func @products(%x: tensor<3x1x2xf32>, %w: tensor<1x12x2xf32>, %r: tensor<1x12x4xf32>) -> (tensor<1x1x4xf32>, tensor<3x1x1x12xf32>) {
  %y, %yh, %products = neuro.gru %x, %w, %r {hidden_size = 4 : i64, keep_products, linear_before_reset = 1 : i64}
    : (tensor<3x1x2xf32>, tensor<1x12x2xf32>, tensor<1x12x4xf32>) -> (tensor<3x1x1x4xf32>, tensor<1x1x4xf32>, tensor<3x1x1x12xf32>)
  return %yh, %products : tensor<1x1x4xf32>, tensor<3x1x1x12xf32>
}

// Behind its end a sequence keeps its state, and puts out zeros.
// CHECK-LABEL: @lengths
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK: scf.for
// CHECK: ^bb0({{.*}}, %[[OLD:[^:]*]]: f32, %{{[^:]*}}: f32):
// CHECK: %[[RUNNING:.*]] = arith.cmpi slt
// CHECK: arith.select %[[RUNNING]], %[[NEW:.*]], %[[OLD]] : f32
// CHECK: arith.select %[[RUNNING]], %[[NEW]], %[[ZERO]] : f32
func.func @lengths(%x: tensor<3x2x2xf32>, %w: tensor<1x4x2xf32>, %r: tensor<1x4x4xf32>, %lens: tensor<2xi32>) -> (tensor<3x1x2x4xf32>, tensor<1x2x4xf32>) {
  %y, %yh = neuro.rnn %x, %w, %r sequence_lens(%lens) {hidden_size = 4 : i64}
    : (tensor<3x2x2xf32>, tensor<1x4x2xf32>, tensor<1x4x4xf32>, tensor<2xi32>) -> (tensor<3x1x2x4xf32>, tensor<1x2x4xf32>)
  return %y, %yh : tensor<3x1x2x4xf32>, tensor<1x2x4xf32>
}
