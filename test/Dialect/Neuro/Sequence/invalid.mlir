// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @rows(%x: tensor<3x1x2xf32>, %w: tensor<1x300x2xf32>, %r: tensor<1x400x100xf32>) {
  // expected-error @+2 {{'neuro.lstm' op W has 300 entries along axis 1, expected 400}}
  // expected-error @+1 {{failed to infer returned types}}
  %y, %yh, %yc = neuro.lstm %x, %w, %r {hidden_size = 100 : i64}
    : (tensor<3x1x2xf32>, tensor<1x300x2xf32>, tensor<1x400x100xf32>) -> (tensor<3x1x1x100xf32>, tensor<1x1x100xf32>, tensor<1x1x100xf32>)
  return
}

// -----

func.func @direction(%x: tensor<3x1x2xf32>, %w: tensor<1x4x2xf32>, %r: tensor<1x4x4xf32>) {
  // expected-error @+2 {{'neuro.rnn' op direction is 'sideways', expected forward, reverse or bidirectional}}
  // expected-error @+1 {{failed to infer returned types}}
  %y, %yh = neuro.rnn %x, %w, %r {direction = "sideways", hidden_size = 4 : i64}
    : (tensor<3x1x2xf32>, tensor<1x4x2xf32>, tensor<1x4x4xf32>) -> (tensor<3x1x1x4xf32>, tensor<1x1x4xf32>)
  return
}

// -----

func.func @activation(%x: tensor<3x1x2xf32>, %w: tensor<1x4x2xf32>, %r: tensor<1x4x4xf32>) {
  // expected-error @+2 {{'neuro.rnn' op has an unknown activation 'Swirl'}}
  // expected-error @+1 {{failed to infer returned types}}
  %y, %yh = neuro.rnn %x, %w, %r {activations = ["Swirl"], hidden_size = 4 : i64}
    : (tensor<3x1x2xf32>, tensor<1x4x2xf32>, tensor<1x4x4xf32>) -> (tensor<3x1x1x4xf32>, tensor<1x1x4xf32>)
  return
}

// -----

func.func @state(%x: tensor<3x1x2xf32>, %w: tensor<1x12x2xf32>, %r: tensor<1x12x4xf32>, %h: tensor<1x2x4xf32>) {
  // expected-error @+2 {{'neuro.gru' op initial_h has 2 entries along axis 1, expected 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %y, %yh = neuro.gru %x, %w, %r initial_h(%h) {hidden_size = 4 : i64}
    : (tensor<3x1x2xf32>, tensor<1x12x2xf32>, tensor<1x12x4xf32>, tensor<1x2x4xf32>) -> (tensor<3x1x1x4xf32>, tensor<1x1x4xf32>)
  return
}

// -----

func.func @heads(%q: tensor<1x3x6x8xf32>, %k: tensor<1x2x6x8xf32>) {
  // expected-error @+2 {{'neuro.attention' op has 3 query heads for 2 key heads, expected a multiple}}
  // expected-error @+1 {{failed to infer returned types}}
  %y, %pk, %pv, %qk = neuro.attention %q, %k, %k : (tensor<1x3x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>)
    -> (tensor<1x3x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x3x6x6xf32>)
  return
}

// -----

func.func @matrices(%x: tensor<3xf32>) {
  // expected-error @+2 {{'neuro.det' op needs matrices}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.det %x : (tensor<3xf32>) -> tensor<f32>
  return
}
