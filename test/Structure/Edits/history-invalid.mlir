// A history may claim anything: what does not fit the network, or would need elements
// that nobody has, is refused, and nothing is changed.
// RUN: split-file %s %t
// RUN: not neuroplast-opt --neuro-undo %t/large.mlir 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not neuroplast-opt --neuro-undo %t/elsewhere.mlir 2>&1 | FileCheck %s --check-prefix=ELSEWHERE
// RUN: not neuroplast-opt --neuro-undo %t/gone.mlir 2>&1 | FileCheck %s --check-prefix=GONE
// RUN: not neuroplast-opt --neuro-undo %t/pinned.mlir 2>&1 | FileCheck %s --check-prefix=PINNED
// RUN: not neuroplast-opt %t/list.mlir 2>&1 | FileCheck %s --check-prefix=LIST

// LARGE: error: the elements of @w1 cannot be put back: the history does not keep them
// ELSEWHERE: error: the history does not fit the network: no unit stands at place 7 along axis 1 of @w1
// GONE: error: the history does not fit the network: it has no axis 0 of @w9
// PINNED: error: the history does not fit the network: a unit is pinned: graph input 'x'
// LIST: error: {{.*}}expected a list of indices

//--- large.mlir
neuro.param @w1 trainable = dense<1.0> : tensor<2x2xf32>
neuro.param @w2 trainable = dense<1.0> : tensor<2x1xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x1xf32> {neuro.name = "y"}) {
  %w1 = neuro.get_param @w1 : tensor<2x2xf32>
  %w2 = neuro.get_param @w2 : tensor<2x1xf32>
  %0 = neuro.matmul %x, %w1 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  %1 = neuro.matmul %0, %w2 : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  return %1 : tensor<1x1xf32>
}
neuro.history {
  neuro.edit "prune" "{}" {
    neuro.edited_units @w1 axis 1 block 0 map "0+1" places "0..4000000" to "0..4000000" each 1 then "0..1" to "0..1" each 1
  }
}

//--- elsewhere.mlir
neuro.param @w1 trainable = dense<1.0> : tensor<2x2xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x2xf32> {neuro.name = "y"}) {
  %w1 = neuro.get_param @w1 : tensor<2x2xf32>
  %0 = neuro.matmul %x, %w1 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
neuro.history {
  neuro.edit "prune" "{}" {
    neuro.edited_units @w1 axis 1 block 0 map "0" places "0" to "0" each 1 then "7" to "7" each 1
  }
}

//--- gone.mlir
neuro.history {
  neuro.edit "prune" "{}" {
    neuro.edited_units @w9 axis 0 block 0 map "0" places "0" to "0" each 1 then "0" to "0" each 1
  }
}

//--- pinned.mlir
neuro.param @w1 trainable = dense<1.0> : tensor<2x2xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x2xf32> {neuro.name = "y"}) {
  %w1 = neuro.get_param @w1 : tensor<2x2xf32>
  %0 = neuro.matmul %x, %w1 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
neuro.history {
  neuro.edit "prune" "{}" {
    neuro.edited_units @w1 axis 0 block 0 map "0+1" places "0..2" to "0..2" each 1 then "0..1" to "0..1" each 1
  }
}

//--- list.mlir
neuro.history {
  neuro.edit "prune" "{}" {
    neuro.edited_units @w1 axis 0 block 0 map "0-1" places "0" to "0" each 1 then "0" to "0" each 1
  }
}
