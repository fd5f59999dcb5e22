// RUN: neuroplast-opt %s --convert-neuro-to-linalg --canonicalize --cse | FileCheck %s

// Four query heads share two key heads: no key is repeated.
// CHECK: #[[SHARED:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, 0, d5, d4)>
// CHECK-LABEL: @grouped
// CHECK: kernel.contract ins(%{{.*}}, %{{.*}} : tensor<1x2x2x6x8xf32>, tensor<1x2x1x8x6xf32>) {{.*}}indexing_maps = [#{{.*}}, #[[SHARED]], #{{.*}}]
// CHECK: kernel.softmax ins(%{{.*}} : tensor<1x2x2x6x6xf32>)
// CHECK: kernel.contract ins(%{{.*}}, %{{.*}} : tensor<1x2x2x6x6xf32>, tensor<1x2x1x6x8xf32>)
// CHECK-NOT: neuro.
func.func @grouped(%q: tensor<1x6x32xf32>, %k: tensor<1x6x16xf32>, %v: tensor<1x6x16xf32>) -> tensor<1x6x32xf32> {
  %y, %pk, %pv, %qk = neuro.attention %q, %k, %v {kv_num_heads = 2 : i64, q_num_heads = 4 : i64}
    : (tensor<1x6x32xf32>, tensor<1x6x16xf32>, tensor<1x6x16xf32>)
    -> (tensor<1x6x32xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x4x6x6xf32>)
  return %y : tensor<1x6x32xf32>
}

// What no query may attend to is computed once for all heads. A causal mask alone leaves no query
// without keys.
// CHECK-LABEL: @causal
// CHECK: %[[INF:.*]] = arith.constant 0xFF800000 : f32
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<1x1x6x6xf32>)
// CHECK: arith.cmpi sle
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[INF]]
// CHECK: kernel.softmax ins({{.*}}) outs({{.*}}) -> tensor<1x2x6x6xf32>
func.func @causal(%q: tensor<1x2x6x8xf32>) -> tensor<1x2x6x8xf32> {
  %y, %pk, %pv, %qk = neuro.attention %q, %q, %q {is_causal = 1 : i64}
    : (tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>)
    -> (tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x6xf32>)
  return %y : tensor<1x2x6x8xf32>
}

// A mask from outside may leave a query nothing. One of the type of the scores is added as it is.
// CHECK-LABEL: @masked
// CHECK-SAME: %[[MASK:[^:]*]]: tensor<6x6xf32>
// CHECK-NOT: arith.select
// CHECK: kernel.softmax {{.*}} {masked}
func.func @masked(%q: tensor<1x2x6x8xf32>, %mask: tensor<6x6xf32>) -> tensor<1x2x6x8xf32> {
  %y, %pk, %pv, %qk = neuro.attention %q, %q, %q mask(%mask)
    : (tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<6x6xf32>)
    -> (tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x6xf32>)
  return %y : tensor<1x2x6x8xf32>
}

// CHECK-LABEL: @rotary
// CHECK: linalg.generic
// CHECK-NOT: neuro.
func.func @rotary(%x: tensor<1x2x6x8xf32>, %c: tensor<1x6x4xf32>, %s: tensor<1x6x4xf32>) -> tensor<1x2x6x8xf32> {
  %0 = neuro.rotary_embedding %x, %c, %s : (tensor<1x2x6x8xf32>, tensor<1x6x4xf32>, tensor<1x6x4xf32>) -> tensor<1x2x6x8xf32>
  return %0 : tensor<1x2x6x8xf32>
}
