// RUN: neuroplast-opt --split-input-file --neuro-print-units %s -o /dev/null 2>&1 | FileCheck %s

// Concatenation: offsets. Each part is a group of its own.
// CHECK: 2 units: @a[1] @c[0: 0..1]
// CHECK: 3 units: @b[1] @c[0: 2..4]
neuro.param @a trainable = dense<1.0> : tensor<4x2xf32>
neuro.param @b trainable = dense<1.0> : tensor<4x3xf32>
neuro.param @c trainable = dense<1.0> : tensor<5x4xf32>
func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}) -> (tensor<1x4xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<4x2xf32>
  %b = neuro.get_param @b : tensor<4x3xf32>
  %c = neuro.get_param @c : tensor<5x4xf32>
  %0 = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  %1 = neuro.matmul %x, %b : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
  %2 = neuro.concat %0, %1 {axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x3xf32>) -> tensor<1x5xf32>
  %3 = neuro.matmul %2, %c : (tensor<1x5xf32>, tensor<5x4xf32>) -> tensor<1x4xf32>
  return %3 : tensor<1x4xf32>
}

// -----

// Flattened channels: a unit is a channel with all its pixels.
// CHECK: 3 units: @k[0] @c[0]
// CHECK: 2 units: @c[1]
// CHECK-NEXT: pinned: graph output 'y'
neuro.param @k trainable = dense<1.0> : tensor<3x1x1x1xf32>
neuro.param @c trainable = dense<1.0> : tensor<12x2xf32>
func.func @main(%x: tensor<1x1x2x2xf32> {neuro.name = "x"}) -> (tensor<1x2xf32> {neuro.name = "y"}) {
  %k = neuro.get_param @k : tensor<3x1x1x1xf32>
  %c = neuro.get_param @c : tensor<12x2xf32>
  %0 = neuro.conv %x, %k {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x2x2xf32>, tensor<3x1x1x1xf32>) -> tensor<1x3x2x2xf32>
  %1 = neuro.reshape %0 [1, 12] : tensor<1x3x2x2xf32> -> tensor<1x12xf32>
  %2 = neuro.matmul %1, %c : (tensor<1x12xf32>, tensor<12x2xf32>) -> tensor<1x2xf32>
  return %2 : tensor<1x2xf32>
}

// -----

// Heads: the major factor is the unit, the features of a head are inner.
// CHECK: 2 units: @q[1] @k[1] @v[1] @o[0]
// CHECK: 3 units, inner: @q[1] @k[1]
// CHECK: 3 units, inner: @v[1] @o[0]
neuro.param @q trainable = dense<1.0> : tensor<4x6xf32>
neuro.param @k trainable = dense<1.0> : tensor<4x6xf32>
neuro.param @v trainable = dense<1.0> : tensor<4x6xf32>
neuro.param @o trainable = dense<1.0> : tensor<6x4xf32>
func.func @main(%x: tensor<5x4xf32> {neuro.name = "x"}) -> (tensor<5x4xf32> {neuro.name = "y"}) {
  %q = neuro.get_param @q : tensor<4x6xf32>
  %k = neuro.get_param @k : tensor<4x6xf32>
  %v = neuro.get_param @v : tensor<4x6xf32>
  %o = neuro.get_param @o : tensor<6x4xf32>
  %0 = neuro.matmul %x, %q : (tensor<5x4xf32>, tensor<4x6xf32>) -> tensor<5x6xf32>
  %1 = neuro.matmul %x, %k : (tensor<5x4xf32>, tensor<4x6xf32>) -> tensor<5x6xf32>
  %2 = neuro.matmul %x, %v : (tensor<5x4xf32>, tensor<4x6xf32>) -> tensor<5x6xf32>
  %3 = neuro.reshape %0 [5, 2, 3] : tensor<5x6xf32> -> tensor<5x2x3xf32>
  %4 = neuro.reshape %1 [5, 2, 3] : tensor<5x6xf32> -> tensor<5x2x3xf32>
  %5 = neuro.reshape %2 [5, 2, 3] : tensor<5x6xf32> -> tensor<5x2x3xf32>
  %6 = neuro.transpose %3 [1, 0, 2] : tensor<5x2x3xf32> -> tensor<2x5x3xf32>
  %7 = neuro.transpose %4 [1, 2, 0] : tensor<5x2x3xf32> -> tensor<2x3x5xf32>
  %8 = neuro.transpose %5 [1, 0, 2] : tensor<5x2x3xf32> -> tensor<2x5x3xf32>
  %9 = neuro.matmul %6, %7 : (tensor<2x5x3xf32>, tensor<2x3x5xf32>) -> tensor<2x5x5xf32>
  %10 = neuro.softmax %9 : (tensor<2x5x5xf32>) -> tensor<2x5x5xf32>
  %11 = neuro.matmul %10, %8 : (tensor<2x5x5xf32>, tensor<2x5x3xf32>) -> tensor<2x5x3xf32>
  %12 = neuro.transpose %11 [1, 0, 2] : tensor<2x5x3xf32> -> tensor<5x2x3xf32>
  %13 = neuro.reshape %12 [5, 6] : tensor<5x2x3xf32> -> tensor<5x6xf32>
  %14 = neuro.matmul %13, %o : (tensor<5x6xf32>, tensor<6x4xf32>) -> tensor<5x4xf32>
  return %14 : tensor<5x4xf32>
}

