// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --one-shot-bufferize="bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map" | FileCheck %s --check-prefix=BUFFER

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#bias = affine_map<(m, n, k) -> (n)>
#c = affine_map<(m, n, k) -> (m, n)>

// The destination is written only: what stood there is not copied.
// CHECK-LABEL: func @product
// CHECK: kernel.contract ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x7xf32>, tensor<7x24xf32>, tensor<24xf32>) outs(%{{.*}} : tensor<?x24xf32>)
// CHECK: kernel.yield
// CHECK: -> tensor<?x24xf32>
// BUFFER-LABEL: func @product
// BUFFER-SAME: %[[A:.*]]: memref<?x7xf32>, %[[B:.*]]: memref<7x24xf32>, %[[BIAS:.*]]: memref<24xf32>, %[[C:.*]]: memref<?x24xf32>
// BUFFER-NOT: memref.copy
// BUFFER: kernel.contract ins(%[[A]], %[[B]], %[[BIAS]] : {{.*}}) outs(%[[C]] : memref<?x24xf32>)
// BUFFER: return %[[C]]
func.func @product(%a: tensor<?x7xf32>, %b: tensor<7x24xf32>, %bias: tensor<24xf32>,
                   %c: tensor<?x24xf32> {bufferization.writable = true}) -> tensor<?x24xf32> {
  %0 = kernel.contract ins(%a, %b, %bias : tensor<?x7xf32>, tensor<7x24xf32>, tensor<24xf32>)
      outs(%c : tensor<?x24xf32>) attributes {indexing_maps = [#a, #b, #bias, #c]} {
  ^bb0(%sum: f32, %x: f32):
    %y = arith.addf %sum, %x : f32
    kernel.yield %y : f32
  } -> tensor<?x24xf32>
  return %0 : tensor<?x24xf32>
}

// An operand cannot be the destination too: it would be overwritten before it is read again.
// BUFFER-LABEL: func @square
// BUFFER: %[[NEW:.*]] = memref.alloc
// BUFFER: kernel.contract {{.*}} outs(%[[NEW]]
func.func @square(%a: tensor<4x4xf32> {bufferization.writable = true}) -> tensor<4x4xf32> {
  %0 = kernel.contract ins(%a, %a : tensor<4x4xf32>, tensor<4x4xf32>)
      outs(%a : tensor<4x4xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// What is between the margins stays, in the same buffer.
// CHECK-LABEL: func @margins
// CHECK: kernel.fill_margins %{{.*}} into %{{.*}} low [0, 1] high [0, %{{.*}}] : f32, tensor<4x?xf32> -> tensor<4x?xf32>
// BUFFER-LABEL: func @margins
// BUFFER-SAME: %[[NUMBER:.*]]: f32, %[[X:.*]]: memref<4x?xf32>, %[[N:.*]]: index
// BUFFER-NOT: memref.copy
// BUFFER: kernel.fill_margins %[[NUMBER]] into %[[X]] low [0, 1] high [0, %[[N]]] : f32, memref<4x?xf32>
// BUFFER: return %[[X]]
func.func @margins(%number: f32, %x: tensor<4x?xf32> {bufferization.writable = true}, %n: index) -> tensor<4x?xf32> {
  %0 = kernel.fill_margins %number into %x low [0, 1] high [0, %n] : f32, tensor<4x?xf32> -> tensor<4x?xf32>
  return %0 : tensor<4x?xf32>
}

// CHECK-LABEL: func @pool
// CHECK: kernel.pool ins(%{{.*}} : tensor<1x8x7xf32>) outs(%{{.*}} : tensor<1x8x3xf32>) window [3] {input_map = #{{.*}}, largest} -> tensor<1x8x3xf32>
// BUFFER-LABEL: func @pool
// BUFFER-SAME: %[[X:.*]]: memref<1x8x7xf32>, %[[Y:.*]]: memref<1x8x3xf32>
// BUFFER-NOT: memref.copy
// BUFFER: kernel.pool ins(%[[X]] : memref<1x8x7xf32>) outs(%[[Y]] : memref<1x8x3xf32>)
func.func @pool(%x: tensor<1x8x7xf32>, %y: tensor<1x8x3xf32> {bufferization.writable = true}) -> tensor<1x8x3xf32> {
  %0 = kernel.pool ins(%x : tensor<1x8x7xf32>) outs(%y : tensor<1x8x3xf32>)
      window [3] {input_map = affine_map<(n, c, w, k) -> (n, c, w * 2 + k)>, largest} -> tensor<1x8x3xf32>
  return %0 : tensor<1x8x3xf32>
}

// CHECK-LABEL: func @softmax
// CHECK: kernel.softmax ins(%{{.*}} : tensor<?x8xf32>) outs(%{{.*}} : tensor<?x8xf32>) {masked} -> tensor<?x8xf32>
// BUFFER-LABEL: func @softmax
// BUFFER: kernel.softmax ins(%{{.*}} : memref<?x8xf32>) outs(%{{.*}} : memref<?x8xf32>) {masked}
func.func @softmax(%x: tensor<?x8xf32>, %y: tensor<?x8xf32> {bufferization.writable = true}) -> tensor<?x8xf32> {
  %0 = kernel.softmax ins(%x : tensor<?x8xf32>) outs(%y : tensor<?x8xf32>) {masked} -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// Both destinations are written only.
// CHECK-LABEL: func @attention
// CHECK: kernel.attention ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<4x?xf32>, tensor<?x4xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<1x8x?xf32>)
// CHECK: kernel.yield
// CHECK: -> tensor<?x4xf32>, tensor<1x8x?xf32>
// BUFFER-LABEL: func @attention
// BUFFER-SAME: %[[Y:[^:]*]]: memref<?x4xf32>, %[[SCORES:[^:]*]]: memref<1x8x?xf32>
// BUFFER-NOT: memref.copy
// BUFFER: kernel.attention ins({{.*}}) outs(%[[Y]], %[[SCORES]] : memref<?x4xf32>, memref<1x8x?xf32>)
func.func @attention(%q: tensor<?x4xf32>, %k: tensor<4x?xf32>, %v: tensor<?x4xf32>, %y: tensor<?x4xf32> {bufferization.writable = true},
                     %scores: tensor<1x8x?xf32> {bufferization.writable = true}) -> tensor<?x4xf32> {
  %0, %1 = kernel.attention ins(%q, %k, %v : tensor<?x4xf32>, tensor<4x?xf32>, tensor<?x4xf32>)
      outs(%y, %scores : tensor<?x4xf32>, tensor<1x8x?xf32>)
      attributes {indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>,
                                   affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]} {
  ^bb0(%score: f32):
    kernel.yield %score : f32
  } -> tensor<?x4xf32>, tensor<1x8x?xf32>
  return %0 : tensor<?x4xf32>
}

// What is alone in memory changes in place; a part of something else would have gaps.
// CHECK-LABEL: func @all_reduce
// CHECK: %[[S:.*]] = kernel.start_all_reduce outs(%{{.*}} : tensor<4x2xf32>) -> tensor<4x2xf32>
// CHECK: kernel.finish_all_reduce outs(%[[S]] : tensor<4x2xf32>) -> tensor<4x2xf32>
// BUFFER-LABEL: func @all_reduce
// BUFFER-SAME: %[[X:[^:]*]]: memref<4x2xf32>
// BUFFER-NOT: memref.copy
// BUFFER: kernel.start_all_reduce outs(%[[X]] : memref<4x2xf32>)
// BUFFER: kernel.finish_all_reduce outs(%[[X]] : memref<4x2xf32>)
func.func @all_reduce(%x: tensor<4x2xf32> {bufferization.writable = true}) -> tensor<4x2xf32> {
  %0 = kernel.start_all_reduce outs(%x : tensor<4x2xf32>) -> tensor<4x2xf32>
  %1 = kernel.finish_all_reduce outs(%0 : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %1 : tensor<4x2xf32>
}

// BUFFER-LABEL: func @all_reduce_of_part
// BUFFER: %[[PART:.*]] = memref.subview
// BUFFER: %[[OWN:.*]] = memref.alloc() {{.*}}: memref<4x2xf32>
// BUFFER: memref.copy %[[PART]], %[[OWN]]
// BUFFER: kernel.start_all_reduce outs(%[[OWN]] : memref<4x2xf32>)
func.func @all_reduce_of_part(%x: tensor<4x8xf32> {bufferization.writable = true}) -> tensor<4x2xf32> {
  %0 = tensor.extract_slice %x[0, 0] [4, 2] [1, 1] : tensor<4x8xf32> to tensor<4x2xf32>
  %1 = kernel.start_all_reduce outs(%0 : tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = kernel.finish_all_reduce outs(%1 : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %2 : tensor<4x2xf32>
}
