// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @rows(%x: tensor<2x4x!neuro.string>) {
  // expected-error @+2 {{'neuro.string_normalizer' op takes a list or one row of strings, not 'tensor<2x4x!neuro.string>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.string_normalizer %x : (tensor<2x4x!neuro.string>) -> tensor<1x?x!neuro.string>
  return
}

// -----

func.func @case(%x: tensor<4x!neuro.string>) {
  // expected-error @+1 {{'neuro.string_normalizer' op has an unknown case change 'TITLE'}}
  %0 = neuro.string_normalizer %x {case_change_action = "TITLE"} : (tensor<4x!neuro.string>) -> tensor<?x!neuro.string>
  return
}
