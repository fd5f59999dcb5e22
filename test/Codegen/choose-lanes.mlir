// RUN: neuroplast-opt %s --neuro-choose-lanes --split-input-file | FileCheck %s

// The data have 32 rows, the weight 512: the rows of the data become columns.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2) -> (d2, d0)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2) -> (d1, d0)>
// CHECK-LABEL: func @few_rows
// CHECK: %[[XT:.*]] = linalg.transpose ins(%arg0 : {{.*}}) permutation = [1, 0]
// CHECK: %[[YT:.*]] = kernel.contract ins(%[[XT]], %arg1 : tensor<784x32xf32>, tensor<512x784xf32>) outs(%{{.*}} : tensor<512x32xf32>) attributes {indexing_maps = [#[[X]], #[[W]], #[[Y]]]}
// CHECK: %[[R:.*]] = linalg.transpose ins(%[[YT]] : {{.*}}) permutation = [1, 0]
// CHECK: return %[[R]]
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @few_rows(%x: tensor<32x784xf32>, %w: tensor<512x784xf32>) -> tensor<32x512xf32> {
  %e = tensor.empty() : tensor<32x512xf32>
  %0 = kernel.contract ins(%x, %w : tensor<32x784xf32>, tensor<512x784xf32>)
      outs(%e : tensor<32x512xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<32x512xf32>
  return %0 : tensor<32x512xf32>
}

// -----

// The weight is the smaller one: it is transposed, and a residual stays as it is.
// CHECK-LABEL: func @many_rows
// CHECK: %[[W:.*]] = linalg.transpose ins(%arg1 : tensor<64x100xf32>) {{.*}} permutation = [1, 0]
// CHECK: %[[Y:.*]] = kernel.contract ins(%arg0, %[[W]], %arg2 : tensor<?x100xf32>, tensor<100x64xf32>, tensor<?x64xf32>)
// CHECK: return %[[Y]]
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @many_rows(%x: tensor<?x100xf32>, %w: tensor<64x100xf32>, %r: tensor<?x64xf32>, %n: index) -> tensor<?x64xf32> {
  %e = tensor.empty(%n) : tensor<?x64xf32>
  %0 = kernel.contract ins(%x, %w, %r : tensor<?x100xf32>, tensor<64x100xf32>, tensor<?x64xf32>)
      outs(%e : tensor<?x64xf32>) attributes {indexing_maps = [#a, #b, #c, #c]} {
  ^bb0(%sum: f32, %q: f32):
    %s = arith.addf %sum, %q : f32
    kernel.yield %s : f32
  } -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// Nothing to copy: the lanes are those of the result, whatever else might be.
// CHECK-LABEL: func @as_it_lies
// CHECK-NOT: linalg.transpose
#a = affine_map<(m, n, k) -> (k, m)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @as_it_lies(%x: tensor<32x784xf32>, %g: tensor<32x9xf32>) -> tensor<784x9xf32> {
  %e = tensor.empty() : tensor<784x9xf32>
  %0 = kernel.contract ins(%x, %g : tensor<32x784xf32>, tensor<32x9xf32>)
      outs(%e : tensor<784x9xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<784x9xf32>
  return %0 : tensor<784x9xf32>
}

// -----

// Two products do not pay for anything.
// CHECK-LABEL: func @tiny
// CHECK-NOT: linalg.transpose
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @tiny(%x: tensor<1x1xf32>, %w: tensor<2x1xf32>) -> tensor<1x2xf32> {
  %e = tensor.empty() : tensor<1x2xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x1xf32>, tensor<2x1xf32>)
      outs(%e : tensor<1x2xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// -----

// Channels of one place each are the last axis already, under another shape.
// CHECK-LABEL: func @places
// CHECK-NOT: linalg.transpose
// CHECK: kernel.contract ins(%{{.*}}, %{{.*}} : tensor<?x40x1x1xf32>, tensor<40x1x1x16xf32>) outs(%{{.*}} : tensor<?x1x1x16xf32>)
// CHECK: %[[C:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0, 1, 2], [3]] : tensor<?x1x1x16xf32> into tensor<?x16xf32>
// CHECK: tensor.expand_shape %[[C]] {{\[\[}}0], [1, 2, 3]] {{.*}} : tensor<?x16xf32> into tensor<?x16x1x1xf32>
#a = affine_map<(n, o, h, w, i) -> (n, i, h, w)>
#b = affine_map<(n, o, h, w, i) -> (o, i, h, w)>
#c = affine_map<(n, o, h, w, i) -> (n, o, h, w)>
func.func @places(%x: tensor<?x40x1x1xf32>, %n: index) -> tensor<?x16x1x1xf32> {
  %w = arith.constant dense<1.0> : tensor<16x40x1x1xf32>
  %e = tensor.empty(%n) : tensor<?x16x1x1xf32>
  %0 = kernel.contract ins(%x, %w : tensor<?x40x1x1xf32>, tensor<16x40x1x1xf32>)
      outs(%e : tensor<?x16x1x1xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<?x16x1x1xf32>
  return %0 : tensor<?x16x1x1xf32>
}

// -----

// What is constant is transposed at compile time.
// CHECK-LABEL: func @constant
// CHECK-NOT: linalg.transpose
// CHECK: %[[W:.*]] = arith.constant dense<{{\[\[}}1.000000e+00, 3.000000e+00, 5.000000e+00, 7.000000e+00], [2.000000e+00, {{.*}}]]> : tensor<2x4xf32>
// CHECK: kernel.contract ins(%arg0, %[[W]] : tensor<40x2xf32>, tensor<2x4xf32>)
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (n, k)>
#c = affine_map<(m, n, k) -> (m, n)>
neuro.param @w = dense_resource<w> : tensor<4x2xf32>
memref.global constant @neuroplast_param_w : memref<4x2xf32>
func.func @constant(%x: tensor<40x2xf32>) -> tensor<40x4xf32> {
  %g = memref.get_global @neuroplast_param_w : memref<4x2xf32>
  %w = bufferization.to_tensor %g restrict : memref<4x2xf32> to tensor<4x2xf32>
  %e = tensor.empty() : tensor<40x4xf32>
  %0 = kernel.contract ins(%x, %w : tensor<40x2xf32>, tensor<4x2xf32>)
      outs(%e : tensor<40x4xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<40x4xf32>
  return %0 : tensor<40x4xf32>
}
{-# dialect_resources: { builtin: { w: "0x040000000000803F0000004000004040000080400000A0400000C0400000E04000000041" } } #-}

// -----

// Of an attention, scores run along keys, which are turned once, and the result along what values
// hold, whatever is less to copy.
// CHECK-DAG: #[[K:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d1)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3)>
// CHECK-LABEL: func @attention
// CHECK-SAME: %[[Q:[^:]*]]: tensor<8x32xf32>, %[[KEYS:[^:]*]]: tensor<64x32xf32>, %[[V:[^:]*]]: tensor<64x32xf32>
// CHECK: %[[TURNED:.*]] = linalg.transpose ins(%[[KEYS]] : {{.*}}) outs(%{{.*}} : tensor<32x64xf32>) permutation = [1, 0]
// CHECK: %[[SUMS:.*]]:2 = kernel.attention ins(%[[Q]], %[[TURNED]], %[[V]] : {{.*}}) outs(%{{.*}}, %{{.*}} : tensor<8x32xf32>, tensor<1x8x64xf32>)
// CHECK: %[[BACK:.*]] = linalg.transpose ins(%[[SUMS]]#0 : tensor<8x32xf32>) outs(%{{.*}} : tensor<32x8xf32>) permutation = [1, 0]
// CHECK: return %[[BACK]]
func.func @attention(%q: tensor<8x32xf32>, %k: tensor<64x32xf32>, %v: tensor<64x32xf32>, %y: tensor<32x8xf32>) -> tensor<32x8xf32> {
  %room = tensor.empty() : tensor<1x8x64xf32>
  %0:2 = kernel.attention ins(%q, %k, %v : tensor<8x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>)
      outs(%y, %room : tensor<32x8xf32>, tensor<1x8x64xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (n, d)>,
                                   affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (e, m)>]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  } -> tensor<32x8xf32>, tensor<1x8x64xf32>
  return %0#0 : tensor<32x8xf32>
}
