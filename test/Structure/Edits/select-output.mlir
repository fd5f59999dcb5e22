// RUN: neuroplast-opt --neuro-select-output="output=y" %s | FileCheck %s --check-prefix=FIRST
// RUN: neuroplast-opt --neuro-select-output="output=z" %s | FileCheck %s --check-prefix=SECOND
// RUN: not neuroplast-opt --neuro-select-output="output=w" %s 2>&1 | FileCheck %s --check-prefix=NONE

// A weight of the second task becomes zero, and is masked; all may learn.
// FIRST: neuro.param @shared trainable = dense<{{\[\[}}1.000000e+00, 0.000000e+00]]>
// FIRST: neuro.param @shared.mask shadow_of @shared = dense<{{\[\[}}1, 0]]>
// FIRST: neuro.param @first
// FIRST-NOT: @second
// FIRST-NOT: plasticity
// FIRST-NOT: .tasks
// FIRST: neuro.edit "select"
// FIRST: func.func @main(%{{.*}}) -> (tensor<1x1xf32> {neuro.name = "y"})

// SECOND: neuro.param @shared trainable = dense<{{\[\[}}1.000000e+00, 2.000000e+00]]>
// SECOND-NOT: @first
// SECOND: neuro.param @second
// SECOND: func.func @main(%{{.*}}) -> (tensor<1x1xf32> {neuro.name = "z"})

// NONE: error: has no output 'w', but 'z', 'y'

neuro.param @shared trainable = dense<[[1.0, 2.0]]> : tensor<1x2xf32>
neuro.param @shared.plasticity shadow_of @shared = dense<[[0, 1]]> : tensor<1x2xui8>
neuro.param @shared.tasks shadow_of @shared = dense<[[1, 2]]> : tensor<1x2xui8>
neuro.param @first trainable = dense<3.0> : tensor<2x1xf32>
neuro.param @first.plasticity shadow_of @first = dense<0> : tensor<2x1xui8>
neuro.param @second trainable = dense<4.0> : tensor<2x1xf32>
neuro.history {
  neuro.edit "transfer" "{\"output\":\"z\"}" {
  }
}
func.func @main(%x: tensor<1x1xf32> {neuro.name = "x"})
    -> (tensor<1x1xf32> {neuro.name = "z"}, tensor<1x1xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @shared : tensor<1x2xf32>
  %first = neuro.get_param @first : tensor<2x1xf32>
  %second = neuro.get_param @second : tensor<2x1xf32>
  %h = neuro.matmul %x, %w : (tensor<1x1xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = neuro.matmul %h, %first : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %z = neuro.matmul %h, %second : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  return %z, %y : tensor<1x1xf32>, tensor<1x1xf32>
}
