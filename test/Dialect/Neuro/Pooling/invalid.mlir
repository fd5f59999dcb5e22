// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @no_pixels(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'neuro.lp_pool' op pools 'tensor<2x3xf32>', which has no spatial axis}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.lp_pool %x {kernel_shape = array<i64>, strides = array<i64>, dilations = array<i64>, pads = array<i64>}
    : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @stride(%x: tensor<1x1x8xf32>) {
  // expected-error @+2 {{'neuro.average_pool' op has a stride of 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.average_pool %x {kernel_shape = array<i64: 2>, strides = array<i64: 0>, dilations = array<i64: 1>, pads = array<i64: 0, 0>}
    : (tensor<1x1x8xf32>) -> tensor<1x1x7xf32>
  return
}

// -----

func.func @grid(%x: tensor<1x3x8x8xf32>, %g: tensor<1x4x5x3xf32>) {
  // expected-error @+2 {{does not fit the input 'tensor<1x3x8x8xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.grid_sample %x, %g : (tensor<1x3x8x8xf32>, tensor<1x4x5x3xf32>) -> tensor<1x3x4x5xf32>
  return
}

// -----

func.func @size(%x: tensor<1x1x8xf32>) {
  // expected-error @+2 {{incompatible with}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.average_pool %x {kernel_shape = array<i64: 2>, strides = array<i64: 2>, dilations = array<i64: 1>, pads = array<i64: 0, 0>}
    : (tensor<1x1x8xf32>) -> tensor<1x1x5xf32>
  return
}

// -----

func.func @batch(%x: tensor<1x2x4x4xf32>, %g: tensor<2x3x3x2xf32>) {
  // expected-error @+1 {{'neuro.grid_sample' op grid has 2 entries along axis 0, expected 1}}
  %0 = neuro.grid_sample %x, %g : (tensor<1x2x4x4xf32>, tensor<2x3x3x2xf32>) -> tensor<1x2x3x3xf32>
  return
}

// -----

func.func @unpool(%x: tensor<1x1x2x2xf32>, %i: tensor<1x1x2x2xi64>) {
  // expected-error @+2 {{'neuro.max_unpool' op attribute 'strides' has 1 entries, expected 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.max_unpool %x, %i {sizes = array<i64: 1, 1, 4, 4>, kernel_shape = array<i64: 2, 2>, strides = array<i64: 2>, pads = array<i64: 0, 0, 0, 0>}
    : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xi64>) -> tensor<1x1x4x4xf32>
  return
}

// -----

func.func @regions(%x: tensor<1x1x4x4xf32>, %r: tensor<4xf32>) {
  // expected-error @+2 {{'neuro.max_roi_pool' op pools regions of images of rank 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.max_roi_pool %x, %r {pooled_shape = array<i64: 2, 2>} : (tensor<1x1x4x4xf32>, tensor<4xf32>) -> tensor<1x1x2x2xf32>
  return
}
