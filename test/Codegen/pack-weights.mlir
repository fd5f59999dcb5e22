// RUN: neuroplast-opt %s --neuro-pack-weights=vector-bits=128 --split-input-file | FileCheck %s

// Eight columns are two panels of four, each with all rows of a transposed weight; a bias and a
// residual are split like the result, which is the same memory. What is not read any more is
// dropped.
// CHECK-DAG: #[[B:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d2, d3)>
// CHECK-DAG: #[[BIAS:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-DAG: #[[C:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-NOT: neuro.param @w =
// CHECK: neuro.param @w.packed = {{.*}} : tensor<2x20x4xf32>
// CHECK-NOT: neuro.param @w =
// CHECK-LABEL: func @product
// CHECK-DAG: %[[W:.*]] = bufferization.to_tensor %{{.*}} : memref<2x20x4xf32>
// CHECK-DAG: %[[R:.*]] = tensor.expand_shape %arg1 {{\[\[}}0], [1, 2]] output_shape [3, 2, 4]
// CHECK: %[[Y:.*]] = kernel.contract ins(%arg0, %[[W]], %{{.*}}, %[[R]] : tensor<3x20xf32>, tensor<2x20x4xf32>, tensor<2x4xf32>, tensor<3x2x4xf32>) outs(%{{.*}} : tensor<3x2x4xf32>) attributes {indexing_maps = [#{{.*}}, #[[B]], #[[BIAS]], #[[C]], #[[C]]]}
// CHECK: %[[Z:.*]] = tensor.collapse_shape %[[Y]] {{\[\[}}0], [1, 2]] : tensor<3x2x4xf32> into tensor<3x8xf32>
// CHECK: return %[[Z]]
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (n, k)>
#bias = affine_map<(m, n, k) -> (n)>
#c = affine_map<(m, n, k) -> (m, n)>
neuro.param @w = dense_resource<w> : tensor<8x20xf32>
memref.global constant @neuroplast_param_w : memref<8x20xf32>
func.func @product(%x: tensor<3x20xf32>, %r: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %g = memref.get_global @neuroplast_param_w : memref<8x20xf32>
  %w = bufferization.to_tensor %g restrict : memref<8x20xf32> to tensor<8x20xf32>
  %b = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]> : tensor<8xf32>
  %e = tensor.empty() : tensor<3x8xf32>
  %0 = kernel.contract ins(%x, %w, %b, %r : tensor<3x20xf32>, tensor<8x20xf32>, tensor<8xf32>, tensor<3x8xf32>)
      outs(%e : tensor<3x8xf32>) attributes {indexing_maps = [#a, #b, #bias, #c, #c]} {
  ^bb0(%sum: f32, %s: f32, %t: f32):
    %p = arith.addf %sum, %s : f32
    %q = arith.addf %p, %t : f32
    kernel.yield %q : f32
  } -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}
{-# dialect_resources: { builtin: { w: "0x04000000000000000000803F0000004000004040000080400000A0400000C0400000E0400000004100001041000020410000304100004041000050410000604100007041000080410000884100009041000098410000A0410000A8410000B0410000B8410000C0410000C8410000D0410000D8410000E0410000E8410000F0410000F84100000042000004420000084200000C4200001042000014420000184200001C4200002042000024420000284200002C4200003042000034420000384200003C4200004042000044420000484200004C4200005042000054420000584200005C4200006042000064420000684200006C4200007042000074420000784200007C42000080420000824200008442000086420000884200008A4200008C4200008E42000090420000924200009442000096420000984200009A4200009C4200009E420000A0420000A2420000A4420000A6420000A8420000AA420000AC420000AE420000B0420000B2420000B4420000B6420000B8420000BA420000BC420000BE420000C0420000C2420000C4420000C6420000C8420000CA420000CC420000CE420000D0420000D2420000D4420000D6420000D8420000DA420000DC420000DE420000E0420000E2420000E4420000E6420000E8420000EA420000EC420000EE420000F0420000F2420000F4420000F6420000F8420000FA420000FC420000FE420000004300000143000002430000034300000443000005430000064300000743000008430000094300000A4300000B4300000C4300000D4300000E4300000F430000104300001143000012430000134300001443000015430000164300001743000018430000194300001A4300001B4300001C4300001D4300001E4300001F43" } } #-}

// -----

// Six columns are cut out of two panels. A right operand that is no constant stays.
// CHECK-LABEL: func @others
// CHECK: %[[Y:.*]] = kernel.contract ins(%arg0, %{{.*}} : tensor<1x2xf32>, tensor<2x2x4xf32>)
// CHECK: %[[Z:.*]] = tensor.collapse_shape %[[Y]]
// CHECK: tensor.extract_slice %[[Z]][0, 0] [1, 6] [1, 1] : tensor<1x8xf32> to tensor<1x6xf32>
// CHECK: kernel.contract {{.*}} outs(%{{.*}} : tensor<1x6xf32>)
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @others(%x: tensor<1x2xf32>, %v: tensor<2x6xf32>) -> (tensor<1x6xf32>, tensor<1x6xf32>) {
  %w = arith.constant dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 0.0, 1.0]]> : tensor<2x6xf32>
  %e = tensor.empty() : tensor<1x6xf32>
  %0 = kernel.contract ins(%x, %w : tensor<1x2xf32>, tensor<2x6xf32>)
      outs(%e : tensor<1x6xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x6xf32>
  %1 = kernel.contract ins(%x, %v : tensor<1x2xf32>, tensor<2x6xf32>)
      outs(%e : tensor<1x6xf32>) attributes {indexing_maps = [#a, #b, #c]} {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } -> tensor<1x6xf32>
  return %0, %1 : tensor<1x6xf32>, tensor<1x6xf32>
}

// -----

// Half of the columns of a transposed weight, read where it lies; in a loop, too.
// CHECK: neuro.param @r.packed = {{.*}} : tensor<2x3x4xf32>
// CHECK-LABEL: func @view
// CHECK-NOT: linalg.transpose
// CHECK: scf.for
// CHECK: %[[G:.*]] = memref.get_global @neuroplast_param_r.packed
// CHECK: %[[W:.*]] = bufferization.to_tensor %[[G]]
// CHECK: kernel.contract ins(%{{.*}}, %[[W]] : tensor<1x3xf32>, tensor<2x3x4xf32>)
// Rows 8 to 15 and the first three numbers of each: 40, 45, 50, 55 and then 41.
// CHECK: r.packed: "0x010000000000204200003442000048420000{{5C420000244200003842}}
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
neuro.param @r = dense_resource<r> : tensor<1x16x5xf32>
memref.global constant @neuroplast_param_r : memref<1x16x5xf32>
func.func @view(%x: tensor<1x3xf32>) -> tensor<1x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %g = memref.get_global @neuroplast_param_r : memref<1x16x5xf32>
  %r = bufferization.to_tensor %g restrict : memref<1x16x5xf32> to tensor<1x16x5xf32>
  %plane = tensor.extract_slice %r[0, 0, 0] [1, 16, 3] [1, 1, 1] : tensor<1x16x5xf32> to tensor<16x3xf32>
  %t = tensor.empty() : tensor<3x16xf32>
  %turned = linalg.transpose ins(%plane : tensor<16x3xf32>) outs(%t : tensor<3x16xf32>) permutation = [1, 0]
  %e = tensor.empty() : tensor<1x8xf32>
  %y = scf.for %i = %c0 to %c9 step %c1 iter_args(%s = %e) -> tensor<1x8xf32> {
    %half = tensor.extract_slice %turned[0, 8] [3, 8] [1, 1] : tensor<3x16xf32> to tensor<3x8xf32>
    %0 = kernel.contract ins(%x, %half : tensor<1x3xf32>, tensor<3x8xf32>)
        outs(%s : tensor<1x8xf32>) attributes {indexing_maps = [#a, #b, #c]} {
    ^bb0(%sum: f32):
      kernel.yield %sum : f32
    } -> tensor<1x8xf32>
    scf.yield %0 : tensor<1x8xf32>
  }
  return %y : tensor<1x8xf32>
}
{-# dialect_resources: { builtin: { r: "0x04000000000000000000803F0000004000004040000080400000A0400000C0400000E0400000004100001041000020410000304100004041000050410000604100007041000080410000884100009041000098410000A0410000A8410000B0410000B8410000C0410000C8410000D0410000D8410000E0410000E8410000F0410000F84100000042000004420000084200000C4200001042000014420000184200001C4200002042000024420000284200002C4200003042000034420000384200003C4200004042000044420000484200004C4200005042000054420000584200005C4200006042000064420000684200006C4200007042000074420000784200007C42000080420000824200008442000086420000884200008A4200008C4200008E42000090420000924200009442000096420000984200009A4200009C4200009E42" } } #-}

// -----

// Rows that are not known until it runs stay outside the panels.
// CHECK-LABEL: func @open_rows
// CHECK: %[[N:.*]] = tensor.dim %arg0
// CHECK: %[[R:.*]] = tensor.expand_shape %arg1 {{\[\[}}0], [1, 2]] output_shape [%{{.*}}, 2, 4] : tensor<?x8xf32> into tensor<?x2x4xf32>
// CHECK: %[[Y:.*]] = kernel.contract ins(%arg0, %{{.*}}, %[[R]] : tensor<?x2xf32>, tensor<2x2x4xf32>, tensor<?x2x4xf32>) outs(%{{.*}} : tensor<?x2x4xf32>)
// CHECK: tensor.collapse_shape %[[Y]] {{\[\[}}0], [1, 2]] : tensor<?x2x4xf32> into tensor<?x8xf32>
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @open_rows(%x: tensor<?x2xf32>, %r: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [8.0, 9.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]> : tensor<2x8xf32>
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x2xf32>
  %e = tensor.empty(%rows) : tensor<?x8xf32>
  %0 = kernel.contract ins(%x, %w, %r : tensor<?x2xf32>, tensor<2x8xf32>, tensor<?x8xf32>)
      outs(%e : tensor<?x8xf32>) attributes {indexing_maps = [#a, #b, #c, #c]} {
  ^bb0(%sum: f32, %t: f32):
    %p = arith.addf %sum, %t : f32
    kernel.yield %p : f32
  } -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
