// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --mlir-print-op-generic | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @dft(
// CHECK: neuro.dft %{{.*}} {axis = 1 : i64, length = 8 : i64, onesided = true} : (tensor<2x6x1xf32>) -> tensor<2x5x2xf32>
func.func @dft(%x: tensor<2x6x1xf32>) -> tensor<2x5x2xf32> {
  %r = neuro.dft %x {axis = 1 : i64, length = 8 : i64, onesided = true} : (tensor<2x6x1xf32>) -> tensor<2x5x2xf32>
  return %r : tensor<2x5x2xf32>
}

// CHECK-LABEL: @dft_dynamic(
// CHECK: neuro.dft %{{.*}}, %{{.*}} {axis = 0 : i64, inverse = true, length = -9223372036854775808 : i64, onesided = true} : (tensor<?x2xf64>, index) -> tensor<?x1xf64>
func.func @dft_dynamic(%x: tensor<?x2xf64>, %n: index) -> tensor<?x1xf64> {
  %r = neuro.dft %x, %n {axis = 0 : i64, length = -9223372036854775808 : i64, inverse = true, onesided = true} : (tensor<?x2xf64>, index) -> tensor<?x1xf64>
  return %r : tensor<?x1xf64>
}

// CHECK-LABEL: @stft(
// CHECK: neuro.stft %{{.*}}, %{{.*}} {frame_length = 16 : i64, frame_step = 8 : i64} : (tensor<1x64x1xf32>, tensor<16xf32>) -> tensor<1x7x9x2xf32>
func.func @stft(%x: tensor<1x64x1xf32>, %w: tensor<16xf32>) -> tensor<1x7x9x2xf32> {
  %r = neuro.stft %x, %w {frame_length = 16 : i64, frame_step = 8 : i64} : (tensor<1x64x1xf32>, tensor<16xf32>) -> tensor<1x7x9x2xf32>
  return %r : tensor<1x7x9x2xf32>
}
