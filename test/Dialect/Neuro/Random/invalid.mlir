// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @integers() {
  // expected-error @+2 {{'neuro.random_normal' op draws no numbers of type 'i32'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.random_normal [3] {to = i32} : tensor<3xf32>
  return
}
