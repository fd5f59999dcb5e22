// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @lstm
// CHECK: neuro.lstm %{{.*}}, %{{.*}}, %{{.*}} b(%{{.*}}) initial_h(%{{.*}}) initial_c(%{{.*}}) {hidden_size = 16 : i64}
func.func @lstm(%x: tensor<?x1x32xf32>, %w: tensor<1x64x32xf32>, %r: tensor<1x64x16xf32>,
                %b: tensor<1x128xf32>, %h: tensor<1x1x16xf32>, %c: tensor<1x1x16xf32>) -> tensor<?x1x1x16xf32> {
  %y, %yh, %yc = neuro.lstm %x, %w, %r b(%b) initial_h(%h) initial_c(%c) {hidden_size = 16 : i64}
    : (tensor<?x1x32xf32>, tensor<1x64x32xf32>, tensor<1x64x16xf32>, tensor<1x128xf32>, tensor<1x1x16xf32>, tensor<1x1x16xf32>)
    -> (tensor<?x1x1x16xf32>, tensor<1x1x16xf32>, tensor<1x1x16xf32>)
  return %y : tensor<?x1x1x16xf32>
}

// CHECK-LABEL: @gru_both_directions
// CHECK: neuro.gru {{.*}} sequence_lens(%{{.*}}) {direction = "bidirectional", hidden_size = 5 : i64, layout = 1 : i64}
func.func @gru_both_directions(%x: tensor<2x7x3xf32>, %w: tensor<2x15x3xf32>, %r: tensor<2x15x5xf32>,
                               %lens: tensor<2xi32>) -> tensor<2x2x5xf32> {
  %y, %yh = neuro.gru %x, %w, %r sequence_lens(%lens) {direction = "bidirectional", hidden_size = 5 : i64, layout = 1 : i64}
    : (tensor<2x7x3xf32>, tensor<2x15x3xf32>, tensor<2x15x5xf32>, tensor<2xi32>) -> (tensor<2x7x2x5xf32>, tensor<2x2x5xf32>)
  return %yh : tensor<2x2x5xf32>
}

// CHECK-LABEL: @rnn_activation
// CHECK: neuro.rnn {{.*}} {activation_alpha = array<f32: 2.000000e-01>, activations = ["LeakyRelu"], hidden_size = 4 : i64}
func.func @rnn_activation(%x: tensor<3x1x2xf32>, %w: tensor<1x4x2xf32>, %r: tensor<1x4x4xf32>) -> tensor<1x1x4xf32> {
  %y, %yh = neuro.rnn %x, %w, %r {activations = ["LeakyRelu"], activation_alpha = array<f32: 0.2>, hidden_size = 4 : i64}
    : (tensor<3x1x2xf32>, tensor<1x4x2xf32>, tensor<1x4x4xf32>) -> (tensor<3x1x1x4xf32>, tensor<1x1x4xf32>)
  return %yh : tensor<1x1x4xf32>
}

// CHECK-LABEL: @grouped_attention
// CHECK: neuro.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {is_causal = 1 : i64, kv_num_heads = 2 : i64, q_num_heads = 4 : i64}
func.func @grouped_attention(%q: tensor<1x6x32xf32>, %k: tensor<1x6x16xf32>, %v: tensor<1x6x16xf32>, %m: tensor<6x6xi1>) -> tensor<1x6x32xf32> {
  %y, %pk, %pv, %qk = neuro.attention %q, %k, %v mask(%m) {is_causal = 1 : i64, kv_num_heads = 2 : i64, q_num_heads = 4 : i64}
    : (tensor<1x6x32xf32>, tensor<1x6x16xf32>, tensor<1x6x16xf32>, tensor<6x6xi1>)
    -> (tensor<1x6x32xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x4x6x6xf32>)
  return %y : tensor<1x6x32xf32>
}

// CHECK-LABEL: @det
// CHECK: neuro.det %{{.*}} : (tensor<2x3x3xf32>) -> tensor<2xf32>
func.func @det(%x: tensor<2x3x3xf32>) -> tensor<2xf32> {
  %0 = neuro.det %x : (tensor<2x3x3xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
