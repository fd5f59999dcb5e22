// RUN: neuroplast-opt %s --neuro-carry-in-place --split-input-file | FileCheck %s
// RUN: neuroplast-opt %s --neuro-carry-in-place --one-shot-bufferize="allow-return-allocs-from-loops=1 bufferize-function-boundaries=1" --split-input-file | FileCheck %s --check-prefix=BUFFER

// The state was read for the last time when the next one is made.
// CHECK-LABEL: func @overwrites
// CHECK: scf.for {{.*}} iter_args(%[[STATE:.*]] = %{{.*}})
// CHECK: linalg.exp ins(%[[STATE]]
// CHECK: linalg.add {{.*}} outs(%[[STATE]] : tensor<4xf32>)
// BUFFER-LABEL: func @overwrites
// BUFFER: scf.for
// BUFFER-NOT: memref.alloc
// BUFFER: return
func.func @overwrites(%init: tensor<4xf32>, %x: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %scratch = tensor.empty() : tensor<4xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%state = %init) -> (tensor<4xf32>) {
    %a = linalg.exp ins(%state : tensor<4xf32>) outs(%scratch : tensor<4xf32>) -> tensor<4xf32>
    %e = tensor.empty() : tensor<4xf32>
    %b = linalg.add ins(%a, %x : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %b : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// A view of the state is read later, so both have to be there.
// CHECK-LABEL: func @reads_later
// CHECK: %[[EMPTY:.*]] = tensor.empty() : tensor<4xf32>
// CHECK: linalg.exp {{.*}} outs(%[[EMPTY]]
func.func @reads_later(%init: tensor<4xf32>, %n: index) -> (tensor<4xf32>, tensor<2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = tensor.empty() : tensor<2xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%state = %init, %other = %first) -> (tensor<4xf32>, tensor<2xf32>) {
    %half = tensor.extract_slice %state[0] [2] [1] : tensor<4xf32> to tensor<2xf32>
    %e = tensor.empty() : tensor<4xf32>
    %b = linalg.exp ins(%init : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    %s = linalg.add ins(%half, %other : tensor<2xf32>, tensor<2xf32>) outs(%other : tensor<2xf32>) -> tensor<2xf32>
    scf.yield %b, %s : tensor<4xf32>, tensor<2xf32>
  }
  return %r#0, %r#1 : tensor<4xf32>, tensor<2xf32>
}

// -----

// The size may change from step to step.
// CHECK-LABEL: func @open
// CHECK: %[[EMPTY:.*]] = tensor.empty(%{{.*}}) : tensor<?xf32>
// CHECK: linalg.exp {{.*}} outs(%[[EMPTY]]
func.func @open(%init: tensor<?xf32>, %x: tensor<?xf32>, %m: index, %n: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%state = %init) -> (tensor<?xf32>) {
    %e = tensor.empty(%m) : tensor<?xf32>
    %b = linalg.exp ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
    scf.yield %b : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}
