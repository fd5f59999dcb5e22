// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @channels(%x: tensor<1x32x8x8xf32>, %w: tensor<4x3x3x3xf32>) {
  // expected-error @+2 {{'neuro.conv' op operand #1 has 3 input channels per group, expected 16}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.conv %x, %w {group = 2 : i64, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>}
    : (tensor<1x32x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @groups(%x: tensor<1x4x8xf32>, %w: tensor<3x2x3xf32>) {
  // expected-error @+2 {{'neuro.conv' op operand #1 has 3 output channels, no multiple of group 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.conv %x, %w {group = 2 : i64, strides = array<i64: 1>, dilations = array<i64: 1>, pads = array<i64: 0, 0>}
    : (tensor<1x4x8xf32>, tensor<3x2x3xf32>) -> tensor<1x3x6xf32>
  return
}

// -----

func.func @bias(%x: tensor<1x4x8xf32>, %w: tensor<2x4x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+2 {{'neuro.conv' op bias is of type 'tensor<3xf32>', expected 2 channels}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.conv %x, %w, %b {strides = array<i64: 1>, dilations = array<i64: 1>, pads = array<i64: 0, 0>}
    : (tensor<1x4x8xf32>, tensor<2x4x3xf32>, tensor<3xf32>) -> tensor<1x2x6xf32>
  return
}

// -----

func.func @rows(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+2 {{'neuro.matmul' op operand #1 has 4 rows, expected 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.matmul %a, %b : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @batches(%a: tensor<2x2x3xf32>, %b: tensor<3x3x5xf32>) {
  // expected-error @+2 {{'neuro.matmul' op batch axes do not broadcast}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.matmul %a, %b : (tensor<2x2x3xf32>, tensor<3x3x5xf32>) -> tensor<2x2x5xf32>
  return
}

// -----

func.func @gemm_bias(%a: tensor<2x3xf32>, %b: tensor<5x3xf32>, %c: tensor<4xf32>) {
  // expected-error @+2 {{'neuro.gemm' op operand #2 of type 'tensor<4xf32>' does not broadcast to the product}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.gemm %a, %b, %c {transB = 1 : i64} : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @named_axis(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+2 {{'neuro.einsum' op axis 'j' has sizes 3 and 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.einsum %a, %b {equation = "ij,jk->ik"} : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @unknown_axis(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{'neuro.einsum' op result axis 'k' is in no operand}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.einsum %a {equation = "ij->ik"} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @repeated_result_axis(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{'neuro.einsum' op result axis 'i' comes twice}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.einsum %a {equation = "ij->ii"} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @lone_dot(%a: tensor<2x3xf32>) {
  // expected-error @+2 {{'neuro.einsum' op equation '.i->i' does not fit its operands}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.einsum %a {equation = ".i->i"} : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}
