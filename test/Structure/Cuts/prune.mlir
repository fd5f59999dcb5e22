// RUN: neuroplast-opt --neuro-prune="ratio=0.5 criterion=l1" %s | FileCheck %s
// RUN: neuroplast-opt --neuro-prune="ratio=0.5 round-to=4" %s | FileCheck %s --check-prefix=ROUND
// RUN: neuroplast-opt --neuro-prune="ratio=0.5 freeze=@b1" %s | FileCheck %s --check-prefix=FROZEN
// RUN: neuroplast-opt --neuro-prune="ratio=0.5 report=1" %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT
// RUN: not neuroplast-opt --neuro-prune="ratio=1.5" %s 2>&1 | FileCheck %s --check-prefix=RATIO
// RUN: not neuroplast-opt --neuro-prune="criterion=l7" %s 2>&1 | FileCheck %s --check-prefix=CRITERION

// Units 1 and 3 have the smallest weights in both matrices.
// CHECK: neuro.param @w1 trainable = dense<{{\[\[}}3.000000e+00, 4.000000e+00], [3.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// CHECK: neuro.param @b1 trainable = dense<[1.000000e+01, 3.000000e+01]> : tensor<2xf32>
// CHECK: neuro.param @w2 trainable = dense<{{\[\[}}3.000000e+00], [4.000000e+00]]> : tensor<2x1xf32>
// ROUND: @w1 {{.*}} : tensor<2x4xf32>
// FROZEN: @w1 {{.*}} : tensor<2x4xf32>
neuro.param @w1 trainable = dense<[[3.0, 1.0, 4.0, 1.0], [3.0, 1.0, 4.0, 1.0]]> : tensor<2x4xf32>
neuro.param @b1 trainable = dense<[10.0, 1.0, 30.0, 1.0]> : tensor<4xf32>
neuro.param @w2 trainable = dense<[[3.0], [1.0], [4.0], [1.0]]> : tensor<4x1xf32>

// CHECK: neuro.gemm {{.*}} -> tensor<1x2xf32>
// CHECK: neuro.relu {{.*}} : (tensor<1x2xf32>) -> tensor<1x2xf32>
// CHECK: neuro.matmul {{.*}} : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
// REPORT: kept 50.0 % of the parameters, 50.0 % of those that no graph input or output carries
// REPORT-DAG: kept 2 of 2 (pinned), @w1[0]
// REPORT-DAG: pinned: graph input 'x'
// REPORT-DAG: kept 2 of 4 (l2 scores up to {{.*}} went, from {{.*}} stayed), @w1[1] @b1[0] @w2[0]
// RATIO: error: the ratio must be at least 0 and below 1
// CRITERION: error: criterion 'l7' is none of l1, l2, lamp, bn-scale
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x1xf32> {neuro.name = "y"}) {
  %w1 = neuro.get_param @w1 : tensor<2x4xf32>
  %b1 = neuro.get_param @b1 : tensor<4xf32>
  %w2 = neuro.get_param @w2 : tensor<4x1xf32>
  %0 = neuro.gemm %x, %w1, %b1 : (tensor<1x2xf32>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  %1 = neuro.relu %0 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = neuro.matmul %1, %w2 : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}
