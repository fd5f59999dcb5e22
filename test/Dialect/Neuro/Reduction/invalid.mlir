// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @axis(%x: tensor<2x3x4xf32>) {
  // expected-error @+1 {{'neuro.softmax' op axis 5 is outside its operand of rank 3}}
  %0 = neuro.softmax %x {axis = 5 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @axes(%x: tensor<2x3x4xf32>) {
  // expected-error @+2 {{'neuro.reduce_sum' op axis 3 is outside its operand of rank 3}}
  // expected-error @+1 {{'neuro.reduce_sum' op failed to infer returned types}}
  %0 = neuro.reduce_sum %x {axes = array<i64: 3>, keepdims = true} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @kept(%x: tensor<2x3x4xf32>) {
  // expected-error @+2 {{'neuro.reduce_sum' op inferred type(s) 'tensor<2x1x4xf32>' are incompatible with return type(s) of operation 'tensor<2x3x4xf32>'}}
  // expected-error @+1 {{'neuro.reduce_sum' op failed to infer returned types}}
  %0 = neuro.reduce_sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @twice(%x: tensor<2x3x4xf32>) {
  // expected-error @+2 {{'neuro.reduce_max' op axis 1 is listed twice}}
  // expected-error @+1 {{'neuro.reduce_max' op failed to infer returned types}}
  %0 = neuro.reduce_max %x {axes = array<i64: 1, 1>, keepdims = true} : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  return
}
