// RUN: neuroplast explain %s 1 | FileCheck %s --check-prefix=SET
// RUN: neuroplast explain %s second | FileCheck %s --check-prefix=PARAM
// RUN: neuroplast explain %s hidden | FileCheck %s --check-prefix=NODE
// RUN: neuroplast explain %s offset | FileCheck %s --check-prefix=NONE
// RUN: not neuroplast explain %s hiden 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not neuroplast explain %s 17 2>&1 | FileCheck %s --check-prefix=NUMBER

// SET: Units 1: 3 that can come and go.
// SET-NEXT: Each is a place along axis 1 of @first and axis 0 of @second, and is in all of them or in none.
// SET-NEXT: not the same as to make it zero: 'neuro.matmul' sums over units that are not zero
// SET-NOT: Units

// PARAM: Axis 0 of @second has units 1.
// PARAM-NEXT: Axis 1 of @second has units [[OUT:[0-9]+]].
// PARAM: Units 1: 3 that can come and go.
// PARAM: Units [[OUT]]: 2 that stay as they are.
// PARAM-NEXT: Each is a place along axis 1 of @second.
// PARAM-NEXT: They are pinned: graph output 'y'.

// NODE: Axis 1 of what 'neuro.sigmoid' at 'hidden' gives has units 1.
// NODE: Units 1: 3

// NONE: No units have to do with 'offset'.

// UNKNOWN: there is no set of units, node or parameter 'hiden' (is it 'hidden'?)
// NUMBER: there is no set of units, node or parameter '17'

module {
  neuro.param @first = dense<1.0> : tensor<4x3xf32>
  neuro.param @second = dense<2.0> : tensor<3x2xf32>
  neuro.param @offset = dense<2.0> : tensor<f32>
  func.func @main(%x: tensor<?x4xf32> {neuro.name = "x"}) -> (tensor<?x2xf32> {neuro.name = "y"}) {
    %w = neuro.get_param @first : tensor<4x3xf32>
    %v = neuro.get_param @second : tensor<3x2xf32>
    %o = neuro.get_param @offset : tensor<f32>
    %0 = neuro.matmul %x, %w : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
    %1 = neuro.sigmoid %0 : (tensor<?x3xf32>) -> tensor<?x3xf32> loc("hidden")
    %2 = neuro.matmul %1, %v : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
    %3 = neuro.add %2, %o : (tensor<?x2xf32>, tensor<f32>) -> tensor<?x2xf32>
    return %3 : tensor<?x2xf32>
  }
}
