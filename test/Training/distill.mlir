// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-train-step="loss=kl temperature=2 teacher=%t/teacher.mlir" %t/student.mlir | FileCheck %s
// RUN: neuroplast-opt --neuro-train-step="loss=mse teacher=%t/teacher.mlir hint=inner=3" %t/student.mlir | FileCheck %s --check-prefix=HINT
// RUN: neuroplast-opt --neuro-prune="ratio=0.5" --neuro-train-step="loss=mse teacher=%t/layers.mlir hint=inner=3:channels" %t/layers.mlir | FileCheck %s --check-prefix=CHANNELS
// RUN: not neuroplast-opt --neuro-train-step="loss=mse hint=inner=3" %t/student.mlir 2>&1 | FileCheck %s --check-prefix=ALONE
// RUN: not neuroplast-opt --neuro-train-step="loss=mse teacher=%t/other.mlir" %t/student.mlir 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not neuroplast-opt --neuro-train-step="loss=mse teacher=%t/wide.mlir" %t/student.mlir 2>&1 | FileCheck %s --check-prefix=WIDE

// The teacher is a part of the step, which reads its parameters as they are: there are no labels,
// but its probabilities. Its norm goes by what it remembers.
// CHECK: neuro.param @teacher.w = dense<2.000000e+00> : tensor<3x4xf32>
// CHECK: func.func @main(%[[X:.*]]: tensor<2x3xf32> {neuro.name = "x"}, %{{.*}}: tensor<f32> {neuro.name = "learning_rate"}, %{{.*}}: tensor<f32> {neuro.name = "step"}, %[[W:.*]]: tensor<3x4xf32> {neuro.name = "w", neuro.param = @w}) ->
// CHECK-NOT: neuro.batch_statistics
// CHECK: %[[OWN:.*]] = neuro.matmul %[[X]], %[[W]]
// CHECK: %[[V:.*]] = neuro.get_param @teacher.w
// CHECK: %[[SAID:.*]] = neuro.matmul %[[X]], %[[V]]
// CHECK: %[[NORM:.*]] = neuro.batch_norm %[[SAID]]
// CHECK: %[[COOL:.*]] = neuro.div %[[NORM]], %{{.*}}
// CHECK: neuro.softmax %[[COOL]] {axis = 1 : i64}
// CHECK: %[[OWNCOOL:.*]] = neuro.div %[[OWN]], %{{.*}}
// CHECK: neuro.log_softmax %[[OWNCOOL]]

// What a node gives is compared with what that of its name gives in the teacher.
// HINT: %[[OWN:.*]] = neuro.matmul %{{.*}}, %{{.*}}
// HINT: %[[SAID:.*]] = neuro.matmul
// HINT: %[[NORM:.*]] = neuro.batch_norm %[[SAID]]
// HINT: neuro.sub %[[OWN]], %[[NORM]]
// HINT: neuro.sub %[[OWN]], %[[SAID]]
// ALONE: error: hint needs a teacher

// Units 1 and 3 of the teacher are what is left.
// CHANNELS: %[[OWN:.*]] = neuro.matmul %{{.*}} -> tensor<2x2xf32>
// CHANNELS: %[[SAID:.*]] = neuro.matmul %{{.*}} -> tensor<2x4xf32>
// CHANNELS: %[[PLACES:.*]] = neuro.constant dense<[1, 3]> : tensor<2xi64>
// CHANNELS: %[[SAME:.*]] = neuro.gather %[[SAID]], %[[PLACES]] {axis = 1 : i64}
// CHANNELS: neuro.sub %[[OWN]], %[[SAME]]

// OTHER: error: has an input z of type 'tensor<2x3xf32>' that its student does not have
// WIDE: error: has an output of type 'tensor<2x4xf32>', and its teacher one of type 'tensor<2x5xf32>'

//--- student.mlir
neuro.param @w trainable = dense<1.0> : tensor<3x4xf32>
func.func @main(%x: tensor<2x3xf32> {neuro.name = "x"}) -> tensor<2x4xf32> {
  %w = neuro.get_param @w : tensor<3x4xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("inner")
  return %0 : tensor<2x4xf32>
}

//--- teacher.mlir
neuro.param @w trainable = dense<2.0> : tensor<3x4xf32>
neuro.param @s trainable = dense<1.0> : tensor<4xf32>
func.func @main(%x: tensor<2x3xf32> {neuro.name = "x"}) -> tensor<2x4xf32> {
  %w = neuro.get_param @w : tensor<3x4xf32>
  %s = neuro.get_param @s : tensor<4xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32> loc("inner")
  %1 = neuro.batch_norm %0, %s, %s, %s, %s : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

//--- other.mlir
func.func @main(%z: tensor<2x3xf32> {neuro.name = "z"}) -> tensor<2x3xf32> {
  return %z : tensor<2x3xf32>
}

//--- wide.mlir
neuro.param @w = dense<2.0> : tensor<3x5xf32>
func.func @main(%x: tensor<2x3xf32> {neuro.name = "x"}) -> tensor<2x5xf32> {
  %w = neuro.get_param @w : tensor<3x5xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}

//--- layers.mlir
neuro.param @w trainable = dense<[[1.0, 5.0, 2.0, 4.0], [1.0, 5.0, 2.0, 4.0]]> : tensor<2x4xf32>
neuro.param @v trainable = dense<1.0> : tensor<4x3xf32>
func.func @main(%x: tensor<2x2xf32> {neuro.name = "x"}) -> tensor<2x3xf32> {
  %w = neuro.get_param @w : tensor<2x4xf32>
  %v = neuro.get_param @v : tensor<4x3xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x2xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> loc("inner")
  %1 = neuro.matmul %0, %v : (tensor<2x4xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}
