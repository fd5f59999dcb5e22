// RUN: neuroplast-opt --split-input-file --neuro-print-units %s -o /dev/null 2>&1 | FileCheck %s --implicit-check-not="not zero-invariant"

// A sum over units: the sigmoid of a masked unit is a half, not a zero.
// CHECK: 3 units: @a[1]
// CHECK-NEXT: not zero-invariant: 'neuro.reduce_sum' sums over units that are not zero where they are masked
neuro.param @a trainable = dense<1.0> : tensor<4x3xf32>
func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}) -> (tensor<1xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<4x3xf32>
  %0 = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
  %1 = neuro.sigmoid %0 : (tensor<1x3xf32>) -> tensor<1x3xf32>
  %2 = neuro.reduce_sum %1 {axes = array<i64: 1>, keepdims = false} : (tensor<1x3xf32>) -> tensor<1xf32>
  return %2 : tensor<1xf32>
}

// -----

// A rectifier keeps zeros, a gate absorbs them, and a slice that leaves them out sums
// over nothing.
// CHECK: 3 units: @a[1: 0..2] @b[1: 0..2]
// CHECK: 2 units: @a[1: 3..4] @b[1: 3..4]
neuro.param @a trainable = dense<1.0> : tensor<4x5xf32>
neuro.param @b trainable = dense<1.0> : tensor<4x5xf32>
func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}) -> (tensor<1xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<4x5xf32>
  %b = neuro.get_param @b : tensor<4x5xf32>
  %0 = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x5xf32>) -> tensor<1x5xf32>
  %1 = neuro.relu %0 : (tensor<1x5xf32>) -> tensor<1x5xf32>
  %2 = neuro.matmul %x, %b : (tensor<1x4xf32>, tensor<4x5xf32>) -> tensor<1x5xf32>
  %3 = neuro.sigmoid %2 : (tensor<1x5xf32>) -> tensor<1x5xf32>
  %4 = neuro.mul %1, %3 : (tensor<1x5xf32>, tensor<1x5xf32>) -> tensor<1x5xf32>
  %5 = neuro.slice %4 [0, 0] [1, 3] [1, 1] : tensor<1x5xf32> -> tensor<1x3xf32>
  %6 = neuro.reduce_sum %5 {axes = array<i64: 1>, keepdims = false} : (tensor<1x3xf32>) -> tensor<1xf32>
  return %6 : tensor<1xf32>
}

// -----

// Linear attention: neither elu(q) + 1 nor elu(k) + 1 is zero, so their product is not.
// CHECK: 3 units: @q[1] @k[1]
// CHECK-NEXT: not zero-invariant: 'neuro.matmul' sums over units that are not zero where they are masked
neuro.param @q trainable = dense<1.0> : tensor<4x3xf32>
neuro.param @k trainable = dense<1.0> : tensor<4x3xf32>
func.func @main(%x: tensor<5x4xf32> {neuro.name = "x"}) -> (tensor<5x5xf32> {neuro.name = "y"}) {
  %q = neuro.get_param @q : tensor<4x3xf32>
  %k = neuro.get_param @k : tensor<4x3xf32>
  %one = neuro.constant dense<1.0> : tensor<f32>
  %0 = neuro.matmul %x, %q : (tensor<5x4xf32>, tensor<4x3xf32>) -> tensor<5x3xf32>
  %1 = neuro.elu %0 : (tensor<5x3xf32>) -> tensor<5x3xf32>
  %2 = neuro.add %1, %one : (tensor<5x3xf32>, tensor<f32>) -> tensor<5x3xf32>
  %3 = neuro.matmul %x, %k : (tensor<5x4xf32>, tensor<4x3xf32>) -> tensor<5x3xf32>
  %4 = neuro.elu %3 : (tensor<5x3xf32>) -> tensor<5x3xf32>
  %5 = neuro.add %4, %one : (tensor<5x3xf32>, tensor<f32>) -> tensor<5x3xf32>
  %6 = neuro.transpose %5 [1, 0] : tensor<5x3xf32> -> tensor<3x5xf32>
  %7 = neuro.matmul %2, %6 : (tensor<5x3xf32>, tensor<3x5xf32>) -> tensor<5x5xf32>
  return %7 : tensor<5x5xf32>
}

