// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @broadcast(%x: tensor<2x3x4xf32>, %y: tensor<5xf32>) {
  // expected-error @+2 {{'neuro.add' op operand #1 of type 'tensor<5xf32>' does not broadcast with the operands before it, whose common shape is that of 'tensor<2x3x4xf32>'}}
  // expected-error @+1 {{'neuro.add' op failed to infer returned types}}
  %0 = neuro.add %x, %y : (tensor<2x3x4xf32>, tensor<5xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @result(%x: tensor<2x3x4xf32>) {
  // expected-error @+2 {{'neuro.relu' op inferred type(s) 'tensor<2x3x4xf32>' are incompatible with return type(s) of operation 'tensor<2x3x5xf32>'}}
  // expected-error @+1 {{'neuro.relu' op failed to infer returned types}}
  %0 = neuro.relu %x : (tensor<2x3x4xf32>) -> tensor<2x3x5xf32>
  return
}

// -----

func.func @element_type(%x: tensor<2xf32>) {
  // expected-error @+1 {{'neuro.bitwise_not' op operand #0 must be ranked tensor of integer values, but got 'tensor<2xf32>'}}
  %0 = neuro.bitwise_not %x : (tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slopes(%x: tensor<2x3xf32>, %s: tensor<2x5xf32>) {
  // expected-error @+2 {{'neuro.prelu' op operand #1 of type 'tensor<2x5xf32>' does not broadcast with the operands before it, whose common shape is that of 'tensor<2x3xf32>'}}
  // expected-error @+1 {{'neuro.prelu' op failed to infer returned types}}
  %0 = neuro.prelu %x, %s : (tensor<2x3xf32>, tensor<2x5xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @scales(%x: tensor<2x3xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{'neuro.quantize_linear' op scale has 4 entries along axis 0, expected 3}}
  %0 = neuro.quantize_linear %x, %s {to = ui8} : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xui8>
  return
}

// -----

func.func @zero_point(%x: tensor<2x3xui8>, %s: tensor<3xf32>, %z: tensor<ui8>) {
  // expected-error @+1 {{'neuro.dequantize_linear' op zero point must have rank 1, not 0}}
  %0 = neuro.dequantize_linear %x, %s, %z : (tensor<2x3xui8>, tensor<3xf32>, tensor<ui8>) -> tensor<2x3xf32>
  return
}

// -----

func.func @blocks(%x: tensor<2x6xui8>, %s: tensor<2x2xf32>) {
  // expected-error @+1 {{'neuro.dequantize_linear' op scale has 2 entries along axis 1, expected 3}}
  %0 = neuro.dequantize_linear %x, %s {block_size = 2 : i64} : (tensor<2x6xui8>, tensor<2x2xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @bit_cast(%a: tensor<2xf32>) {
  // expected-error @+1 {{'neuro.bit_cast' op takes elements of type 'f32' for 'i64', which have another width}}
  %0 = neuro.bit_cast %a {to = i64} : (tensor<2xf32>) -> tensor<2xi64>
  return
}
