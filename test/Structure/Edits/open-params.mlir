// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-open-params="at=first report=1" %t/perceptron.mlir 2>%t/report | FileCheck %s
// RUN: FileCheck %s --check-prefix=REPORT --input-file=%t/report
// RUN: neuroplast-opt --neuro-open-params="at=first,taken report=1" %t/held.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=HELD
// RUN: not neuroplast-opt --neuro-open-params="at=taken freeze=other" %t/held.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not neuroplast-opt --neuro-open-params="at=nothing" %t/held.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=NAME

// Every parameter of the units is an argument, and says which of its sizes are the same; others are read as before.
// CHECK: func.func @main(%[[X:.*]]: tensor<1x2xf32>, %[[FIRST:.*]]: tensor<2x?xf32> {neuro.name = "first", neuro.param = @first, neuro.sizes = array<i64: -1, 0>}, %[[BIAS:.*]]: tensor<?xf32> {neuro.name = "layer/bias", neuro.param = @bias, neuro.sizes = array<i64: 0>}, %[[SECOND:.*]]: tensor<?x4xf32> {neuro.name = "second", neuro.param = @second, neuro.sizes = array<i64: 0, -1>})
// CHECK-SAME: -> tensor<1x1xf32>
// CHECK: %[[THIRD:.*]] = neuro.get_param @third
// CHECK: neuro.matmul %[[X]], %[[FIRST]] : (tensor<1x2xf32>, tensor<2x?xf32>) -> tensor<1x?xf32>
// CHECK: neuro.add %{{.*}}, %[[BIAS]] : (tensor<1x?xf32>, tensor<?xf32>) -> tensor<1x?xf32>
// CHECK: neuro.matmul %{{.*}}, %[[SECOND]] : (tensor<1x?xf32>, tensor<?x4xf32>) -> tensor<1x4xf32>
// CHECK: neuro.matmul %{{.*}}, %[[THIRD]] : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
// REPORT: 2 units of @first[0] stay: pinned
// REPORT: 3 units of @first[1], @bias[0], @second[0] may change

// HELD-DAG: 3 units of @first[1], @other[0] may change
// HELD-DAG: 3 units of @taken[1] stay: an attribute of 'neuro.split' at 'halves' depends on its size
// NONE: error: no units can be left open
// NONE: note: @other[1], @taken[0] keeps its size: frozen
// NONE: note: @taken[1] keeps its size: an attribute of 'neuro.split' at 'halves' depends on its size
// NAME: error: no tensor with units has a name like 'nothing'

//--- perceptron.mlir
neuro.param @first = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
neuro.param @bias onnx "layer/bias" = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
neuro.param @second = dense<2.0> : tensor<3x4xf32>
neuro.param @third = dense<3.0> : tensor<4x1xf32>
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %first = neuro.get_param @first : tensor<2x3xf32>
  %bias = neuro.get_param @bias : tensor<3xf32>
  %second = neuro.get_param @second : tensor<3x4xf32>
  %third = neuro.get_param @third : tensor<4x1xf32>
  %0 = neuro.matmul %x, %first : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  %1 = neuro.add %0, %bias : (tensor<1x3xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  %2 = neuro.matmul %1, %second : (tensor<1x3xf32>, tensor<3x4xf32>) -> tensor<1x4xf32>
  %3 = neuro.matmul %2, %third : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
  return %3 : tensor<1x1xf32>
}

//--- held.mlir
neuro.param @first = dense<1.0> : tensor<2x3xf32>
neuro.param @other = dense<1.0> : tensor<3x2xf32>
neuro.param @taken = dense<2.0> : tensor<2x4xf32>
func.func @main(%x: tensor<1x2xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>) {
  %first = neuro.get_param @first : tensor<2x3xf32>
  %other = neuro.get_param @other : tensor<3x2xf32>
  %taken = neuro.get_param @taken : tensor<2x4xf32>
  %0 = neuro.matmul %x, %first : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  %1 = neuro.matmul %0, %other : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  %2 = neuro.matmul %1, %taken : (tensor<1x2xf32>, tensor<2x4xf32>) -> tensor<1x4xf32>
  %3:2 = neuro.split %2 {axis = 1 : i64, sizes = array<i64: 1, 3>} : (tensor<1x4xf32>) -> (tensor<1x1xf32>, tensor<1x3xf32>) loc("halves")
  %4 = neuro.reduce_sum %3#1 {axes = array<i64: 1>} : (tensor<1x3xf32>) -> tensor<1x1xf32>
  return %3#0, %4 : tensor<1x1xf32>, tensor<1x1xf32>
}
