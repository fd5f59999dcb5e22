// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --mlir-print-op-generic | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @normalize(
// CHECK: neuro.string_normalizer %{{.*}} {case_change_action = "LOWER", stopwords = ["a", "b"]} : (tensor<4x!neuro.string>) -> tensor<?x!neuro.string>
func.func @normalize(%x: tensor<4x!neuro.string>) -> tensor<?x!neuro.string> {
  %r = neuro.string_normalizer %x {case_change_action = "LOWER", stopwords = ["a", "b"]} : (tensor<4x!neuro.string>) -> tensor<?x!neuro.string>
  return %r : tensor<?x!neuro.string>
}

// CHECK-LABEL: @concat(
// CHECK: neuro.string_concat %{{.*}}, %{{.*}} : (tensor<2x!neuro.string>, tensor<1x!neuro.string>) -> tensor<2x!neuro.string>
func.func @concat(%x: tensor<2x!neuro.string>, %y: tensor<1x!neuro.string>) -> tensor<2x!neuro.string> {
  %r = neuro.string_concat %x, %y : (tensor<2x!neuro.string>, tensor<1x!neuro.string>) -> tensor<2x!neuro.string>
  return %r : tensor<2x!neuro.string>
}
