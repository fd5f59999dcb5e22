// RUN: neuroplast-opt --neuro-prune="ratio=0.34 inner=1" %s | FileCheck %s
// RUN: neuroplast-opt --neuro-prune="ratio=0.5" %s | FileCheck %s --check-prefix=OUTER
// RUN: neuroplast-opt --neuro-prune="ratio=0.34 only=q" %s | FileCheck %s --check-prefix=NAMED
// RUN: neuroplast-opt --neuro-prune="ratio=0.34 report=1" %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT

// Two heads of three features. A third of two heads is less than one; a third of the
// features of each head goes, and without inner sets only whole heads may go.
// CHECK: neuro.param @q {{.*}} : tensor<4x4xf32>
// CHECK: neuro.param @v {{.*}} : tensor<4x4xf32>
// CHECK: neuro.param @o {{.*}} : tensor<4x4xf32>
// OUTER: neuro.param @q {{.*}} : tensor<4x3xf32>
// OUTER: neuro.param @v {{.*}} : tensor<4x3xf32>
// OUTER: neuro.param @o {{.*}} : tensor<3x4xf32>
// NAMED: neuro.param @q {{.*}} : tensor<4x4xf32>
// NAMED: neuro.param @v {{.*}} : tensor<4x6xf32>
// REPORT: kept 3 of 3 (inner), @q[1] @k[1]
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
