// RUN: neuroplast-opt --neuro-print-units %s -o /dev/null 2>&1 | FileCheck %s

// The places of a one-hot stand for values of the input: no units, though a weight has
// them.
// CHECK: 4 units: {{.*}}@w[0]
// CHECK-NEXT: pinned: 'neuro.equal' compares with the values of a vocabulary
// CHECK: 3 units: @w[1] @o[0]
neuro.param @w trainable = dense<1.0> : tensor<4x3xf32>
neuro.param @o trainable = dense<1.0> : tensor<3x2xf32>
func.func @main(%ids: tensor<5x1xi64> {neuro.name = "ids"}) -> (tensor<5x2xf32> {neuro.name = "y"}) {
  %values = neuro.constant dense<[0, 1, 2, 3]> : tensor<4xi64>
  %w = neuro.get_param @w : tensor<4x3xf32>
  %o = neuro.get_param @o : tensor<3x2xf32>
  %0 = neuro.equal %ids, %values : (tensor<5x1xi64>, tensor<4xi64>) -> tensor<5x4xi1>
  %1 = neuro.cast %0 {to = f32} : (tensor<5x4xi1>) -> tensor<5x4xf32>
  %2 = neuro.matmul %1, %w : (tensor<5x4xf32>, tensor<4x3xf32>) -> tensor<5x3xf32>
  %3 = neuro.matmul %2, %o : (tensor<5x3xf32>, tensor<3x2xf32>) -> tensor<5x2xf32>
  return %3 : tensor<5x2xf32>
}
