// RUN: neuroplast-opt --neuro-print-units %s -o /dev/null 2>&1 | FileCheck %s

// The channels between two convolutions go with the first one's rows and the
// second one's columns; the borders of the graph are pinned.
neuro.param @w1 trainable = dense<1.0> : tensor<8x3x3x3xf32>
neuro.param @b1 trainable = dense<0.0> : tensor<8xf32>
neuro.param @w2 trainable = dense<1.0> : tensor<4x8x1x1xf32>

// CHECK: unit group #0: free
// CHECK-NEXT: 8 units: @w1[0] @b1[0] @w2[1]
// CHECK: unit group #1: pinned
// CHECK-NEXT: 3 units: @w1[1]
// CHECK-NEXT: pinned: graph input 'x'
// CHECK: unit group #2: pinned
// CHECK-NEXT: 4 units: @w2[0]
// CHECK-NEXT: pinned: graph output 'y'
func.func @main(%x: tensor<1x3x6x6xf32> {neuro.name = "x"}) -> (tensor<1x4x4x4xf32> {neuro.name = "y"}) {
  %w1 = neuro.get_param @w1 : tensor<8x3x3x3xf32>
  %b1 = neuro.get_param @b1 : tensor<8xf32>
  %w2 = neuro.get_param @w2 : tensor<4x8x1x1xf32>
  %0 = neuro.conv %x, %w1, %b1 {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x3x6x6xf32>, tensor<8x3x3x3xf32>, tensor<8xf32>) -> tensor<1x8x4x4xf32>
  %1 = neuro.relu %0 : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
  %2 = neuro.conv %1, %w2 {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x4x4xf32>, tensor<4x8x1x1xf32>) -> tensor<1x4x4x4xf32>
  return %2 : tensor<1x4x4x4xf32>
}
