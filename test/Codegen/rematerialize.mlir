// RUN: neuroplast-opt --split-input-file --neuro-rematerialize=share=0.9 %s | FileCheck %s
// RUN: neuroplast-opt --split-input-file --neuro-rematerialize %s | FileCheck %s --check-prefix=KEEP

// Of what waits for the end, the exponential is made again, which takes less
// than the product.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: tensor<64x64xf32>, %[[W:.*]]: tensor<64x64xf32>)
// CHECK: %[[E0:.*]] = tensor.empty()
// CHECK: %[[EXP:.*]] = linalg.exp ins(%[[X]] : {{.*}}) outs(%[[E0]] :
// CHECK: %[[PRODUCT:.*]] = kernel.contract ins(%[[EXP]], %[[W]] :
// CHECK: %[[WIDE:.*]] = linalg.broadcast
// CHECK: %[[SUM:.*]] = linalg.reduce { arith.addf } ins(%[[WIDE]] :
// CHECK: %[[AGAIN:.*]] = linalg.exp ins(%[[X]] : {{.*}}) outs(
// CHECK: %[[LAST:.*]] = linalg.add ins(%[[AGAIN]], %[[PRODUCT]] :
// CHECK: return %[[LAST]], %[[SUM]]
// KEEP-LABEL: func.func @main(
// KEEP: %[[EXP:.*]] = linalg.exp
// KEEP-NOT: linalg.exp
// KEEP: linalg.add ins(%[[EXP]],
func.func @main(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> (tensor<64x64xf32>, tensor<64xf32>) {
  %0 = tensor.empty() : tensor<64x64xf32>
  %1 = tensor.empty() : tensor<64x64x4xf32>
  %2 = tensor.empty() : tensor<64xf32>
  %zero = arith.constant 0.0 : f32
  %exp = linalg.exp ins(%x : tensor<64x64xf32>) outs(%0 : tensor<64x64xf32>) -> tensor<64x64xf32>
  %product = kernel.contract ins(%exp, %w : tensor<64x64xf32>, tensor<64x64xf32>) outs(%0 : tensor<64x64xf32>)
      attributes {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>]} {
    ^bb0(%sum: f32):
      kernel.yield %sum : f32
  } -> tensor<64x64xf32>
  %wide = linalg.broadcast ins(%w : tensor<64x64xf32>) outs(%1 : tensor<64x64x4xf32>) dimensions = [2]
  %start = linalg.fill ins(%zero : f32) outs(%2 : tensor<64xf32>) -> tensor<64xf32>
  %sum = linalg.reduce { arith.addf } ins(%wide : tensor<64x64x4xf32>) outs(%start : tensor<64xf32>) dimensions = [1, 2]
  %last = linalg.add ins(%exp, %product : tensor<64x64xf32>, tensor<64x64xf32>) outs(%0 : tensor<64x64xf32>) -> tensor<64x64xf32>
  return %last, %sum : tensor<64x64xf32>, tensor<64xf32>
}

// -----

// What a call gave is not made again.
// CHECK-LABEL: func.func @main(
// CHECK: call @something
// CHECK-NOT: call @something
func.func private @something(tensor<64x64xf32>) -> tensor<64x64xf32>
func.func @main(%x: tensor<64x64xf32>) -> (tensor<64x64xf32>, tensor<64xf32>) {
  %0 = tensor.empty() : tensor<64x64xf32>
  %1 = tensor.empty() : tensor<64x64x4xf32>
  %2 = tensor.empty() : tensor<64xf32>
  %zero = arith.constant 0.0 : f32
  %once = call @something(%x) : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %wide = linalg.broadcast ins(%x : tensor<64x64xf32>) outs(%1 : tensor<64x64x4xf32>) dimensions = [2]
  %start = linalg.fill ins(%zero : f32) outs(%2 : tensor<64xf32>) -> tensor<64xf32>
  %sum = linalg.reduce { arith.addf } ins(%wide : tensor<64x64x4xf32>) outs(%start : tensor<64xf32>) dimensions = [1, 2]
  %last = linalg.exp ins(%once : tensor<64x64xf32>) outs(%0 : tensor<64x64xf32>) -> tensor<64x64xf32>
  return %last, %sum : tensor<64x64xf32>, tensor<64xf32>
}