// -----

// One masked side is enough: a table that stays as it is multiplies zeros.
// CHECK: 3 units: @a[1] @table[1]
neuro.param @a trainable = dense<1.0> : tensor<4x3xf32>
neuro.param @table = dense<1.0> : tensor<1x3xf32>
func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}) -> (tensor<1xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<4x3xf32>
  %table = neuro.get_param @table : tensor<1x3xf32>
  %0 = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
  %1 = neuro.mul %0, %table : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
  %2 = neuro.reduce_sum %1 {axes = array<i64: 1>, keepdims = false} : (tensor<1x3xf32>) -> tensor<1xf32>
  return %2 : tensor<1xf32>
}

// -----

// The same table added is no zero.
// CHECK: 3 units: @a[1] @table[1]
// CHECK-NEXT: not zero-invariant: 'neuro.reduce_l1' sums
neuro.param @a trainable = dense<1.0> : tensor<4x3xf32>
neuro.param @table = dense<1.0> : tensor<1x3xf32>
func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}) -> (tensor<1xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<4x3xf32>
  %table = neuro.get_param @table : tensor<1x3xf32>
  %0 = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
  %1 = neuro.add %0, %table : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
  %2 = neuro.reduce_l1 %1 {axes = array<i64: 1>, keepdims = false} : (tensor<1x3xf32>) -> tensor<1xf32>
  return %2 : tensor<1xf32>
}

// -----

// What a loop makes of a zero on one turn, it has on the next.
// CHECK: 3 units: @a[1]
// CHECK-NEXT: not zero-invariant: 'neuro.reduce_sum' sums
neuro.param @a trainable = dense<1.0> : tensor<4x3xf32>
func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}) -> (tensor<1xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<4x3xf32>
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %five = arith.constant 5 : index
  %start = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
  %end = scf.for %i = %zero to %five step %one iter_args(%h = %start) -> (tensor<1x3xf32>) {
    %squared = neuro.mul %h, %h : (tensor<1x3xf32>, tensor<1x3xf32>) -> tensor<1x3xf32>
    %state = neuro.cos %squared : (tensor<1x3xf32>) -> tensor<1x3xf32>
    scf.yield %state : tensor<1x3xf32>
  }
  %y = neuro.reduce_sum %end {axes = array<i64: 1>, keepdims = false} : (tensor<1x3xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}

// -----

// A clip keeps zeros if its bounds hold them; a state of zeros stays if its functions do.
// CHECK: 3 units: @w[1] @r[1] @r[2]
neuro.param @w trainable = dense<1.0> : tensor<1x9x1xf32>
neuro.param @r trainable = dense<1.0> : tensor<1x9x3xf32>
func.func @main(%x: tensor<5x1x1xf32> {neuro.name = "x"}) -> (tensor<1x1xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<1x9x1xf32>
  %r = neuro.get_param @r : tensor<1x9x3xf32>
  %least = neuro.constant dense<0.0> : tensor<f32>
  %most = neuro.constant dense<6.0> : tensor<f32>
  %y, %h = neuro.gru %x, %w, %r {hidden_size = 3 : i64, activations = ["Sigmoid", "Tanh"]} : (tensor<5x1x1xf32>, tensor<1x9x1xf32>, tensor<1x9x3xf32>) -> (tensor<5x1x1x3xf32>, tensor<1x1x3xf32>)
  %0 = neuro.clip %h min(%least) max(%most) : (tensor<1x1x3xf32>, tensor<f32>, tensor<f32>) -> tensor<1x1x3xf32>
  %1 = neuro.reduce_sum %0 {axes = array<i64: 2>, keepdims = false} : (tensor<1x1x3xf32>) -> tensor<1x1xf32>
  return %1 : tensor<1x1xf32>
}
