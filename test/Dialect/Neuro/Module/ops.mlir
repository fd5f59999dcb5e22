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

// CHECK-LABEL: @opaque(
// CHECK: neuro.opaque "" "OptionalHasElement"() {node = "12066F757470757422124F7074696F6E616C486173456C656D656E74", present = array<i1>, reason = "the operator is unknown"} : () -> tensor<i1>
func.func @opaque() -> tensor<i1> {
  %r = neuro.opaque "" "OptionalHasElement"() {node = "12066F757470757422124F7074696F6E616C486173456C656D656E74", present = array<i1>, reason = "the operator is unknown"} : () -> tensor<i1>
  return %r : tensor<i1>
}

// CHECK-LABEL: @opaque_full(
// CHECK: neuro.opaque "" "SwiGLU"(%{{.*}}, %{{.*}}) {node = "0A01610A01621201792206537769474C55", present = array<i1: true, true>, reason = "the operator is unknown"} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
func.func @opaque_full(%a: tensor<2x4xf32>, %b: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %r = neuro.opaque "" "SwiGLU"(%a, %b) {node = "0A01610A01621201792206537769474C55", present = array<i1: true, true>, reason = "the operator is unknown"} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}
