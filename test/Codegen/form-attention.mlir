// RUN: neuroplast-opt %s --neuro-form-attention=threads=2 --canonicalize --split-input-file | FileCheck %s

#q = affine_map<(h, m, n, d) -> (h, m, d)>
#k = affine_map<(h, m, n, d) -> (h, d, n)>
#s = affine_map<(h, m, n, d) -> (h, m, n)>
#bias = affine_map<(h, m, n, d) -> (m, n)>
#p = affine_map<(h, m, e, n) -> (h, m, n)>
#v = affine_map<(h, m, e, n) -> (h, n, e)>
#y = affine_map<(h, m, e, n) -> (h, m, e)>

// Scores take room for 56 rows of each thread, in four blocks that are full tiles.
// CHECK-DAG: #[[Q:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3)>
// CHECK-DAG: #[[K:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d3, d2)>
// CHECK-DAG: #[[V:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2, d4)>
// CHECK-DAG: #[[BIAS:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d2)>
// CHECK-DAG: #[[Y:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4)>
// CHECK-LABEL: func @biased
// CHECK-SAME: %[[ARG_Q:[^:]*]]: tensor<3x197x64xf32>, %[[ARG_K:[^:]*]]: tensor<3x64x197xf32>, %[[ARG_V:[^:]*]]: tensor<3x197x64xf32>
// CHECK-DAG: %[[ROOM:.*]] = tensor.empty() : tensor<2x56x197xf32>
// CHECK-NOT: tensor<3x197x197xf32>
// CHECK: kernel.attention ins(%[[ARG_Q]], %[[ARG_K]], %[[ARG_V]], %{{.*}} : {{.*}}) outs(%{{.*}}, %[[ROOM]] : tensor<3x197x64xf32>, tensor<2x56x197xf32>)
// CHECK-SAME: {indexing_maps = [#[[Q]], #[[K]], #[[V]], #[[BIAS]], #[[Y]]], masked}
// CHECK: arith.addf
func.func @biased(%q: tensor<3x197x64xf32>, %k: tensor<3x64x197xf32>, %v: tensor<3x197x64xf32>, %bias: tensor<197x197xf32>) -> tensor<3x197x64xf32> {
  %e = tensor.empty() : tensor<3x197x197xf32>
  %o = tensor.empty() : tensor<3x197x64xf32>
  %s = kernel.contract ins(%q, %k, %bias : tensor<3x197x64xf32>, tensor<3x64x197xf32>, tensor<197x197xf32>)
      outs(%e : tensor<3x197x197xf32>) attributes {indexing_maps = [#q, #k, #bias, #s]} {
  ^bb0(%sum: f32, %b: f32):
    %x = arith.addf %sum, %b : f32
    kernel.yield %x : f32
  } -> tensor<3x197x197xf32>
  %p = kernel.softmax ins(%s : tensor<3x197x197xf32>) outs(%e : tensor<3x197x197xf32>) {masked} -> tensor<3x197x197xf32>
  %y = kernel.contract ins(%p, %v : tensor<3x197x197xf32>, tensor<3x197x64xf32>)
      outs(%o : tensor<3x197x64xf32>) attributes {indexing_maps = [#p, #v, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<3x197x64xf32>
  return %y : tensor<3x197x64xf32>
}

// -----

#q = affine_map<(h, m, n, d) -> (h, m, d)>
#k = affine_map<(h, m, n, d) -> (h, d, n)>
#s = affine_map<(h, m, n, d) -> (h, m, n)>
#p = affine_map<(h, m, e, n) -> (h, m, n)>
#v = affine_map<(h, m, e, n) -> (h, n, e)>
#y = affine_map<(h, m, e, n) -> (h, m, e)>

// Sizes that only a run knows; keys come first in the product.
// CHECK-LABEL: func @open
// CHECK-SAME: %[[ARG_Q:[^:]*]]: tensor<?x?x64xf32>, %[[ARG_K:[^:]*]]: tensor<?x64x?xf32>
// CHECK: %[[KEYS:.*]] = tensor.dim %[[ARG_K]], %c2
// CHECK: %[[ROOM:.*]] = tensor.empty(%[[KEYS]]) : tensor<2x64x?xf32>
// CHECK: kernel.attention ins(%[[ARG_Q]], %[[ARG_K]], %{{.*}} : {{.*}}) outs(%{{.*}}, %[[ROOM]] : tensor<?x?x64xf32>, tensor<2x64x?xf32>)
func.func @open(%q: tensor<?x?x64xf32>, %k: tensor<?x64x?xf32>, %v: tensor<?x?x64xf32>, %e: tensor<?x?x?xf32>, %o: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %s = kernel.contract ins(%k, %q : tensor<?x64x?xf32>, tensor<?x?x64xf32>)
      outs(%e : tensor<?x?x?xf32>) attributes {indexing_maps = [#k, #q, #s]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<?x?x?xf32>
  %p = kernel.softmax ins(%s : tensor<?x?x?xf32>) outs(%e : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %y = kernel.contract ins(%p, %v : tensor<?x?x?xf32>, tensor<?x?x64xf32>)
      outs(%o : tensor<?x?x64xf32>) attributes {indexing_maps = [#p, #v, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}

// -----

#q = affine_map<(m, n, d) -> (m, d)>
#k = affine_map<(m, n, d) -> (d, n)>
#s = affine_map<(m, n, d) -> (m, n)>
#p = affine_map<(m, e, n) -> (m, n)>
#v = affine_map<(m, e, n) -> (n, e)>
#y = affine_map<(m, e, n) -> (m, e)>

// Somebody else needs the shares, as the gradient does.
// CHECK-LABEL: func @shares_needed
// CHECK-NOT: kernel.attention
func.func @shares_needed(%q: tensor<8x4xf32>, %k: tensor<4x8xf32>, %v: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x8xf32>) {
  %e = tensor.empty() : tensor<8x8xf32>
  %o = tensor.empty() : tensor<8x4xf32>
  %s = kernel.contract ins(%q, %k : tensor<8x4xf32>, tensor<4x8xf32>) outs(%e : tensor<8x8xf32>) attributes {indexing_maps = [#q, #k, #s]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<8x8xf32>
  %p = kernel.softmax ins(%s : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %y = kernel.contract ins(%p, %v : tensor<8x8xf32>, tensor<8x4xf32>) outs(%o : tensor<8x4xf32>) attributes {indexing_maps = [#p, #v, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<8x4xf32>
  return %y, %p : tensor<8x4xf32>, tensor<8x8xf32>
}

// -----

#q = affine_map<(m, n, d) -> (m, d)>
#k = affine_map<(m, n, d) -> (d, n)>
#s = affine_map<(m, n, d) -> (m, n)>
#p = affine_map<(n, e, m) -> (m, n)>
#v = affine_map<(n, e, m) -> (m, e)>
#y = affine_map<(n, e, m) -> (n, e)>

// The sum is over queries: shares of one key come from all rows.
// CHECK-LABEL: func @other_axis
// CHECK-NOT: kernel.attention
func.func @other_axis(%q: tensor<8x4xf32>, %k: tensor<4x8xf32>, %v: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %e = tensor.empty() : tensor<8x8xf32>
  %o = tensor.empty() : tensor<8x4xf32>
  %s = kernel.contract ins(%q, %k : tensor<8x4xf32>, tensor<4x8xf32>) outs(%e : tensor<8x8xf32>) attributes {indexing_maps = [#q, #k, #s]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<8x8xf32>
  %p = kernel.softmax ins(%s : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %y = kernel.contract ins(%p, %v : tensor<8x8xf32>, tensor<8x4xf32>) outs(%o : tensor<8x4xf32>) attributes {indexing_maps = [#p, #v, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}
