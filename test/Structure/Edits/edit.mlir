// RUN: neuroplast-opt --neuro-edit="map=0:1+2" %s | FileCheck %s
// RUN: neuroplast-opt --neuro-edit="map=0:2+0..1+new" %s | FileCheck %s --check-prefix=GROWN
// A refused edit leaves the module byte for byte as it was.
// RUN: neuroplast-opt %s -o %t.before
// RUN: neuroplast-opt --neuro-edit="map=0: expect-failure=1" %s -o %t.empty 2>/dev/null && cmp %t.before %t.empty
// RUN: neuroplast-opt --neuro-edit="map=0:7 expect-failure=1" %s -o %t.range 2>/dev/null && cmp %t.before %t.range
// RUN: neuroplast-opt --neuro-edit="map=1:0 expect-failure=1" %s -o %t.pinned 2>/dev/null && cmp %t.before %t.pinned
// RUN: neuroplast-opt --neuro-edit="map=9:0 expect-failure=1" %s -o %t.unknown 2>/dev/null && cmp %t.before %t.unknown

// The gates of a recurrent layer are copies of the hidden units: rows of W, R and B
// go in all gates, columns of R with them.
// CHECK: @w {{.*}}[2.000000e+00], [3.000000e+00], [5.000000e+00], [6.000000e+00], [8.000000e+00], [9.000000e+00]]]> : tensor<1x6x1xf32>
// CHECK: @r {{.*}} : tensor<1x6x2xf32>
// CHECK: @b {{.*}} : tensor<1x12xf32>
// CHECK: neuro.gru {{.*}}hidden_size = 2
// CHECK: neuro.reshape {{.*}}[1, 2] : tensor<1x1x2xf32> -> tensor<1x2xf32>
// A unit changes its place, and one that is new comes last in every gate.
// GROWN: @w {{.*}}[3.000000e+00], [1.000000e+00], [2.000000e+00], [0.000000e+00], [6.000000e+00], [4.000000e+00], [5.000000e+00], [0.000000e+00], [9.000000e+00], [7.000000e+00], [8.000000e+00], [0.000000e+00]]]> : tensor<1x12x1xf32>
// GROWN: neuro.gru {{.*}}hidden_size = 4
neuro.param @w trainable = dense<[[[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [8.0], [9.0]]]> : tensor<1x9x1xf32>
neuro.param @r trainable = dense<1.0> : tensor<1x9x3xf32>
neuro.param @b trainable = dense<0.0> : tensor<1x18xf32>
neuro.param @out trainable = dense<1.0> : tensor<3x2xf32>
func.func @main(%x: tensor<5x1x1xf32> {neuro.name = "x"}) -> (tensor<1x2xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<1x9x1xf32>
  %r = neuro.get_param @r : tensor<1x9x3xf32>
  %b = neuro.get_param @b : tensor<1x18xf32>
  %out = neuro.get_param @out : tensor<3x2xf32>
  %y, %h = neuro.gru %x, %w, %r b(%b) {hidden_size = 3 : i64} : (tensor<5x1x1xf32>, tensor<1x9x1xf32>, tensor<1x9x3xf32>, tensor<1x18xf32>) -> (tensor<5x1x1x3xf32>, tensor<1x1x3xf32>)
  %0 = neuro.reshape %h [1, 3] : tensor<1x1x3xf32> -> tensor<1x3xf32>
  %1 = neuro.matmul %0, %out : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}
