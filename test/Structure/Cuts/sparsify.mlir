// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-sparsify="pattern=1:2" %t/net.mlir | FileCheck %s --check-prefix=PATTERN
// RUN: neuroplast-opt --neuro-sparsify="pattern=1:2 report=1" %t/net.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT
// RUN: neuroplast-opt --neuro-sparsify="sparsity=0.25" %t/net.mlir | FileCheck %s --check-prefix=SHARE
// RUN: neuroplast-opt --neuro-sparsify="sparsity=0.5 block-outs=2" %t/net.mlir | FileCheck %s --check-prefix=BLOCK
// RUN: neuroplast-opt --neuro-sparsify="pattern=1:2" --neuro-prune="ratio=0.5" %t/net.mlir | FileCheck %s --check-prefix=CUT
// RUN: neuroplast-opt --neuro-sparsify="pattern=1:2" --neuro-dropin="units=1 init=random" %t/net.mlir | FileCheck %s --check-prefix=GROWN
// RUN: not neuroplast-opt --neuro-sparsify="sparsity=2" %t/net.mlir 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not neuroplast-opt --neuro-sparsify="pattern=2:2" %t/net.mlir 2>&1 | FileCheck %s --check-prefix=TEXT
// RUN: not neuroplast-opt --neuro-sparsify="pattern=2:4 block-ins=2" %t/net.mlir 2>&1 | FileCheck %s --check-prefix=BOTH

// Of two inputs that follow each other the one that weighs more stays; of a group
// that is cut short, too.
// PATTERN: @w1 trainable = dense<{{\[\[}}4.000000e+00, 0.000000e+00], [0.000000e+00, 8.000000e+00], [5.000000e+00, 2.000000e+00]]> : tensor<3x2xf32>
// PATTERN: @w1.mask shadow_of @w1 = dense<{{\[\[}}1, 0], [0, 1], [1, 1]]> : tensor<3x2xui8>
// PATTERN: @w2 trainable = dense<{{\[\[}}7.000000e+00], [0.000000e+00]]> : tensor<2x1xf32>
// PATTERN: neuro.edit "sparsify"
// REPORT: w1: 2 of 6 weights are zero
// REPORT-NEXT: w2: 1 of 2 weights are zero
// REPORT-NEXT: 37.5 % of the weights of these layers are zero
// SHARE: @w1 trainable = dense<{{\[\[}}4.000000e+00, 0.000000e+00], [3.000000e+00, 8.000000e+00], [5.000000e+00, 2.000000e+00]]>
// SHARE: @w2 trainable = dense<{{\[\[}}7.000000e+00], [6.000000e+00]]>
// Rows of both outputs become zero together.
// BLOCK: @w1 trainable = dense<{{\[\[}}0.000000e+00, 0.000000e+00], [3.000000e+00, 8.000000e+00], [5.000000e+00, 2.000000e+00]]>
// The mask goes with its weight, and newborns have none.
// CUT: @w1.mask shadow_of @w1 = dense<{{\[\[}}1], [0], [1]]> : tensor<3x1xui8>
// GROWN: @w1.mask shadow_of @w1 = dense<{{\[\[}}1, 0, 1], [0, 1, 1], [1, 1, 1]]> : tensor<3x3xui8>
// RANGE: error: the share of zeros must be from 0 to 1
// TEXT: error: '2:2' is no pattern as 2:4
// BOTH: error: weights become zero in blocks or in a pattern, not both

//--- net.mlir
neuro.param @w1 trainable = dense<[[4.0, 1.0], [3.0, 8.0], [5.0, 2.0]]> : tensor<3x2xf32>
neuro.param @w2 trainable = dense<[[7.0], [6.0]]> : tensor<2x1xf32>
func.func @main(%x: tensor<1x3xf32> {neuro.name = "x"}) -> (tensor<1x1xf32> {neuro.name = "y"}) {
  %w1 = neuro.get_param @w1 : tensor<3x2xf32>
  %w2 = neuro.get_param @w2 : tensor<2x1xf32>
  %0 = neuro.matmul %x, %w1 : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  %1 = neuro.relu %0 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = neuro.matmul %1, %w2 : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}
