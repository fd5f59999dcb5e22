// Edits and plans that cannot be carried out say why, at the module, and change nothing.
// RUN: split-file %s %t
// RUN: not neuroplast-opt --neuro-edit="map=9:0" %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not neuroplast-opt --neuro-edit="map=0:0+3" %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not neuroplast-opt --neuro-edit="map=0:0+x" %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=MALFORMED
// RUN: not neuroplast-opt --neuro-edit="map=0:" %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not neuroplast-opt --neuro-edit="map=0:0+1" %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=UNEQUAL
// RUN: not neuroplast-opt --neuro-edit="map=2:0" %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=PINNED
// RUN: not neuroplast-opt --neuro-prune="only=@nothing" %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=NO-MATCH
// RUN: not neuroplast-opt --neuro-prune="round-to=-1" %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=ROUND
// RUN: not neuroplast-opt --neuro-prune="ratio=-0.5" %t/blocks.mlir 2>&1 | FileCheck %s --check-prefix=RATIO
// RUN: not neuroplast-opt --neuro-prune %t/elided.mlir 2>&1 | FileCheck %s --check-prefix=ELIDED
// RUN: neuroplast-opt %t/blocks.mlir -o %t/blocks.before
// RUN: neuroplast-opt --neuro-edit="map=0:0+1 expect-failure=1" %t/blocks.mlir -o %t/blocks.after 2>/dev/null
// RUN: cmp %t/blocks.before %t/blocks.after
// An edit that fails half-way, when the elements turn out to be missing.
// RUN: neuroplast-opt %t/elided.mlir -o %t/elided.before
// RUN: neuroplast-opt --neuro-edit="map=1:0+1 expect-failure=1" %t/elided.mlir -o %t/elided.after 2>/dev/null
// RUN: cmp %t/elided.before %t/elided.after

// UNKNOWN: error: the edit names unit set #9, which does not exist
// RANGE: error: the edit of unit set #0 names a unit that does not exist
// MALFORMED: error: '0:0+x' is no unit set with units
// EMPTY: error: the edit leaves nothing of unit set #0
// UNEQUAL: error: the edit leaves unequal numbers of units in the blocks of an axis
// PINNED: error: unit set #2 is pinned: graph
// NO-MATCH: error: no tensor with units has a name like '@nothing'
// ROUND: error: counts can be rounded to multiples of 1 or more only
// RATIO: error: the ratio must be at least 0 and below 1
// ELIDED: error: the elements of @second cannot be read

//--- blocks.mlir
neuro.param @a trainable = dense<1.0> : tensor<6x1x1x1xf32>
neuro.param @b trainable = dense<1.0> : tensor<4x3x1x1xf32>
func.func @main(%x: tensor<1x1x2x2xf32> {neuro.name = "x"}) -> (tensor<1x4x2x2xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<6x1x1x1xf32>
  %b = neuro.get_param @b : tensor<4x3x1x1xf32>
  %0 = neuro.conv %x, %a {dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x2x2xf32>, tensor<6x1x1x1xf32>) -> tensor<1x6x2x2xf32>
  %1 = neuro.conv %0, %b {group = 2 : i64, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x6x2x2xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x2x2xf32>
  return %1 : tensor<1x4x2x2xf32>
}

//--- elided.mlir
neuro.param @first trainable = dense<1.0> : tensor<2x3xf32>
neuro.param @second trainable = dense_resource<__elided__> : tensor<3x2xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x2xf32> {neuro.name = "y"}) {
  %first = neuro.get_param @first : tensor<2x3xf32>
  %second = neuro.get_param @second : tensor<3x2xf32>
  %0 = neuro.matmul %x, %first : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  %1 = neuro.matmul %0, %second : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}
