// RUN: neuroplast-opt --neuro-insert="after=rectify" %s | FileCheck %s --check-prefix=AFTER
// RUN: neuroplast-opt --neuro-insert="after=squash hidden=5" %s | FileCheck %s --check-prefix=RESIDUAL
// RUN: neuroplast-opt --neuro-insert="beside=layer hidden=1 report=1" %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=REPORT
// RUN: not neuroplast-opt --neuro-insert="after=nobody" %s 2>&1 | FileCheck %s --check-prefix=NAME

// AFTER: neuro.param @w.joined trainable = dense<{{\[\[}}1.000000e+00, 0.000000e+00], [0.000000e+00, 1.000000e+00]]> : tensor<2x2xf32>
// AFTER: %[[R:.*]] = neuro.relu
// AFTER-NEXT: %[[I:.*]] = neuro.get_param @w.joined
// AFTER-NEXT: %[[M:.*]] = neuro.matmul %[[R]], %[[I]]
// AFTER-NEXT: %[[F:.*]] = neuro.relu %[[M]]
// AFTER-NEXT: neuro.tanh %[[F]]
// AFTER: neuro.edit "insert"

// What a second time would change is added to nothing.
// RESIDUAL-DAG: neuro.param @w.joined trainable = {{.*}} : tensor<2x5xf32>
// RESIDUAL-DAG: neuro.param @w.joined.out trainable = dense<0.000000e+00> : tensor<5x2xf32>
// RESIDUAL: %[[T:.*]] = neuro.tanh
// RESIDUAL: %[[A:.*]] = neuro.matmul %[[T]], {{.*}} -> tensor<?x5xf32>
// RESIDUAL: %[[F:.*]] = neuro.tanh %[[A]]
// RESIDUAL: %[[B:.*]] = neuro.matmul %[[F]]
// RESIDUAL: %[[S:.*]] = neuro.add %[[T]], %[[B]]
// RESIDUAL: return %[[S]]
// REPORT: joined at layer: branch, 5 parameters
// NAME: error: no node has a name like 'nobody'
neuro.param @w trainable = dense<2.0> : tensor<3x2xf32>
func.func @main(%x: tensor<?x3xf32> {neuro.name = "x"}) -> (tensor<?x2xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<3x2xf32>
  %0 = neuro.matmul %x, %w : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32> loc("layer")
  %1 = neuro.relu %0 : (tensor<?x2xf32>) -> tensor<?x2xf32> loc("rectify")
  %2 = neuro.tanh %1 : (tensor<?x2xf32>) -> tensor<?x2xf32> loc("squash")
  return %2 : tensor<?x2xf32>
}
