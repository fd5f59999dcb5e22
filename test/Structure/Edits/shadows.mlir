// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-prune="ratio=0.5 criterion=l1" %t/net.mlir | FileCheck %s --check-prefix=CUT
// RUN: neuroplast-opt --neuro-dropin="units=1" %t/net.mlir | FileCheck %s --check-prefix=GROWN
// RUN: neuroplast-opt --neuro-dropin="units=2 transplant=1" %t/net.mlir | FileCheck %s --check-prefix=MEAN
// RUN: neuroplast-opt %t/net.mlir -o %t.before
// RUN: neuroplast-opt --neuro-prune="ratio=0.5 keep-removed=1" --neuro-undo %t/net.mlir -o %t.after
// RUN: cmp %t.before %t.after
// RUN: not neuroplast-opt %t/shape.mlir 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not neuroplast-opt %t/parent.mlir 2>&1 | FileCheck %s --check-prefix=PARENT

// SHAPE: error: 'neuro.param' op has the shape of 'tensor<3xf32>', but is a shadow of '@w', which is 'tensor<2xf32>'
// PARENT: error: 'neuro.param' op is a shadow of '@w', which is no other parameter

// A shadow goes with its parent, counts for no score, and knows nothing of newborns.
// CUT: @w1 trainable = dense<{{\[\[}}3.000000e+00, 4.000000e+00]]> : tensor<1x2xf32>
// CUT: @w1.moment shadow_of @w1 = dense<{{\[\[}}1.000000e-01, 3.000000e-01]]> : tensor<1x2xf32>
// CUT: @w2 trainable = dense<{{\[\[}}3.000000e+00], [4.000000e+00]]> : tensor<2x1xf32>
// GROWN: @w1.moment shadow_of @w1 = dense<{{\[\[}}1.000000e-01, 2.000000e+02, 3.000000e-01, 4.000000e+02, 0.000000e+00]]> : tensor<1x5xf32>

// Sums of gradients can begin as the mean over old units; values of parameters cannot.
// MEAN: @w1.moment shadow_of @w1 = dense<{{\[\[}}1.000000e-01, 2.000000e+02, 3.000000e-01, 4.000000e+02, 1.501000e+02, 1.501000e+02]]>
// MEAN: @w1.anchor shadow_of @w1 = dense<{{\[\[}}5.000000e+00, 6.000000e+00, 7.000000e+00, 8.000000e+00, 0.000000e+00, 0.000000e+00]]>

//--- net.mlir
neuro.param @w1 trainable = dense<[[3.0, 1.0, 4.0, 1.0]]> : tensor<1x4xf32>
neuro.param @w1.moment shadow_of @w1 = dense<[[0.1, 200.0, 0.3, 400.0]]> : tensor<1x4xf32>
neuro.param @w1.anchor shadow_of @w1 = dense<[[5.0, 6.0, 7.0, 8.0]]> : tensor<1x4xf32>
neuro.param @w2 trainable = dense<[[3.0], [1.0], [4.0], [1.0]]> : tensor<4x1xf32>
func.func @main(%x: tensor<1x1xf32> {neuro.name = "x"}) -> (tensor<1x1xf32> {neuro.name = "y"}) {
  %w1 = neuro.get_param @w1 : tensor<1x4xf32>
  %w2 = neuro.get_param @w2 : tensor<4x1xf32>
  %0 = neuro.matmul %x, %w1 : (tensor<1x1xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = neuro.relu %0 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = neuro.matmul %1, %w2 : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}

//--- shape.mlir
neuro.param @w = dense<1.0> : tensor<2xf32>
neuro.param @m shadow_of @w = dense<1.0> : tensor<3xf32>

//--- parent.mlir
neuro.param @m shadow_of @w = dense<1.0> : tensor<3xf32>
