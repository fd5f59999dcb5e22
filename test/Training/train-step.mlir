// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-train-step="loss=mse" %t/layer.mlir | FileCheck %s --check-prefix=SGD
// RUN: neuroplast-opt --neuro-train-step="loss=mae optimizer=adamw weight-decay=0.1" %t/layer.mlir | FileCheck %s --check-prefix=ADAM
// RUN: neuroplast-opt --neuro-train-step="loss=mse parts=4" %t/layer.mlir | FileCheck %s --check-prefix=PARTS
// RUN: neuroplast-opt --neuro-train-step="loss=mse processes=2" %t/layer.mlir | FileCheck %s --check-prefix=PROCESSES
// RUN: neuroplast-opt --neuro-train-step="loss=mse lasso=0.1" %t/layer.mlir | FileCheck %s --check-prefix=LASSO
// RUN: neuroplast-opt --neuro-train-step="loss=mse group-lasso=0.5" %t/two.mlir | FileCheck %s --check-prefix=GROUPS
// RUN: not neuroplast-opt --neuro-train-step="loss=mse group-lasso=0.5" %t/layer.mlir 2>&1 | FileCheck %s --check-prefix=NO-GROUPS
// RUN: neuroplast-opt --neuro-train-step="loss=mse" %t/norm.mlir | FileCheck %s --check-prefix=NORM
// RUN: neuroplast-opt --neuro-train-step="loss=mse processes=2" %t/norm.mlir | FileCheck %s --check-prefix=SHARED-NORM
// RUN: not neuroplast-opt --neuro-train-step="loss=contrastive processes=2" %t/layer.mlir 2>&1 | FileCheck %s --check-prefix=CONTRASTIVE
// RUN: neuroplast-opt --neuro-train-step %t/classes.mlir | FileCheck %s --check-prefix=CLASSES
// RUN: neuroplast-opt --neuro-open-params --neuro-train-step="loss=mse optimizer=rmsprop" %t/units.mlir | FileCheck %s --check-prefix=OPEN
// RUN: neuroplast-opt --neuro-open-params --neuro-train-step="loss=mse" --neuro-state-contracts --convert-neuro-to-linalg %t/units.mlir | FileCheck %s --check-prefix=FUSED
// RUN: not neuroplast-opt --neuro-train-step="loss=none" %t/layer.mlir 2>&1 | FileCheck %s --check-prefix=LOSS
// RUN: not neuroplast-opt --neuro-train-step="optimizer=none" %t/layer.mlir 2>&1 | FileCheck %s --check-prefix=OPTIMIZER
// RUN: not neuroplast-opt --neuro-train-step %t/vector.mlir 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not neuroplast-opt --neuro-train-step="loss=mse" %t/vector.mlir 2>&1 | FileCheck %s --check-prefix=FROZEN

// What does not learn is read as before.
// SGD: func.func @main(%[[X:.*]]: tensor<2x3xf32> {neuro.name = "x"}, %[[L:.*]]: tensor<2x4xf32> {neuro.name = "labels"}, %[[RATE:.*]]: tensor<f32> {neuro.name = "learning_rate"}, %{{.*}}: tensor<f32> {neuro.name = "step"}, %[[W:.*]]: tensor<3x4xf32> {neuro.name = "layer/w", neuro.param = @w})
// SGD-SAME: -> (tensor<f32> {neuro.name = "loss"}, tensor<2x4xf32> {neuro.name = "y"}, tensor<3x4xf32> {neuro.name = "layer/w"})
// SGD: neuro.get_param @c
// SGD-NOT: neuro.get_param
// SGD: %[[DW:.*]] = neuro.matmul %{{.*}}, %{{.*}} : (tensor<3x2xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
// SGD: %[[STEP:.*]] = neuro.mul %[[DW]], %[[RATE]]
// SGD: %[[NEW:.*]] = neuro.sub %[[W]], %[[STEP]]
// SGD: return %{{.*}}, %{{.*}}, %[[NEW]] : tensor<f32>, tensor<2x4xf32>, tensor<3x4xf32>