// -----

// A grouped convolution after a plain one: the blocks keep equal counts.
// CHECK: unit group #0: free
// CHECK-NEXT: 3 units: @a[0: 0..2] @b[1 block 0]
// CHECK-NEXT: 3 units: @a[0: 3..5] @b[1 block 1]
neuro.param @a trainable = dense<1.0> : tensor<6x1x1x1xf32>
neuro.param @b trainable = dense<1.0> : tensor<4x3x1x1xf32>
func.func @main(%x: tensor<1x1x2x2xf32> {neuro.name = "x"}) -> (tensor<1x4x2x2xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<6x1x1x1xf32>
  %b = neuro.get_param @b : tensor<4x3x1x1xf32>
  %0 = neuro.conv %x, %a {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x2x2xf32>, tensor<6x1x1x1xf32>) -> tensor<1x6x2x2xf32>
  %1 = neuro.conv %0, %b {group = 2 : i64, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x6x2x2xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x2x2xf32>
  return %1 : tensor<1x4x2x2xf32>
}

// -----

// What a branch yields is what comes out of it, on either side.
// CHECK: 3 units: @a[1] @b[1] @c[0]
neuro.param @a trainable = dense<1.0> : tensor<4x3xf32>
neuro.param @b trainable = dense<1.0> : tensor<4x3xf32>
neuro.param @c trainable = dense<1.0> : tensor<3x4xf32>
func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}, %flag: tensor<i1> {neuro.name = "flag"}) -> (tensor<1x4xf32> {neuro.name = "y"}) {
  %c = neuro.get_param @c : tensor<3x4xf32>
  %condition = tensor.extract %flag[] : tensor<i1>
  %0 = scf.if %condition -> (tensor<1x3xf32>) {
    %a = neuro.get_param @a : tensor<4x3xf32>
    %1 = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
    scf.yield %1 : tensor<1x3xf32>
  } else {
    %b = neuro.get_param @b : tensor<4x3xf32>
    %2 = neuro.matmul %x, %b : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
    scf.yield %2 : tensor<1x3xf32>
  }
  %3 = neuro.matmul %0, %c : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  return %3 : tensor<1x4xf32>
}

// -----

// A state that a loop carries has the same units on every turn.
// CHECK: 3 units: @a[1] @r[0] @r[1] @c[0]
neuro.param @a trainable = dense<1.0> : tensor<4x3xf32>
neuro.param @r trainable = dense<1.0> : tensor<3x3xf32>
neuro.param @c trainable = dense<1.0> : tensor<3x4xf32>
func.func @main(%x: tensor<1x4xf32> {neuro.name = "x"}) -> (tensor<1x4xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<4x3xf32>
  %r = neuro.get_param @r : tensor<3x3xf32>
  %c = neuro.get_param @c : tensor<3x4xf32>
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %five = arith.constant 5 : index
  %start = neuro.matmul %x, %a : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
  %end = scf.for %i = %zero to %five step %one iter_args(%h = %start) -> (tensor<1x3xf32>) {
    %next = neuro.matmul %h, %r : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32>
    %state = neuro.tanh %next : (tensor<1x3xf32>) -> tensor<1x3xf32>
    scf.yield %state : tensor<1x3xf32>
  }
  %y = neuro.matmul %end, %c : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}
