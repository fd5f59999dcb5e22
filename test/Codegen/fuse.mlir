// RUN: neuroplast-opt %s --neuro-fuse --canonicalize --split-input-file | FileCheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (j)>

// A bias, a residual and an activation become the end of the second of two products.
// CHECK: #[[BIAS:.*]] = affine_map<(d0, d1, d2) -> (d1)>
// CHECK-LABEL: func @residual
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8x8xf32>, %[[B:.*]]: tensor<8xf32>
// CHECK: %[[FIRST:.*]] = kernel.contract ins(%[[X]], %[[W]] :
// CHECK: %[[SECOND:.*]] = kernel.contract ins(%[[FIRST]], %[[W]], %[[B]], %[[FIRST]] :
// CHECK-NEXT: ^bb0(%[[SUM:.*]]: f32, %[[BV:.*]]: f32, %[[R:.*]]: f32):
// CHECK-NEXT: %[[S1:.*]] = arith.addf %[[SUM]], %[[BV]]
// CHECK-NEXT: %[[S2:.*]] = arith.addf %[[S1]], %[[R]]
// CHECK-NEXT: %[[S3:.*]] = arith.maximumf %[[S2]]
// CHECK-NEXT: kernel.yield %[[S3]]
// CHECK-NOT: linalg.generic
// CHECK: return %[[SECOND]]
func.func @residual(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %bias: tensor<8xf32>) -> tensor<4x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = kernel.contract ins(%x, %w : tensor<4x8xf32>, tensor<8x8xf32>)
      outs(%e : tensor<4x8xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x8xf32>
  %1 = kernel.contract ins(%0, %w : tensor<4x8xf32>, tensor<8x8xf32>)
      outs(%e : tensor<4x8xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<4x8xf32>
  %2 = linalg.generic {indexing_maps = [#id, #row, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%1, %bias, %0 : tensor<4x8xf32>, tensor<8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%s: f32, %b: f32, %r: f32, %o: f32):
    %p = arith.addf %s, %b : f32
    %q = arith.addf %p, %r : f32
    linalg.yield %q : f32
  } -> tensor<4x8xf32>
  %3 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%2 : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%s: f32, %o: f32):
    %p = arith.maximumf %s, %zero : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(i, j) -> (i, j)>
#turned = affine_map<(i, j) -> (j, i)>

// What others read, what turns the result, and what takes many instructions stays outside.
// CHECK-LABEL: func @outside
// CHECK-COUNT-3: linalg.generic
func.func @outside(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %e = tensor.empty() : tensor<8x8xf32>
  %0 = kernel.contract ins(%x, %x : tensor<8x8xf32>, tensor<8x8xf32>)
      outs(%e : tensor<8x8xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<8x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%s: f32, %o: f32):
    %p = arith.negf %s : f32
    linalg.yield %p : f32
  } -> tensor<8x8xf32>
  %2 = kernel.contract ins(%x, %1 : tensor<8x8xf32>, tensor<8x8xf32>)
      outs(%e : tensor<8x8xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<8x8xf32>
  %3 = linalg.generic {indexing_maps = [#turned, #id], iterator_types = ["parallel", "parallel"]}
      ins(%2 : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%s: f32, %o: f32):
    %p = arith.negf %s : f32
    linalg.yield %p : f32
  } -> tensor<8x8xf32>
  %4 = kernel.contract ins(%x, %3 : tensor<8x8xf32>, tensor<8x8xf32>)
      outs(%e : tensor<8x8xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<8x8xf32>
  %5 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%4 : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%s: f32, %o: f32):
    %p = math.exp %s : f32
    linalg.yield %p : f32
  } -> tensor<8x8xf32>
  return %0, %1, %3, %5 : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

#x = affine_map<(n, g, o, p, i) -> (n, g, i, p)>
#w = affine_map<(n, g, o, p, i) -> (g, o, i)>
#y = affine_map<(n, g, o, p, i) -> (n, g, o, p)>
#id = affine_map<(n, c, p) -> (n, c, p)>
#channel = affine_map<(n, c, p) -> (c)>

// The groups of a convolution are joined behind its end.
// CHECK-LABEL: func @grouped
// CHECK: kernel.contract {{.*}} tensor<2x3xf32>)
// CHECK: arith.mulf
// CHECK: kernel.yield
// CHECK: tensor.collapse_shape
// CHECK-NOT: linalg.generic
func.func @grouped(%x: tensor<1x2x4x8xf32>, %w: tensor<2x3x4xf32>, %s: tensor<6xf32>) -> tensor<1x6x8xf32> {
  %e = tensor.empty() : tensor<1x2x3x8xf32>
  %f = tensor.empty() : tensor<1x6x8xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x2x4x8xf32>, tensor<2x3x4xf32>)
      outs(%e : tensor<1x2x3x8xf32>) attributes {indexing_maps = [#x, #w, #y]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x2x3x8xf32>
  %1 = tensor.collapse_shape %0 [[0], [1, 2], [3]] : tensor<1x2x3x8xf32> into tensor<1x6x8xf32>
  %2 = linalg.generic {indexing_maps = [#id, #channel, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%1, %s : tensor<1x6x8xf32>, tensor<6xf32>) outs(%f : tensor<1x6x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<1x6x8xf32>
  return %2 : tensor<1x6x8xf32>
}

// -----

// Maps say what is transposed before a contraction, and behind it.
// CHECK-DAG: #[[A:.*]] = affine_map<(d0, d1, d2) -> (d2, d0)>
// CHECK-DAG: #[[B:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-DAG: #[[C:.*]] = affine_map<(d0, d1, d2) -> (d1, d0)>
// CHECK-LABEL: func @transposed
// CHECK-NOT: linalg.transpose
// CHECK: kernel.contract ins(%arg0, %arg1 : tensor<5x3xf32>, tensor<5x7xf32>) outs(%{{.*}} : tensor<7x3xf32>) attributes {indexing_maps = [#[[A]], #[[B]], #[[C]]]}
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @transposed(%x: tensor<5x3xf32>, %y: tensor<5x7xf32>) -> tensor<7x3xf32> {
  %0 = tensor.empty() : tensor<3x5xf32>
  %1 = linalg.transpose ins(%x : tensor<5x3xf32>) outs(%0 : tensor<3x5xf32>) permutation = [1, 0]
  %2 = tensor.empty() : tensor<3x7xf32>
  %3 = kernel.contract ins(%1, %y : tensor<3x5xf32>, tensor<5x7xf32>)
      outs(%2 : tensor<3x7xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<3x7xf32>
  %4 = tensor.empty() : tensor<7x3xf32>
  %5 = linalg.transpose ins(%3 : tensor<3x7xf32>) outs(%4 : tensor<7x3xf32>) permutation = [1, 0]
  return %5 : tensor<7x3xf32>
}

// -----

// What has axes of one place more is read as it was before, also where it is transposed, unless
// it is what tells how often a loop runs, or a vector, which is an image of one pixel.
// CHECK-DAG: #[[A:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d1, d2)>
// CHECK-DAG: #[[B:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3, d0)>
// CHECK-LABEL: func @unit_axes
// CHECK-NOT: tensor.expand_shape %arg0
// CHECK: %[[E:.*]] = tensor.expand_shape %arg1
// CHECK: kernel.contract ins(%arg0, %[[E]] : tensor<3x5x7xf32>, tensor<5x3x1xf32>) outs(%{{.*}} : tensor<1x5x7xf32>) attributes {indexing_maps = [#[[A]], #[[B]],
// CHECK: %[[F:.*]] = tensor.expand_shape %arg2
// CHECK: kernel.contract ins(%[[F]], %arg2 :
#a = affine_map<(u, m, n, k) -> (m, u, k, n)>
#b = affine_map<(u, m, n, k) -> (m, k, u)>
#c = affine_map<(u, m, n, k) -> (u, m, n)>
#v = affine_map<(m, u, k, j) -> (m, u, k, j)>
#w = affine_map<(m, u, k, j) -> (m, k, j)>
#s = affine_map<(m, u, k, j) -> (m)>
func.func @unit_axes(%x: tensor<3x5x7xf32>, %y: tensor<5x3xf32>, %z: tensor<2x4x5xf32>) -> (tensor<1x5x7xf32>, tensor<2xf32>) {
  %0 = tensor.empty() : tensor<5x3x7xf32>
  %1 = linalg.transpose ins(%x : tensor<3x5x7xf32>) outs(%0 : tensor<5x3x7xf32>) permutation = [1, 0, 2]
  %2 = tensor.expand_shape %1 [[0, 1], [2], [3]] output_shape [5, 1, 3, 7] : tensor<5x3x7xf32> into tensor<5x1x3x7xf32>
  %3 = tensor.expand_shape %y [[0], [1, 2]] output_shape [5, 3, 1] : tensor<5x3xf32> into tensor<5x3x1xf32>
  %4 = tensor.empty() : tensor<1x5x7xf32>
  %5 = kernel.contract ins(%2, %3 : tensor<5x1x3x7xf32>, tensor<5x3x1xf32>)
      outs(%4 : tensor<1x5x7xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x5x7xf32>
  %6 = tensor.expand_shape %z [[0], [1, 2], [3]] output_shape [2, 1, 4, 5] : tensor<2x4x5xf32> into tensor<2x1x4x5xf32>
  %7 = tensor.empty() : tensor<2xf32>
  %8 = kernel.contract ins(%6, %z : tensor<2x1x4x5xf32>, tensor<2x4x5xf32>)
      outs(%7 : tensor<2xf32>) attributes {indexing_maps = [#v, #w, #s]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<2xf32>
  return %5, %8 : tensor<1x5x7xf32>, tensor<2xf32>
}

// -----

// A sum over what it reads once takes part in it; one that reads a row for all others does not.
// CHECK-LABEL: func @into_reduction
// CHECK: linalg.generic {{.*}} ["parallel", "reduction"]} ins(%arg0 : tensor<3x5xf32>)
// CHECK: math.exp
// CHECK: arith.addf
// CHECK: linalg.generic {{.*}} ["parallel"]} ins(%arg1 : tensor<5xf32>)
// CHECK: math.exp
// CHECK: linalg.generic {{.*}} ["parallel", "reduction"]}
// CHECK-NOT: math.exp
#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>
#v = affine_map<(i) -> (i)>
func.func @into_reduction(%x: tensor<3x5xf32>, %y: tensor<5xf32>, %s: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %e = tensor.empty() : tensor<3x5xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<3x5xf32>) outs(%e : tensor<3x5xf32>) {
  ^bb0(%a: f32, %b: f32):
    %p = math.exp %a : f32
    linalg.yield %p : f32
  } -> tensor<3x5xf32>
  %1 = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%0 : tensor<3x5xf32>) outs(%s : tensor<3xf32>) {
  ^bb0(%a: f32, %b: f32):
    %p = arith.addf %b, %a : f32
    linalg.yield %p : f32
  } -> tensor<3xf32>
  %f = tensor.empty() : tensor<5xf32>
  %2 = linalg.generic {indexing_maps = [#v, #v], iterator_types = ["parallel"]} ins(%y : tensor<5xf32>) outs(%f : tensor<5xf32>) {
  ^bb0(%a: f32, %b: f32):
    %p = math.exp %a : f32
    linalg.yield %p : f32
  } -> tensor<5xf32>
  %3 = linalg.generic {indexing_maps = [#id, #column, #row], iterator_types = ["parallel", "reduction"]} ins(%x, %2 : tensor<3x5xf32>, tensor<5xf32>) outs(%s : tensor<3xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %q = arith.mulf %a, %b : f32
    %p = arith.addf %c, %q : f32
    linalg.yield %p : f32
  } -> tensor<3xf32>
  return %1, %3 : tensor<3xf32>, tensor<3xf32>
}

// -----

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (j)>
#sum = affine_map<(i, j) -> (j)>

// What is cheap and reads one whole tensor is done again by each of its readers, and never written.
// CHECK-LABEL: func @repeated
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[S:.*]]: tensor<8xf32>, %[[G:.*]]: tensor<4x8xf32>
// CHECK: %[[FIRST:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[S]] : tensor<4x8xf32>, tensor<8xf32>)
// CHECK: arith.mulf
// CHECK: arith.maximumf
// CHECK: %[[SECOND:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[S]], %[[G]] :
// CHECK: arith.mulf
// CHECK: arith.addf
// CHECK: %[[THIRD:.*]] = linalg.generic {{.*}} iterator_types = ["reduction", "parallel"]} ins(%[[X]], %[[S]] :
// CHECK: arith.mulf
// CHECK: return %[[FIRST]], %[[SECOND]], %[[THIRD]]
func.func @repeated(%x: tensor<4x8xf32>, %s: tensor<8xf32>, %g: tensor<4x8xf32>, %zeros: tensor<8xf32>)
    -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %p = arith.maximumf %a, %zero : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y, %g : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.addf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  %2 = linalg.generic {indexing_maps = [#id, #sum], iterator_types = ["reduction", "parallel"]}
      ins(%y : tensor<4x8xf32>) outs(%zeros : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %p = arith.addf %a, %o : f32
    linalg.yield %p : f32
  } -> tensor<8xf32>
  return %0, %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>
}

// -----

#id = affine_map<(i, j) -> (i, j)>

// What reads two whole tensors is written, since each of its readers would read one more.
// CHECK-LABEL: func @two
// CHECK: %[[Y:.*]] = linalg.generic
// CHECK: linalg.generic {{.*}} ins(%[[Y]] :
// CHECK: linalg.generic {{.*}} ins(%[[Y]] :
func.func @two(%x: tensor<4x8xf32>, %g: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %g : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %p = arith.maximumf %a, %zero : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %p = arith.minimumf %a, %zero : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}
