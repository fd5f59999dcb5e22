// RUN: neuroplast-opt --neuro-factorize="rank=1" %s | FileCheck %s
// RUN: neuroplast-opt --neuro-factorize="rank=1 freeze=@w report=1" %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT
// RUN: not neuroplast-opt --neuro-factorize="energy=2" %s 2>&1 | FileCheck %s --check-prefix=ENERGY

// The bias goes with the second op, which gives what the one op gave.
// CHECK: neuro.param @w.inner trainable {{.*}} : tensor<1x3x2x2xf32>
// CHECK: neuro.param @w.outer trainable {{.*}} : tensor<8x1x1x1xf32>
// CHECK-NOT: neuro.param @w trainable
// CHECK: %[[X:.*]] = neuro.conv %{{.*}}, %[[INNER:[^,]*]] {dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 0, 0>, strides = array<i64: 2, 2>} : {{.*}} -> tensor<?x1x4x4xf32>
// CHECK: neuro.conv %[[X]], %{{.*}}, %{{.*}} {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : {{.*}} -> tensor<?x8x4x4xf32>
// CHECK: neuro.edit "factorize"
// REPORT: w, 8 x 12: stays: frozen
// ENERGY: error: the energy to keep must be from 0 to 1
neuro.param @w trainable = dense<1.0> : tensor<8x3x2x2xf32>
neuro.param @b trainable = dense<2.0> : tensor<8xf32>
func.func @main(%x: tensor<?x3x7x7xf32> {neuro.name = "x"}) -> (tensor<?x8x4x4xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<8x3x2x2xf32>
  %b = neuro.get_param @b : tensor<8xf32>
  %0 = neuro.conv %x, %w, %b {dilations = array<i64: 1, 1>, pads = array<i64: 1, 1, 0, 0>, strides = array<i64: 2, 2>} : (tensor<?x3x7x7xf32>, tensor<8x3x2x2xf32>, tensor<8xf32>) -> tensor<?x8x4x4xf32>
  return %0 : tensor<?x8x4x4xf32>
}
