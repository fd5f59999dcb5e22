// RUN: neuroplast-opt %s --neuro-block-channels=vector-bits=128 --canonicalize --cse --split-input-file | FileCheck %s

// With four lanes: an image of one channel is read as it lies, eight channels are two
// blocks, and six are padded to two, whose weights are zero where there is no channel. Between
// the layers nothing is moved.
// CHECK-DAG: #[[IMAGE:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d4, d2 + d5, d3 + d6)>
// CHECK-DAG: #[[FIRST:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d4, d5, d6, d7)>
// CHECK-DAG: #[[DATA:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, d4, d2 + d5, d3 + d6, d7)>
// CHECK-DAG: #[[WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d1, d4, d5, d6, d7, d8)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, d1, d2, d3, d8)>

// CHECK-LABEL: func @main
// CHECK: %[[A:.*]] = kernel.contract ins(%arg0, %{{.*}} : tensor<1x1x5x6xf32>, tensor<2x1x1x1x4xf32>) outs(%{{.*}} : tensor<1x2x5x6x4xf32>) attributes {indexing_maps = [#[[IMAGE]], #[[FIRST]],
// CHECK: %[[V:.*]] = bufferization.to_tensor %{{.*}} : memref<2x2x1x1x4x4xf32>
// CHECK: %[[B:.*]] = kernel.contract ins(%[[A]], %[[V]] : tensor<1x2x5x6x4xf32>, tensor<2x2x1x1x4x4xf32>) outs(%{{.*}} : tensor<1x2x5x6x4xf32>) attributes {indexing_maps = [#[[DATA]], #[[WEIGHT]], #[[OUT]]], padded_blocks = array<i64: 1, 6>}
// The result is unpacked: six of eight channels.
// CHECK: %[[T:.*]] = linalg.generic {{.*}} ins(%[[B]] : tensor<1x2x5x6x4xf32>) outs(%{{.*}} : tensor<1x2x4x5x6xf32>)
// CHECK: %[[F:.*]] = tensor.collapse_shape %[[T]] {{\[\[}}0], [1, 2], [3], [4]]
// CHECK: tensor.extract_slice %[[F]][0, 0, 0, 0] [1, 6, 5, 6]
// The first input channel's weights for four outputs, the second's, ...
// CHECK: constant.packed: "0x01000000{{0000803F0000803F0000000000000000}}{{00000040000000400000000000000000}}
#x = affine_map<(n, o, h, w, i, y, x) -> (n, i, h + y, w + x)>
#w = affine_map<(n, o, h, w, i, y, x) -> (o, i, y, x)>
#y = affine_map<(n, o, h, w, i, y, x) -> (n, o, h, w)>
func.func @main(%x: tensor<1x1x5x6xf32>) -> tensor<1x6x5x6xf32> {
  %w = arith.constant dense<1.0> : tensor<8x1x1x1xf32>
  %v = arith.constant dense<[[[[1.0]], [[2.0]], [[3.0]], [[4.0]], [[5.0]], [[6.0]], [[7.0]], [[8.0]]],
                             [[[1.0]], [[2.0]], [[3.0]], [[4.0]], [[5.0]], [[6.0]], [[7.0]], [[9.0]]],
                             [[[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]]],
                             [[[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]]],
                             [[[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]]],
                             [[[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[0.0]], [[1.0]]]]> : tensor<6x8x1x1xf32>
  %e = tensor.empty() : tensor<1x8x5x6xf32>
  %f = tensor.empty() : tensor<1x6x5x6xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x1x5x6xf32>, tensor<8x1x1x1xf32>)
      outs(%e : tensor<1x8x5x6xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x8x5x6xf32>
  %1 = kernel.contract ins(%0, %v : tensor<1x8x5x6xf32>, tensor<6x8x1x1xf32>)
      outs(%f : tensor<1x6x5x6xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x6x5x6xf32>
  return %1 : tensor<1x6x5x6xf32>
}

// -----

// A pad, a pool, a concatenation and a sum over places follow; channels with a kernel each
// multiply vectors by vectors.
// CHECK-DAG: #[[DATA:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2 + d4, d3 + d5, d6)>
// CHECK-DAG: #[[WEIGHT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, 0, d4, d5, d6)>
// CHECK-DAG: #[[OUT:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3, d6)>
// CHECK-LABEL: func @main
// CHECK: kernel.contract {{.*}} outs(%{{.*}} : tensor<1x2x4x4x4xf32>)
// CHECK: tensor.pad %{{.*}} low[0, 0, 1, 1, 0] high[0, 0, 1, 1, 0]
// CHECK: kernel.contract {{.*}} tensor<1x2x6x6x4xf32>, tensor<2x1x3x3x4xf32>) {{.*}} {indexing_maps = [#[[DATA]], #[[WEIGHT]], #[[OUT]]]}
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0, 0, 0] [1, 2, 4, 4, 4]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 2, 0, 0, 0] [1, 2, 4, 4, 4]
// CHECK: linalg.fill ins(%{{.*}}) outs(%{{.*}} : tensor<1x4x2x2x4xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<1x4x4x4x4xf32>, tensor<2x2xi1>) outs(%{{.*}} : tensor<1x4x2x2x4xf32>)
// CHECK: linalg.generic {{.*}}"reduction"{{.*}} ins(%{{.*}} : tensor<1x4x2x2x4xf32>) outs(%{{.*}} : tensor<1x4x4xf32>)
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2]] : tensor<1x4x4xf32> into tensor<1x16xf32>
#x = affine_map<(n, o, h, w, i, y, x) -> (n, i, h + y, w + x)>
#w = affine_map<(n, o, h, w, i, y, x) -> (o, i, y, x)>
#y = affine_map<(n, o, h, w, i, y, x) -> (n, o, h, w)>
#dx = affine_map<(n, c, h, w, y, x) -> (n, c, h + y, w + x)>
#dw = affine_map<(n, c, h, w, y, x) -> (c, 0, y, x)>
#dy = affine_map<(n, c, h, w, y, x) -> (n, c, h, w)>
#px = affine_map<(n, c, h, w, y, x) -> (n, c, h * 2 + y, w * 2 + x)>
#pw = affine_map<(n, c, h, w, y, x) -> (y, x)>
func.func @main(%x: tensor<1x1x4x4xf32>) -> tensor<1x16xf32> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<1.0> : tensor<8x1x1x1xf32>
  %v = arith.constant dense<1.0> : tensor<8x1x3x3xf32>
  %e = tensor.empty() : tensor<1x8x4x4xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x1x4x4xf32>, tensor<8x1x1x1xf32>)
      outs(%e : tensor<1x8x4x4xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x8x4x4xf32>
  %p = tensor.pad %0 low[0, 0, 1, 1] high[0, 0, 1, 1] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<1x8x4x4xf32> to tensor<1x8x6x6xf32>
  %1 = kernel.contract ins(%p, %v : tensor<1x8x6x6xf32>, tensor<8x1x3x3xf32>)
      outs(%e : tensor<1x8x4x4xf32>) attributes {indexing_maps = [#dx, #dw, #dy]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x8x4x4xf32>
  %both = tensor.empty() : tensor<1x16x4x4xf32>
  %c0 = tensor.insert_slice %0 into %both[0, 0, 0, 0] [1, 8, 4, 4] [1, 1, 1, 1] : tensor<1x8x4x4xf32> into tensor<1x16x4x4xf32>
  %c1 = tensor.insert_slice %1 into %c0[0, 8, 0, 0] [1, 8, 4, 4] [1, 1, 1, 1] : tensor<1x8x4x4xf32> into tensor<1x16x4x4xf32>
  %window = tensor.empty() : tensor<2x2xi1>
  %small = tensor.empty() : tensor<1x16x2x2xf32>
  %filled = linalg.fill ins(%zero : f32) outs(%small : tensor<1x16x2x2xf32>) -> tensor<1x16x2x2xf32>
  %pool = linalg.generic {indexing_maps = [#px, #pw, #dy], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%c1, %window : tensor<1x16x4x4xf32>, tensor<2x2xi1>) outs(%filled : tensor<1x16x2x2xf32>) {
  ^bb0(%a: f32, %b: i1, %s: f32):
    %m = arith.maximumf %a, %s : f32
    linalg.yield %m : f32
  } -> tensor<1x16x2x2xf32>
  %vector = tensor.empty() : tensor<1x16xf32>
  %start = linalg.fill ins(%zero : f32) outs(%vector : tensor<1x16xf32>) -> tensor<1x16xf32>
  %sums = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%pool : tensor<1x16x2x2xf32>) outs(%start : tensor<1x16xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.addf %in, %sum : f32
    linalg.yield %new : f32
  } -> tensor<1x16xf32>
  return %sums : tensor<1x16xf32>
}

// -----

// Two groups of four channels are blocks behind the groups; joined, they are blocks again. The
// weight is a mere reshape of a constant.
// CHECK-LABEL: func @main
// CHECK: %[[X:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2], [3], [4], [5]] output_shape [1, 2, 1, 4, 4, 4]
// CHECK: %[[Y:.*]] = kernel.contract ins(%[[X]], %{{.*}} : tensor<1x2x1x4x4x4xf32>, tensor<2x2x1x1x1x4x4xf32>) outs(%{{.*}} : tensor<1x2x2x4x4x4xf32>)
// CHECK: %[[Z:.*]] = tensor.collapse_shape %[[Y]] {{\[\[}}0], [1, 2], [3], [4], [5]] : tensor<1x2x2x4x4x4xf32> into tensor<1x4x4x4x4xf32>
// CHECK: linalg.generic {{.*}}"reduction"{{.*}} ins(%[[Z]] : tensor<1x4x4x4x4xf32>)
#x = affine_map<(n, o, h, w, i, y, x) -> (n, i, h + y, w + x)>
#w = affine_map<(n, o, h, w, i, y, x) -> (o, i, y, x)>
#y = affine_map<(n, o, h, w, i, y, x) -> (n, o, h, w)>
#gx = affine_map<(n, g, o, h, w, i, y, x) -> (n, g, i, h + y, w + x)>
#gw = affine_map<(n, g, o, h, w, i, y, x) -> (g, o, i, y, x)>
#gy = affine_map<(n, g, o, h, w, i, y, x) -> (n, g, o, h, w)>
func.func @main(%x: tensor<1x1x4x4xf32>) -> tensor<1x16xf32> {
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<1.0> : tensor<8x1x1x1xf32>
  %v = arith.constant dense<1.0> : tensor<16x4x1x1xf32>
  %e = tensor.empty() : tensor<1x8x4x4xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x1x4x4xf32>, tensor<8x1x1x1xf32>)
      outs(%e : tensor<1x8x4x4xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x8x4x4xf32>
  %gx = tensor.expand_shape %0 [[0], [1, 2], [3], [4]] output_shape [1, 2, 4, 4, 4] : tensor<1x8x4x4xf32> into tensor<1x2x4x4x4xf32>
  %gw = tensor.expand_shape %v [[0, 1], [2], [3], [4]] output_shape [2, 8, 4, 1, 1] : tensor<16x4x1x1xf32> into tensor<2x8x4x1x1xf32>
  %ge = tensor.empty() : tensor<1x2x8x4x4xf32>
  %1 = kernel.contract ins(%gx, %gw : tensor<1x2x4x4x4xf32>, tensor<2x8x4x1x1xf32>)
      outs(%ge : tensor<1x2x8x4x4xf32>) attributes {indexing_maps = [#gx, #gw, #gy]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x2x8x4x4xf32>
  %2 = tensor.collapse_shape %1 [[0], [1, 2], [3], [4]] : tensor<1x2x8x4x4xf32> into tensor<1x16x4x4xf32>
  %vector = tensor.empty() : tensor<1x16xf32>
  %start = linalg.fill ins(%zero : f32) outs(%vector : tensor<1x16xf32>) -> tensor<1x16xf32>
  %sums = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%2 : tensor<1x16x4x4xf32>) outs(%start : tensor<1x16xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.addf %in, %sum : f32
    linalg.yield %new : f32
  } -> tensor<1x16xf32>
  return %sums : tensor<1x16xf32>
}

// -----

// Where the weight is no constant, and where most products are no convolution, nothing changes.
// CHECK-LABEL: func @main
// CHECK: kernel.contract {{.*}} outs(%{{.*}} : tensor<1x8x5x6xf32>)
// CHECK-NOT: linalg.generic
#x = affine_map<(n, o, h, w, i, y, x) -> (n, i, h + y, w + x)>
#w = affine_map<(n, o, h, w, i, y, x) -> (o, i, y, x)>
#y = affine_map<(n, o, h, w, i, y, x) -> (n, o, h, w)>
func.func @main(%x: tensor<1x3x5x6xf32>, %w: tensor<8x3x1x1xf32>) -> tensor<1x8x5x6xf32> {
  %e = tensor.empty() : tensor<1x8x5x6xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x3x5x6xf32>, tensor<8x3x1x1xf32>)
      outs(%e : tensor<1x8x5x6xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x8x5x6xf32>
  return %0 : tensor<1x8x5x6xf32>
}

// -----

// Batches and images of any size lie in blocks, too; who asks for their sizes does not ask for
// what lies otherwise.
// CHECK-LABEL: func @main
// CHECK: %[[A:.*]] = kernel.contract {{.*}} outs(%{{.*}} : tensor<?x2x?x?x4xf32>)
// CHECK: %[[P:.*]] = tensor.pad %[[A]] low[0, 0, 1, 0, 0] high[0, 0, %arg2, 0, 0]
// CHECK: tensor.dim %[[P]], %c2
// CHECK: kernel.contract ins(%[[P]], {{.*}} outs(%{{.*}} : tensor<?x2x?x?x4xf32>)
// CHECK: tensor.collapse_shape
// CHECK-NOT: extract_slice
// CHECK: return
#x = affine_map<(n, o, h, w, i, y, x) -> (n, i, h + y, w + x)>
#w = affine_map<(n, o, h, w, i, y, x) -> (o, i, y, x)>
#y = affine_map<(n, o, h, w, i, y, x) -> (n, o, h, w)>
func.func @main(%x: tensor<?x1x?x?xf32>, %n: index, %h: index, %v: index) -> tensor<?x8x?x?xf32> {
  %w = arith.constant dense<1.0> : tensor<8x1x1x1xf32>
  %k = arith.constant dense<1.0> : tensor<8x8x1x1xf32>
  %zero = arith.constant 0.0 : f32
  %c2 = arith.constant 2 : index
  %e = tensor.empty(%n, %h, %v) : tensor<?x8x?x?xf32>
  %0 = kernel.contract ins(%x, %w : tensor<?x1x?x?xf32>, tensor<8x1x1x1xf32>)
      outs(%e : tensor<?x8x?x?xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<?x8x?x?xf32>
  %height = tensor.dim %0, %c2 : tensor<?x8x?x?xf32>
  %1 = tensor.pad %0 low[0, 0, 1, 0] high[0, 0, %height, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<?x8x?x?xf32> to tensor<?x8x?x?xf32>
  %rows = tensor.dim %1, %c2 : tensor<?x8x?x?xf32>
  %f = tensor.empty(%n, %rows, %v) : tensor<?x8x?x?xf32>
  %2 = kernel.contract ins(%1, %k : tensor<?x8x?x?xf32>, tensor<8x8x1x1xf32>)
      outs(%f : tensor<?x8x?x?xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<?x8x?x?xf32>
  return %2 : tensor<?x8x?x?xf32>
}

// -----

// Parts that do not begin or end with a block: of six channels, the last two stand behind those
// of the first part; of the second part, too, each block stands in two. What is behind all
// channels is zero.
// CHECK-LABEL: func @main
// CHECK: %[[X:.*]] = kernel.contract {{.*}} outs(%{{.*}} : tensor<1x2x3x3x4xf32>)
// CHECK: %[[E:.*]] = tensor.empty() : tensor<1x4x3x3x4xf32>
// CHECK: %[[Z:.*]] = tensor.extract_slice %[[E]][0, 3, 0, 0, 0] [1, 1, 3, 3, 4]
// CHECK: linalg.fill {{.*}} outs(%[[Z]]
// CHECK: tensor.extract_slice %[[X]][0, 0, 0, 0, 0] [1, 1, 3, 3, 4]
// CHECK: tensor.insert_slice {{.*}}[0, 0, 0, 0, 0] [1, 1, 3, 3, 4]
// CHECK: %[[LAST:.*]] = tensor.extract_slice %[[X]][0, 1, 0, 0, 0] [1, 1, 3, 3, 2]
// CHECK: tensor.insert_slice %[[LAST]] into {{.*}}[0, 1, 0, 0, 0] [1, 1, 3, 3, 2]
// CHECK: tensor.extract_slice %[[X]][0, 0, 0, 0, 0] [1, 1, 3, 3, 2]
// CHECK: tensor.insert_slice {{.*}}[0, 1, 0, 0, 2] [1, 1, 3, 3, 2]
// CHECK: tensor.extract_slice %[[X]][0, 0, 0, 0, 2] [1, 1, 3, 3, 2]
// CHECK: tensor.insert_slice {{.*}}[0, 2, 0, 0, 0] [1, 1, 3, 3, 2]
// CHECK: tensor.insert_slice %[[LAST]] into {{.*}}[0, 2, 0, 0, 2] [1, 1, 3, 3, 2]
#x = affine_map<(n, o, h, w, i) -> (n, i, h, w)>
#w = affine_map<(n, o, h, w, i) -> (o, i)>
#y = affine_map<(n, o, h, w, i) -> (n, o, h, w)>
func.func @main(%x: tensor<1x1x3x3xf32>) -> tensor<1x13x3x3xf32> {
  %w = arith.constant dense<1.0> : tensor<6x1xf32>
  %e = tensor.empty() : tensor<1x6x3x3xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x1x3x3xf32>, tensor<6x1xf32>)
      outs(%e : tensor<1x6x3x3xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x6x3x3xf32>
  %f = tensor.empty() : tensor<1x13x3x3xf32>
  %1 = tensor.insert_slice %0 into %f[0, 0, 0, 0] [1, 6, 3, 3] [1, 1, 1, 1] : tensor<1x6x3x3xf32> into tensor<1x13x3x3xf32>
  %2 = tensor.insert_slice %0 into %1[0, 6, 0, 0] [1, 6, 3, 3] [1, 1, 1, 1] : tensor<1x6x3x3xf32> into tensor<1x13x3x3xf32>
  return %2 : tensor<1x13x3x3xf32>
}

// -----

// A weight that a run gives is laid out in it, and so is what its gradient, whose sums run over
// batches and places, changes it to.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d4, d1, d2 + d5, d3 + d6, d7)>
// CHECK-DAG: #[[G:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d4, d0, d5, d6, d8)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> (d0, d1, d2, d3, d7, d8)>
// CHECK-DAG: #[[R:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7, d8) -> ()>
// CHECK-LABEL: func @main
// CHECK: tensor.expand_shape %arg1 {{.*}} output_shape [2, 4, 2, 4, 3, 3]
// CHECK: %[[P:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<2x2x3x3x4x4xf32>)
// CHECK: %[[Y:.*]] = kernel.contract ins(%{{.*}}, %[[P]] : tensor<4x2x8x8x4xf32>, tensor<2x2x3x3x4x4xf32>) outs(%{{.*}} : tensor<4x2x6x6x4xf32>)
// CHECK: %[[NEW:.*]] = kernel.contract ins(%{{.*}}, %[[Y]], %{{.*}}, %arg2 : tensor<4x2x8x8x4xf32>, tensor<4x2x6x6x4xf32>, tensor<2x2x3x3x4x4xf32>, tensor<f32>) outs(%{{.*}} : tensor<2x2x3x3x4x4xf32>) attributes {indexing_maps = [#[[X]], #[[G]], #[[W]], #[[R]], #[[W]]]}
// CHECK: %[[U:.*]] = linalg.generic {{.*}} ins(%[[NEW]] : {{.*}}) outs(%{{.*}} : tensor<2x4x2x4x3x3xf32>)
// CHECK: %[[C:.*]] = tensor.collapse_shape %[[U]]
// CHECK: return %[[C]]
#x = affine_map<(n, o, h, w, i, k, l) -> (n, i, h + k, w + l)>
#w = affine_map<(n, o, h, w, i, k, l) -> (o, i, k, l)>
#y = affine_map<(n, o, h, w, i, k, l) -> (n, o, h, w)>
#gx = affine_map<(o, i, k, l, n, h, w) -> (n, i, h + k, w + l)>
#gy = affine_map<(o, i, k, l, n, h, w) -> (n, o, h, w)>
#gw = affine_map<(o, i, k, l, n, h, w) -> (o, i, k, l)>
#rate = affine_map<(o, i, k, l, n, h, w) -> ()>
#ix = affine_map<(n, o, h, w, i) -> (n, i, h, w)>
#iw = affine_map<(n, o, h, w, i) -> (o, i)>
#iy = affine_map<(n, o, h, w, i) -> (n, o, h, w)>
func.func @main(%image: tensor<4x1x8x8xf32>, %w: tensor<8x8x3x3xf32>, %r: tensor<f32>) -> tensor<8x8x3x3xf32> {
  %v = arith.constant dense<1.0> : tensor<8x1xf32>
  %d = tensor.empty() : tensor<4x8x8x8xf32>
  %x = kernel.contract ins(%image, %v : tensor<4x1x8x8xf32>, tensor<8x1xf32>)
      outs(%d : tensor<4x8x8x8xf32>) attributes {indexing_maps = [#ix, #iw, #iy]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x8x8x8xf32>
  %e = tensor.empty() : tensor<4x8x6x6xf32>
  %0 = kernel.contract ins(%x, %w : tensor<4x8x8x8xf32>, tensor<8x8x3x3xf32>)
      outs(%e : tensor<4x8x6x6xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x8x6x6xf32>
  %f = tensor.empty() : tensor<8x8x3x3xf32>
  %1 = kernel.contract ins(%x, %0, %w, %r : tensor<4x8x8x8xf32>, tensor<4x8x6x6xf32>, tensor<8x8x3x3xf32>, tensor<f32>)
      outs(%f : tensor<8x8x3x3xf32>) attributes {indexing_maps = [#gx, #gy, #gw, #rate, #gw]} {
  ^bb0(%sum: f32, %old: f32, %rate: f32):
    %step = arith.mulf %sum, %rate : f32
    %new = arith.subf %old, %step : f32
    kernel.yield %new : f32
  } -> tensor<8x8x3x3xf32>
  return %1 : tensor<8x8x3x3xf32>
}

// -----

// Channels that have a kernel each have a gradient each: the lanes of both operands.
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d3, d0, d1 + d4, d2 + d5, d6)>
// CHECK-DAG: #[[G:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d3, d0, d4, d5, d6)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d6)>
// CHECK-LABEL: func @main
// CHECK: %[[DATA:.*]] = kernel.contract {{.*}} outs(%{{.*}} : tensor<4x2x8x8x4xf32>)
// CHECK: %[[Y:.*]] = kernel.contract ins(%[[DATA]], {{.*}} outs(%{{.*}} : tensor<4x2x6x6x4xf32>)
// CHECK: kernel.contract ins(%[[DATA]], %[[Y]] : {{.*}}) outs(%{{.*}} : tensor<2x3x3x4xf32>) attributes {indexing_maps = [#[[X]], #[[G]], #[[W]]]}
#x = affine_map<(n, c, h, w, k, l) -> (n, c, h + k, w + l)>
#w = affine_map<(n, c, h, w, k, l) -> (c, k, l)>
#y = affine_map<(n, c, h, w, k, l) -> (n, c, h, w)>
#gx = affine_map<(c, k, l, n, h, w) -> (n, c, h + k, w + l)>
#gy = affine_map<(c, k, l, n, h, w) -> (n, c, h, w)>
#gw = affine_map<(c, k, l, n, h, w) -> (c, k, l)>
#ix = affine_map<(n, o, h, w, i) -> (n, i, h, w)>
#iw = affine_map<(n, o, h, w, i) -> (o, i)>
#iy = affine_map<(n, o, h, w, i) -> (n, o, h, w)>
func.func @main(%image: tensor<4x1x8x8xf32>, %w: tensor<8x3x3xf32>) -> tensor<8x3x3xf32> {
  %v = arith.constant dense<1.0> : tensor<8x1xf32>
  %d = tensor.empty() : tensor<4x8x8x8xf32>
  %x = kernel.contract ins(%image, %v : tensor<4x1x8x8xf32>, tensor<8x1xf32>)
      outs(%d : tensor<4x8x8x8xf32>) attributes {indexing_maps = [#ix, #iw, #iy]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x8x8x8xf32>
  %e = tensor.empty() : tensor<4x8x6x6xf32>
  %0 = kernel.contract ins(%x, %w : tensor<4x8x8x8xf32>, tensor<8x3x3xf32>)
      outs(%e : tensor<4x8x6x6xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x8x6x6xf32>
  %f = tensor.empty() : tensor<8x3x3xf32>
  %1 = kernel.contract ins(%x, %0 : tensor<4x8x8x8xf32>, tensor<4x8x6x6xf32>)
      outs(%f : tensor<8x3x3xf32>) attributes {indexing_maps = [#gx, #gy, #gw]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<8x3x3xf32>
  return %1 : tensor<8x3x3xf32>
}

// -----

// A weight for two places only is not worth it.
// CHECK-LABEL: func @main
// CHECK-NOT: tensor.expand_shape
#x = affine_map<(n, o, h, w, i) -> (n, i, h, w)>
#w = affine_map<(n, o, h, w, i) -> (o, i)>
#y = affine_map<(n, o, h, w, i) -> (n, o, h, w)>
func.func @main(%x: tensor<1x8x2x1xf32>, %w: tensor<8x8xf32>) -> tensor<1x8x2x1xf32> {
  %e = tensor.empty() : tensor<1x8x2x1xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x8x2x1xf32>, tensor<8x8xf32>)
      outs(%e : tensor<1x8x2x1xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x8x2x1xf32>
  return %0 : tensor<1x8x2x1xf32>
}

// -----

// Windows of places, what is cut out of them, sums over batches too: all of that finds twins; a
// smaller operand that has none gets one.
// CHECK-LABEL: func @main
// CHECK: %[[Y:.*]] = kernel.contract {{.*}} outs(%{{.*}} : tensor<4x2x6x6x4xf32>)
// CHECK: %[[S:.*]] = tensor.extract_slice %[[Y]][0, 0, 1, 1, 0] [4, 2, 4, 4, 4]
// CHECK: %[[W:.*]] = tensor.expand_shape %[[S]] {{\[\[}}0], [1], [2, 3], [4, 5], [6]] output_shape [4, 2, 2, 2, 2, 2, 4]
// CHECK: %[[G:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<4x2x4x2x1x2x1xf32>) outs(%{{.*}} : tensor<4x2x2x1x2x1x4xf32>)
// CHECK: %[[Z:.*]] = linalg.generic {{.*}} ins(%[[W]], %[[G]] : {{.*}}) outs(%{{.*}} : tensor<4x2x2x2x2x2x4xf32>)
// CHECK: linalg.generic {{.*}}"reduction"{{.*}} ins(%[[Z]] : {{.*}}) outs(%{{.*}} : tensor<4x2x2x2x4xf32>)
// CHECK: linalg.generic {{.*}}"reduction"{{.*}} ins(%[[Y]] : {{.*}}) outs(%{{.*}} : tensor<2x4xf32>)
// CHECK: tensor.insert_slice %[[Y]] into %{{.*}}[0, 0, 0, 0, 0] [4, 2, 6, 6, 4] [1, 1, 2, 2, 1] : {{.*}} into tensor<4x2x11x11x4xf32>
#x = affine_map<(n, o, h, w, i) -> (n, i, h, w)>
#w = affine_map<(n, o, h, w, i) -> (o, i)>
#y = affine_map<(n, o, h, w, i) -> (n, o, h, w)>
#full = affine_map<(n, o, h, k, w, l) -> (n, o, h, k, w, l)>
#one = affine_map<(n, o, h, k, w, l) -> (n, o, h, 0, w, 0)>
func.func @main(%x: tensor<4x1x6x6xf32>, %w: tensor<8x1xf32>, %g: tensor<4x8x2x1x2x1xf32>)
    -> (tensor<4x8x2x2xf32>, tensor<8xf32>, tensor<4x8x11x11xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8x6x6xf32>
  %0 = kernel.contract ins(%x, %w : tensor<4x1x6x6xf32>, tensor<8x1xf32>)
      outs(%e : tensor<4x8x6x6xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x8x6x6xf32>
  %1 = tensor.extract_slice %0[0, 0, 1, 1] [4, 8, 4, 4] [1, 1, 1, 1] : tensor<4x8x6x6xf32> to tensor<4x8x4x4xf32>
  %2 = tensor.expand_shape %1 [[0], [1], [2, 3], [4, 5]] output_shape [4, 8, 2, 2, 2, 2] : tensor<4x8x4x4xf32> into tensor<4x8x2x2x2x2xf32>
  %f = tensor.empty() : tensor<4x8x2x2x2x2xf32>
  %3 = linalg.generic {indexing_maps = [#full, #one, #full], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "parallel"]}
      ins(%2, %g : tensor<4x8x2x2x2x2xf32>, tensor<4x8x2x1x2x1xf32>) outs(%f : tensor<4x8x2x2x2x2xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x8x2x2x2x2xf32>
  %h = tensor.empty() : tensor<4x8x2x2xf32>
  %i = linalg.fill ins(%zero : f32) outs(%h : tensor<4x8x2x2xf32>) -> tensor<4x8x2x2xf32>
  %4 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d4, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d4)>], iterator_types = ["parallel", "parallel", "parallel", "reduction", "parallel", "reduction"]}
      ins(%3 : tensor<4x8x2x2x2x2xf32>) outs(%i : tensor<4x8x2x2xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.addf %in, %sum : f32
    linalg.yield %new : f32
  } -> tensor<4x8x2x2xf32>
  %j = tensor.empty() : tensor<8xf32>
  %k = linalg.fill ins(%zero : f32) outs(%j : tensor<8xf32>) -> tensor<8xf32>
  %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d1)>], iterator_types = ["reduction", "parallel", "reduction", "reduction"]}
      ins(%0 : tensor<4x8x6x6xf32>) outs(%k : tensor<8xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %new = arith.addf %in, %sum : f32
    linalg.yield %new : f32
  } -> tensor<8xf32>
  %l = tensor.empty() : tensor<4x8x11x11xf32>
  %m = linalg.fill ins(%zero : f32) outs(%l : tensor<4x8x11x11xf32>) -> tensor<4x8x11x11xf32>
  %6 = tensor.insert_slice %0 into %m[0, 0, 0, 0] [4, 8, 6, 6] [1, 1, 2, 2] : tensor<4x8x6x6xf32> into tensor<4x8x11x11xf32>
  return %4, %5, %6 : tensor<4x8x2x2xf32>, tensor<8xf32>, tensor<4x8x11x11xf32>
}
