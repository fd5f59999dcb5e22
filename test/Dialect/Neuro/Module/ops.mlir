// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s

// CHECK: neuro.param @conv1.weight trainable onnx "conv1/weight" = dense<1.000000e+00> : tensor<4x3xf32>
neuro.param @conv1.weight trainable onnx "conv1/weight" = dense<1.0> : tensor<4x3xf32>
// CHECK: neuro.param @conv1.momentum shadow_of @conv1.weight = dense<0.000000e+00> : tensor<4x3xf32>
neuro.param @conv1.momentum shadow_of @conv1.weight = dense<0.0> : tensor<4x3xf32>

// CHECK-LABEL: @read
func.func @read() -> (tensor<4x3xf32>, tensor<2xi64>) {
  // CHECK: neuro.get_param @conv1.weight : tensor<4x3xf32>
  %0 = neuro.get_param @conv1.weight : tensor<4x3xf32>
  // CHECK: neuro.constant dense<[1, 2]> : tensor<2xi64>
  %1 = neuro.constant dense<[1, 2]> : tensor<2xi64>
  return %0, %1 : tensor<4x3xf32>, tensor<2xi64>
}
