// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @reshape_count(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'neuro.reshape' op reshapes 6 elements to}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.reshape %x [4, 2] : tensor<2x3xf32> -> tensor<4x2xf32>
  return
}

// -----

func.func @transpose_repeats(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'neuro.transpose' op permutation is none of the 2 axes of its operand}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.transpose %x [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @expand_mismatch(%x: tensor<3xf32>) {
  // expected-error @+2 {{does not broadcast to the sizes asked for}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.expand %x [2, 4] : tensor<3xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @concat_mismatch(%x: tensor<2x3xf32>, %y: tensor<3x3xf32>) {
  // expected-error @+2 {{'neuro.concat' op operand #1 of type 'tensor<3x3xf32>' cannot follow 'tensor<2x3xf32>' along axis 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.concat %x, %y {axis = 1 : i64} : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @concat_axis(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'neuro.concat' op axis 2 is outside its operand of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.concat %x, %x {axis = 2 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @split_sum(%x: tensor<6xf32>) {
  // expected-error @+2 {{'neuro.split' op splits 6 rows into 7}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = neuro.split %x {axis = 0 : i64, sizes = array<i64: 3, 4>} : (tensor<6xf32>) -> (tensor<3xf32>, tensor<4xf32>)
  return
}

// -----

func.func @slice_outside(%x: tensor<4xf32>) {
  // expected-error @+2 {{'neuro.slice' op reaches outside axis 0 of size 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.slice %x [2] [3] [1] : tensor<4xf32> -> tensor<3xf32>
  return
}

// -----

func.func @block_size(%x: tensor<1x3x4x4xf32>) {
  // expected-error @+2 {{'neuro.depth_to_space' op block size 2 does not divide}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.depth_to_space %x {blocksize = 2 : i64} : (tensor<1x3x4x4xf32>) -> tensor<1x1x8x8xf32>
  return
}

// -----

func.func @inferred_type(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{incompatible with}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @lengths(%x: tensor<4x2xf32>, %l: tensor<3xi64>) {
  // expected-error @+1 {{'neuro.reverse_sequence' op sequence_lens has 3 entries along axis 0, expected 2}}
  %0 = neuro.reverse_sequence %x, %l : (tensor<4x2xf32>, tensor<3xi64>) -> tensor<4x2xf32>
  return
}

// -----

func.func @tile_negative(%x: tensor<4xf32>) {
  // expected-error @+2 {{'neuro.tile' op has a negative repeat, -3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.tile %x [-3] : tensor<4xf32> -> tensor<?xf32>
  return
}

// -----

func.func @split_negative(%x: tensor<10xf32>) {
  // expected-error @+2 {{'neuro.split' op result #0 has a negative size, -2, along axis 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0, %1 = neuro.split %x {axis = 0 : i64, sizes = array<i64: -2, 12>} : (tensor<10xf32>) -> (tensor<?xf32>, tensor<12xf32>)
  return
}

// -----

func.func @product_overflows(%x: tensor<4294967296x1xf32>) {
  // expected-error @+2 {{'neuro.tile' op result #0 is larger than 2^62 bytes}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.tile %x [4294967296, 4294967296] : tensor<4294967296x1xf32> -> tensor<?x?xf32>
  return
}

// -----

func.func @operand_too_large(%x: tensor<4611686018427387904x4xf32>) {
  // expected-error @+1 {{'neuro.relu' op operand #0 is larger than 2^62 bytes}}
  %0 = neuro.relu %x : (tensor<4611686018427387904x4xf32>) -> tensor<4611686018427387904x4xf32>
  return
}

// -----

func.func @block_overflows(%x: tensor<1x4x8x8xf32>) {
  // expected-error @+2 {{'neuro.depth_to_space' op block size 4294967296 does not divide}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.depth_to_space %x {blocksize = 4294967296 : i64} : (tensor<1x4x8x8xf32>) -> tensor<1x?x?x?xf32>
  return
}

// -----

func.func @shuffle_axis(%x: tensor<4xf32>) {
  // expected-error @+1 {{'neuro.channel_shuffle' op axis 1 is outside its operand of rank 1}}
  %0 = neuro.channel_shuffle %x {axis = 1 : i64, groups = 2 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @shuffle_groups(%x: tensor<4xf32>, %y: tensor<?xf32>) {
  // expected-error @+1 {{'neuro.channel_shuffle' op 3 groups do not divide the axis}}
  %0 = neuro.channel_shuffle %x {axis = 0 : i64, groups = 3 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @trilu_rank(%x: tensor<4xf32>) {
  // expected-error @+1 {{'neuro.trilu' op needs matrices, not a tensor of rank 1}}
  %0 = neuro.trilu %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}
