// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @channels(%x: tensor<2x3x4xf32>, %s: tensor<5xf32>) {
  // expected-error @+1 {{'neuro.batch_norm' op scale has 5 entries along axis 0, expected 3}}
  %0 = neuro.batch_norm %x, %s, %s, %s, %s : (tensor<2x3x4xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @rank(%x: tensor<2x3x4xf32>, %s: tensor<3x1xf32>) {
  // expected-error @+1 {{'neuro.instance_norm' op scale must have rank 1, not 2}}
  %0 = neuro.instance_norm %x, %s, %s : (tensor<2x3x4xf32>, tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @groups(%x: tensor<2x3x4xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{'neuro.group_norm' op 2 groups do not divide 3 channels}}
  %0 = neuro.group_norm %x, %s, %s {num_groups = 2 : i64} : (tensor<2x3x4xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @layer_scale(%x: tensor<2x3x4xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{'neuro.layer_norm' op scale of type 'tensor<3xf32>' does not broadcast to the input}}
  %0:3 = neuro.layer_norm %x, %s : (tensor<2x3x4xf32>, tensor<3xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x1xf32>, tensor<2x3x1xf32>)
  return
}

// -----

func.func @rms_scale(%x: tensor<2x3x4xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{'neuro.rms_norm' op scale of type 'tensor<3xf32>' does not broadcast to the input}}
  %0 = neuro.rms_norm %x, %s : (tensor<2x3x4xf32>, tensor<3xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @axis(%x: tensor<2x6x4xf32>) {
  // expected-error @+1 {{'neuro.lp_norm' op axis 3 is outside its operand of rank 3}}
  %0 = neuro.lp_norm %x {axis = 3 : i64} : (tensor<2x6x4xf32>) -> tensor<2x6x4xf32>
  return
}

// -----

func.func @no_channels(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+2 {{'neuro.batch_statistics' op has no channels in 'tensor<2xf32>'}}
  // expected-error @+1 {{'neuro.batch_statistics' op failed to infer returned types}}
  %m, %v = neuro.batch_statistics %x : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  return %v : tensor<2xf32>
}
