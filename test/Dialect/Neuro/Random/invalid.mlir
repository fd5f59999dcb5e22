// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @integers() {
  // expected-error @+2 {{'neuro.random_normal' op draws no numbers of type 'i32'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.random_normal [3] {to = i32} : tensor<3xf32>
  return
}

// -----

func.func @rate(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'neuro.dropout' op has a rate of 1.500000e+00, which is no probability}}
  %r = neuro.dropout %x {rate = 1.5 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @shared(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'neuro.dropout' op shares decisions along axis 2 of a tensor of rank 2}}
  %r = neuro.dropout %x {rate = 0.5 : f64, shared = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @space(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'neuro.dropout' op leaves out squares of space, along which it decides nothing}}
  %r = neuro.dropout %x {rate = 0.5 : f64, block = 3 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @dropout_share(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error@+1 {{'neuro.dropout' op decides about a share of 1.200000e+00, which is none}}
  %r = neuro.dropout %x {rate = 0.5 : f64, targeted = 1.2 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// -----

func.func @dropout_apart(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error@+1 {{'neuro.dropout' op compares nothing along axis 1, which is shared or none of a tensor of rank 2}}
  %r = neuro.dropout %x {rate = 0.5 : f64, targeted = 0.5 : f64, shared = array<i64: 1>, apart = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// -----

func.func @dropout_squares(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  // expected-error@+1 {{'neuro.dropout' op decides about a share of its places, and weighs by no normal factor and leaves out no squares}}
  %r = neuro.dropout %x {rate = 0.5 : f64, targeted = 0.5 : f64, block = 2 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %r : tensor<2x3x4xf32>
}
