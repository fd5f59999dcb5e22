// RUN: neuroplast-opt %s --convert-neuro-to-linalg | FileCheck %s

// A process goes on until something needs the sum.
// CHECK-LABEL: func @main
// CHECK: %[[BEGUN:.*]] = kernel.start_all_reduce
// CHECK: math.tanh
// CHECK: %[[DONE:.*]] = kernel.finish_all_reduce outs(%[[BEGUN]]
// CHECK: linalg.generic {{.*}} ins(%[[DONE]]
func.func @main(%x: tensor<4xf32>, %y: tensor<8xf32>) -> (tensor<4xf32>, tensor<8xf32>) {
  %sum = neuro.all_reduce %x : (tensor<4xf32>) -> tensor<4xf32>
  %other = neuro.tanh %y : (tensor<8xf32>) -> tensor<8xf32>
  %next = neuro.abs %sum : (tensor<4xf32>) -> tensor<4xf32>
  return %next, %other : tensor<4xf32>, tensor<8xf32>
}

// CHECK-LABEL: func @unused
// CHECK: kernel.start_all_reduce
// CHECK-NEXT: kernel.finish_all_reduce
func.func @unused(%x: tensor<4xf32>) {
  %sum = neuro.all_reduce %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}
