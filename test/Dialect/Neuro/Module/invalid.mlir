// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @missing() {
  // expected-error @+1 {{'neuro.get_param' op reads '@w', which is no parameter}}
  %0 = neuro.get_param @w : tensor<4xf32>
  return
}

// -----

neuro.param @w = dense<1.0> : tensor<4xf32>
func.func @wrong_type() {
  // expected-error @+1 {{'neuro.get_param' op reads '@w' as 'tensor<3xf32>', but the parameter is 'tensor<4xf32>'}}
  %0 = neuro.get_param @w : tensor<3xf32>
  return
}