// ADAM-DAG: neuro.param @w.moment1 shadow_of @w onnx "layer/w.moment1" = dense<0.000000e+00> : tensor<3x4xf32>
// ADAM-DAG: neuro.param @w.moment2 shadow_of @w
// ADAM: %{{.*}}: tensor<3x4xf32> {neuro.name = "layer/w", neuro.param = @w}, %{{.*}}: tensor<3x4xf32> {neuro.name = "layer/w.moment1", neuro.param = @w.moment1}, %{{.*}}: tensor<3x4xf32> {neuro.name = "layer/w.moment2", neuro.param = @w.moment2})
// ADAM-SAME: tensor<3x4xf32> {neuro.name = "layer/w"}, tensor<3x4xf32> {neuro.name = "layer/w.moment1"}, tensor<3x4xf32> {neuro.name = "layer/w.moment2"})

// With the last part of an update the sum of gradients moves the parameter, and begins anew.
// PARTS: %[[PART:[a-z0-9]+]]: tensor<f32> {neuro.name = "part"}, %[[W:.*]]: tensor<3x4xf32> {neuro.name = "layer/w", neuro.param = @w}, %[[OLD:[a-z0-9]+]]: tensor<3x4xf32> {neuro.name = "layer/w.sum", neuro.param = @w.sum})
// PARTS: %[[SUM:.*]] = neuro.add %[[OLD]], %{{.*}} : (tensor<3x4xf32>, tensor<3x4xf32>)
// PARTS: neuro.greater %[[PART]], %{{.*}}
// PARTS: %[[NEW:.*]] = neuro.where %{{.*}}, %{{.*}}, %[[W]]
// PARTS: %[[REST:.*]] = neuro.where %{{.*}}, %{{.*}}, %[[SUM]]
// PARTS: return %{{.*}}, %{{.*}}, %[[NEW]], %[[REST]]

// A gradient is added up as soon as it is known, and divided by the number of processes.
// PROCESSES: tensor<f32> {neuro.name = "process"}, %[[W:.*]]: tensor<3x4xf32> {neuro.name = "layer/w", neuro.param = @w})
// PROCESSES: %[[DW:.*]] = neuro.matmul %{{.*}}, %{{.*}} : (tensor<3x2xf32>, tensor<2x4xf32>) -> tensor<3x4xf32>
// PROCESSES-NEXT: %[[SUM:.*]] = neuro.all_reduce %[[DW]]
// PROCESSES: %[[COUNT:.*]] = neuro.constant dense<2.000000e+00>
// PROCESSES: neuro.div %[[SUM]], %[[COUNT]]

// The batch is that of all processes, to what goes by its statistics, and on the way back.
// SHARED-NORM: %[[BM:.*]], %[[BV:.*]] = neuro.batch_statistics %[[X:.*]] : (tensor<2x4xf32>)
// SHARED-NORM: neuro.all_reduce %[[BM]]
// SHARED-NORM: %[[MEAN:.*]] = neuro.div
// SHARED-NORM: neuro.add %[[BV]]
// SHARED-NORM: neuro.all_reduce
// SHARED-NORM: %[[VARIANCE:.*]] = neuro.div
// SHARED-NORM: neuro.batch_norm %[[X]], %{{.*}}, %{{.*}}, %[[MEAN]], %[[VARIANCE]]
// SHARED-NORM-COUNT-5: neuro.all_reduce

// What an element is drawn by is as large for all.
// LASSO: %[[RATE:[a-z0-9]+]]: tensor<f32> {neuro.name = "learning_rate"}
// LASSO: %[[BOUND:.*]] = neuro.mul %[[RATE]], %{{.*}} : (tensor<f32>, tensor<f32>)
// LASSO: neuro.abs %[[MOVED:.*]] : (tensor<3x4xf32>)
// LASSO: %[[STEP:.*]] = neuro.mul %{{.*}}, %[[BOUND]]
// LASSO: %[[LESS:.*]] = neuro.sub %[[MOVED]], %[[STEP]]
// LASSO: neuro.where %{{.*}}, %[[LESS]], %{{.*}}

