// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --mlir-print-op-generic | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @compress(
// CHECK: neuro.compress %{{.*}}, %{{.*}} : (tensor<3x2xf32>, tensor<5xi1>) -> tensor<?xf32>
func.func @compress(%a: tensor<3x2xf32>, %b: tensor<5xi1>) -> tensor<?xf32> {
  %r = neuro.compress %a, %b : (tensor<3x2xf32>, tensor<5xi1>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// CHECK-LABEL: @gather(
// CHECK: neuro.gather %{{.*}}, %{{.*}} : (tensor<5xf32>, tensor<3xi64>) -> tensor<3xf32>
func.func @gather(%a: tensor<5xf32>, %b: tensor<3xi64>) -> tensor<3xf32> {
  %r = neuro.gather %a, %b : (tensor<5xf32>, tensor<3xi64>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @gather_elements(
// CHECK: neuro.gather_elements %{{.*}}, %{{.*}} : (tensor<3x3xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
func.func @gather_elements(%a: tensor<3x3xf32>, %b: tensor<2x3xi64>) -> tensor<2x3xf32> {
  %r = neuro.gather_elements %a, %b : (tensor<3x3xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// CHECK-LABEL: @gather_nd(
// CHECK: neuro.gather_nd %{{.*}}, %{{.*}} : (tensor<2x2xi32>, tensor<2x2xi64>) -> tensor<2xi32>
func.func @gather_nd(%a: tensor<2x2xi32>, %b: tensor<2x2xi64>) -> tensor<2xi32> {
  %r = neuro.gather_nd %a, %b : (tensor<2x2xi32>, tensor<2x2xi64>) -> tensor<2xi32>
  return %r : tensor<2xi32>
}

// CHECK-LABEL: @non_zero(
// CHECK: neuro.non_zero %{{.*}} : (tensor<2x2xi1>) -> tensor<2x?xi64>
func.func @non_zero(%a: tensor<2x2xi1>) -> tensor<2x?xi64> {
  %r = neuro.non_zero %a : (tensor<2x2xi1>) -> tensor<2x?xi64>
  return %r : tensor<2x?xi64>
}

// CHECK-LABEL: @scatter_elements(
// CHECK: neuro.scatter_elements %{{.*}}, %{{.*}}, %{{.*}} : (tensor<3x3xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<3x3xf32>
func.func @scatter_elements(%a: tensor<3x3xf32>, %b: tensor<2x3xi64>, %c: tensor<2x3xf32>) -> tensor<3x3xf32> {
  %r = neuro.scatter_elements %a, %b, %c : (tensor<3x3xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<3x3xf32>
  return %r : tensor<3x3xf32>
}

// CHECK-LABEL: @scatter_nd(
// CHECK: neuro.scatter_nd %{{.*}}, %{{.*}}, %{{.*}} : (tensor<4x4x4xf32>, tensor<2x1xi64>, tensor<2x4x4xf32>) -> tensor<4x4x4xf32>
func.func @scatter_nd(%a: tensor<4x4x4xf32>, %b: tensor<2x1xi64>, %c: tensor<2x4x4xf32>) -> tensor<4x4x4xf32> {
  %r = neuro.scatter_nd %a, %b, %c : (tensor<4x4x4xf32>, tensor<2x1xi64>, tensor<2x4x4xf32>) -> tensor<4x4x4xf32>
  return %r : tensor<4x4x4xf32>
}

// CHECK-LABEL: @tensor_scatter(
// CHECK: neuro.tensor_scatter %{{.*}}, %{{.*}}, %{{.*}} : (tensor<3x4x5xf32>, tensor<3x2x5xf32>, tensor<3xi64>) -> tensor<3x4x5xf32>
func.func @tensor_scatter(%a: tensor<3x4x5xf32>, %b: tensor<3x2x5xf32>, %c: tensor<3xi64>) -> tensor<3x4x5xf32> {
  %r = neuro.tensor_scatter %a, %b, %c : (tensor<3x4x5xf32>, tensor<3x2x5xf32>, tensor<3xi64>) -> tensor<3x4x5xf32>
  return %r : tensor<3x4x5xf32>
}

// CHECK-LABEL: @unique(
// CHECK: neuro.unique %{{.*}} : (tensor<1xi64>) -> (tensor<?xi64>, tensor<?xi64>, tensor<1xi64>, tensor<?xi64>)
func.func @unique(%a: tensor<1xi64>) -> (tensor<?xi64>, tensor<?xi64>, tensor<1xi64>, tensor<?xi64>) {
  %r:4 = neuro.unique %a : (tensor<1xi64>) -> (tensor<?xi64>, tensor<?xi64>, tensor<1xi64>, tensor<?xi64>)
  return %r#0, %r#1, %r#2, %r#3 : tensor<?xi64>, tensor<?xi64>, tensor<1xi64>, tensor<?xi64>
}

// CHECK-LABEL: @tf_idf(
// CHECK: neuro.tf_idf_vectorizer
func.func @tf_idf(%a: tensor<2x6xi64>) -> tensor<2x3xf32> {
  %r = neuro.tf_idf_vectorizer %a {max_gram_length = 2 : i64, max_skip_count = 1 : i64, min_gram_length = 1 : i64, mode = "TF",
    ngram_counts = array<i64: 0, 2>, ngram_indexes = array<i64: 0, 1, 2>, pool_int64s = array<i64: 2, 3, 5, 4>}
    : (tensor<2x6xi64>) -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}
