// RUN: neuroplast-opt --neuro-print-axis-rules %s -o /dev/null 2>&1 | FileCheck %s

// Axes beneath an ellipsis and equations without a result are read by the one parser.
// CHECK: neuro.einsum: dots1 dots k, dots1 1 k -> dots1 dots k | dots=5, dots1=2, k=3
// CHECK: neuro.einsum: a b h, h o -> a b o | a=2, b=5, h=3, o=6
// CHECK: neuro.einsum: a a -> _ | a=2 pinned "'neuro.einsum' takes a diagonal"
func.func @main(%x: tensor<2x5x3xf32>, %z: tensor<2x1x3xf32>, %w: tensor<3x6xf32>, %s: tensor<2x2xf32>) {
  %0 = neuro.einsum %x, %z {equation = "...k, ...k -> ...k"} : (tensor<2x5x3xf32>, tensor<2x1x3xf32>) -> tensor<2x5x3xf32>
  %1 = neuro.einsum %0, %w {equation = "abh,ho"} : (tensor<2x5x3xf32>, tensor<3x6xf32>) -> tensor<2x5x6xf32>
  %2 = neuro.einsum %s {equation = "aa->"} : (tensor<2x2xf32>) -> tensor<f32>
  return
}
