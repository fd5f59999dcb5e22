// RUN: neuroplast-opt --split-input-file --neuro-return-in-place %s | FileCheck %s

// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: memref<4xf32>, %[[Y:.*]]: memref<4xf32> {neuro.output = 1 : i64}) -> (memref<4xf32> {neuro.name = "first"})
func.func @main(%x: memref<4xf32>) -> (memref<4xf32> {neuro.name = "first"}, memref<4xf32> {neuro.name = "second"}) {
  // CHECK-NEXT: memref.copy %[[X]], %[[Y]]
  // CHECK-NEXT: return %[[X]] : memref<4xf32>
  %y = memref.alloc() : memref<4xf32>
  memref.copy %x, %y : memref<4xf32> to memref<4xf32>
  return %x, %y : memref<4xf32>, memref<4xf32>
}

// -----

// The result has another shape than its buffer.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: memref<2x6xf32>, %[[Y:.*]]: memref<2x2x3xf32> {neuro.output = 0 : i64}) {
func.func @main(%x: memref<2x6xf32>) -> memref<2x2x3xf32> {
  // CHECK-NEXT: %[[FLAT:.*]] = memref.reinterpret_cast %[[Y]] to offset: [0], sizes: [2, 6], strides: [6, 1]
  // CHECK-NEXT: memref.copy %[[X]], %[[FLAT]]
  // CHECK: return{{$}}
  %y = memref.alloc() : memref<2x6xf32>
  memref.copy %x, %y : memref<2x6xf32> to memref<2x6xf32>
  %z = memref.expand_shape %y [[0], [1, 2]] output_shape [2, 2, 3] : memref<2x6xf32> into memref<2x2x3xf32>
  return %z : memref<2x2x3xf32>
}

// -----

// Not a buffer of its own: twice the same, of unknown size, one and a part of it.
// CHECK-LABEL: func.func @main(
// CHECK-NOT: neuro.output
// CHECK: return
func.func @main(%n: index) -> (memref<4xf32>, memref<4xf32>, memref<?xf32>, memref<4xf32>, memref<2xf32, strided<[1], offset: 2>>) {
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc(%n) : memref<?xf32>
  %c = memref.alloc() : memref<4xf32>
  %d = memref.subview %c[2] [2] [1] : memref<4xf32> to memref<2xf32, strided<[1], offset: 2>>
  return %a, %a, %b, %c, %d : memref<4xf32>, memref<4xf32>, memref<?xf32>, memref<4xf32>, memref<2xf32, strided<[1], offset: 2>>
}

// -----

// Addresses of texts.
// CHECK-LABEL: func.func @main() -> (memref<4xi64> {neuro.texts})
func.func @main() -> (memref<4xi64> {neuro.texts}) {
  %a = memref.alloc() : memref<4xi64>
  return %a : memref<4xi64>
}
