// RUN: neuroplast-opt %s -split-input-file -verify-diagnostics

func.func @axis(%x: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error @+2 {{'neuro.gather' op axis 2 is outside its operand of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.gather %x, %i {axis = 2 : i64} : (tensor<2x3xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @rank(%x: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error @+1 {{'neuro.gather_elements' op indices must have rank 2, not 1}}
  %0 = neuro.gather_elements %x, %i : (tensor<2x3xf32>, tensor<4xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @tuple(%x: tensor<2x3xf32>, %i: tensor<4x3xi64>) {
  // expected-error @+2 {{'neuro.gather_nd' op index tuples of length 3 and 0 batch axes exceed data of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = neuro.gather_nd %x, %i : (tensor<2x3xf32>, tensor<4x3xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @gathered(%x: tensor<2x3xf32>, %i: tensor<2x4xi64>) {
  // expected-error @+1 {{'neuro.gather_elements' op indices have 4 entries along axis 1, where the data has 3}}
  %0 = neuro.gather_elements %x, %i : (tensor<2x3xf32>, tensor<2x4xi64>) -> tensor<2x4xf32>
  return
}

// -----

func.func @updates(%x: tensor<2x3xf32>, %i: tensor<2x2xi64>, %u: tensor<2x3xf32>) {
  // expected-error @+1 {{'neuro.scatter_elements' op updates has 3 entries along axis 1, expected 2}}
  %0 = neuro.scatter_elements %x, %i, %u : (tensor<2x3xf32>, tensor<2x2xi64>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @slices(%x: tensor<2x3xf32>, %i: tensor<2x1xi64>, %u: tensor<2x4xf32>) {
  // expected-error @+1 {{'neuro.scatter_nd' op updates has 4 entries along axis 1, expected 3}}
  %0 = neuro.scatter_nd %x, %i, %u : (tensor<2x3xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @condition(%x: tensor<4x2xf32>, %c: tensor<6xi1>) {
  // expected-error @+1 {{'neuro.compress' op condition has 6 entries for 4 places}}
  %0 = neuro.compress %x, %c {axis = 0 : i64} : (tensor<4x2xf32>, tensor<6xi1>) -> tensor<?x2xf32>
  return
}

// -----

func.func @tf_idf(%a: tensor<6xi64>) {
  // expected-error @+1 {{'neuro.tf_idf_vectorizer' op has 3 items in n-grams of length 2}}
  %0 = neuro.tf_idf_vectorizer %a {max_gram_length = 2 : i64, max_skip_count = 1 : i64, min_gram_length = 1 : i64, mode = "TF",
    ngram_counts = array<i64: 0, 1>, ngram_indexes = array<i64: 0, 1>, pool_int64s = array<i64: 2, 3, 5, 4>}
    : (tensor<6xi64>) -> tensor<2xf32>
  return
}