// Two units have a column of one weight and an element of the bias each, and those of the network's outputs stay: four
// elements, of which the root times 0.5 is 1.
// GROUPS: %[[RATE:[a-z0-9]+]]: tensor<f32> {neuro.name = "learning_rate"}
// GROUPS: neuro.reduce_sum %{{.*}} : (tensor<3x2xf32>) -> tensor<2xf32>
// GROUPS: %[[ROOT:.*]] = neuro.sqrt %{{.*}} : (tensor<2xf32>)
// GROUPS: %[[LENGTH:.*]] = neuro.constant dense<1.000000e+00> : tensor<f32>
// GROUPS: %[[BOUND:.*]] = neuro.mul %[[RATE]], %[[LENGTH]]
// GROUPS: neuro.greater %[[ROOT]], %[[BOUND]]
// GROUPS: %[[FACTORS:.*]] = neuro.where {{.*}} tensor<2xf32>
// GROUPS-DAG: neuro.mul %{{.*}}, %{{.*}} : (tensor<3x2xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
// GROUPS-DAG: neuro.mul %{{.*}}, %[[FACTORS]] : (tensor<2xf32>, tensor<2xf32>)

// NO-GROUPS: error: has no units, with parameters of sizes that stay and all of which learn, that are gone once these are zero

// CONTRASTIVE: error: compares the examples of a batch with one another in its loss, and each process has others

// What remembers statistics goes by those of the batch, which become a part of what it remembers.
// NORM: func.func @main(
// NORM-SAME: %[[M:[a-z0-9]+]]: tensor<4xf32> {neuro.name = "mean", neuro.param = @mean}, %[[V:[a-z0-9]+]]: tensor<4xf32> {neuro.name = "variance", neuro.param = @variance}) -> (
// NORM-SAME: tensor<4xf32> {neuro.name = "mean"}, tensor<4xf32> {neuro.name = "variance"})
// NORM: %[[BM:.*]], %[[BV:.*]] = neuro.batch_statistics %[[X:.*]] : (tensor<2x4xf32>)
// NORM: %[[OLD:.*]] = neuro.mul %[[M]], %{{.*}}
// NORM: %[[SEEN:.*]] = neuro.mul %[[BM]], %{{.*}}
// NORM: %[[NEW:.*]] = neuro.add %[[OLD]], %[[SEEN]]
// NORM: neuro.batch_norm %[[X]], %{{.*}}, %{{.*}}, %[[BM]], %[[BV]]
// NORM: return {{.*}}, %[[NEW]], %{{[0-9]+}} :

// The logits are what the softmax was of.
// CLASSES: %[[L:[a-z0-9]+]]: tensor<2xi64> {neuro.name = "labels"}
// CLASSES: %[[Z:.*]] = neuro.matmul
// CLASSES-DAG: neuro.log_softmax %[[Z]] {axis = 1 : i64}
// CLASSES-DAG: neuro.one_hot %[[L]]

// Of units that come and go the states and masks have the sizes of the parameters, behind all inputs.
// OPEN-DAG: neuro.param @w.mask shadow_of @w
// OPEN: %{{.*}}: tensor<f32> {neuro.name = "step"}, %[[W:.*]]: tensor<3x?xf32> {neuro.name = "w", neuro.param = @w, neuro.sizes = array<i64: -1, 0>}, %[[V:.*]]: tensor<?x2xf32> {neuro.name = "v", neuro.param = @v, neuro.sizes = array<i64: 0, -1>}, %{{.*}}: tensor<3x?xf32> {neuro.name = "w.moment2", neuro.param = @w.moment2, neuro.sizes = array<i64: -1, 0>}, %[[MASK:.*]]: tensor<3x?xui8> {neuro.name = "w.mask", neuro.param = @w.mask, neuro.sizes = array<i64: -1, 0>}, %{{.*}}: tensor<?x2xf32> {neuro.name = "v.moment2"
// OPEN-SAME: -> (tensor<f32> {neuro.name = "loss"}, tensor<2x2xf32>{{.*}}, tensor<3x?xf32> {neuro.name = "w"}, tensor<3x?xf32> {neuro.name = "w.moment2"}, tensor<?x2xf32> {neuro.name = "v"}, tensor<?x2xf32> {neuro.name = "v.moment2"})

