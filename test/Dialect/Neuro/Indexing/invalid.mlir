// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @axis(%x: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error @+2 {{'neuro.gather' op axis 2 is outside its operand of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.gather %x, %i {axis = 2 : i64} : (tensor<2x3xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @rank(%x: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error @+1 {{'neuro.gather_elements' op indices must have rank 2, not 1}}
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

// -----

func.func @gathered(%x: tensor<2x3xf32>, %i: tensor<2x4xi64>) {
  // expected-error @+1 {{'neuro.gather_elements' op indices have 4 entries along axis 1, where the data has 3}}
  %0 = neuro.gather_elements %x, %i : (tensor<2x3xf32>, tensor<2x4xi64>) -> tensor<2x4xf32>
  return
}

// -----

func.func @updates(%x: tensor<2x3xf32>, %i: tensor<2x2xi64>, %u: tensor<2x3xf32>) {
  // expected-error @+1 {{'neuro.scatter_elements' op updates has 3 entries along axis 1, expected 2}}
  %0 = neuro.scatter_elements %x, %i, %u : (tensor<2x3xf32>, tensor<2x2xi64>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @slices(%x: tensor<2x3xf32>, %i: tensor<2x1xi64>, %u: tensor<2x4xf32>) {
  // expected-error @+1 {{'neuro.scatter_nd' op updates has 4 entries along axis 1, expected 3}}
  %0 = neuro.scatter_nd %x, %i, %u : (tensor<2x3xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @condition(%x: tensor<4x2xf32>, %c: tensor<6xi1>) {
  // expected-error @+1 {{'neuro.compress' op condition has 6 entries for 4 places}}
  %0 = neuro.compress %x, %c {axis = 0 : i64} : (tensor<4x2xf32>, tensor<6xi1>) -> tensor<?x2xf32>
  return
}
