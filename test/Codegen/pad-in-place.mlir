// RUN: neuroplast-opt %s --neuro-pad-in-place | FileCheck %s
// RUN: neuroplast-opt %s --neuro-pad-in-place --eliminate-empty-tensors --one-shot-bufferize="bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map" --cse --canonicalize | FileCheck %s --check-prefix=BUFFER

// Margins are filled before what is padded is computed.
// CHECK-LABEL: func @layer
// CHECK: %[[E:.*]] = tensor.empty() : tensor<1x2x5x5xf32>
// CHECK: %[[M:.*]] = kernel.fill_margins %{{.*}} into %[[E]] low [0, 0, 1, 2] high [0, 0, 1, 0]
// CHECK: %[[Y:.*]] = kernel.contract
// CHECK: %[[P:.*]] = tensor.insert_slice %[[Y]] into %[[M]][0, 0, 1, 2] [1, 2, 3, 3]
// CHECK: return %[[P]]

// The layer writes into the middle: one buffer, no copies.
// BUFFER-LABEL: func @layer
// BUFFER-COUNT-1: memref.alloc
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
// BUFFER: kernel.contract {{.*}} outs(%{{.*}} : memref<1x2x3x3xf32, strided<[50, 25, 5, 1], offset: 7>>)
// BUFFER-NOT: memref.copy
// BUFFER: return
#x = affine_map<(n, o, h, w, i) -> (n, i, h, w)>
#w = affine_map<(n, o, h, w, i) -> (o, i)>
#y = affine_map<(n, o, h, w, i) -> (n, o, h, w)>
func.func @layer(%x: tensor<1x4x3x3xf32>, %w: tensor<2x4xf32>) -> tensor<1x2x5x5xf32> {
  %e = tensor.empty() : tensor<1x2x3x3xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x4x3x3xf32>, tensor<2x4xf32>)
      outs(%e : tensor<1x2x3x3xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x2x3x3xf32>
  %zero = arith.constant 0.0 : f32
  %1 = tensor.pad %0 low[0, 0, 1, 2] high[0, 0, 1, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<1x2x3x3xf32> to tensor<1x2x5x5xf32>
  return %1 : tensor<1x2x5x5xf32>
}

// The same for sizes that are known at run time only: they are those of what is written to.
// CHECK-LABEL: func @open
// CHECK: %[[ABOVE:.*]] = arith.maxsi %arg3
// CHECK: affine.apply
// CHECK: %[[ROWS:.*]] = affine.apply #{{.*}}()[%arg2, %[[ABOVE]]]
// CHECK: tensor.empty(%[[ROWS]]) : tensor<?x8xf32>
// CHECK: %[[M:.*]] = kernel.fill_margins %{{.*}} into %{{.*}} low [%[[ABOVE]], 0] high [1, 0]
// CHECK: %[[Y:.*]] = kernel.contract
// CHECK: tensor.insert_slice %[[Y]] into %[[M]][%[[ABOVE]], 0] [%arg2, 8] [1, 1]

// BUFFER-LABEL: func @open
// BUFFER-COUNT-1: memref.alloc
// BUFFER-NOT: memref.alloc
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @open(%x: tensor<?x4xf32>, %w: tensor<4x8xf32>, %n: index, %margin: index) -> tensor<?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %e = tensor.empty(%n) : tensor<?x8xf32>
  %0 = kernel.contract ins(%x, %w : tensor<?x4xf32>, tensor<4x8xf32>) outs(%e : tensor<?x8xf32>)
      attributes {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                                   affine_map<(m, n, k) -> (m, n)>]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<?x8xf32>
  %above = arith.maxsi %margin, %c0 : index
  %1 = tensor.pad %0 low[%above, 0] high[1, 0] {
  ^bb0(%a: index, %b: index):
    tensor.yield %zero : f32
  } : tensor<?x8xf32> to tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// Margins that may be cut off instead stay pads.
// CHECK-LABEL: func @others
// CHECK: tensor.pad
func.func @others(%x: tensor<4x4xf32>, %n: index) -> tensor<?x4xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = tensor.pad %x low[%n, 0] high[0, 0] {
  ^bb0(%a: index, %b: index):
    tensor.yield %zero : f32
  } : tensor<4x4xf32> to tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
