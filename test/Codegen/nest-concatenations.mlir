// RUN: neuroplast-opt %s --neuro-nest-concatenations | FileCheck %s
// RUN: neuroplast-opt %s --neuro-nest-concatenations --eliminate-empty-tensors --one-shot-bufferize="bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map" --cse --canonicalize | FileCheck %s --check-prefix=BUFFER

// A dense block: each layer reads what came before it, and goes behind that.
// CHECK-LABEL: func @dense
// CHECK: %[[E:.*]] = tensor.empty() : tensor<4x9xf32>
// CHECK: %[[A:.*]] = tensor.insert_slice %arg0 into %[[E]][0, 1] [4, 2]
// CHECK: %[[B:.*]] = tensor.insert_slice %arg1 into %[[A]][0, 3] [4, 2]
// CHECK: %[[AB:.*]] = tensor.extract_slice %[[B]][0, 1] [4, 4]
// CHECK: linalg.map { math.absf } ins(%[[AB]]
// CHECK: %[[C:.*]] = tensor.insert_slice %{{.*}} into %[[B]][0, 5] [4, 4]
// CHECK: return %[[C]]

// Nothing is copied but the arguments.
// BUFFER-LABEL: func @dense
// BUFFER-NOT: memref.alloc() {{.*}} : memref<4x2xf32>
// BUFFER: memref.copy %arg0
// BUFFER: memref.copy %arg1
// BUFFER-NOT: memref.copy
// BUFFER: return
func.func @dense(%a: tensor<4x2xf32>, %b: tensor<4x2xf32>) -> tensor<4x9xf32> {
  %e = tensor.empty() : tensor<4x4xf32>
  %1 = tensor.insert_slice %a into %e[0, 0] [4, 2] [1, 1] : tensor<4x2xf32> into tensor<4x4xf32>
  %2 = tensor.insert_slice %b into %1[0, 2] [4, 2] [1, 1] : tensor<4x2xf32> into tensor<4x4xf32>
  %d = tensor.empty() : tensor<4x4xf32>
  %inner = linalg.map { math.absf } ins(%2 : tensor<4x4xf32>) outs(%d : tensor<4x4xf32>)
  %g = tensor.empty() : tensor<4x4xf32>
  %layer = linalg.map { math.exp } ins(%inner : tensor<4x4xf32>) outs(%g : tensor<4x4xf32>)
  %f = tensor.empty() : tensor<4x9xf32>
  %3 = tensor.insert_slice %2 into %f[0, 1] [4, 4] [1, 1] : tensor<4x4xf32> into tensor<4x9xf32>
  %4 = tensor.insert_slice %layer into %3[0, 5] [4, 4] [1, 1] : tensor<4x4xf32> into tensor<4x9xf32>
  return %4 : tensor<4x9xf32>
}

// A third one begins with the second: all three are one.
// CHECK-LABEL: func @chain
// CHECK: tensor.insert_slice %arg0 into %{{.*}}[0] [%arg1] [1] : tensor<?xf32> into tensor<?xf32>
// CHECK: %[[ONE:.*]] = tensor.insert_slice %arg0 into %{{.*}}[%arg1] [%arg1] [1]
// CHECK: tensor.insert_slice %arg0 into %[[ONE]]
// CHECK: %[[ALL:.*]] = tensor.insert_slice %arg0 into
// CHECK-NOT: tensor.insert_slice
// CHECK: return %[[ALL]]
func.func @chain(%x: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %two = arith.muli %n, %c2 : index
  %three = arith.muli %n, %c3 : index
  %e = tensor.empty(%two) : tensor<?xf32>
  %1 = tensor.insert_slice %x into %e[0] [%n] [1] : tensor<?xf32> into tensor<?xf32>
  %2 = tensor.insert_slice %x into %1[%n] [%n] [1] : tensor<?xf32> into tensor<?xf32>
  %f = tensor.empty(%three) : tensor<?xf32>
  %3 = tensor.insert_slice %2 into %f[0] [%two] [1] : tensor<?xf32> into tensor<?xf32>
  %4 = tensor.insert_slice %x into %3[%two] [%n] [1] : tensor<?xf32> into tensor<?xf32>
  %four = arith.muli %n, %c4 : index
  %g = tensor.empty(%four) : tensor<?xf32>
  %5 = tensor.insert_slice %4 into %g[0] [%three] [1] : tensor<?xf32> into tensor<?xf32>
  %6 = tensor.insert_slice %x into %5[%three] [%n] [1] : tensor<?xf32> into tensor<?xf32>
  return %6 : tensor<?xf32>
}

// None goes where the size hangs on it.
// CHECK-LABEL: func @others
// CHECK: %[[A:.*]] = tensor.insert_slice %arg0 into
// CHECK: %[[N:.*]] = tensor.extract %[[A]]
// CHECK: tensor.empty(%[[N]])
// CHECK: tensor.insert_slice %[[A]] into
func.func @others(%a: tensor<4xindex>) -> tensor<?xindex> {
  %c0 = arith.constant 0 : index
  %e = tensor.empty() : tensor<6xindex>
  %1 = tensor.insert_slice %a into %e[0] [4] [1] : tensor<4xindex> into tensor<6xindex>
  %n = tensor.extract %1[%c0] : tensor<6xindex>
  %f = tensor.empty(%n) : tensor<?xindex>
  %2 = tensor.insert_slice %1 into %f[0] [6] [1] : tensor<6xindex> into tensor<?xindex>
  return %2 : tensor<?xindex>
}
