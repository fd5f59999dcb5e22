// RUN: neuroplast-opt --neuro-prune="ratio=0.5 keep-removed=1" --neuro-dropin="units=1" %s | FileCheck %s
// RUN: neuroplast-opt --neuro-prune="ratio=0.5 keep-removed=1" --neuro-dropin="units=1" %s | neuroplast-opt | FileCheck %s
// Undone, the module is byte for byte what it was.
// RUN: neuroplast-opt %s -o %t.before
// RUN: neuroplast-opt --neuro-prune="ratio=0.5 keep-removed=1" --neuro-dropin="units=1" --neuro-undo %s -o %t.after
// RUN: cmp %t.before %t.after
// One step back is the module after the first edit.
// RUN: neuroplast-opt --neuro-prune="ratio=0.5 keep-removed=1" %s -o %t.first
// RUN: neuroplast-opt --neuro-prune="ratio=0.5 keep-removed=1" --neuro-dropin="units=1" --neuro-undo="to=1" %s -o %t.back
// RUN: cmp %t.first %t.back
// RUN: not neuroplast-opt --neuro-prune="ratio=0.5" --neuro-undo %s 2>&1 | FileCheck %s --check-prefix=LOST
// RUN: not neuroplast-opt --neuro-dropin="units=2 init=net2wider" --neuro-undo %s 2>&1 | FileCheck %s --check-prefix=LOST
// RUN: not neuroplast-opt --neuro-prune="ratio=0.5" --neuro-undo="to=2" %s 2>&1 | FileCheck %s --check-prefix=COUNT

// LOST: error: the elements of @w{{[12]}} cannot be put back: the history does not keep them
// COUNT: error: the history has 1 edits, so that 2 cannot be left of them

// CHECK: neuro.history
// CHECK-NEXT: neuro.edit "prune" "{{.*}}ratio{{.*}}0.5{{.*}}" complete
// CHECK-NEXT: neuro.edited_units @w1 axis 1 block 0 map "0+2" places "0..3" to "0..3" each 1 then "0..1" to "0..1" each 1
// CHECK-NEXT: neuro.removed @w1 = dense<1.000000e+00> : tensor<4xf32>
// CHECK-NEXT: neuro.removed @w2 = dense<1.000000e+00> : tensor<2xf32>
// CHECK: neuro.edit "dropin" "{{.*}}zero-out{{.*}}"
// CHECK-NEXT: neuro.edited_units @w1 axis 1 block 0 map "0..1+new" places "0..1" to "0..1" each 1 then "0..2" to "0..2" each 1
neuro.param @w1 trainable = dense<[[3.0, 1.0, 4.0, 1.0], [3.0, 1.0, 4.0, 1.0]]> : tensor<2x4xf32>
neuro.param @w2 trainable = dense<[[3.0], [1.0], [4.0], [1.0]]> : tensor<4x1xf32>
func.func @main(%x: tensor<1x2xf32> {neuro.name = "x"}) -> (tensor<1x1xf32> {neuro.name = "y"}) {
  %w1 = neuro.get_param @w1 : tensor<2x4xf32>
  %w2 = neuro.get_param @w2 : tensor<4x1xf32>
  %0 = neuro.matmul %x, %w1 : (tensor<1x2xf32>, tensor<2x4xf32>) -> tensor<1x4xf32>
  %1 = neuro.relu %0 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %2 = neuro.matmul %1, %w2 : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
  return %2 : tensor<1x1xf32>
}
