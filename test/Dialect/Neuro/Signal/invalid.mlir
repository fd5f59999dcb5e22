// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @parts(%x: tensor<4x3xf32>) {
  // expected-error @+2 {{'neuro.dft' op input 'tensor<4x3xf32>' does not end in an axis of 1 or 2 parts}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.dft %x {axis = 0 : i64, length = 4 : i64} : (tensor<4x3xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @axis(%x: tensor<4x2xf32>) {
  // expected-error @+2 {{'neuro.dft' op axis 1 is none of the 1 before the parts}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.dft %x {axis = 1 : i64, length = 4 : i64} : (tensor<4x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @length(%x: tensor<4x2xf32>) {
  // expected-error @+2 {{'neuro.dft' op has a length of 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.dft %x {axis = 0 : i64, length = 0 : i64} : (tensor<4x2xf32>) -> tensor<0x2xf32>
  return
}

// -----

func.func @step(%x: tensor<1x8x1xf32>) {
  // expected-error @+2 {{'neuro.stft' op has frames of length 4 that are 0 apart}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.stft %x {frame_length = 4 : i64, frame_step = 0 : i64} : (tensor<1x8x1xf32>) -> tensor<1x2x3x2xf32>
  return
}
