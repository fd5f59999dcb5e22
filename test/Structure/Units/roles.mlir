// RUN: neuroplast-opt --neuro-prune="ratio=0.5 criterion=l1" %s | FileCheck %s

// A table that is no weight does not say which unit matters: units 0 and 2 have the
// larger weights, whatever the table has for 1.
// CHECK: neuro.param @a trainable = dense<{{\[\[}}3.000000e+00, 4.000000e+00]]> : tensor<1x2xf32>
// CHECK: neuro.param @table = dense<1.000000e+00> : tensor<2x2xf32>
neuro.param @a trainable = dense<[[3.0, 1.0, 4.0, 1.0]]> : tensor<1x4xf32>
neuro.param @table = dense<[[1.0, 99.0, 1.0, 1.0], [1.0, 99.0, 1.0, 1.0]]> : tensor<2x4xf32>
neuro.param @b trainable = dense<[[3.0], [1.0], [4.0], [1.0]]> : tensor<4x1xf32>
func.func @main(%x: tensor<2x1xf32> {neuro.name = "x"}) -> (tensor<2x1xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<1x4xf32>
  %table = neuro.get_param @table : tensor<2x4xf32>
  %b = neuro.get_param @b : tensor<4x1xf32>
  %0 = neuro.matmul %x, %a : (tensor<2x1xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.mul %0, %table : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = neuro.matmul %1, %b : (tensor<2x4xf32>, tensor<4x1xf32>) -> tensor<2x1xf32>
  return %2 : tensor<2x1xf32>
}
