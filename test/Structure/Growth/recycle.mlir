// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-recycle="threshold=0.2 report=1" %t/net.mlir 2>%t/report | FileCheck %s
// RUN: FileCheck %s --check-prefix=REPORT --input-file=%t/report
// RUN: neuroplast-opt --neuro-recycle="threshold=0.2 keep-removed=1" --neuro-undo %t/net.mlir | FileCheck %s --check-prefix=UNDONE
// RUN: neuroplast-opt --neuro-recycle="share=0.34 criterion=random seed=3" %t/net.mlir | FileCheck %s --check-prefix=SHARE
// RUN: neuroplast-opt --neuro-recycle="threshold=9" %t/net.mlir | FileCheck %s --check-prefix=ALL
// RUN: not neuroplast-opt --neuro-recycle="criterion=fpgm" %t/net.mlir 2>&1 | FileCheck %s --check-prefix=CRITERION
// RUN: not neuroplast-opt --neuro-recycle="share=2" %t/net.mlir 2>&1 | FileCheck %s --check-prefix=RANGE

// The unit in the middle does little: it reads something else now, is read by
// nobody, and nothing is remembered of it. Its bias is the mean of the others'.
// CHECK: @w trainable = dense<{{\[\[}}4.000000e+00, [[A:[-0-9.e+]+]], 3.000000e+00], [3.000000e+00, [[B:[-0-9.e+]+]], 2.000000e+00]]> : tensor<2x3xf32>
// CHECK: @w.moment1 shadow_of @w = dense<{{\[\[}}1.000000e+00, 0.000000e+00, 3.000000e+00], [4.000000e+00, 0.000000e+00, 6.000000e+00]]>
// CHECK: @b trainable = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00]>
// CHECK: @v trainable = dense<{{\[\[}}7.000000e+00], [0.000000e+00], [5.000000e+00]]>
// CHECK: neuro.edit "recycle"
// REPORT: units 1: 3, 1 anew, @w[1]
// UNDONE: @w trainable = dense<{{\[\[}}4.000000e+00, 1.000000e-01, 3.000000e+00], [3.000000e+00, 2.000000e-01, 2.000000e+00]]>
// UNDONE: @w.moment1 shadow_of @w = dense<{{\[\[}}1.000000e+00, 2.000000e+00, 3.000000e+00], [4.000000e+00, 5.000000e+00, 6.000000e+00]]>
// UNDONE: @b trainable = dense<[1.000000e+00, 1.250000e-01, 3.000000e+00]>
// UNDONE: @v trainable = dense<{{\[\[}}7.000000e+00], [3.000000e-01], [5.000000e+00]]>
// UNDONE-NOT: neuro.edit
// A third and a bit of three units is one or two.
// SHARE: @v trainable = dense<{{.*}}0.000000e+00
// A set of which nobody would be left stays as it is.
// ALL: @v trainable = dense<{{\[\[}}7.000000e+00], [3.000000e-01], [5.000000e+00]]>
// CRITERION: error: units are recycled by activation, wanda, l2 and random, not by fpgm
// RANGE: error: a share of units is a number from 0 to 1

//--- net.mlir
neuro.param @w trainable = dense<[[4.0, 0.1, 3.0], [3.0, 0.2, 2.0]]> : tensor<2x3xf32>
neuro.param @w.moment1 shadow_of @w = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
neuro.param @b trainable = dense<[1.0, 0.125, 3.0]> : tensor<3xf32>
neuro.param @v trainable = dense<[[7.0], [0.3], [5.0]]> : tensor<3x1xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x1xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<2x3xf32>
  %b = neuro.get_param @b : tensor<3xf32>
  %v = neuro.get_param @v : tensor<3x1xf32>
  %0 = neuro.matmul %x, %w : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  %1 = neuro.add %0, %b : (tensor<1x3xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  %2 = neuro.relu %1 : (tensor<1x3xf32>) -> tensor<1x3xf32>
  %3 = neuro.matmul %2, %v : (tensor<1x3xf32>, tensor<3x1xf32>) -> tensor<1x1xf32>
  return %3 : tensor<1x1xf32>
}
