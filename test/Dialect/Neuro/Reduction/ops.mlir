// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --mlir-print-op-generic | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @arg_max(
// CHECK: neuro.arg_max %{{.*}} : (tensor<2x2xf32>) -> tensor<1x2xi64>
func.func @arg_max(%a: tensor<2x2xf32>) -> tensor<1x2xi64> {
  %r = neuro.arg_max %a : (tensor<2x2xf32>) -> tensor<1x2xi64>
  return %r : tensor<1x2xi64>
}

// CHECK-LABEL: @arg_min(
// CHECK: neuro.arg_min %{{.*}} : (tensor<2x2xf32>) -> tensor<1x2xi64>
func.func @arg_min(%a: tensor<2x2xf32>) -> tensor<1x2xi64> {
  %r = neuro.arg_min %a : (tensor<2x2xf32>) -> tensor<1x2xi64>
  return %r : tensor<1x2xi64>
}

// CHECK-LABEL: @hardmax(
// CHECK: neuro.hardmax %{{.*}} : (tensor<4x4xf32>) -> tensor<4x4xf32>
func.func @hardmax(%a: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %r = neuro.hardmax %a : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %r : tensor<4x4xf32>
}

// CHECK-LABEL: @log_softmax(
// CHECK: neuro.log_softmax %{{.*}} : (tensor<1x3xf32>) -> tensor<1x3xf32>
func.func @log_softmax(%a: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %r = neuro.log_softmax %a : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %r : tensor<1x3xf32>
}

// CHECK-LABEL: @reduce_l1(
// CHECK: neuro.reduce_l1 %{{.*}} {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
func.func @reduce_l1(%a: tensor<3x2x2xf32>) -> tensor<1x1x1xf32> {
  %r = neuro.reduce_l1 %a {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
  return %r : tensor<1x1x1xf32>
}

// CHECK-LABEL: @reduce_l2(
// CHECK: neuro.reduce_l2 %{{.*}} {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
func.func @reduce_l2(%a: tensor<3x2x2xf32>) -> tensor<1x1x1xf32> {
  %r = neuro.reduce_l2 %a {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
  return %r : tensor<1x1x1xf32>
}

// CHECK-LABEL: @reduce_log_sum(
// CHECK: neuro.reduce_log_sum %{{.*}} {axes = array<i64: 0, 1, 2>} : (tensor<3x4x5xf32>) -> tensor<1x1x1xf32>
func.func @reduce_log_sum(%a: tensor<3x4x5xf32>) -> tensor<1x1x1xf32> {
  %r = neuro.reduce_log_sum %a {axes = array<i64: 0, 1, 2>} : (tensor<3x4x5xf32>) -> tensor<1x1x1xf32>
  return %r : tensor<1x1x1xf32>
}

// CHECK-LABEL: @reduce_log_sum_exp(
// CHECK: neuro.reduce_log_sum_exp %{{.*}} {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf64>) -> tensor<1x1x1xf64>
func.func @reduce_log_sum_exp(%a: tensor<3x2x2xf64>) -> tensor<1x1x1xf64> {
  %r = neuro.reduce_log_sum_exp %a {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf64>) -> tensor<1x1x1xf64>
  return %r : tensor<1x1x1xf64>
}

// CHECK-LABEL: @reduce_max(
// CHECK: neuro.reduce_max %{{.*}} {axes = array<i64: 1>} : (tensor<4x6xf32>) -> tensor<4x1xf32>
func.func @reduce_max(%a: tensor<4x6xf32>) -> tensor<4x1xf32> {
  %r = neuro.reduce_max %a {axes = array<i64: 1>} : (tensor<4x6xf32>) -> tensor<4x1xf32>
  return %r : tensor<4x1xf32>
}

// CHECK-LABEL: @reduce_mean(
// CHECK: neuro.reduce_mean %{{.*}} {axes = array<i64: 1>} : (tensor<3x4xf32>) -> tensor<3x1xf32>
func.func @reduce_mean(%a: tensor<3x4xf32>) -> tensor<3x1xf32> {
  %r = neuro.reduce_mean %a {axes = array<i64: 1>} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// CHECK-LABEL: @reduce_min(
// CHECK: neuro.reduce_min %{{.*}} {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
func.func @reduce_min(%a: tensor<3x2x2xf32>) -> tensor<1x1x1xf32> {
  %r = neuro.reduce_min %a {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
  return %r : tensor<1x1x1xf32>
}

// CHECK-LABEL: @reduce_prod(
// CHECK: neuro.reduce_prod %{{.*}} {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
func.func @reduce_prod(%a: tensor<3x2x2xf32>) -> tensor<1x1x1xf32> {
  %r = neuro.reduce_prod %a {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
  return %r : tensor<1x1x1xf32>
}

// CHECK-LABEL: @reduce_sum(
// CHECK: neuro.reduce_sum %{{.*}} {axes = array<i64: 1>} : (tensor<1x3xf32>) -> tensor<1x1xf32>
func.func @reduce_sum(%a: tensor<1x3xf32>) -> tensor<1x1xf32> {
  %r = neuro.reduce_sum %a {axes = array<i64: 1>} : (tensor<1x3xf32>) -> tensor<1x1xf32>
  return %r : tensor<1x1xf32>
}

// CHECK-LABEL: @reduce_sum_square(
// CHECK: neuro.reduce_sum_square %{{.*}} {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
func.func @reduce_sum_square(%a: tensor<3x2x2xf32>) -> tensor<1x1x1xf32> {
  %r = neuro.reduce_sum_square %a {axes = array<i64: 0, 1, 2>} : (tensor<3x2x2xf32>) -> tensor<1x1x1xf32>
  return %r : tensor<1x1x1xf32>
}

// CHECK-LABEL: @softmax(
// CHECK: neuro.softmax %{{.*}} : (tensor<1x3xf32>) -> tensor<1x3xf32>
func.func @softmax(%a: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %r = neuro.softmax %a : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %r : tensor<1x3xf32>
}

// CHECK-LABEL: @top_k(
// CHECK: neuro.top_k %{{.*}}, %{{.*}} {axis = 0 : i64, k = -9223372036854775808 : i64} : (tensor<4xi64>, index) -> (tensor<?xi64>, tensor<?xi64>)
func.func @top_k(%a: tensor<4xi64>, %b: index) -> (tensor<?xi64>, tensor<?xi64>) {
  %r:2 = neuro.top_k %a, %b {axis = 0 : i64, k = -9223372036854775808 : i64} : (tensor<4xi64>, index) -> (tensor<?xi64>, tensor<?xi64>)
  return %r#0, %r#1 : tensor<?xi64>, tensor<?xi64>
}
