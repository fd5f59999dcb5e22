// RUN: neuroplast-opt --neuro-shorten="at=inner" %s | FileCheck %s --check-prefix=INNER
// RUN: neuroplast-opt --neuro-shorten="at=inner,outer" %s | FileCheck %s --check-prefix=BOTH
// RUN: neuroplast-opt --neuro-shorten="at=used report=1" %s 2>&1 | FileCheck %s --check-prefix=USED

// A block goes with its weights and their shadows; what others read stays.
// INNER-NOT: neuro.param @w1
// INNER: neuro.param @shared
// INNER: neuro.param @w2
// INNER: %[[S:.*]] = neuro.matmul %arg0, %{{.*}}
// INNER-NEXT: %[[B:.*]] = neuro.add %[[S]]
// INNER-NEXT: %[[R:.*]] = neuro.relu %[[B]]
// INNER-NEXT: %[[A:.*]] = neuro.add %arg0, %[[R]]
// INNER-NEXT: %[[U:.*]] = neuro.matmul %[[A]]
// INNER: neuro.edit "shorten" "{\22blocks\22:[\22inner\22]}"
// One inside another goes with it.
// BOTH: %[[U:.*]] = neuro.matmul %arg0
// BOTH-NEXT: %[[T:.*]] = neuro.add %arg0, %[[U]]
// BOTH-NEXT: return %[[T]], %[[U]]
// What has results elsewhere does not.
// USED: block at 'inner': 4 parameters
// USED: block at 'outer': 10 parameters
// USED: block at 'used': 4 parameters, stays: what 'neuro.matmul' gives is used outside
// USED: neuro.add {{.*}} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
neuro.param @shared trainable = dense<1.0> : tensor<2xf32>
neuro.param @w1 trainable = dense<2.0> : tensor<2x2xf32>
neuro.param @w1.mask shadow_of @w1 = dense<1> : tensor<2x2xui8>
neuro.param @w2 trainable = dense<3.0> : tensor<2x2xf32>
neuro.param @w3 trainable = dense<4.0> : tensor<2x2xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x2xf32> {neuro.name = "y"}, tensor<1x2xf32> {neuro.name = "z"}) {
  %shared = neuro.get_param @shared : tensor<2xf32>
  %w1 = neuro.get_param @w1 : tensor<2x2xf32>
  %w2 = neuro.get_param @w2 : tensor<2x2xf32>
  %w3 = neuro.get_param @w3 : tensor<2x2xf32>
  // A bias is no block, nor is a sum of two branches.
  %0 = neuro.matmul %x, %w2 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %b = neuro.add %0, %shared : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %1 = neuro.relu %b : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = neuro.matmul %1, %w1 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %3 = neuro.add %2, %shared : (tensor<1x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %4 = neuro.add %3, %1 : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32> loc("inner")
  %5 = neuro.add %x, %4 : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32> loc("outer")
  %6 = neuro.matmul %5, %w3 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %7 = neuro.add %5, %6 : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32> loc("used")
  return %7, %6 : tensor<1x2xf32>, tensor<1x2xf32>
}
