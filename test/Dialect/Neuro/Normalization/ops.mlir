// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --mlir-print-op-generic | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @batch_norm(
// CHECK: neuro.batch_norm %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x3x4x5xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x4x5xf32>
func.func @batch_norm(%a: tensor<2x3x4x5xf32>, %b: tensor<3xf32>, %c: tensor<3xf32>, %d: tensor<3xf32>, %e: tensor<3xf32>) -> tensor<2x3x4x5xf32> {
  %r = neuro.batch_norm %a, %b, %c, %d, %e : (tensor<2x3x4x5xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x4x5xf32>
  return %r : tensor<2x3x4x5xf32>
}

// CHECK-LABEL: @group_norm(
// CHECK: neuro.group_norm %{{.*}}, %{{.*}}, %{{.*}} {num_groups = 2 : i64} : (tensor<3x4x2x2xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<3x4x2x2xf32>
func.func @group_norm(%a: tensor<3x4x2x2xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>) -> tensor<3x4x2x2xf32> {
  %r = neuro.group_norm %a, %b, %c {num_groups = 2 : i64} : (tensor<3x4x2x2xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<3x4x2x2xf32>
  return %r : tensor<3x4x2x2xf32>
}

// CHECK-LABEL: @instance_norm(
// CHECK: neuro.instance_norm %{{.*}}, %{{.*}}, %{{.*}} : (tensor<1x2x1x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x1x3xf32>
func.func @instance_norm(%a: tensor<1x2x1x3xf32>, %b: tensor<2xf32>, %c: tensor<2xf32>) -> tensor<1x2x1x3xf32> {
  %r = neuro.instance_norm %a, %b, %c : (tensor<1x2x1x3xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x1x3xf32>
  return %r : tensor<1x2x1x3xf32>
}

// CHECK-LABEL: @layer_norm(
// CHECK: neuro.layer_norm %{{.*}}, %{{.*}}, %{{.*}} : (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<3x4xf32>, tensor<3x1xf32>, tensor<3x1xf32>)
func.func @layer_norm(%a: tensor<3x4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>) -> (tensor<3x4xf32>, tensor<3x1xf32>, tensor<3x1xf32>) {
  %r:3 = neuro.layer_norm %a, %b, %c : (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<3x4xf32>, tensor<3x1xf32>, tensor<3x1xf32>)
  return %r#0, %r#1, %r#2 : tensor<3x4xf32>, tensor<3x1xf32>, tensor<3x1xf32>
}

// CHECK-LABEL: @lp_norm(
// CHECK: neuro.lp_norm %{{.*}} : (tensor<2x2x3xf32>) -> tensor<2x2x3xf32>
func.func @lp_norm(%a: tensor<2x2x3xf32>) -> tensor<2x2x3xf32> {
  %r = neuro.lp_norm %a : (tensor<2x2x3xf32>) -> tensor<2x2x3xf32>
  return %r : tensor<2x2x3xf32>
}

// CHECK-LABEL: @lrn(
// CHECK: neuro.lrn %{{.*}} {size = 3 : i64} : (tensor<5x5x5x5xf32>) -> tensor<5x5x5x5xf32>
func.func @lrn(%a: tensor<5x5x5x5xf32>) -> tensor<5x5x5x5xf32> {
  %r = neuro.lrn %a {size = 3 : i64} : (tensor<5x5x5x5xf32>) -> tensor<5x5x5x5xf32>
  return %r : tensor<5x5x5x5xf32>
}

// CHECK-LABEL: @rms_norm(
// CHECK: neuro.rms_norm %{{.*}}, %{{.*}} : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
func.func @rms_norm(%a: tensor<3x4xf32>, %b: tensor<4xf32>) -> tensor<3x4xf32> {
  %r = neuro.rms_norm %a, %b : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return %r : tensor<3x4xf32>
}

// CHECK-LABEL: @batch_statistics(
// CHECK: neuro.batch_statistics %{{.*}} : (tensor<?x3x4xf32>) -> (tensor<3xf32>, tensor<3xf32>)
func.func @batch_statistics(%a: tensor<?x3x4xf32>) -> tensor<3xf32> {
  %m, %v = neuro.batch_statistics %a : (tensor<?x3x4xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  return %v : tensor<3xf32>
}
