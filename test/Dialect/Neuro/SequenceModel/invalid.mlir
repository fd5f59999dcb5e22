// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @hidden(%x: tensor<4x1x8xf32>, %w: tensor<1x24x8xf32>, %r: tensor<1x24x5xf32>) {
  // expected-error @+2 {{'neuro.gru' op R has 5 entries along axis 2, expected 8}}
  // expected-error @+1 {{'neuro.gru' op failed to infer returned types}}
  %0, %1 = neuro.gru %x, %w, %r {hidden_size = 8 : i64} : (tensor<4x1x8xf32>, tensor<1x24x8xf32>, tensor<1x24x5xf32>) -> (tensor<4x1x1x8xf32>, tensor<1x1x8xf32>)
  return
}

// -----

func.func @features(%x: tensor<4x1x8xf32>, %w: tensor<1x32x9xf32>, %r: tensor<1x32x8xf32>) {
  // expected-error @+2 {{'neuro.lstm' op W has 9 entries along axis 2, expected 8}}
  // expected-error @+1 {{'neuro.lstm' op failed to infer returned types}}
  %0, %1, %2 = neuro.lstm %x, %w, %r {hidden_size = 8 : i64} : (tensor<4x1x8xf32>, tensor<1x32x9xf32>, tensor<1x32x8xf32>) -> (tensor<4x1x1x8xf32>, tensor<1x1x8xf32>, tensor<1x1x8xf32>)
  return
}

// -----

func.func @direction(%x: tensor<4x1x8xf32>, %w: tensor<1x8x8xf32>, %r: tensor<1x8x8xf32>) {
  // expected-error @+2 {{'neuro.rnn' op direction is 'sideways', expected forward, reverse or bidirectional}}
  // expected-error @+1 {{'neuro.rnn' op failed to infer returned types}}
  %0, %1 = neuro.rnn %x, %w, %r {direction = "sideways", hidden_size = 8 : i64} : (tensor<4x1x8xf32>, tensor<1x8x8xf32>, tensor<1x8x8xf32>) -> (tensor<4x1x1x8xf32>, tensor<1x1x8xf32>)
  return
}

// -----

func.func @early_reset(%x: tensor<4x1x8xf32>, %w: tensor<1x24x8xf32>, %r: tensor<1x24x8xf32>) {
  // expected-error @+2 {{'neuro.gru' op can keep the products of its states only if they are made before the reset}}
  // expected-error @+1 {{'neuro.gru' op failed to infer returned types}}
  %0, %1, %2 = neuro.gru %x, %w, %r {hidden_size = 8 : i64, keep_products} : (tensor<4x1x8xf32>, tensor<1x24x8xf32>, tensor<1x24x8xf32>) -> (tensor<4x1x1x8xf32>, tensor<1x1x8xf32>, tensor<4x1x1x24xf32>)
  return
}

// -----

func.func @heads(%q: tensor<1x3x4x8xf32>, %k: tensor<1x2x4x8xf32>) {
  // expected-error @+2 {{'neuro.attention' op has 3 query heads for 2 key heads, expected a multiple}}
  // expected-error @+1 {{'neuro.attention' op failed to infer returned types}}
  %0, %1, %2, %3 = neuro.attention %q, %k, %k : (tensor<1x3x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> (tensor<1x3x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x3x4x4xf32>)
  return
}

// -----

func.func @values(%q: tensor<1x2x4x8xf32>, %v: tensor<1x2x5x8xf32>) {
  // expected-error @+1 {{'neuro.attention' op V has 5 entries along axis 2, expected 4}}
  %0, %1, %2, %3 = neuro.attention %q, %q, %v : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x5x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x4x4xf32>)
  return
}

// -----

func.func @depth(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x4x7xf32>) {
  // expected-error @+1 {{'neuro.attention' op K has 7 entries along axis 3, expected 8}}
  %0, %1, %2, %3 = neuro.attention %q, %k, %q : (tensor<1x2x4x8xf32>, tensor<1x2x4x7xf32>, tensor<1x2x4x8xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x7xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>)
  return
}

// -----

func.func @mask(%q: tensor<1x2x4x8xf32>, %m: tensor<4x9xf32>) {
  // expected-error @+1 {{'neuro.attention' op mask of type 'tensor<4x9xf32>' does not fit 4 queries and 4 keys}}
  %0, %1, %2, %3 = neuro.attention %q, %q, %q mask(%m) : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<4x9xf32>) -> (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x4xf32>)
  return
}

// -----

func.func @pairs(%x: tensor<1x2x4x8xf32>, %c: tensor<9x3xf32>, %p: tensor<1x4xi64>) {
  // expected-error @+1 {{'neuro.rotary_embedding' op cos_cache has 3 entries along axis 1, expected 4}}
  %0 = neuro.rotary_embedding %x, %c, %c, %p : (tensor<1x2x4x8xf32>, tensor<9x3xf32>, tensor<9x3xf32>, tensor<1x4xi64>) -> tensor<1x2x4x8xf32>
  return
}
