// RUN: neuroplast-opt %s --convert-neuro-to-linalg --canonicalize --cse | FileCheck %s

// Four query heads share two key heads: they are rows of one product per key
// head, and no key is repeated.
// CHECK-LABEL: @grouped
// CHECK: kernel.contract ins(%{{.*}}, %{{.*}} : tensor<1x2x12x8xf32>, tensor<1x2x8x6xf32>)
// CHECK: math.exp
// CHECK: kernel.contract ins(%{{.*}}, %{{.*}} : tensor<1x2x12x6xf32>, tensor<1x2x6x8xf32>)
// CHECK-NOT: neuro.
func.func @grouped(%q: tensor<1x6x32xf32>, %k: tensor<1x6x16xf32>, %v: tensor<1x6x16xf32>) -> tensor<1x6x32xf32> {
  %y, %pk, %pv, %qk = neuro.attention %q, %k, %v {kv_num_heads = 2 : i64, q_num_heads = 4 : i64}
    : (tensor<1x6x32xf32>, tensor<1x6x16xf32>, tensor<1x6x16xf32>)
    -> (tensor<1x6x32xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x4x6x6xf32>)
  return %y : tensor<1x6x32xf32>
}

// A causal mask alone leaves no query without keys; a mask from outside may.
// CHECK-LABEL: @causal
// CHECK: %[[INF:.*]] = arith.constant 0xFF800000 : f32
// CHECK: arith.cmpi sle
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[INF]]
// CHECK-NOT: arith.cmpf oeq
func.func @causal(%q: tensor<1x2x6x8xf32>) -> tensor<1x2x6x8xf32> {
  %y, %pk, %pv, %qk = neuro.attention %q, %q, %q {is_causal = 1 : i64}
    : (tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>)
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
