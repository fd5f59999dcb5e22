// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @axis(%x: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error @+2 {{'neuro.gather' op axis 2 is outside its operand of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.gather %x, %i {axis = 2 : i64} : (tensor<2x3xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @rank(%x: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error @+2 {{'neuro.gather_elements' op indices have rank 1, expected 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.gather_elements %x, %i : (tensor<2x3xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @tuple(%x: tensor<2x3xf32>, %i: tensor<4x3xi64>) {
  // expected-error @+2 {{'neuro.gather_nd' op index tuples of length 3 and 0 batch axes exceed data of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.gather_nd %x, %i : (tensor<2x3xf32>, tensor<4x3xi64>) -> tensor<4xf32>
  return
}