// That sizes are the same is checked once; what broadcasts is not decided element by element then.
// FUSED: neuro.require {{.*}}"axis 0 of 'v' is {}, but axis 1 of 'w' is {}"
// FUSED: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<3x?xf32>, tensor<3x?xf32>)
// FUSED: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x2xf32>, tensor<?x2xf32>)

// LOSS: error: loss 'none' is none that there is
// OPTIMIZER: error: optimizer 'none' is none that there is
// RANK: error: the loss needs an output whose axis 1 has a known size, as that of classes
// FROZEN: error: has no parameter that could learn

//--- layer.mlir
neuro.param @w trainable onnx "layer/w" = dense<1.0> : tensor<3x4xf32>
neuro.param @c = dense<3.0> : tensor<4xf32>
func.func @main(%x: tensor<2x3xf32> {neuro.name = "x"}) -> (tensor<2x4xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<3x4xf32>
  %c = neuro.get_param @c : tensor<4xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.mul %0, %c : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

//--- units.mlir
neuro.param @w trainable = dense<1.0> : tensor<3x4xf32>
neuro.param @w.mask shadow_of @w = dense<1> : tensor<3x4xui8>
neuro.param @v trainable = dense<1.0> : tensor<4x2xf32>
func.func @main(%x: tensor<2x3xf32> {neuro.name = "x"}) -> tensor<2x2xf32> {
  %w = neuro.get_param @w : tensor<3x4xf32>
  %v = neuro.get_param @v : tensor<4x2xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.tanh %0 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = neuro.matmul %1, %v : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  return %2 : tensor<2x2xf32>
}

//--- norm.mlir
neuro.param @w trainable = dense<1.0> : tensor<3x4xf32>
neuro.param @scale trainable = dense<1.0> : tensor<4xf32>
neuro.param @shift trainable = dense<0.0> : tensor<4xf32>
neuro.param @mean = dense<0.0> : tensor<4xf32>
neuro.param @variance = dense<1.0> : tensor<4xf32>
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x4xf32> {
  %w = neuro.get_param @w : tensor<3x4xf32>
  %s = neuro.get_param @scale : tensor<4xf32>
  %b = neuro.get_param @shift : tensor<4xf32>
  %m = neuro.get_param @mean : tensor<4xf32>
  %v = neuro.get_param @variance : tensor<4xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.batch_norm %0, %s, %b, %m, %v : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

//--- classes.mlir
neuro.param @w trainable = dense<1.0> : tensor<3x4xf32>
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x4xf32> {
  %w = neuro.get_param @w : tensor<3x4xf32>
  %0 = neuro.matmul %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %1 = neuro.softmax %0 {axis = -1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

//--- vector.mlir
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = neuro.relu %x : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

//--- two.mlir
neuro.param @w trainable = dense<1.0> : tensor<3x2xf32>
neuro.param @b trainable = dense<1.0> : tensor<2xf32>
neuro.param @v trainable = dense<1.0> : tensor<2x4xf32>
func.func @main(%x: tensor<2x3xf32> {neuro.name = "x"}) -> (tensor<2x4xf32> {neuro.name = "y"}) {
  %w = neuro.get_param @w : tensor<3x2xf32>
  %b = neuro.get_param @b : tensor<2xf32>
  %v = neuro.get_param @v : tensor<2x4xf32>
  %0 = neuro.gemm %x, %w, %b : (tensor<2x3xf32>, tensor<3x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %1 = neuro.relu %0 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = neuro.matmul %1, %v : (tensor<2x2xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}
